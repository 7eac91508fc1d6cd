"""Separable classes: without a penalty the loss then falls for ever along some direction.

Along such a direction no margin of a labelled class over another falls, and those that grow lose all their
loss: so at a point whose gap is known, each of them holds less than the gap, and every other margin stays.
The directions that leave these others alone are a null space, mostly empty; a linear program looks in it.
Albert and Anderson (1984), Biometrika 71(1); Konis (2007), DPhil thesis, Oxford, chapter 4.
"""

from __future__ import annotations

from time import process_time
from typing import Any

import numpy as np
import scipy.linalg
import scipy.optimize
import scipy.sparse as sp
from sklearn.exceptions import ConvergenceWarning

from sklearn_xent.arrays import Array, different_rows
from sklearn_xent.factor import (
    TINY,
    cholesky,
    least_curvature,
    rounding_of,
    singular_vectors,
    spectrum,
    triangular,
)
from sklearn_xent.problem import margins
from sklearn_xent.problem.extended import ExtendedPoint, extended
from sklearn_xent.problem.objective import Objective
from sklearn_xent.problem.point import Point
from sklearn_xent.solvers.hessian import affordable
from sklearn_xent.solvers.optimality_gap import polishable
from sklearn_xent.solvers.rays import along_coefficients, separates, unheld_coefficients

__all__ = [
    "LARGEST_NULL_SPACE",
    "NEARLY_CERTAIN",
    "SeparationWarning",
    "are_separated",
    "recession_direction",
]

LARGEST_NULL_SPACE = 2000  # coefficients up to which a null space is looked for: 32 MB, some seconds
LARGEST_PROGRAM = 20_000_000  # entries of the linear program that are worth the answer
# Seconds of a program, by its entries: some times what it takes where rounding leaves it in no difficulties.
LONGEST, SHORTEST, AN_ENTRY = 10.0, 0.5, 2e-6
DIFFICULT = 4  # scipy's status of a program that ended in numerical difficulties
FEASIBLE = 1e-10  # what the program may violate, relative to a margin's terms
PROGRAMS, USED = 3, 1e-9  # of them, and what of the last ray's largest entry counts as in use
REGULAR = 1e-8  # least curvature of a Gram matrix that is not singular, whatever its sums have lost
# Of the loss, that a margin may hold: however small the gap is said to be, and where slopes hide in rounding.
LEAST_SHARE, LARGEST_SHARE = 1e-12, 1e-6

NEARLY_CERTAIN = 1e-3  # nats: separable data are fitted this far, and no further, without a penalty


class SeparationWarning(ConvergenceWarning):
    """The classes are separable, wholly or partly, and nothing penalises it: no finite optimum exists."""


def are_separated(point: Point) -> bool:
    """Whether what nothing holds back puts each row's label first: of a small problem beyond rounding."""
    if point.loss > NEARLY_CERTAIN or not polishable(point) or isinstance(point, ExtendedPoint):
        return point.separates()
    return point.separates() or extended(point.objective).at(point.coefficients).separates()


def recession_direction(point: Point, gap: float) -> Array | None:
    """Direction (K, d + 1) of least l1 norm along which no row's loss rises and some row's falls, or None.

    ``gap`` in nats is how far the point may be above the infimum; a margin that holds more stays. Where that
    shows nothing, one that holds a little more may grow as well: it may do so by less than slopes show.
    """
    if not point.objective.free[:-1].any():
        return None
    # twice: where separated rows are all that is left, the gap is what they hold, but for rounding
    tight = max(min(2 * gap, point.value), LEAST_SHARE * point.loss, TINY)
    loose = max(tight, LARGEST_SHARE * point.loss)
    if _beyond_programs(point):
        return along_coefficients(point, loose)
    space = _unconstrained(point, loose)
    if not space[0].shape[1]:
        return None  # the fewer margins must stay, the more directions they leave
    if tight < loose:
        direction = _direction(point, tight, *_unconstrained(point, tight))
        if direction is not None:
            return direction
    return _direction(point, loose, *space)


