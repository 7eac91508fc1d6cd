"""The minimum with an l1 penalty or bounds: a primal-dual interior point method in long double.

|w| is the least t with t - w >= 0 and t + w >= 0; with the bounds these are linear constraints with slacks
s >= 0 and multipliers z >= 0. Where the gradient of the Lagrangian is zero, J is within s'z of its minimum
(Boyd and Vandenberghe 2004, Convex Optimization, section 11.7).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tests.fuzz.exact import Real

__all__ = ["interior"]

ENOUGH = 1e-10  # relative gap at which it ends
STEPS = 200


class Step(NamedTuple):
    """A direction in w, t, slacks and multipliers, and the slope of the merit along it."""

    w: np.ndarray
    t: np.ndarray
    s: np.ndarray
    z: np.ndarray
    slope: float


class State:
    """A point, t (L, d + 1) and the slacks (4, L, d + 1) of t - w, t + w, w - low and high - w.

    Where there is no such constraint, ``mask`` is False and the slack is 1.
    """

    def __init__(self, point, t):
        o, w = point.problem, point.theta
        kinked = (o.l1 > 0) & ~o.idle
        masks = [kinked, kinked, np.isfinite(o.low) & ~o.idle, np.isfinite(o.high) & ~o.idle]
        self.mask = np.repeat(np.stack(masks)[:, None], o.L, axis=1)
        low, high = (np.where(np.isfinite(bound), bound, 0) for bound in (o.low, o.high))
        self.s = np.where(self.mask, np.stack([t - w, t + w, w - low, high - w]), 1)
        self.point, self.t, self.l1 = point, t, np.where(kinked, o.l1, 0)

    def merit(self, mu):
        """J with t for |w|, less mu times the logarithms of the slacks."""
        return self.point.smooth_value + (self.l1 * self.t).sum() - mu * np.log(self.s).sum()

    def moved(self, step, share):
        """The state a share of a step on."""
        new = self.point.problem.at(self.point.theta + share * step.w)
        return State(new, self.t + share * step.t)


def interior(point):
    """A point and its gap, from inside the bounds: slacks times multipliers fall together."""
    o = point.problem
    width = np.where(np.isfinite(o.high - o.low), o.high - o.low, 1)
    inside = np.minimum(0.1, width / 4)
    theta = np.where(o.idle, point.theta, np.clip(point.theta, o.low + inside, o.high - inside))
    state = State(o.at(theta), np.abs(theta) + 0.1)
    count = max(int(state.mask.sum()), 1)
    mu = 0.1 * abs(state.point.value) / count
    z = np.where(state.mask, mu / state.s, 0)
    best, gap = point, Real(np.inf)
    for _ in range(STEPS):
        step = _direction(state, z, mu)
        while -step.slope < mu * max(1, 0.1 * count) and mu > 1e-2 * ENOUGH * abs(state.point.value) / count:
            mu *= 0.1
            step = _direction(state, z, mu)
        if state.point.value <= best.value:
            best = state.point
        if -step.slope < mu:
            gap = state.point.value - best.value + _gap(state, z)
            if gap <= ENOUGH * abs(state.point.value):
                break
        moved = _advance(state, z, mu, step)
        if moved is None or o.late:
            break
        state, z = moved
    return best, gap


def _direction(state, z, mu):
    """Newton's direction for s z = mu, t eliminated."""
    o, (s1, s2, s3, s4), (z1, z2, z3, z4) = state.point.problem, state.s, z
    m = np.where(state.mask, mu / state.s, 0)
    kinked = state.mask[0]
    g = np.where(o.idle, 0, state.point.smooth_gradient + m[0] - m[1] - m[2] + m[3])
    gt = state.l1 - m[0] - m[1]
    tt = np.where(kinked, z1 / s1 + z2 / s2, 1)
    wt = np.where(kinked, z2 / s2 - z1 / s1, 0)
    extra = np.where(kinked, 4 * (z1 / s1) * (z2 / s2) / tt, 0) + z3 / s3 + z4 / s4
    index = np.flatnonzero(np.tile(~o.idle, o.L))
    w = np.zeros(g.size, dtype=Real)
    w[index] = state.point.curvature(extra, index).solve((wt / tt * gt - g).ravel()[index])
    w = w.reshape(g.shape)
    t = np.where(kinked, -(gt + wt * w) / tt, 0)
    s = np.where(state.mask, np.stack([t - w, t + w, w, -w]), 0)
    return Step(
        w, t, s, np.where(state.mask, m - z - z / state.s * s, 0), float((g * w).sum() + (gt * t).sum())
    )


def _advance(state, z, mu, step):
    """State and multipliers after as much of a step as keeps both positive and lowers the merit, or None."""
    share = _furthest(state.s, step.s)
    merit = state.merit(mu)
    for _ in range(60):
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is too far
            new = state.moved(step, share)
            total = new.merit(mu) if (new.s > 0).all() else np.inf
        if np.isfinite(total) and total <= merit + 0.05 * float(share) * step.slope + 1e-18 * abs(merit):
            break
        share /= 2 if share > 1e-3 else 8
    else:
        return None
    z = z + _furthest(np.where(state.mask, z, 1), step.z) * step.z
    central = mu / new.s
    return new, np.where(new.mask, np.clip(z, 1e-8 * central, 1e8 * central), 0)


def _furthest(values, change):
    """The share, at most 1, of a change that leaves a hundredth of each value."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return min(Real(1), np.where(change < 0, -0.99 * values / change, np.inf).min())


def _gap(state, z):
    """J less the Lagrangian's minimum: s'z, and what the gradient of the Lagrangian leaves.

    The multipliers of t - w and t + w are made to sum to the l1 penalty; t is then gone from it.
    """
    from tests.fuzz.oracle import proved_gap

    o, w = state.point.problem, state.point.theta
    z1, z2, z3, z4 = z
    total = np.where(state.mask[0], (z1 + z2), 1)
    z1, z2 = state.l1 * z1 / total, state.l1 * z2 / total
    gap = (2 * np.abs(w) * np.where(w > 0, z2, z1) + z3 * state.s[2] + z4 * state.s[3]).sum()
    slope = np.where(o.idle, 0, state.point.smooth_gradient + z1 - z2 - z3 + z4)
    tt = np.where(state.mask[0], z1 / state.s[0] + z2 / state.s[1], 1)
    extra = np.where(state.mask[0], 4 * (z1 / state.s[0]) * (z2 / state.s[1]) / tt, 0)
    return gap + proved_gap(state.point, extra + z3 / state.s[2] + z4 / state.s[3], slope)
