"""The subproblem of proximal Newton with groups: a quadratic, an l1 norm and norms of groups."""

from __future__ import annotations

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.factor import largest_eigenvalue, least_norm_solution
from sklearn_xent.problem.penalties import GroupLasso
from sklearn_xent.solvers.line_search import SUFFICIENT

__all__ = ["quadratic_group_lasso"]

SWEEPS = 50  # at the most; each ends with a Newton step, and what is left to do is left to the next model
DAMPINGS = 0.0, 1e-8, 1e-4, 1e-1, 1e2  # of a Newton system, relative to its diagonal, in turn


def quadratic_group_lasso(H: Array, q: Array, penalty: GroupLasso, w: Array, *, tol: float = 0.0) -> Array:
    """Minimise w' H w / 2 + q' w + penalty(w) from w (N,); the penalty is that of one row of N columns.

    With ``tol`` it stops once the slopes are that fraction of those at the start.

    A sweep of proximal steps, one block of coordinates after the other, finds which are zero (Tseng 2001, J.
    Optim. Theory Appl. 109(3)); a Newton step on the others, where the penalty is smooth, converges fast
    (Bareilles, Iutzeler and Malick 2023, Math. Program. 200).
    """
    blocks = [(b, penalty.columns(b), largest_eigenvalue(H[np.ix_(b, b)])) for b in penalty.blocks()]
    size, goal = np.abs(H), 0.0
    held = np.abs(q) + penalty.excess(np.zeros((1, len(q))), -1.0)[0]
    for _ in range(SWEEPS):
        r = H @ w + q
        slope = penalty.subgradient(w[None], r[None])[0]
        slope[np.abs(slope) <= 1e-14 * (size @ np.abs(w) + held)] = 0.0
        steepness = float(np.linalg.norm(slope))
        goal = goal or tol * steepness
        if steepness <= goal:
            break
        new = w.copy()
        for b, part, curvature in blocks:
            target = part.prox((new[b] - r[b] / curvature)[None], 1 / curvature)[0]
            move = target - new[b]
            if move.any():
                new[b] = target
                r += move @ H[b]
        new = _newton_step(H, new, r, penalty)
        if np.array_equal(new, w):
            break
        w = new
    return w


def _newton_step(H: Array, w: Array, r: Array, penalty: GroupLasso) -> Array:
    """A Newton step on the coordinates that are at no kink, or part of it; w where none descends.

    r = H w + q. Where equal columns share a coefficient the system is singular, and its step too long: then
    it is damped (Levenberg 1944, Quart. Appl. Math. 2; Marquardt 1963, J. SIAM 11).
    """
    W = w[None]
    M = np.flatnonzero(penalty.movable(W)[0])
    slopes = penalty.slopes(W, r[None])[0][M]
    if not slopes.any():
        return w
    among = H[np.ix_(M, M)]
    penalty.columns(M).add_curvature(among, W[:, M], np.ones((1, len(M)), bool))
    diagonal = among.diagonal().copy()
    for damping in DAMPINGS:
        among[np.diag_indices_from(among)] = diagonal * (1 + damping)
        new = _part_of(H, w, r, penalty, M, slopes, least_norm_solution(among, slopes))
        if new is not w:
            return new
    return w


def _part_of(
    H: Array, w: Array, r: Array, penalty: GroupLasso, M: Array, slopes: Array, step: Array
) -> Array:
    """A step on coordinates M, or a half or quarter of it; w where neither descends enough.

    Signs that the l1 norm would have to change end at zero.
    """
    for t in (1.0, 0.5, 0.25):
        new = w.copy()
        new[M] -= t * step
        new[(penalty.kinks > 0) & (new * w < 0)] = 0.0
        move = new - w
        change = penalty.change(w[None], r[None], new[None]) + 0.5 * float(move @ (H @ move))
        if change < -SUFFICIENT * t * abs(float(slopes @ step)):
            return new
    return w
