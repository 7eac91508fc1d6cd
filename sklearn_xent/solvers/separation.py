"""Separable classes: without a penalty the loss then falls for ever along some direction."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg
import scipy.optimize
import scipy.sparse as sp
from sklearn.exceptions import ConvergenceWarning

from sklearn_xent.arrays import Array
from sklearn_xent.problem.design import Design
from sklearn_xent.problem.objective import Objective, Point
from sklearn_xent.rows import Block
from sklearn_xent.solvers.curvature import DENSE_LIMIT, hessian_at

__all__ = ["SeparationWarning", "recession_direction", "suspects_separation"]

SUSPICIOUS = 1e-6  # curvature along a receding direction falls with the loss: below tol's reach, it recedes
LARGEST_PROGRAM = 20_000_000  # entries of the linear program that are worth the answer
SECONDS = 20.0


class SeparationWarning(ConvergenceWarning):
    """The classes are separable, wholly or partly, and nothing penalises it: no finite optimum exists."""


def suspects_separation(point: Point) -> bool:
    """Whether some direction has (almost) no curvature left although the data vary along it.

    A converged fit without separation has curvature of the order of the Gram matrix in all directions
    that the data determine. A Cholesky factorisation of their difference is the test.
    """
    objective = point.objective
    if not objective.free[:-1].any():
        return False
    K, size = objective.shape
    if K * size > DENSE_LIMIT:
        return True
    H, G = hessian_at(point), objective.gram()
    centre = np.eye(K) - 1.0 / K if objective.loss.shift_invariant else np.eye(K)
    unit = np.sqrt(np.maximum(np.diag(G), 1e-300))
    unit = np.where(np.diag(G) > 0, unit, 1.0)
    H = H / np.outer(np.tile(unit, K), np.tile(unit, K)) - SUSPICIOUS * np.kron(
        centre, G / np.outer(unit, unit)
    )
    # Columns the data do not determine have neither curvature; leave them room.
    H[np.diag_indices_from(H)] += 1e-11
    try:
        scipy.linalg.cholesky(H, lower=True, overwrite_a=True)
    except np.linalg.LinAlgError:
        return True
    return False


def recession_direction(objective: Objective) -> Array | None:
    """Direction (K, d + 1) of least l1 norm along which no row's loss rises and some row's falls, or None.

    A linear program: margins of the labelled class over the others are >= 0 in every row and sum to a
    constant; classes that share a soft label move together. Albert and Anderson (1984), Biometrika
    71(1); Konis (2007), DPhil thesis, Oxford, chapter 4. Least l1 norm names few columns.
    """
    _, (parts,) = objective.rows.sweep(_margin_rows, objective.design, objective.loss.n_logits)
    margins = sp.vstack([p for p, _ in parts.flat()]).tocsr()
    ties = sp.vstack([t for _, t in parts.flat()]).tocsr()
    n_rows = margins.shape[0]
    if n_rows == 0 or margins.nnz + ties.nnz > LARGEST_PROGRAM:
        return None
    total = sp.csr_array(margins.sum(axis=0).reshape(1, -1))
    K, size = objective.shape
    cost = np.tile(np.append(np.ones(size - 1), 1e-3), 2 * K)
    # no way to go where there is a penalty, or towards a bound
    lower, upper = objective.penalty.bounds
    held = (objective.penalty.l1 > 0) | (objective.penalty.l2 > 0)
    furthest = [np.tile(np.where(held | np.isfinite(b), 0.0, np.inf), K) for b in (upper, lower)]
    program = scipy.optimize.linprog(
        cost,
        A_ub=-sp.hstack([margins, -margins]),
        b_ub=np.zeros(n_rows),
        A_eq=sp.vstack([sp.hstack([total, -total]), sp.hstack([ties, -ties])]),
        b_eq=np.append(float(n_rows), np.zeros(ties.shape[0])),
        bounds=np.column_stack([np.zeros(2 * K * size), np.concatenate(furthest)]),
        method="highs",
        options={"time_limit": SECONDS},
    )
    if program.status != 0:
        return None
    positive, negative = np.split(program.x, 2)
    return np.asarray((positive - negative).reshape(K, size))


def _margin_rows(block: Block, design: Design, n_logits: int) -> Any:
    """Rows of the linear program: margins that must not fall, and differences that must stay."""
    used = block.weights > 0
    A = _design_rows(block.X, design)[used]
    targets = block.targets[:, used]
    if n_logits == 1:
        y = targets[0]
        hard = (y == 0) | (y == 1)
        margins = A[hard].multiply(np.where(y[hard] == 1, 1.0, -1.0)[:, None])
        return (), ((sp.csr_array(margins), A[~hard]),)
    margins, ties = [], []
    for k in range(n_logits):
        for l in range(n_logits):
            if k == l:
                continue
            labelled, other = targets[k] > 0, targets[l] > 0
            margins.append(_difference(A[labelled & ~other], k, l, n_logits))
            if k < l:
                ties.append(_difference(A[labelled & other], k, l, n_logits))
    return (), ((sp.vstack(margins), sp.vstack(ties)),)


def _difference(A: sp.csr_array, k: int, l: int, n_logits: int) -> sp.csr_array:
    """Rows that map coefficients to logit k minus logit l."""
    size = A.shape[1]
    blocks = [sp.csr_array((A.shape[0], size)) for _ in range(n_logits)]
    blocks[k], blocks[l] = A, -A
    return sp.hstack(blocks, format="csr")


def _design_rows(X: Any, design: Design) -> sp.csr_array:
    """The design matrix of a block as CSR; sparse columns stay uncentred, which the intercept makes good."""
    ones = np.full((X.shape[0], 1), float(design.fit_intercept))
    if sp.issparse(X):
        scaled = X @ sp.diags_array(design.scale)
        return sp.hstack([scaled, sp.csr_array(ones)], format="csr")
    return sp.csr_array(design.matrix(X))
