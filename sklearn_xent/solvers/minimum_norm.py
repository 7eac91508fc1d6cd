"""Of the many coefficients with the same logits, those of least norm: an optimum that is well defined."""

from __future__ import annotations

import numpy as np
import scipy.sparse.linalg

from sklearn_xent.arrays import Array
from sklearn_xent.factor import least_squares
from sklearn_xent.problem.objective import Objective
from sklearn_xent.solvers.curvature import Curvature
from sklearn_xent.solvers.separation import LARGEST_NULL_SPACE

__all__ = ["minimum_norm"]


def minimum_norm(objective: Objective, W: Array) -> Array:
    """W (K, d + 1) without its part in the null space of the data, in the units of X.

    Only where nothing penalises or bounds the columns: that has chosen already. The intercept is not part
    of the norm; of K symmetric classes the coefficients sum to zero. Rank is decided by rounding, so the
    result is to be judged: a direction of the data may be as weak as that.
    """
    penalty = objective.penalty
    if not objective.unheld or penalty.bounded:
        return W
    W = objective.symmetric(W)
    if W.shape[1] - 1 > LARGEST_NULL_SPACE:
        return _by_least_squares(objective, W)
    varies = np.flatnonzero(objective.design.scale > 0)
    G = objective.gram()[np.ix_(varies, varies)]
    null = Curvature(G).null_space()
    if not null.size:
        return W
    # What moves no logit, in the units of X. Projecting away from it is one least-squares problem.
    moves = null * objective.design.scale[varies, None]
    weights = least_squares(moves, (W[:, :-1] * objective.design.scale)[:, varies].T)
    out = W.copy()
    out[:, varies] -= (null @ weights).T
    return out


def _by_least_squares(objective: Objective, W: Array) -> Array:
    """Least-norm solution of (same centred logits), one class at a time, by LSMR."""
    scale = np.where(objective.design.scale > 0, objective.design.scale, 1.0)

    def forward(v: Array) -> Array:
        logits = objective.logits(np.append(v.ravel() / scale, 0.0)[None, :])
        return np.concatenate(logits.flat(), axis=1)[0]

    def backward(r: Array) -> Array:
        pulled = objective.adjoint(objective.rows.split(r.reshape(1, -1)))
        return np.asarray(pulled[0, :-1] / scale)

    operator = scipy.sparse.linalg.LinearOperator(
        (objective.rows.n_rows, len(scale)), matvec=forward, rmatvec=backward, dtype=np.float64
    )
    out = W.copy()
    for k, w in enumerate(W[:, :-1]):
        target = forward(w * scale)
        found = scipy.sparse.linalg.lsmr(operator, target, atol=1e-14, btol=1e-14, conlim=0)[0]
        out[k, :-1] = found / scale
    return out
