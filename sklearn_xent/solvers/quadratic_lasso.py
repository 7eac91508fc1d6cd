"""The subproblem of proximal Newton: a quadratic, an l1 penalty and bounds."""

from __future__ import annotations

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.problem.penalties import pull
from sklearn_xent.solvers.faces import FaceSolver

__all__ = ["quadratic_lasso"]

REFRESHED = 10  # iterations after which slopes are computed anew
# Crossings of zero and bounds on the way to a goal from which points between are tried, too: far fewer steps
# are taken than from one to the next. More and Toraldo (1991), SIAM J. Optim. 1(1).
MANY = 10


def quadratic_lasso(
    H: Array,
    q: Array,
    l1: Array,
    w: Array,
    lower: Array | None = None,
    upper: Array | None = None,
    *,
    tol: float = 0.0,
    faces: FaceSolver | None = None,
) -> Array:
    """Minimise w' H w / 2 + q' w + sum l1 |w| within bounds, from a feasible w.

    With ``tol`` it stops once the slopes are that fraction of those at the start. The ``faces`` are those of
    H, and count what their factors and products took.

    Lee, Battle, Raina and Ng (2006), NIPS 19, feature-sign search, with bounds treated as zeros are: solve
    on the coordinates that can move, with their signs fixed; go to the best point on the way there, or to
    its projection; once those are stationary, wake the others that are not. The objective falls strictly
    and the faces are finitely many, so it ends.
    """
    lower = np.full_like(q, -np.inf) if lower is None else lower
    upper = np.full_like(q, np.inf) if upper is None else upper
    size, goal, faces, exact = np.abs(H), 0.0, faces or FaceSolver(H), True
    for i in range(3 * len(w) + 100):  # what is beyond only follows rounding
        if exact := exact or i % REFRESHED == 0:
            r = H @ w + q
            noise = 1e-14 * (size @ np.abs(w) + np.abs(q) + l1)
        slope = pull(w, r, l1, lower, upper)
        slope[np.abs(slope) <= noise] = 0.0
        steepness = float(np.linalg.norm(slope))
        goal = goal or tol * steepness
        new = None
        if steepness > goal:
            awake = ((w != 0) | (l1 == 0)) & (w > lower) & (w < upper)
            if slope[awake].any():
                A = np.flatnonzero(awake)
                target = _solve_signed(faces, r, l1, w, A, np.sign(w))
            else:
                A, target = _wake(np.diag(H), faces, r, l1, w, slope, awake)
            new, change = _best_on_the_way(faces, r, l1, w, A, target, lower, upper)
        if new is not None:
            w, r, exact = new, r + change, False
        elif exact:
            return w
        else:
            exact = True
    return w


def _solve_signed(faces: FaceSolver, r: Array, l1: Array, w: Array, A: Array, signs: Array) -> Array:
    """Minimiser on the coordinates A were the signs never to change; r = H w + q."""
    target = -(r[A] + l1[A] * signs[A])
    return np.asarray(w[A] + faces.solve(A, target))


def _wake(
    diagonal: Array, faces: FaceSolver, r: Array, l1: Array, w: Array, slope: Array, awake: Array
) -> tuple[Array, Array]:
    """Add the coordinates that are pulled away, less those that would then move against their pull.

    The one pulled hardest for its curvature can always move if it is alone, so the set never runs out.
    """
    way = -np.sign(slope)
    signs = np.where(w != 0, np.sign(w), way)
    hardest = int(np.argmax(np.abs(slope) / np.sqrt(diagonal)))
    alone = awake.copy()
    alone[hardest] = True
    members = awake | (slope != 0)
    while True:
        A = np.flatnonzero(members)
        goal = _solve_signed(faces, r, l1, w, A, signs)
        wrong = A[~awake[A] & ((goal - w[A]) * way[A] <= 0)]
        if not wrong.size or np.array_equal(members, alone):
            return A, goal
        if np.array_equal(wrong, [hardest]):
            members = alone
        else:
            members[wrong[wrong != hardest]] = False


def _best_on_the_way(
    faces: FaceSolver, r: Array, l1: Array, w: Array, A: Array, goal: Array, lower: Array, upper: Array
) -> tuple[Array | None, Array]:
    """Lowest of: the crossings of zero and the end of the way to the goal, at the first bound; and points on
    the way that is bent where it crosses zero or meets a bound. None where none is lower than w. Also H
    times the change.
    """
    start, low, high, weight = w[A], lower[A], upper[A], l1[A]
    move = goal - start
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        zero = -start / move
        bound = np.where(move > 0, (high - start) / move, (low - start) / move)
    bound = np.where(move == 0, np.inf, bound)
    end = min(1.0, float(bound.min(initial=1.0)))
    crosses = (zero > 0) & (zero < 1) & (weight > 0)
    bent = np.empty((len(A), 0))
    if end < 1.0 or crosses.any():
        stops = np.where(crosses, np.minimum(zero, bound), bound)
        bent = _bent(start, move, np.where(crosses, zero, np.inf), np.sort(stops[stops < 1]))
        bent = np.clip(bent, low[:, None], high[:, None])
    d = bent - start[:, None]
    products = faces.times(A, np.column_stack([move, d]))
    lengths = np.append(np.unique(zero[crosses & (zero < end)]), end)
    W = start + lengths[:, None] * move
    change = lengths * float(r[A] @ move) + 0.5 * lengths**2 * float(move @ products[A, 0])
    change += (np.abs(W) - np.abs(start)) @ weight
    best = int(np.argmin(change))
    value, found, t = change[best], W[best], lengths[best]
    rise = t * products[:, 0]
    found[crosses & (zero == t)] = 0.0
    found = np.where(bound == t, np.where(move > 0, high, low), found)
    if bent.size:
        there = r[A] @ d + 0.5 * np.einsum("ij,ij->j", d, products[A, 1:])
        there += weight @ (np.abs(bent) - np.abs(start)[:, None])
        k = int(np.argmin(there))
        if there[k] < value:
            value, found, rise = there[k], bent[:, k], products[:, 1 + k]
    if not value < 0:
        return None, rise
    new = w.copy()
    new[A] = found
    return new, rise


def _bent(start: Array, move: Array, zero: Array, stops: Array) -> Array:
    """Points (m, points) of a way on which what crosses zero, at the times (m,), stays there: its end, and
    where 1, 2, 4, 8 ... have stopped, at zero or a bound, if many do.
    """
    shares = np.append(1.0, stops[2 ** np.arange(int(np.log2(len(stops)))) - 1] if len(stops) > MANY else [])
    return np.asarray(np.where(zero[:, None] <= shares, 0.0, start[:, None] + shares * move[:, None]))
