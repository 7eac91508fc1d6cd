"""Errors of what is computed from coefficients, by the delta method: effects of columns and probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.inference.likelihood import BLOCK, Likelihood
from sklearn_xent.logits import log_softmax, sigmoid, softmax
from sklearn_xent.rows.array_api import to_numpy

__all__ = ["Points", "marginal_effects", "probability_intervals"]


@dataclass(frozen=True)
class Points:
    """Where effects are taken: rows of the design matrix (n, m) and their shares (n,) of the mean.

    ``P`` (n, K) are probabilities, ``Q`` their complements.
    """

    A: Array
    share: Array
    P: Array
    Q: Array

    @classmethod
    def of_rows(cls, problem: Likelihood) -> Self:
        """The rows of the fit."""
        return cls(problem.A, problem.weights / problem.total, *problem.probabilities)

    @classmethod
    def at_mean(cls, problem: Likelihood) -> Self:
        """One row whose columns, and offset, are the means of those of the fit."""
        share = problem.weights / problem.total
        offset = None if problem.offset is None else (problem.offset @ share)[:, None]
        A = (share @ problem.A)[None, :]
        P = softmax(problem.logits_of(A, offset))
        Q = np.column_stack([np.delete(P, k, axis=1).sum(axis=1) for k in range(problem.K)])
        return cls(A, np.ones(1), P, Q)


def marginal_effects(problem: Likelihood, points: Points, root: Array) -> dict[str, list[Any]]:
    """Average effect of each column on each class's probability, and its standard error.

    Of two classes the second only. F = ``root`` (N, r) has F F' the covariance.
    """
    rows: dict[str, list[Any]] = {key: [] for key in ("class", "column", "effect", "std_error")}
    wanted = [1] if problem.K == 2 else range(problem.K)
    classes = to_numpy(problem.estimator.classes_)
    for k in wanted:
        for j in range(len(problem.scale)):
            effect, slopes = _effect(problem, points, k, j)
            rows["class"].append(classes[k])
            rows["column"].append(problem.names[j])
            rows["effect"].append(effect)
            rows["std_error"].append(float(np.linalg.norm(slopes @ root)))
    return rows


def _effect(problem: Likelihood, points: Points, k: int, j: int) -> tuple[float, Array]:
    """Mean of dP_k / dx_j, and its gradient in the coefficients of the design matrix.

    dP_k / dx_j = P_k D_k with D_k = V_kj - sum_l P_l V_lj = sum_l P_l (V_kj - V_lj).
    """
    P, Q, A, share = points.P, points.Q, points.A, points.share
    v = np.append(0.0, problem.W[:, j])
    D = P @ (v - v[:, None])  # (n, K): sums of a class's differences from the others
    slopes = np.empty_like(problem.slopes)
    for c in range(1, problem.K):
        curvature = P[:, k] * (Q[:, k] if k == c else -P[:, c])
        # in the logit of class c, then directly in V_cj
        slopes[c - 1] = (share * (curvature * D[:, k] - P[:, k] * P[:, c] * D[:, c])) @ A
        slopes[c - 1, j] += problem.scale[j] * float(share @ curvature)
    return float(share @ (P[:, k] * D[:, k])), slopes.ravel()


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
