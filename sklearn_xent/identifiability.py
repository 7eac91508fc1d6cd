"""Whether rows determine coefficients: no constant or collinear columns, no separable classes."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.problem.design import AppliedDesign
from sklearn_xent.problem.objective import Objective
from sklearn_xent.rows import as_rows
from sklearn_xent.solvers.separation import recession_direction
from sklearn_xent.targets import Targets

__all__ = ["check_full_rank", "check_not_constant", "check_overlap", "reduced"]

FIRST = 500  # most suspicious rows in the first linear program
NEGLIGIBLE = 1e-9  # of a direction's largest entry: less is the rounding of the linear program
VIOLATED = 1e-6  # of the sum of a margin's terms: less is its rounding, and the program's tolerance
INVOLVED = 1e-3  # of a null vector's largest entry: less does not name a column
ADVICE = "fit with a finite C and pass penalized=True"
BLOCK = 1 << 21  # numbers in a temporary array


def check_not_constant(idle: Array, names: list[str]) -> None:
    """Raise ValueError for columns (d,) that nothing determines: they do not vary and have no penalty."""
    if idle.any():
        some = _named(np.flatnonzero(idle), names)
        raise ValueError(f"nothing determines the coefficient of constant {some}: drop, or {ADVICE}.")


def check_full_rank(A: Array, weights: Array, noise: float, names: list[str], held: Array) -> None:
    """Raise ValueError if columns (n, m) that no penalty has ``held`` are collinear, up to a noise."""
    free = np.flatnonzero(~held)
    R = reduced([A[:, free] * np.sqrt(weights)[:, None]])
    sizes = np.linalg.norm(R, axis=0)
    _, values, right = np.linalg.svd(R / np.where(sizes > 0, sizes, 1.0))
    null = np.abs(right[values <= noise * values[0]]).max(axis=0, initial=0.0)
    if null.any():
        order = free[np.argsort(-null, kind="stable")[: int((null > INVOLVED * null.max()).sum())]]
        raise ValueError(
            f"the columns do not determine the coefficients: {_named(np.sort(order), names)} are collinear "
            f"(among themselves or with the intercept). Drop one of them, or {ADVICE}."
        )


def check_overlap(
    objective: Objective, A: Array, targets: Targets, root: Array, names: list[str], doubtful: float
) -> None:
    """Raise ValueError if the classes are separable, wholly or partly, along columns without a penalty.

    ``A`` (n, d + 1) is the design matrix, ``root`` (K - 1, d + 1, r) a factor of the coefficients'
    covariance; only rows whose logits have a ``doubtful`` variance can be what separates.
    """
    if not objective.free[:-1].any():
        return
    variance = np.where(targets.weights > 0, _logit_variance(A, root), 0.0)
    suspects = np.argsort(-variance, kind="stable")[: int((variance > doubtful).sum())]
    direction = None
    for first in sorted({min(FIRST, len(suspects)), len(suspects)} - {0}):
        if direction is None:
            direction = _separating(objective, A, targets, suspects[:first])
    if direction is None:
        return
    size = np.abs(direction[:, :-1]).max(axis=0)
    order = np.argsort(-size, kind="stable")[: int((size > NEGLIGIBLE).sum())]
    raise ValueError(
        f"the classes are separated, wholly or partly, by {_named(order, names)}: without a penalty the "
        "coefficients have no finite estimates, and their standard errors mean nothing. Drop the columns "
        f"or merge them (the levels of a category) with others, or {ADVICE}."
    )


def reduced(blocks: Any) -> Array:
    """Square upper triangle R with R'R the sum of B'B over blocks of rows B, by Householder reflections."""
    blocks = iter(blocks)
    R = next(blocks)
    size = R.shape[1]
    R = np.asarray(np.linalg.qr(R, mode="r"))
    for B in blocks:
        R = np.asarray(np.linalg.qr(np.vstack([R, B]), mode="r"))
    return np.vstack([R, np.zeros((size - len(R), size))]) if len(R) < size else R


def _logit_variance(A: Array, root: Array) -> Array:
    """Largest variance (n,) of a row's logits less the first class's."""
    out = np.zeros(len(A))
    rows = max(1, BLOCK // root.shape[2])
    for i in range(0, len(A), rows):
        for of_class in root:
            square = ((A[i : i + rows] @ of_class) ** 2).sum(axis=1)
            np.maximum(out[i : i + rows], square, out=out[i : i + rows])
    return out


def _separating(objective: Objective, A: Array, targets: Targets, chosen: Array) -> Array | None:
    """Direction (K, d + 1) along which no row's loss rises and that of some chosen row falls, or None.

    The linear program sees the chosen rows alone, each of norm 1, which separability does not depend on and
    the program's tolerance does; those of the others that its direction makes worse join them until there
    are none. A direction that makes a row worse that the program saw is within its tolerance only.
    """
    d, T, weights = objective.design, targets.values, targets.weights
    A = A / np.maximum(np.linalg.norm(A, axis=1), np.finfo(float).tiny)[:, None]
    design = AppliedDesign(d.shift, d.scale, d.variance, d.fit_intercept)
    while True:
        rows = as_rows(A[chosen], T[:, chosen], weights[chosen], alone=True)
        D = recession_direction(Objective(rows, objective.loss, objective.penalty, design))
        if D is None:
            return None
        D = D / np.abs(D).max()
        D[np.abs(D) < NEGLIGIBLE] = 0.0
        excess = _worsening(A, D, T) * (weights > 0)
        if excess[chosen].max() > VIOLATED:
            return None
        worst = np.argsort(-excess, kind="stable")[: int(min((excess > VIOLATED).sum(), len(chosen) + FIRST))]
        if not len(worst):
            return np.asarray(D)
        chosen = np.concatenate([chosen, worst])


def _worsening(A: Array, D: Array, T: Array) -> Array:
    """How far a direction lets a labelled class fall behind another (n,), relative to the logits' terms."""
    Z, size = D @ A.T, (np.abs(D) @ np.abs(A).T).max(axis=0)
    if len(Z) == 1:
        Z, T = np.vstack([np.zeros_like(Z), Z]), np.vstack([1 - T, T])
    behind = Z.max(axis=0) - np.where(T > 0, Z, np.inf).min(axis=0)
    return np.asarray(behind / np.where(size > 0, size, 1.0))


def _named(which: Array, names: list[str], most: int = 5) -> str:
    shown = ", ".join(repr(str(names[j])) for j in which[:most])
    more = f" and {len(which) - most} more" if len(which) > most else ""
    return f"column{'s' if len(which) != 1 else ''} {shown}{more}"
