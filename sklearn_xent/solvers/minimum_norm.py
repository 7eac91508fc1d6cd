"""Of the many coefficients with the same logits, those of least norm: an optimum that is well defined."""

from __future__ import annotations

import numpy as np
import scipy.linalg
import scipy.sparse.linalg

from sklearn_xent.arrays import Array
from sklearn_xent.problem.objective import Objective

__all__ = ["minimum_norm"]

GRAM_LIMIT = 2000  # columns up to which the null space comes from a Gram matrix: 32 MB
RANK_TOLERANCE = 1e-13  # of the largest eigenvalue of the equilibrated Gram matrix, whose rounding it is


def minimum_norm(objective: Objective, W: Array) -> Array:
    """W (K, d + 1) without its part in the null space of the data, in the units of X.

    Only where nothing penalises or bounds the columns: that has chosen already. The intercept is not part
    of the norm; of K symmetric classes the coefficients sum to zero.
    """
    if not objective.unheld:
        return W
    W = objective.symmetric(W)
    if W.shape[1] - 1 > GRAM_LIMIT:
        return _by_least_squares(objective, W)
    scale = objective.design.scale
    G = objective.gram()[:-1, :-1]
    unit = np.where(np.diag(G) > 0, np.sqrt(np.diag(G)), 1.0)
    values, vectors = np.linalg.eigh(G / np.outer(unit, unit))
    null = vectors[:, values <= RANK_TOLERANCE * len(G) * values[-1]]
    null = null[scale > 0] / unit[scale > 0, None]
    if not null.size:
        return W
    # What moves no logit, in the units of X. Projecting away from it is one least-squares problem.
    moves = null * scale[scale > 0, None]
    V = (W[:, :-1] * scale)[:, scale > 0]
    weights, *_ = scipy.linalg.lstsq(moves, V.T)
    out = W.copy()
    out[:, :-1][:, scale > 0] = W[:, :-1][:, scale > 0] - (null @ weights).T
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
