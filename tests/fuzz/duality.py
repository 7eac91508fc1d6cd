"""The duality gap: a bound on how far a point is from the minimum that supposes nothing of the point."""

from __future__ import annotations

import numpy as np

from tests.fuzz.exact import Real

__all__ = ["duality_gap"]


def duality_gap(point):
    """J - J* is at most this: sum_i s_i KL(q_i, p_i) + sum_j of Fenchel and Young's inequality for w_j.

    q are the dual variables, probabilities: those of the point, corrected by a least squares problem so that
    the slope is zero in what nothing holds, and then drawn to the targets until no slope exceeds its l1
    penalty. Each term is at least 0: none is a difference of large numbers.
    """
    o = point.problem
    R = _corrected(point)
    if R is None:
        return Real(np.inf)
    slope = np.where(o.idle, 0, R.T @ o.A)
    lasso = (o.l1 > 0) & (o.l2 == 0) & ~o.idle
    with np.errstate(divide="ignore", invalid="ignore"):
        share = min(Real(1), np.where(lasso, o.l1 / np.abs(slope), np.inf).min())
    share = share if share == 1 else share * (1 - Real(1e-18))
    return _divergence(point, share * R) + _young(o, point.theta, share * slope)


def _corrected(point):
    """Residuals s (q - y) (n, L) whose slope is zero (to rounding) where nothing holds a coefficient."""
    o, R, w = point.problem, point.residuals, point.theta
    slope = R.T @ o.A
    free = (o.l1 == 0) & (o.l2 == 0) & ~o.idle & ~(np.isfinite(o.low) & np.isfinite(o.high))
    right = (np.isfinite(o.low) & (slope >= 0)) | (np.isfinite(o.high) & (slope <= 0))
    index = np.flatnonzero((free & ~right).ravel())
    for _ in range(2):
        if not index.size:
            break
        factor = point.curvature(index=index)
        u = np.zeros(w.size, dtype=Real)
        u[index] = factor.solve((R.T @ o.A).ravel()[index])
        change = o.A @ u.reshape(w.shape).T
        if o.L > 1:
            change = change - (point.P * change).sum(axis=1, keepdims=True)
        weight = point.P if o.L > 1 else point.P[:, :1] * point.P[:, 1:]
        R = R - o.s[:, None] * weight * change
    left = np.abs((R.T @ o.A).ravel()[index])
    return R if (left <= 8 * point.noise.ravel()[index]).all() else None


def _divergence(point, R):
    """Sum of s KL(q, p) for residuals R = s (q - y), or inf where q are no probabilities."""
    o = point.problem
    R = np.column_stack([-R, R]) if o.L == 1 else R
    Q, log_p = o.Y + R / o.s[:, None], point.log_P
    if not (Q >= -1e-18).all():
        return Real(np.inf)
    Q = np.maximum(Q, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(Q > 0, Q * (np.log(Q) - log_p) - Q + point.P, point.P)
    return (o.s * np.maximum(terms.sum(axis=1), 0)).sum()


def _young(o, w, slope):
    """Sum over coordinates of pen(w) + w slope less its minimum within the bounds."""
    pull = np.where(o.idle, 0, -np.sign(slope) * np.maximum(np.abs(slope) - o.l1, 0))
    with np.errstate(divide="ignore", invalid="ignore"):
        v = np.where(pull == 0, 0, pull / o.l2)
    v = np.clip(v, o.low, o.high)
    gone = ~np.isfinite(v)  # a slope in what nothing holds: rounding, the correction saw to it
    v = np.where(gone, w, v)
    # l2 / 2 (w - v)^2 and the rest, which is 0 where both are on the same side of the kink
    rest = o.l1 * (np.abs(w) - np.abs(v)) + (w - v) * (slope + o.l2 * v)
    terms = np.where(o.idle, 0, o.l2 / 2 * (w - v) ** 2 + np.maximum(rest, 0))
    return terms.sum()
