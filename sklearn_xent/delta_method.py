"""Errors of what is computed from coefficients, by the delta method: effects of columns and probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.likelihood import BLOCK, Likelihood
from sklearn_xent.logits import log_softmax, sigmoid, softmax
from sklearn_xent.rows.array_api import to_numpy

__all__ = ["average_effects", "probability_intervals"]


def average_effects(problem: Likelihood, root: Array) -> dict[str, list[Any]]:
    """Average effect of each column on each class's probability, and its standard error.

    Of two classes the second only. F = ``root`` (N, r) has F F' the covariance.
    """
    rows: dict[str, list[Any]] = {key: [] for key in ("class", "column", "effect", "std_error")}
    wanted = [1] if problem.K == 2 else range(problem.K)
    classes = to_numpy(problem.estimator.classes_)
    for k in wanted:
        for j in range(len(problem.scale)):
            effect, slopes = problem.average_effect(k, j)
            rows["class"].append(classes[k])
            rows["column"].append(problem.names[j])
            rows["effect"].append(effect)
            rows["std_error"].append(float(np.linalg.norm(slopes @ root)))
    return rows


def probability_intervals(A: Array, z: Array, root: Array, reach: float) -> tuple[Array, Array, Array]:
    """Probabilities (n, K) of logits ``z`` of rows ``A``, and ends of their intervals, ``reach`` errors away.

    Made on the scale of the log odds of each class, which has no bounds.
    """
    P, log_p = softmax(z), log_softmax(z)
    low, high = np.empty_like(P), np.empty_like(P)
    for k in range(P.shape[1]):
        # log odds of class k: their slope in a contrast's logit is 1 for its own, else -p_l / (1 - p_k)
        log_rest = np.logaddexp.reduce(np.delete(log_p, k, axis=1), axis=1)
        slope = -np.exp(log_p - log_rest[:, None])
        slope[:, k] = 1.0
        error = _errors(A, slope[:, 1:], root)
        centre = log_p[:, k] - log_rest
        low[:, k], high[:, k] = (sigmoid(centre + s * reach * error) for s in (-1, 1))
    return P, low, high


def _errors(A: Array, slope: Array, root: Array) -> Array:
    """Standard errors (n,) of sums of contrasts' logits times slopes (n, K - 1)."""
    F = root.reshape(slope.shape[1], A.shape[1], -1)
    out = np.empty(len(A))
    rows = max(1, BLOCK // F.shape[2])
    for i in range(0, len(A), rows):
        part = slice(i, i + rows)
        moved = sum(slope[part, c, None] * (A[part] @ F[c]) for c in range(len(F)))
        out[part] = np.linalg.norm(moved, axis=1)
    return out
