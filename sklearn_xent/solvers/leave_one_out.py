"""Every row's loss by a model that has not seen it, from one fit.

Without row i the optimum is one Newton step away; the step needs only the row's leverage. Rad and Maleki
(2020), "A scalable estimate of the out-of-sample prediction error via approximate leave-one-out
cross-validation", J. R. Stat. Soc. B 82(4); with l1, on the coefficients that are not zero.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg

from sklearn_xent.arrays import Array
from sklearn_xent.problem import kernels
from sklearn_xent.problem.objective import Point
from sklearn_xent.solvers.curvature import DENSE_LIMIT, hessian_among
from sklearn_xent.solvers.quadratic_lasso import quadratic_lasso
from sklearn_xent.solvers.row_space import RowSpace, suits_row_space

__all__ = ["leave_one_out_losses"]

LARGEST_FACTOR = 4000  # coefficients that are free to move: their Hessian is factored
ALL_PAIRS = 200_000  # logits of all rows under all models that leave one out: then more steps are cheap
STEPS, PROXIMAL_STEPS = 2, 4
EVERYTHING = 300  # coefficients up to which any may wake
NEAR = 0.5  # of its penalty: the slope at which a coefficient that is zero may wake without a row
SINGULAR = 1e-12  # of the largest curvature: less is none


def leave_one_out_losses(point: Point, memory: dict[str, Any]) -> Array:
    """Loss (n,) in nats of each row under the optimum without it, approximately.

    ``memory`` is that of the path the point is from.

    Raises
    ------
    ValueError
        If too many coefficients are free to move.
    """
    if point.coefficients.size > DENSE_LIMIT and suits_row_space(point.objective):
        point = RowSpace(point.objective, np.float64, memory).seen_from_rows(point)
    objective = point.objective
    few = point.coefficients.shape[0] * objective.rows.n_rows**2 <= ALL_PAIRS
    active = _active(point, near=few)
    n_active = int(np.count_nonzero(active))
    if n_active > LARGEST_FACTOR:
        raise ValueError(
            f"cv=None, approximate leave-one-out, needs the Hessian of {n_active} coefficients; the limit is "
            f"{LARGEST_FACTOR}. Use folds, such as cv=5, or an l1 penalty that selects fewer."
        )
    columns = active[:, :-1].any(axis=0)
    if not columns.all():
        objective = objective.columns(np.flatnonzero(columns))
        chosen = np.append(columns, True)
        point, active = objective.at(point.coefficients[:, chosen]), active[:, chosen]
    H = hessian_among(point, active)
    if few:
        return _AllPairs(point, active, H).losses()
    _, (losses,) = objective.rows.sweep(
        kernels.leave_one_out,
        point.logits,
        point.expansion,
        objective.loss,
        objective.design,
        active,
        _inverse_root(H),
    )
    return np.concatenate(losses.flat())


def _active(point: Point, *, near: bool) -> Array:
    """Mask (K, d + 1) of the coefficients that can move or, without one row, may come near to it."""
    penalty = point.objective.penalty
    active = penalty.movable(point.coefficients)
    if near and not penalty.smooth:
        fraction = NEAR if active.size > EVERYTHING else 0.0
        active |= np.abs(point.loss_gradient) >= fraction * penalty.l1
    return np.asarray(active)


class _AllPairs:
    """All rows' logits under all models that leave one out: more Newton steps for each, with its Hessian.

    With few rows each weighs so much that one step is not enough and, with l1, that a coefficient may come
    or go.
    """

    def __init__(self, point: Point, active: Array, H: Array) -> None:
        o = self._objective = point.objective
        _, (rows,) = o.rows.sweep(kernels.design_rows, o.design)
        A, self._targets, self._w = (np.concatenate(part, axis=-1) for part in zip(*rows.flat(), strict=True))
        self._A = A.T
        self._z, self._H = np.concatenate(point.logits.flat(), axis=1), H
        self._k, self._j = np.nonzero(active)
        penalty = o.penalty
        self._l1, self._l2, self._lower, self._upper = (
            np.broadcast_to(v, active.shape)[active] for v in (penalty.l1, penalty.l2, *penalty.bounds)
        )
        self._start, self._gradient = point.coefficients[active], point.gradient[active]
        self._e = o.loss.expand(self._z, self._targets)

    def losses(self) -> Array:
        """Loss of each row without it."""
        D = np.zeros((len(self._j), len(self._A)))
        step = self._newton() if self._objective.penalty.smooth else self._proximal
        for _ in range(STEPS if self._objective.penalty.smooth else PROXIMAL_STEPS):
            D = step(D, self._slopes(D))
        return self._objective.loss.expand(self._z + self._own(D), self._targets).value

    def _spread(self, R: Array) -> Array:
        """Each row's A_i' R_i in the active coefficients: (N, n) from (K, n)."""
        return np.asarray(self._A[:, self._j].T * R[self._k])

    def _own(self, D: Array) -> Array:
        """A_i D_i, (K, n), of directions (N, n)."""
        moved = np.zeros_like(self._z)
        np.add.at(moved, self._k, self._A[:, self._j].T * D)
        return moved

    def _slopes(self, D: Array) -> Array:
        """Gradient (N, n) of the smooth part without row i, at the optimum of all rows + D_i."""
        K, n = self._z.shape
        if not D.any():
            return np.asarray(self._gradient[:, None] - self._spread(self._w * self._e.residual))
        V = np.zeros((K, self._A.shape[1], n))
        V[self._k, self._j] = D
        moved = self._z[:, :, None] + self._A @ V  # row, model
        there = self._objective.loss.expand(moved.reshape(K, -1), np.repeat(self._targets, n, axis=1))
        change = self._w[:, None] * (there.residual.reshape(K, n, n) - self._e.residual[:, :, None])
        change[:, np.arange(n), np.arange(n)] = -self._w * self._e.residual
        return np.asarray(
            self._gradient[:, None] + (self._A.T @ change)[self._k, self._j] + self._l2[:, None] * D
        )

    def _newton(self) -> Callable[[Array, Array], Array]:
        """Steps by H_-i^-1 = M + M A_i' (I - w S B)^-1 w S A_i M, M = H^-1, of Sherman-Morrison-Woodbury."""
        K, n = self._z.shape
        root = _inverse_root(self._H)
        M = root.T @ root
        B, S = np.empty((n, K, K)), np.empty((n, K, K))
        for l in range(K):
            unit = np.zeros((K, n))
            unit[l] = 1.0
            B[:, :, l] = self._own(M @ self._spread(unit)).T
            S[:, :, l] = (self._w * self._e.curvature_product(unit)).T
        felt = np.linalg.solve(np.eye(K) - S @ B, S)

        def step(D: Array, G: Array) -> Array:
            there = M @ G
            more = (felt @ self._own(there).T[:, :, None])[:, :, 0].T
            return np.asarray(D - there - M @ self._spread(more))

        return step

    def _proximal(self, D: Array, G: Array) -> Array:
        """Steps by minimising each row's quadratic model + penalty."""
        K, n = self._z.shape
        new = np.empty_like(D)
        for i in range(n):
            a = np.zeros((len(self._j), K))
            a[np.arange(len(self._j)), self._k] = self._A[i, self._j]
            p, q = self._e.probabilities[:, i], self._e.complements[:, i]
            S = np.diag(p * (p + q)) - np.outer(p, p) if K > 1 else np.array([[p[0] * q[0]]])
            H = self._H - self._w[i] * (a @ S @ a.T)
            w = self._start + D[:, i]
            found = quadratic_lasso(H, G[:, i] - H @ w, self._l1, w, self._lower, self._upper)
            new[:, i] = found - self._start
        return new


def _inverse_root(H: Array) -> Array:
    """T with T' T = H^-1, without the directions in which H shows no curvature."""
    unit = 1 / np.sqrt(np.maximum(np.diag(H), np.finfo(float).tiny))
    H = H * unit[:, None] * unit
    try:
        L = np.linalg.cholesky(H)
        if np.diag(L).min() ** 2 > SINGULAR:
            return np.asarray(scipy.linalg.solve_triangular(L, np.diag(unit), lower=True))
    except np.linalg.LinAlgError:
        pass
    values, vectors = np.linalg.eigh(H)
    keep = values > SINGULAR * values[-1]
    return np.asarray((vectors[:, keep] / np.sqrt(values[keep])).T * unit)
