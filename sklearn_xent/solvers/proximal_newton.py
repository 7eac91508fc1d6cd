"""Newton's method for a penalty with an l1 part: a quadratic model of the loss, the penalty as it is."""

from __future__ import annotations

import numpy as np
import scipy.linalg

from sklearn_xent.arrays import Array
from sklearn_xent.problem.objective import Objective, Point
from sklearn_xent.solvers.curvature import hessian_at, refuse_beyond_memory
from sklearn_xent.solvers.solve import Visit

__all__ = ["proximal_newton", "quadratic_lasso"]


def proximal_newton(objective: Objective, start: Array, visit: Visit) -> None:
    """Minimise model + penalty, then search along the line to its minimiser.

    Lee, Sun and Saunders (2014), SIAM J. Optim. 24(3), algorithm 1.
    """
    refuse_beyond_memory(start.size, "proximal-newton")
    point = objective.at(start)
    l1 = np.broadcast_to(objective.penalty.l1, start.shape).ravel()
    while True:
        visit(point)
        H = hessian_at(point)
        # a ridge at rounding level: duplicated columns leave H singular, and any minimiser will do
        H[np.diag_indices_from(H)] += 1e-13 * np.diag(H).max()
        w = point.coefficients.ravel()
        target = quadratic_lasso(H, point.gradient.ravel() - H @ w, l1, w)
        new = _backtrack(point, (target - w).reshape(start.shape))
        if new is None:
            return
        point = new


def _backtrack(point: Point, direction: Array) -> Point | None:
    """Armijo on F with the decrease that the model and the penalty promise (ibid., eq. 2.21)."""
    penalty, W = point.objective.penalty, point.coefficients
    promised = float((point.gradient * direction).sum())
    promised += penalty.absolute(W + direction) - penalty.absolute(W)
    if not promised < 0:
        return None
    line, t = point.line(direction), 1.0
    noise = 8 * np.finfo(float).eps * abs(point.value)
    while t > 1e-12:
        value, _ = line.evaluate(t)
        if value <= point.value + 1e-4 * t * promised + noise:
            new = line.point(t)
            if t == 1.0 and abs(promised) < noise:
                # below rounding the value cannot judge: the least-norm subgradient must
                better = np.linalg.norm(new.stationarity) < 0.5 * np.linalg.norm(point.stationarity)
                return new if better else None
            return new
        t /= 2
    return None


def quadratic_lasso(H: Array, q: Array, l1: Array, w: Array) -> Array:
    """Minimise w' H w / 2 + q' w + sum l1 |w| from w by guessing signs and solving for them.

    Lee, Battle, Raina and Ng (2006), NIPS 19, feature-sign search: solve on the coordinates that are not
    zero with their signs fixed, going no further than the best crossing of zero; once they are
    stationary, wake the zeros that are not. The objective falls strictly and the signs are finitely
    many, so it ends.
    """
    size = np.abs(H)
    for _ in range(20 * len(w) + 100):
        r = H @ w + q
        noise = 1e-14 * (size @ np.abs(w) + np.abs(q) + l1)
        pull = np.where(w == 0, np.sign(r) * np.maximum(np.abs(r) - l1, 0), r + l1 * np.sign(w))
        pull = np.where(np.abs(pull) > noise, pull, 0.0)
        awake = (w != 0) | (l1 == 0)
        if pull[awake].any():
            A, signs = np.flatnonzero(awake), np.sign(w[awake])
            goal = _solve_signed(H, q, l1, A, signs)
        elif pull.any():
            A, goal = _wake(H, q, l1, w, pull)
        else:
            return w
        new = _best_crossing(H, q, l1, w, A, goal)
        if new is None:
            return w
        w = new
    return w


def _solve_signed(H: Array, q: Array, l1: Array, A: Array, signs: Array) -> Array:
    """Minimiser on the coordinates A were their signs never to change."""
    target = -(q[A] + l1[A] * signs)
    return np.asarray(scipy.linalg.solve(H[np.ix_(A, A)], target, assume_a="pos"))


def _wake(H: Array, q: Array, l1: Array, w: Array, pull: Array) -> tuple[Array, Array]:
    """Add the zeros that are pulled away, less those that would then move against their pull.

    The one pulled hardest for its curvature can always move if it is alone, so the set never runs out.
    """
    signs = np.where(w != 0, np.sign(w), -np.sign(pull))
    hardest = int(np.argmax(np.abs(pull) / np.sqrt(np.diag(H))))
    alone = (w != 0) | (l1 == 0)
    alone[hardest] = True
    members = (signs != 0) | alone
    while True:
        A = np.flatnonzero(members)
        goal = _solve_signed(H, q, l1, A, signs[A])
        wrong = A[(w[A] == 0) & (l1[A] > 0) & (goal * signs[A] <= 0)]
        if not wrong.size or np.array_equal(members, alone):
            return A, goal
        if np.array_equal(wrong, [hardest]):
            members = alone
        else:
            members[wrong[wrong != hardest]] = False


def _best_crossing(H: Array, q: Array, l1: Array, w: Array, A: Array, goal: Array) -> Array | None:
    """Lowest point of the segment from w to goal among its end and its crossings of zero."""
    d = np.zeros_like(w)
    d[A] = goal - w[A]
    Hd, Hw = H @ d, H @ w
    with np.errstate(divide="ignore", invalid="ignore"):
        t = -w[A] / d[A]
    crossings = (t > 0) & (t < 1) & (l1[A] > 0)
    lengths = np.append(np.unique(t[crossings]), 1.0)
    slope, bend = float((Hw + q) @ d), float(d @ Hd)
    # change of the objective along the segment, penalty included
    W = w[A] + lengths[:, None] * d[A]
    penalty = (np.abs(W) - np.abs(w[A])) @ l1[A]
    change = lengths * slope + 0.5 * lengths**2 * bend + penalty
    best = int(np.argmin(change))
    if not change[best] < 0:
        return None
    new = w.copy()
    new[A] = W[best]
    new[A[crossings & (t == lengths[best])]] = 0.0
    return new
