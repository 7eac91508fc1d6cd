"""Hessians at a point, factored: of all coefficients, of those that can move, and their roots.

Forming A' S A squares the condition number: a direction whose logits are 1e-8 of another's is lost in it, and
one that an outlying row hides as well. The triangular factor of the weighted rows has it to 1e-16. Bjorck
(1996), Numerical Methods for Least Squares Problems, sections 2.4 and 4.4: Householder's reflections, the
largest rows first.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.factor import triangular
from sklearn_xent.problem.objective import Objective
from sklearn_xent.problem.point import Point
from sklearn_xent.solvers.curvature import Curvature

__all__ = [
    "AFFORDABLE",
    "AS_FACTOR",
    "DENSE_LIMIT",
    "FACTORED",
    "MEMORY_LIMIT",
    "affordable",
    "curvature_at",
    "curvature_on",
    "dense_products",
    "face",
    "gauged_columns",
    "hessian_among",
    "hessian_at",
    "hessian_root",
    "pin_gauge",
    "products_of_reading",
    "refuse_beyond_memory",
    "unseen_curvature",
]

DENSE_LIMIT = 1500  # coefficients up to which a Hessian is factored unasked: 18 MB, a fraction of a second
FACTORED = 400  # coefficients up to which factoring a Hessian is cheaper than the products in place of it
MEMORY_LIMIT = 2**30  # bytes a solver asked for by name may take for one dense matrix
FEW = 50  # directions of no curvature to a Hessian that are looked at row by row
ROUGHLY = 100  # coefficients from which the products are what a Hessian costs
SOUND = 1e-5  # least curvature that rounding in float32 changes by less than a few per cent
AS_FACTOR = 5.0  # products of two numbers in a factor that take as long as one with an entry read from memory
AFFORDABLE = 3e10  # products for one triangular factor: a second or two


def curvature_at(point: Point, *, rough: bool = False, ridge: float = 0.0) -> Curvature:
    """Factor the Hessian on the coordinates that can move: all, or those that no l1 penalty or bound holds.

    A ``rough`` one may come from products in float32, at half the cost, where rounding leaves it sound. One
    that is singular to rounding may have a ``ridge``: see `Curvature`.
    """
    if rough and point.objective.penalty.smooth and point.coefficients.size >= ROUGHLY:
        # of one that is not sound no eigenvalues are wanted
        curvature = Curvature(hessian_at(point, np.float32), ridge=SOUND**2)
        if curvature.least > SOUND:
            return curvature
    return curvature_on(point, face(point), ridge=ridge)


def face(point: Point) -> Array:
    """Mask (K, d + 1) of the coefficients that can move: neither l1 penalty nor bound holds them."""
    if point.objective.penalty.smooth:
        return np.ones(point.coefficients.shape, bool)
    penalty, W = point.objective.penalty, point.coefficients
    # nothing is known of the curvature of a group that is about to leave zero
    wakes = penalty.beyond(point.loss_gradient) if not penalty.separable else point.stationarity != 0
    return np.asarray(penalty.movable(W) | wakes)


def curvature_on(point: Point, chosen: Array, *, ridge: float = 0.0) -> Curvature:
    """Factor the Hessian between the coefficients of a mask (K, d + 1)."""
    exact = affordable(point) and point.objective.penalty.separable
    root = partial(hessian_root, point, chosen) if exact else None
    H = hessian_among(point, chosen)
    point.objective.penalty.add_curvature(H, point.coefficients, chosen)
    curvature = Curvature(H, chosen.ravel(), root, ridge=ridge)
    if exact:
        curvature.unseen = partial(_look, point, chosen)
    return curvature


def _look(point: Point, chosen: Array, curvature: Curvature) -> None:
    """Measure the null space of a Hessian between the coefficients of a mask (K, d + 1) row by row."""
    null = curvature.null_space()
    if not 0 < null.shape[1] <= FEW:
        return
    basis, off = np.zeros((*chosen.shape, null.shape[1])), np.zeros(chosen.shape)
    basis[chosen] = null
    curvature.refine_null(point.products_along(basis))
    basis[chosen], off[chosen] = curvature.null_space(), curvature.null_error()
    curvature.see(point.curvature_along(basis, off))


def hessian_at(point: Point, dtype: Any = np.float64) -> Array:
    """Hessian of the smooth part, (N, N), with a pinned gauge: it is singular only where the data are."""
    H = point.hessian(dtype)
    if point.objective.loss.shift_invariant:
        pin_gauge(H, point.objective, np.ones(point.coefficients.shape, bool))
    return H


def hessian_among(point: Point, chosen: Array) -> Array:
    """Hessian between the coefficients of a mask (K, d + 1), as ``hessian_at`` gives it."""
    if chosen.all():
        return hessian_at(point)
    H = point.hessian_among(chosen)
    if point.objective.loss.shift_invariant:
        pin_gauge(H, point.objective, chosen)
    return H


def unseen_curvature(solved: Point) -> Array:
    """What a sample's Hessian misses of the columns' variances, (N,), to be added to its diagonal.

    A column that is rare in the sample has too little curvature there, and steps along it are too long. Not
    what chance alone may miss: levels of a category add up to a constant, and curvature added to each would
    hide that nothing but the penalty holds them together.
    """
    sample = solved.objective
    seen, variance = sample.squares()[:-1], sample.design.variance
    missing = np.where(variance > 2 * seen, variance - seen, 0.0)
    return np.outer(solved.mean_curvature(), np.append(missing, 0.0)).ravel()


def gauged_columns(objective: Objective, chosen: Array) -> Array:
    """Mask (d + 1,) of the columns whose coefficients, chosen in all classes, have a gauge."""
    gauged = np.logical_and(chosen.all(axis=0), objective.loss.shift_invariant)
    return gauged if objective.penalty.smooth else gauged & objective.penalty.costless


def pin_gauge(H: Array, objective: Objective, chosen: Array) -> None:
    """Give H curvature where adding one vector to every class changes nothing; chosen (K, d + 1) are in it.

    The gradient has no component there (with l2, iterates sum to zero over the classes), so no step
    changes; without it H is singular, or as nearly so as the penalty is weak. An l1 penalty does fix the
    sum of the coefficients: then only the columns that nothing penalises have a gauge.
    """
    K, gauged = len(chosen), gauged_columns(objective, chosen)
    if gauged.all() and H.flags.c_contiguous:  # as below, by a view: small fits are made of calls
        blocks = np.einsum("kjlj->klj", H.reshape(K, len(gauged), K, len(gauged)))
        blocks += np.einsum("kkj->j", blocks) / K**2
        return
    where = (np.cumsum(chosen.ravel()) - 1).reshape(chosen.shape)[:, gauged]
    mean = H[where, where].sum(axis=0) / K
    H[where[:, None, :], where[None, :, :]] += mean / K


def refuse_beyond_memory(n_coefficients: int, solver: str) -> None:
    """Refuse a dense (N, N) matrix beyond MEMORY_LIMIT before it is allocated.

    Raises
    ------
    ValueError
        With the size asked for, the limit, and what to use instead.
    """
    need = 8 * n_coefficients**2
    if need > MEMORY_LIMIT:
        raise ValueError(
            f"solver={solver!r} needs a dense matrix of {n_coefficients} x {n_coefficients} coefficients, "
            f"{need / 2**30:.1f} GiB; the limit is {MEMORY_LIMIT / 2**30:.0f} GiB. "
            "Use solver='auto', 'lbfgs' or 'truncated-newton'."
        )


def dense_products(n_rows: int, size: int) -> float:
    """Products in a triangular factor that take as long as a dense Hessian of rows and its factor, which are
    of matrix products: twice as fast.
    """
    return (n_rows / 2 + size / 6) * float(size) ** 2 / 2


def products_of_reading(objective: Objective) -> float:
    """Products in a triangular factor that take as long as one reading of X, for all classes."""
    return AS_FACTOR * max(objective.rows.bytes / 8, 1) * objective.shape[0]


def affordable(point: Point) -> bool:
    """Whether the factor costs no more than a second or two."""
    o = point.objective
    return o.rows.n_rows * len(point.coefficients) * float(point.coefficients.size) ** 2 <= AFFORDABLE


def hessian_root(point: Point, chosen: Array) -> Array:
    """Triangular R with R' R the Hessian between the coefficients of a mask (K, d + 1), its gauge pinned."""
    ridge = np.diag(np.sqrt(np.broadcast_to(point.objective.penalty.hessian_diagonal, chosen.shape)[chosen]))
    gauged = gauged_columns(point.objective, chosen)
    return triangular(np.vstack([*point.hessian_roots(chosen, gauged).flat(), ridge]))
