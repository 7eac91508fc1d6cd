"""Every row's loss by a model that has not seen it, from one fit, and how far each may be off.

Without row i the optimum is one Newton step away; the step needs only the row's leverage. Rad and Maleki
(2020), "A scalable estimate of the out-of-sample prediction error via approximate leave-one-out
cross-validation", J. R. Stat. Soc. B 82(4); with l1, on the coefficients that are not zero.

Where the step is valid follows from self-concordance (Bach 2010, Electron. J. Stat. 4): if it moves the other
rows' logits by no more than m, their curvature changes by no more than a factor exp(m), and the step that
would follow is at most psi(m) = (exp(m) - 1 - m) / m of it. Where that is too much for the mean loss, more
steps are taken, see `Deletion`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.factor import inverse_root
from sklearn_xent.problem import left_out
from sklearn_xent.problem.point import Point
from sklearn_xent.solvers.deletion import Deletion
from sklearn_xent.solvers.hessian import DENSE_LIMIT, hessian_among
from sklearn_xent.solvers.optimality_gap import CERTIFIED_LIMIT
from sklearn_xent.solvers.proximal_deletion import ProximalDeletion
from sklearn_xent.solvers.proximal_newton import EVERYTHING
from sklearn_xent.solvers.row_space import RowSpace, suits_row_space
from sklearn_xent.solvers.without_row import Scored

__all__ = ["LeftOut", "TooManyCoefficients", "leave_one_out"]

ALL_PAIRS = 200_000  # logits of all rows under all models that leave one out: then more steps are cheap
LARGEST_MATRIX = 20_000_000  # entries of the design matrix of all rows that more steps may take
AT_ONCE = 500_000  # logits of all rows under the models whose steps are taken together
ALIKE = 4.0  # ratio of the largest squared reach to the median, up to which no row is far out
ENOUGH_KNOWN = 10  # errors that tell how large those of smaller bounds are
NEAR = 0.5  # of its penalty: the slope at which a coefficient that is zero may wake without a row
# Error of the mean loss that is let pass: this part of it, or so many nats; and the share of it that rows
# with a single step may have.
TOLERANCE, TOLERANCE_NATS, SINGLE = 0.01, 4e-4, 0.8


class TooManyCoefficients(ValueError):
    """Leave-one-out would need a Hessian that is too large."""


class LeftOut(NamedTuple):
    """Loss (n,) in nats of each row under the optimum without it, and an error bound; inf is unknown.

    ``doubtful`` are the rows whose errors are too large for the mean of the losses, the largest first.
    """

    losses: Array
    errors: Array
    doubtful: Array


def leave_one_out(point: Point, memory: dict[str, Any], scored: Scored) -> LeftOut:
    """Losses without each row, approximately. ``memory`` is that of the path the point is from.

    Raises
    ------
    ValueError
        If too many coefficients are free to move.
    """
    if point.coefficients.size > DENSE_LIMIT and suits_row_space(point.objective):
        point = RowSpace(point.objective, np.float64, memory).seen_from_rows(point)
    few = point.coefficients.shape[0] * point.objective.rows.n_rows**2 <= ALL_PAIRS
    active = _active(point, near=few)
    n_active = int(np.count_nonzero(active))
    if n_active > CERTIFIED_LIMIT:
        raise TooManyCoefficients(
            f"cv=None, approximate leave-one-out, needs the Hessian of {n_active} coefficients; the limit is "
            f"{CERTIFIED_LIMIT}"
        )
    point, active = _narrowed(point, active)
    H = hessian_among(point, active)
    root = inverse_root(H)
    losses, errors, reach = _one_step(point, active, root, scored)
    doubtful = _doubtful(losses, errors, scored.weights, SINGLE)
    rows = np.flatnonzero(scored.weights > 0) if few else doubtful
    if len(rows) and point.objective.rows.n_rows * active.shape[1] <= LARGEST_MATRIX:
        kind = Deletion if point.objective.penalty.smooth else ProximalDeletion
        deletion = kind(point, active, H, root, reach, scored)
        width = max(1, AT_ONCE // (len(active) * len(reach)))
        for start in range(0, len(rows), width):
            some, rest = rows[start : start + width], rows[start + width :]
            single, bounds = losses[some], errors[some]
            losses[some], errors[some] = deletion.without(some)
            if not few and len(rest):
                errors[rest] *= _kept(np.abs(losses[some] - single), bounds, errors[some])
                if not len(_doubtful(losses, errors, scored.weights, SINGLE)):
                    break
        doubtful = _doubtful(losses, errors, scored.weights, 1.0)
    return LeftOut(losses, errors, doubtful)


def _kept(wrong: Array, bounds: Array, errors: Array) -> float:
    """Which part of their bounds errors of single steps may be: twice that of those that have turned out.

    A bound supposes that all other rows lie where the step moves them furthest.
    """
    known = np.isfinite(bounds) & np.isfinite(errors) & (bounds > 0)
    if np.count_nonzero(known) < ENOUGH_KNOWN:
        return 1.0
    return min(1.0, 2 * float(((wrong + errors)[known] / bounds[known]).max()))


def _doubtful(losses: Array, errors: Array, weights: Array, part: float) -> Array:
    """The rows, the largest first, without which the errors are within a ``part`` of what is let pass."""
    total = float(weights.sum()) or 1.0
    with np.errstate(invalid="ignore"):
        mean, error = float(weights @ losses) / total, float(weights @ errors) / total
        if error <= part * max(TOLERANCE * (mean - error), TOLERANCE_NATS):
            return np.empty(0, dtype=np.intp)
        share = weights / total
        wrong = np.where(share > 0, share * errors, 0.0)
        least = float(share @ np.where(errors < losses, losses - errors, 0.0))
    order = np.argsort(wrong, kind="stable")
    few = np.cumsum(wrong[order]) <= part * max(TOLERANCE * least, TOLERANCE_NATS)
    return np.asarray(order[np.count_nonzero(few) :][::-1])


def _active(point: Point, *, near: bool) -> Array:
    """Mask (K, d + 1) of the coefficients that can move or, without one row, may come near to it."""
    penalty = point.objective.penalty
    active = penalty.movable(point.coefficients)
    if near and not penalty.smooth:
        fraction = NEAR if active.size > EVERYTHING else 0.0
        active |= np.abs(point.loss_gradient) >= fraction * penalty.kinks
    return np.asarray(active)


def _narrowed(point: Point, active: Array) -> tuple[Point, Array]:
    """The point and the mask without the columns of X in which no coefficient is active."""
    columns = active[:, :-1].any(axis=0)
    if columns.all():
        return point, active
    chosen = np.append(columns, True)
    objective = point.objective.columns(np.flatnonzero(columns))
    return objective.at(point.coefficients[:, chosen]), active[:, chosen]


def _one_step(point: Point, active: Array, root: Array, scored: Scored) -> tuple[Array, Array, Array]:
    """Losses (n,) after one Newton step each, their error bounds, and the squared reach of every row."""
    o = point.objective
    _, (parts,) = o.rows.sweep(
        left_out.leave_one_out,
        point.logits,
        point.expansion,
        o.rows.split(scored.targets),
        o.loss,
        o.design,
        active,
        root,
        scored.shift,
    )
    losses, change, length, reach = np.concatenate(parts.flat(), axis=1)
    with np.errstate(all="ignore"):
        length *= _furthest(point, scored.weights, reach)
        psi = np.expm1(length)
        psi -= length
        psi /= np.maximum(length, np.finfo(float).tiny, out=length)
        errors = np.multiply(change, psi, out=change)
        if not (psi.max() < 1 and np.isfinite(errors.sum() + losses.sum())):
            errors[~((psi < 1) & np.isfinite(errors) & np.isfinite(losses))] = np.inf
            losses[~np.isfinite(losses)] = 0.0
    return losses, errors, reach


def _furthest(point: Point, weights: Array, reach: Array) -> float:
    """How far a step of length 1 in H moves the logits of any row, at most; reach (n,) is squared.

    The largest reach is a bound. Where all rows have about the same, a step has the direction of no row but
    its own: its mean square over the rows is known, and 3 times the root will do.
    """
    if not weights.all():
        reach = np.where(weights > 0, reach, 0.0)
    largest = float(reach.max())
    if largest > ALIKE * float(np.median(reach)):
        return float(np.sqrt(largest))
    mean = point.mean_curvature()
    curvature = float(mean.sum()) / (1 if len(mean) == 1 else 2)
    return float(np.sqrt(min(largest, 9 / curvature)))
