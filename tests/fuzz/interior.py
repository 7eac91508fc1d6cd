"""The minimum with an l1 penalty or bounds: Newton's method on smooth functions that approach J.

l1 |w| becomes min over t of l1 t - mu (log(t - w) + log(t + w)), and a bound a logarithm: at the minimum of
that, J is within mu times the number of logarithms of its minimum, by Lagrangian duality (Boyd and
Vandenberghe 2004, Convex Optimization, section 11.2).
"""

from __future__ import annotations

import numpy as np

from tests.fuzz.exact import Real

__all__ = ["interior"]

ENOUGH = 1e-12  # relative gap at which it ends


class Barrier:
    """Value, gradient and curvature (L, d + 1) of what stands for the penalty's kinks and the bounds."""

    def __init__(self, problem, theta, mu):
        w, l1 = theta, problem.l1
        a = mu / np.where(l1 > 0, l1, 1)
        r = np.hypot(a, w)
        t = a + r
        kinked = l1 > 0
        value = np.where(kinked, l1 * t - mu * np.log(t * 2 * a), 0).sum()
        self.gradient = np.where(kinked, l1 * w / t, 0)
        self.curvature = np.where(kinked, l1 * a / (r * t), 0)
        for bound, sign in ((problem.low, 1), (problem.high, -1)):
            held = np.isfinite(bound) & (problem.low < problem.high)
            room = np.where(held, sign * (w - np.where(held, bound, 0)), 1)
            with np.errstate(invalid="ignore", divide="ignore"):
                value -= (mu * np.log(room)).sum()
            self.gradient = self.gradient - np.where(held, sign * mu / room, 0)
            self.curvature = self.curvature + np.where(held, mu / room**2, 0)
        self.value = value


def interior(point):
    """A point and its gap: the path of minima as mu falls, from inside the bounds."""
    o = point.problem
    fixed = o.low >= o.high
    o.idle = o.idle | fixed
    width = np.where(np.isinf(o.high - o.low), 1, o.high - o.low)
    inside = np.minimum(0.1, width / 4)
    theta = np.where(fixed, o.low, np.clip(point.theta, o.low + inside, o.high - inside))
    movable = ~o.idle
    count = o.L * (2 * ((o.l1 > 0) & movable).sum() + sum((np.isfinite(b) & movable).sum() for b in (o.low, o.high)))
    point = o.at(theta)
    mu = 0.1 * abs(point.value) / max(count, 1)
    for _ in range(60):
        point, decrement, gap = _centre(point, mu)
        if count * mu + gap <= ENOUGH * abs(point.value) or not np.isfinite(decrement):
            break
        mu *= 0.1
    return point, count * mu + gap


def _centre(point, mu, steps=40):
    """Minimum for one mu; half its squared decrement, and a bound on what is left."""
    from tests.fuzz.oracle import proved_gap

    o = point.problem
    index = np.flatnonzero(np.tile(~o.idle, o.L))
    barrier = Barrier(o, point.theta, mu)
    decrement = np.inf
    for _ in range(steps):
        g = np.where(o.idle, 0, point.smooth_gradient + barrier.gradient)
        step = np.zeros(g.size, dtype=Real)
        step[index] = -point.curvature(barrier.curvature, index).solve(g.ravel()[index])
        decrement = -0.5 * float(step @ g.ravel())
        if not decrement > 1e-6 * mu:
            break
        new = _descend(point, barrier, step.reshape(g.shape), mu, decrement)
        if new is None:
            break
        point, barrier = new
    g = np.where(o.idle, 0, point.smooth_gradient + barrier.gradient)
    if decrement > 0.01 * mu:
        return point, decrement, Real(np.inf)
    return point, decrement, 1.5 * proved_gap(point, barrier.curvature, g)


def _descend(point, barrier, step, mu, decrement):
    o, t = point.problem, Real(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        room = np.where(step > 0, (o.high - point.theta) / step, np.where(step < 0, (o.low - point.theta) / step, np.inf))
    room = np.where(o.idle, np.inf, room)
    t = min(t, 0.99 * room.min())
    value = point.smooth_value + barrier.value
    for _ in range(60):
        new = o.at(point.theta + t * step)
        about = Barrier(o, new.theta, mu)
        total = new.smooth_value + about.value
        if np.isfinite(total) and total <= value - 0.1 * float(t) * decrement + 1e-18 * abs(value):
            return new, about
        t /= 2 if t > 1e-3 else 8
    return None
