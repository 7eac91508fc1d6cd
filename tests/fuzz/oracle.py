"""The minimum, found and proved without the package: Newton's method in long double on an active set.

`optimum` returns the lowest value found and, where one could be proved, a bound that the minimum cannot be
below. A lower value needs no proof to convict a fit; only a proof acquits one.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tests.fuzz.algebra import Factor
from tests.fuzz.exact import Real

__all__ = ["Optimum", "optimum"]

STEPS = 150
ENOUGH = 1e-13  # relative decrement at which a point is the minimum


class Optimum(NamedTuple):
    """Lowest value found and where; ``gap`` is proved: the minimum is no lower than value - gap (or inf)."""

    value: Any
    coef: Any
    intercept: Any
    gap: Any

    @property
    def proved(self):
        """Whether the value is within a relative 1e-9 of the minimum, for certain."""
        return bool(self.gap <= 1e-9 * abs(self.value))


def optimum(problem, starts):
    """The optimum of an `Exact` problem, from the first of the starts (coef, intercept) that proves it."""
    best = None
    for coef, intercept in starts:
        point = newton(problem.at(problem.from_original(coef, intercept)))
        w, b = problem.to_original(point.theta)
        found = Optimum(point.value, w, b, proved_gap(point))
        best = (
            found
            if best is None
            or found.value - found.gap > best.value - best.gap
            or (np.isinf(best.gap) and found.value < best.value)
            else best
        )
        if best.proved:
            break
    return best


def newton(point):
    """Newton steps with a line search until the decrement is nothing or no step descends."""
    for _ in range(STEPS):
        target, decrement = _model_minimum(point)
        if decrement <= ENOUGH * abs(point.value) * 1e-6:
            return point
        new = _descend(point, target)
        if new is None:
            return point
        if decrement <= ENOUGH * abs(point.value) and not new.value < point.value:
            return new if np.abs(new.pull).max() < np.abs(point.pull).max() else point
        point = new
    return point


def _model_minimum(point):
    """Minimum of the quadratic model on an active set, and half its squared decrement.

    Coordinates that would cross zero (with an l1 term) or leave their bounds stop there, and those left are
    solved for again.
    """
    o, w, p = point.problem, point.theta.ravel(), point.pull.ravel()
    size = o.L
    l1, low, high = (np.tile(v, size) for v in (o.l1, o.low, o.high))
    noise = point.noise.ravel()
    least = np.where((l1 > 0) & ((w > 0) | ((w == 0) & (p < 0))), np.maximum(low, 0), low)
    most = np.where((l1 > 0) & ((w < 0) | ((w == 0) & (p > 0))), np.minimum(high, 0), high)
    free = ((w > least) & (w < most)) | (np.abs(p) > noise)
    free &= ~np.tile(o.idle, size)
    if not free.any():
        return point.theta, 0.0
    B = point.curvature_rows()
    step, first = np.zeros_like(w), None
    gradient = p.copy()
    for _ in range(60):
        index = np.flatnonzero(free)
        part = -Factor(B[:, index]).solve(gradient[index])
        if first is None:
            first = -0.5 * float(part @ gradient[index])
        goal = w[index] + step[index] + part
        out = (goal < least[index]) | (goal > most[index])
        if not out.any():
            step[index] += part
            break
        stopped = index[out]
        move = np.clip(goal[out], least[stopped], most[stopped]) - (w + step)[stopped]
        step[stopped] += move
        gradient = p + B.T @ (B @ step)
        free[stopped] = False
        if not free.any():
            break
    return (w + step).reshape(point.theta.shape), first


def _descend(point, target):
    """The point along the way to the target that is lower, or None."""
    o = point.problem
    D = target - point.theta
    slope = float((point.gradient * D).sum() + (o.l1 * (np.abs(target) - np.abs(point.theta))).sum())
    t, slack = Real(1), 4e-19 * abs(point.value) * np.sqrt(len(o.A))
    for _ in range(60):
        trial = np.clip(point.theta + t * D, o.low, o.high) if t < 1 else np.clip(target, o.low, o.high)
        new = o.at(trial)
        if np.isfinite(new.value) and new.value <= point.value + 0.05 * float(t) * min(slope, 0.0) + slack:
            return new
        t /= 2 if t > 1e-3 else 8
    return None


def proved_gap(point):
    """How far below the point's value the minimum can be, or inf: the self-concordance of the loss.

    With p the least-norm subgradient, H the Hessian, l^2 = p' H^-1 p and R the largest norm in H^-1 of what
    maps theta to a difference of two logits of a row: if l R <= m phi(m), phi(m) = (exp(-m) + m - 1) / m^2,
    then J - J* <= l^2 / (4 phi(m)) (Bach 2010, Electron. J. Stat. 4).
    """
    o, p = point.problem, point.pull.ravel()
    index = np.flatnonzero(np.tile(~o.idle, o.L))
    if not index.size:
        return Real(0)
    factor = Factor(point.curvature_rows()[:, index])
    if not factor.full and not _indifferent(point, np.setdiff1d(index, index[factor.kept])):
        return _gap_by_size(point)
    decrement = np.sqrt((factor.whitened(p[index]) ** 2).sum())
    radius = 0
    for k in range(o.L):
        rows = np.zeros((len(o.A), o.L, o.A.shape[1]), dtype=Real)
        rows[:, k] = o.A
        rows = rows.reshape(len(o.A), -1)[:, index]
        radius = max(radius, np.sqrt((factor.whitened(rows.T) ** 2).sum(axis=0)).max())
    reach = decrement * radius * (1 if o.L == 1 else 2)
    for m in 2.0 ** np.arange(-40, 6):
        if reach <= (np.expm1(-m) + m) / m:
            return decrement**2 * m**2 / (4 * (np.expm1(-m) + m))
    return _gap_by_size(point)


def _indifferent(point, dropped):
    """Whether J is flat where the Hessian is: nothing but the loss and a ridge, and no slope is left."""
    o = point.problem
    smooth = not o.l1.any() and np.isinf(o.low).all() and np.isinf(o.high).all()
    return smooth and (np.abs(point.pull) <= 4 * point.noise).ravel()[dropped].all()


def _gap_by_size(point):
    """J - J* <= sum |p_j| |v_j - w_j|, where the penalty or bounds say how large the minimiser v can be.

    For a coordinate that nothing holds, ten times its size and one unit of spread is taken for granted.
    """
    o, J = point.problem, point.value
    with np.errstate(divide="ignore", over="ignore"):
        most = np.minimum(J / o.l1, np.sqrt(2 * J / o.l2))
        most = np.minimum(most, np.maximum(np.abs(o.low), np.abs(o.high)))
    most = np.where(np.isfinite(most), most, 10 * (1 + np.abs(point.theta)))
    return (np.abs(point.pull) * (np.abs(point.theta) + most)).sum()