def _direction(point: Point, share: float, basis: Array, off: Array) -> Array | None:
    """The direction among those of a basis, which leave alone the margins that hold more than a share."""
    objective = point.objective
    if not basis.shape[1]:
        return None
    M = _growing(point, share, basis, off)
    if M is not None and not len(M):
        return None
    if M is None or AN_ENTRY * len(M) * sum(basis.shape) > SHORTEST:
        # of what a program takes seconds for, coefficients that have gone far mostly show it at once
        direction = along_coefficients(point, share)
        if direction is not None or M is None:
            return direction
    free = np.broadcast_to(objective.free, point.coefficients.shape)
    costs = np.ones(free.shape)
    costs[:, -1] = 1e-3  # the intercept is no column to be named
    sides, z = _sides(objective.penalty.bounds, free), np.ones(basis.shape[1])
    for _ in range(PROGRAMS):
        # the tolerance is relative to the terms of a margin: those of the ray once one is known, lest one of
        # an outlying column that it does not use hide that a margin falls
        terms = np.abs(M) @ np.maximum(np.abs(z), USED * np.abs(z).max())
        ray = _least_norm_ray(M / terms[:, None], basis, costs.ravel(), *sides)
        if ray is None:
            return None
        z = ray
        if separates(point, basis @ ray, off * np.abs(ray).sum(), share):
            return np.asarray((basis @ ray).reshape(free.shape))
    # entries so far apart that the program of their norm has shown none
    ray = _any_ray(M, np.vstack([basis[sides[0]], -basis[sides[1]]]))
    if ray is not None and separates(point, basis @ ray, off * np.abs(ray).sum(), share):
        return np.asarray((basis @ ray).reshape(free.shape))
    return None


def _growing(point: Point, share: float, basis: Array, off: Array) -> Array | None:
    """Different changes (m, r), not all 0, of the margins that may grow along a basis; None if too many."""
    o = point.objective
    (growing,), _ = o.rows.sweep(margins.count_growing, point.expansion, share, reads=False)
    # beyond a null space each of them is the difference of two columns of that length; of those in one, many
    # may be alike
    limit = LARGEST_PROGRAM * (0.1 if basis.shape[1] > LARGEST_NULL_SPACE else 10)
    if growing * basis.shape[1] > limit:
        return None
    args = point.expansion, o.design, basis, off, share
    _, (parts,) = o.rows.sweep(margins.margins_along, *args)
    M = different_rows(np.concatenate(parts.flat()))
    # in an order that does not depend on that of the rows
    return np.unique(M, axis=0) if M.size <= LARGEST_PROGRAM else None


def _beyond_programs(point: Point) -> bool:
    """Whether directions are too many for a null space and for a program without one."""
    size = int(np.count_nonzero(unheld_coefficients(point.objective)))
    return size > LARGEST_NULL_SPACE and point.coefficients.size * size > LARGEST_PROGRAM


def _unconstrained(point: Point, share: float) -> tuple[Array, Array]:
    """Basis (N, m) of the directions of the free coefficients that leave alone every margin that must stay.

    Also what its entries (N,) are off by. Without a null space that is small enough to be found it is that of
    all free coefficients.
    """
    objective = point.objective
    which, size = np.flatnonzero(unheld_coefficients(objective)), point.coefficients.size
    exact, identity = np.zeros(size), np.zeros((size, len(which)))
    identity[which, np.arange(len(which))] = 1.0
    if len(which) > LARGEST_NULL_SPACE:
        return identity, exact
    (G,), _ = objective.rows.sweep(margins.constraint_gram, point.expansion, objective.design, share)
    pins = _pins(G, objective)
    G += pins.T @ pins
    G = G[np.ix_(which, which)]
    unit = 1 / np.sqrt(np.where(np.diag(G) > 0, np.diag(G), 1.0))
    G *= np.outer(unit, unit)
    rounding, U = rounding_of(len(G), objective.rows.n_rows), cholesky(G)
    if least_curvature(U) > REGULAR:
        return identity[:, :0], exact
    if affordable(point):
        args = point.expansion, objective.design, share
        _, (roots,) = objective.rows.sweep(margins.constraint_root, *args)
        values, vectors = singular_vectors(triangular(np.vstack([*roots.flat(), pins]))[:, which] * unit)
        values = np.append(values, np.zeros(len(which) - len(values)))
    else:
        values, vectors, _ = spectrum(G)
        values = np.abs(values)
    rounded = values <= rounding * max(values.max(), 1.0)
    null = vectors[:, rounded] * unit[:, None]
    # a null vector is off along every other direction, by rounding over what that is away from null
    others = np.hypot.reduce(vectors[:, ~rounded] / values[~rounded], axis=1, initial=0.0)
    off = rounding * max(values.max(), 1.0) * np.maximum(others, 1.0) * unit
    null[np.abs(null) <= off[:, None]] = 0.0
    return identity @ null, identity @ off


def _pins(G: Array, objective: Objective) -> Array:
    """Rows (m, N) that rule out of a null space one number added to all classes of an unbounded column."""
    K, size = objective.shape
    if not objective.loss.shift_invariant:
        return np.zeros((0, size))
    pinned = np.flatnonzero(np.isinf(objective.penalty.bounds).all(axis=0))
    unit = np.sqrt(G.diagonal().reshape(K, size).mean(axis=0) / K)
    pins = np.zeros((len(pinned), K, size))
    pins[np.arange(len(pinned)), :, pinned] = np.where(unit > 0, unit, 1.0)[pinned, None]
    return pins.reshape(len(pinned), K * size)


