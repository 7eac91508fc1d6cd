"""Whether inference is to be had: estimates that have a distribution, and rows that determine them.

No bounds, no l1 penalty; no constant or collinear columns, no separable classes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.factor import singular_vectors, triangular
from sklearn_xent.problem.design import AppliedDesign, Design
from sklearn_xent.problem.objective import Objective
from sklearn_xent.rows import as_rows
from sklearn_xent.solvers.separation import recession_direction
from sklearn_xent.targets import Targets

__all__ = ["SUSPICIOUS", "check_full_rank", "check_not_constant", "check_overlap", "reduced", "ridge_of"]

SUSPICIOUS = 0.9  # change of a difference of logits: less than 1, with room for rounding
FIRST = 500  # rows in the first linear program
NEGLIGIBLE = 1e-9  # of a direction's largest entry: less is the rounding of the linear program
VIOLATED = 1e-6  # of the sum of a logit's terms: less is its rounding, and the program's tolerance
NAMED = 5  # columns that a message names
ADVICE = "fit with a finite C and pass penalized=True"


def ridge_of(estimator: Any, penalized: bool) -> tuple[float, Array]:
    """C and the factors (d,) of the penalty; it raises where no inference is to be had."""
    d = estimator.n_features_in_
    for name in ("coef_bounds", "groups"):
        if getattr(estimator, name, None) is not None:
            raise ValueError(f"infer() has no distribution for estimates with {name}; fit without them.")
    C = float(getattr(estimator, "C_", getattr(estimator, "C", np.inf)))
    if np.isinf(C):
        return C, np.ones(d)
    if float(getattr(estimator, "l1_ratio_", getattr(estimator, "l1_ratio", 0.0))) > 0:
        raise ValueError(
            "infer() has no distribution for estimates with an l1 penalty (l1_ratio > 0), which has selected "
            "columns; fit with C=np.inf, on other rows than those that selected."
        )
    if not penalized:
        raise ValueError(
            f"the fit has a ridge penalty (C={C:g}): its estimates are shrunk, and standard errors and "
            "p-values are not those of a maximum likelihood fit. Fit with C=np.inf, or pass penalized=True "
            "for posterior standard deviations under the prior that the penalty is."
        )
    factors = estimator.penalty_factor
    return C, np.ones(d) if factors is None else np.asarray(factors, dtype=np.float64)


def check_not_constant(idle: Array, names: list[str], advice: str = ADVICE) -> None:
    """Raise ValueError for columns (d,) that nothing determines: they do not vary and have no penalty."""
    if idle.any():
        some = _named(np.flatnonzero(idle), names)
        raise ValueError(f"nothing determines coefficients of constant columns: drop {some}, or {advice}.")


def check_full_rank(
    A: Array, weights: Array, noise: float, names: list[str], held: Array, advice: str = ADVICE
) -> None:
    """Raise ValueError if columns (n, m) that no penalty has ``held`` are collinear, up to a noise."""
    free = np.flatnonzero(~held)
    R = reduced([A[:, free] * np.sqrt(weights)[:, None]])
    sizes = np.linalg.norm(R, axis=0)
    R /= np.where(sizes > 0, sizes, 1.0)
    values, _ = singular_vectors(R)
    rank = int((values > noise * values[0]).sum())
    if rank == len(free):
        return
    # what a column has of its own beside those before it
    dependent = np.sort(free[np.argsort(np.abs(np.diag(R)), kind="stable")[: len(free) - rank]])
    what = "is a linear combination" if len(dependent) == 1 else "are linear combinations"
    raise ValueError(
        f"the columns of X are collinear and do not determine the coefficients: {_named(dependent, names)} "
        f"{what} of columns before (and of the intercept). Drop what is named, or {advice}."
    )


def check_overlap(objective: Objective, A: Array, targets: Targets, change: Array, names: list[str]) -> None:
    """Raise ValueError if the classes are separable, wholly or partly, along columns without a penalty.

    ``A`` (n, d + 1) is the design matrix, ``change`` (n,) the most that Newton's step changes a difference
    of a row's logits. Residuals w p_l are multipliers that prove an optimum if they are positive and the
    gradient is zero (Stiemke's theorem of the alternative; Albert and Anderson 1984). The step, to first
    order, makes the gradient zero, and leaves all of a row's positive where it changes no difference by 1.
    So each direction that separates lets the loss of some row fall that the step changes by more.
    """
    if not objective.free[:-1].any():
        return
    suspects = np.flatnonzero(change > SUSPICIOUS)
    if len(suspects):
        A = _with_zeros(A, objective.design)
    found: list[int] = []
    while len(suspects) and len(found) < NAMED:
        D = _separating(objective, A, targets, suspects[:FIRST])
        columns = np.zeros(A.shape[1] - 1) if D is None else np.abs(D[:, :-1]).max(axis=0)
        if D is None or not columns.any():
            break
        order = np.argsort(-columns, kind="stable")
        found.extend(order[: int((columns > 0).sum())].tolist())
        # others may separate the other rows
        suspects = suspects[np.ptp(_relative(A[suspects], D), axis=0) <= VIOLATED]
        penalty = objective.penalty.with_ridge(np.append(columns > 0, False))
        objective = replace(objective, penalty=penalty, known=None)
    if found:
        raise ValueError(
            f"the classes are separated, wholly or partly, by {_named(found, names)}: without a penalty the "
            "coefficients have no finite estimates, and their standard errors mean nothing. Drop the columns "
            "or merge them (the levels of a category) with others, fit a BiasReducedClassifier, or "
            f"{ADVICE}."
        )


def reduced(blocks: Any) -> Array:
    """Square upper triangle R with R'R the sum of B'B over blocks of rows B, by Householder reflections."""
    blocks = iter(blocks)
    R = next(blocks)
    size = R.shape[1]
    R = triangular(R)
    for B in blocks:
        R = triangular(np.vstack([R, B]))
    return np.vstack([R, np.zeros((size - len(R), size))]) if len(R) < size else R


def _separating(objective: Objective, A: Array, targets: Targets, chosen: Array) -> Array | None:
    """Direction (K, d + 1) along which no row's loss rises and that of some chosen row falls, or None.

    The linear program sees the chosen rows alone, each of norm 1, which separability does not depend on and
    the program's tolerance does; those of the others that its direction makes worse join them until there
    are none. A direction that makes a row worse that the program saw is within its tolerance only.
    """
    d, T = objective.design, targets.values
    design = AppliedDesign(d.shift, d.scale, d.variance, d.fit_intercept)
    while True:
        seen = A[chosen] / np.maximum(np.linalg.norm(A[chosen], axis=1), np.finfo(float).tiny)[:, None]
        rows = as_rows(seen, T[:, chosen], targets.weights[chosen], alone=True)
        seen_from = Objective(rows, objective.loss, objective.penalty, design)
        D = recession_direction(seen_from.at(design.zeros(seen_from.shape[0])), np.inf)
        if D is None:
            return None
        D = D / np.abs(D).max()
        D[np.abs(D) < NEGLIGIBLE] = 0.0
        Z = _relative(A, D)
        labelled = T if len(Z) == len(T) else np.vstack([1 - T, T])
        behind = Z.max(axis=0) - np.where(labelled > 0, Z, np.inf).min(axis=0)
        behind[targets.weights == 0] = 0.0
        if behind[chosen].max() > VIOLATED:
            return None
        worst = np.argsort(-behind, kind="stable")[: int(min((behind > VIOLATED).sum(), len(chosen) + FIRST))]
        if not len(worst):
            return np.asarray(D)
        chosen = np.concatenate([chosen, worst])


def _with_zeros(A: Array, design: Design) -> Array:
    """The design matrix, its columns uncentred where X is mostly 0: a program of few entries is faster.

    What that changes the intercept makes good.
    """
    zero = (0.0 - design.shift) * design.scale
    mostly = (A[:, :-1] == zero).mean(axis=0) > 0.5
    return A - np.append(np.where(mostly & design.fit_intercept, zero, 0.0), 0.0)


def _relative(A: Array, D: Array) -> Array:
    """What a direction does to the logits of all classes (K, n), relative to the sums of its terms."""
    Z, size = D @ A.T, (np.abs(D) @ np.abs(A).T).max(axis=0)
    Z = Z / np.where(size > 0, size, 1.0)
    return np.vstack([np.zeros_like(Z), Z]) if len(Z) == 1 else Z


def _named(which: Any, names: list[str]) -> str:
    shown = ", ".join(repr(str(names[j])) for j in which[:NAMED])
    more = f" and {len(which) - NAMED} more" if len(which) > NAMED else ""
    return f"column{'s' if len(which) != 1 else ''} {shown}{more}"
