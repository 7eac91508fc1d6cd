"""The minimum, found and proved without the package: Newton's method in long double.

`optimum` returns the lowest value found and, where one could be proved, a bound that the minimum cannot be
below. A lower value needs no proof to convict a fit; only a proof acquits one.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tests.fuzz.duality import duality_gap
from tests.fuzz.exact import Real
from tests.fuzz.interior import interior

__all__ = ["Optimum", "newton", "optimum", "proved_gap"]

STEPS = 150
HUGE_PROBLEM = 200_000  # rows times coefficients beyond which some proofs are not tried
DEAD = 1e-11  # of J, the loss of all classes of all rows that a bound may leave out


class Optimum(NamedTuple):
    """Lowest value found and where; ``gap`` is proved: the minimum is no lower than value - gap (or inf)."""

    value: Any
    coef: Any
    intercept: Any
    gap: Any

    @property
    def proved(self):
        """Whether the value is within a relative 1e-8 of the minimum, for certain."""
        return bool(self.gap <= 1e-8 * abs(self.value))


@np.errstate(all="ignore")  # a proof from a point on its bounds may fail: it then proves nothing
def optimum(problem, starts, enough=1e-9):
    """The optimum of an `Exact` problem, from the first of the starts (coef, intercept) that proves it.

    A start whose duality gap is at most ``enough`` of J is taken as it is.
    """
    value, bound, theta = np.inf, -np.inf, None
    for start in starts:
        first = problem.at(problem.from_original(*start))
        if theta is None:
            value, theta = first.value, first.theta
            bound = value - duality_gap(first)
            if value - bound <= enough * abs(value):
                break
        point, gap = _minimum(first)
        if point.value < value:
            value, theta = point.value, point.theta
        bound = max(bound, point.value - gap)
        if not value - bound <= enough * abs(value):
            bound = max(bound, point.value - duality_gap(point))
        if not value - bound <= enough * abs(value) and point.theta.size * len(problem.A) < HUGE_PROBLEM:
            bound = max(bound, _bound_without_the_certain(point))
        if value - bound <= enough * abs(value) or problem.late:
            break
    # in the units of X: beside an outlying row, centred columns are rounded in long double, too
    coef, intercept = problem.to_original(theta)
    value = problem.value(coef, intercept)
    return Optimum(value, coef, intercept, value - bound)


def _minimum(point):
    """The point where the method ends, and how far it is proved to be from the minimum."""
    o = point.problem
    if not o.l1.any() and np.isinf(o.low).all() and np.isinf(o.high).all():
        point = newton(point)
        return point, proved_gap(point)
    return interior(point)


def _bound_without_the_certain(point):
    """Lower bound of the minimum from fewer classes a row: those that are all but impossible are left out.

    A row far away, right and certain, has next to no loss and next to no curvature: what could happen to it
    is what no bound knows, and leaving it out costs its loss alone.
    """
    o, bound = point.problem, -np.inf
    for share in (1e-3, 1.0):
        loss = o.s[:, None] * point.P
        dead = (loss * loss.size < share * DEAD * abs(point.value)) & (o.Y == 0)
        if dead.any():
            lower, gap = _minimum(o.without(dead).at(point.theta))
            bound = max(bound, lower.value - gap)
    return bound


def newton(point):
    """Newton steps with a line search until the decrement is nothing or no step descends (smooth J)."""
    stuck = 0
    for _ in range(STEPS):
        g = np.where(point.problem.idle, 0, point.gradient)
        index = np.flatnonzero(np.tile(~point.problem.idle, point.problem.L))
        if not index.size:
            return point
        step = np.zeros(g.size, dtype=Real)
        step[index] = -point.curvature(index=index).solve(g.ravel()[index])
        decrement = -0.5 * float(step @ g.ravel())
        if not decrement > 1e-20 * abs(point.value):
            return point
        new = _descend(point, step.reshape(g.shape), -2 * decrement)
        if new is None:
            return point
        small = not new.value < point.value - 1e-16 * abs(point.value)
        stuck = stuck + 1 if small else 0
        point = new
        if stuck > 3 or point.problem.late:
            return point
    return point


def _descend(point, step, slope):
    """The point along a step that is lower, or None."""
    t, slack = Real(1), 4e-19 * abs(point.value) * np.sqrt(len(point.problem.A))
    for _ in range(60):
        new = point.problem.at(point.theta + t * step)
        if np.isfinite(new.value) and new.value <= point.value + 0.05 * float(t) * slope + slack:
            return new
        t /= 2 if t > 1e-3 else 8
    return None


def proved_gap(point, extra=0, slope=None):
    """How far below the point's value the minimum can be, or inf: the self-concordance of the loss.

    With p the gradient, H the Hessian, l^2 = p' H^-1 p and R the largest norm in H^-1 of what maps theta to a
    difference of two logits of a row: if l R <= m phi(m), phi(m) = (exp(-m) + m - 1) / m^2, then J - J* <=
    l^2 / (4 phi(m)) (Bach 2010, Electron. J. Stat. 4).
    """
    o = point.problem
    p = (point.pull if slope is None else slope).ravel()
    index = np.flatnonzero(np.tile(~o.idle, o.L))
    if not index.size or not len(o.A):
        return Real(0)
    factor = point.curvature(extra, index)
    if not factor.sound:
        return Real(np.inf)
    dropped = np.setdiff1d(index, index[factor.kept])
    if (np.abs(p) > 4 * point.noise.ravel())[dropped].any():
        return Real(np.inf)  # where the Hessian is flat, J is not
    decrement = np.sqrt((factor.whitened(p[index]) ** 2).sum())
    if len(o.A) * o.K**2 * len(index) ** 2 > 5e10:
        return Real(np.inf)
    reach = decrement * _radius(o, factor, index)
    for m in 2.0 ** np.arange(-40, 6):
        if reach <= (np.expm1(-m) + m) / m:
            return decrement**2 * m**2 / (4 * (np.expm1(-m) + m))
    return Real(np.inf)


def _radius(o, factor, index):
    """Largest norm in H^-1 of the difference of two logits that a row knows."""
    radius = Real(0)
    for k in range(o.L):
        for l in range(k + 1, o.K):
            known = o.live[:, k] & o.live[:, l]
            rows = np.zeros((int(known.sum()), o.L, o.A.shape[1]), dtype=Real)
            rows[:, k] = o.A[known]
            if o.L > 1:
                rows[:, l] = -o.A[known]
            if len(rows):
                whitened = factor.whitened(rows.reshape(len(rows), -1)[:, index].T)
                radius = max(radius, np.sqrt((whitened**2).sum(axis=0)).max())
    return radius