def _sides(bounds: tuple[Array, Array], free: Array) -> tuple[Array, Array]:
    """Coefficients (N,) that may only grow, and only fall: those with a bound on the other side."""
    lower, upper = (np.broadcast_to(np.isfinite(b), free.shape).ravel() for b in bounds)
    return lower, upper


def _least_norm_ray(M: Array, basis: Array, costs: Array, grows: Array, falls: Array) -> Array | None:
    """Ray z with M z >= 0, not all 0, and basis z of least weighted l1 norm; None if there is none."""
    largest = np.abs(basis).max(axis=1, initial=0.0)
    largest = np.where(largest > 0, largest, 1.0)
    ray, difficult = _program(M, basis, costs, grows, falls, presolve=True)
    # a column of which one row is far out has an entry beside which the others are within the tolerance
    apart = FEASIBLE * largest.max(initial=1.0) > largest.min(initial=np.inf)
    if difficult or (ray is None and apart):
        # entries of a direction in units of their own: the norm is another, and serves as well
        basis = basis / largest[:, None]
        ray, _ = _program(M, basis, costs, grows, falls, presolve=False)
    return ray


def _any_ray(M: Array, sided: Array) -> Array | None:
    """Ray z with M z >= 0 and sided z >= 0, and M z as large as a box of z allows; None without an answer.

    Rows and columns have the size 1, and no norm of the direction puts others beside them.
    """
    both = np.vstack([M, sided])
    rows = np.abs(both).max(axis=1, keepdims=True)
    both = both / np.where(rows > 0, rows, 1.0)
    columns = np.abs(both).max(axis=0)
    columns = np.where(columns > 0, columns, 1.0)
    gained, m = len(M), M.shape[1]
    program = _solved(
        SHORTEST,
        np.append(np.zeros(m), -np.ones(gained)),
        A_ub=np.hstack([-both / columns, np.eye(len(both), gained)]),
        b_ub=np.zeros(len(both)),
        bounds=np.append(np.tile([-1.0, 1.0], (m, 1)), np.tile([0.0, 1.0], (gained, 1)), axis=0),
    )
    return np.asarray(program.x[:m] / columns) if program.status == 0 else None


def _program(
    M: Array, basis: Array, costs: Array, grows: Array, falls: Array, *, presolve: bool
) -> tuple[Array | None, bool]:
    """The ray by a linear program, and whether that ended in numerical difficulties."""
    total = M.mean(axis=0)
    total = total / (np.abs(total).max() or 1.0)
    N, m = basis.shape
    sided = np.vstack([basis[grows], -basis[falls]])
    # the program's tolerance is absolute, and entries of a null vector are as large as its columns are small
    largest = np.abs(sided).max(axis=1, initial=0.0)
    sided = sided / np.where(largest > 0, largest, 1.0)[:, None]
    above = sp.hstack([sp.csr_array(-np.vstack([M, sided])), sp.csr_array((len(M) + len(sided), N))])
    size = sp.vstack([sp.hstack([sp.csr_array(s * basis), -sp.eye_array(N)]) for s in (1.0, -1.0)])
    limit = min(LONGEST, SHORTEST + AN_ENTRY * above.shape[0] * above.shape[1])
    program = _solved(
        limit,
        np.append(np.zeros(m), costs),
        A_ub=sp.vstack([above, size]),
        b_ub=np.zeros(above.shape[0] + size.shape[0]),
        A_eq=np.append(total, np.zeros(N))[None, :],
        b_eq=[1.0],
        bounds=np.column_stack([np.append(np.full(m, -np.inf), np.zeros(N)), np.full(m + N, np.inf)]),
        options={"primal_feasibility_tolerance": FEASIBLE, "presolve": presolve},
    )
    return (np.asarray(program.x[:m]) if program.status == 0 else None), program.status == DIFFICULT


def _solved(seconds: float, costs: Array, *, options: dict[str, Any] | None = None, **program: Any) -> Any:
    """A linear program's result, within some seconds of processor time.

    The limit that HiGHS knows is on the wall: on a busy machine it is asked again, with a longer one.
    """
    wall = seconds
    while True:
        began = process_time()
        limits = {"time_limit": wall, **(options or {})}
        result = scipy.optimize.linprog(costs, method="highs", options=limits, **program)
        # 1 is a limit's status
        if result.status != 1 or process_time() - began > seconds / 2:
            return result
        wall *= 4
