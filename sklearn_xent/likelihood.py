"""The likelihood of a fit and its derivatives, in coefficients relative to the first class."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_xent.arrays import Array
from sklearn_xent.classifier import CrossEntropyClassifier
from sklearn_xent.cross_entropy import cross_entropy_loss, entropy, softmax
from sklearn_xent.displays.frame import column_names
from sklearn_xent.predictor import dense

__all__ = ["Likelihood"]

# Relative gap of coefficients that are no optimum of the rows given; a fit at the default tol has 1e-8.
STATIONARY = 1e-6
RANK = 1e-10  # of the largest curvature of an equilibrated information matrix: less is none


class Likelihood:
    """The fit's rows, coefficients relative to the first class, and the likelihood's derivatives there."""

    def __init__(
        self, estimator: Any, X: Any, targets: Array, weights: Array, offset: Array | None, ridge: Array
    ) -> None:
        self.estimator, self.weights, self.offset, self.ridge = estimator, weights, offset, ridge
        X = np.asarray(X.toarray() if sp.issparse(X) else X, dtype=np.float64)
        self.intercept = bool(estimator.fit_intercept)
        self.A = np.column_stack([X, np.ones(len(X))]) if self.intercept else X
        T = targets if len(targets) > 1 else np.vstack([1 - targets, targets])
        self.targets = T.T  # (n, K)
        self.K = T.shape[0]
        W = np.column_stack([dense(estimator.coef_), estimator.intercept_])
        W = W if self.intercept else W[:, :-1]
        self.W = W if len(W) == 1 else W[1:] - W[:1]  # (K - 1, m)
        self.logits = self.logits_of(self.A, offset)
        self.P = softmax(self.logits)

    def logits_of(self, A: Array, offset: Array | None) -> Array:
        """Logits (n, K) of rows with their intercept, relative to the first class."""
        z = np.column_stack([np.zeros(len(A)), A @ self.W.T])
        if offset is not None:
            z[:, 1:] += offset.T if len(offset) == 1 else (offset[1:] - offset[:1]).T
        return z

    @cached_property
    def names(self) -> list[str]:
        """Columns, and the intercept last."""
        seen = getattr(self.estimator, "feature_names_in_", None)
        return column_names(self.A.shape[1] - self.intercept, seen) + ["intercept"] * self.intercept

    @cached_property
    def information(self) -> Array:
        """Negative Hessian of the log-likelihood, (N, N) for N = (K - 1) m."""
        K, m = self.K - 1, self.A.shape[1]
        information = np.empty((K, m, K, m))
        for k in range(K):
            for l in range(k + 1):
                p, q = self.P[:, k + 1], self.P[:, l + 1]
                h = self.weights * (p * (1 - p) if k == l else -p * q)
                information[k, :, l, :] = self.A.T @ (self.A * h[:, None])
                information[l, :, k, :] = information[k, :, l, :]
        return information.reshape(K * m, K * m)

    @cached_property
    def inverse_information(self) -> Array:
        """Inverse of the information with the penalty's curvature."""
        H = self.information + self._penalty_curvature()
        unit = 1 / np.sqrt(np.maximum(np.diag(H), np.finfo(float).tiny))
        values, vectors = np.linalg.eigh(H * unit[:, None] * unit)
        if not values[0] > RANK * values[-1]:
            raise ValueError(
                "the columns do not determine the coefficients: some are collinear or constant, or the "
                "classes are separable. Drop columns, or fit with a penalty and pass penalized=True."
            )
        return np.asarray((vectors / values) @ vectors.T * unit[:, None] * unit)

    def _penalty_curvature(self) -> Array:
        """Of the symmetric fit's ridge in coefficients relative to the first class."""
        K, m = self.K - 1, self.A.shape[1]
        ridge = np.append(self.ridge, 0.0) if self.intercept else self.ridge
        # sum_k |w_k|^2 over K classes whose sum is 0 is |V|^2 - |sum V|^2 / K in V_k = w_k - w_1
        classes = np.eye(K) - (1 / self.K if self.K > 2 else 0.0)
        return np.kron(classes, np.diag(ridge)) if ridge.any() else np.zeros((K * m, K * m))

    @cached_property
    def scores(self) -> Array:
        """Each row's gradient of the log-likelihood, (n, N), weighted."""
        R = self.weights[:, None] * (self.targets - self.P)[:, 1:]
        return np.asarray((R[:, :, None] * self.A[:, None, :]).reshape(len(self.A), -1))

    def meat(self, groups: Any) -> Array:
        """Sum of outer products of the scores of rows, or of groups (times G / (G - 1))."""
        scores, correction = self.scores, 1.0
        if groups is None:
            # a weight of 2 is two rows: each has half of the score
            positive = self.weights > 0
            scores = scores[positive] / np.sqrt(self.weights[positive])[:, None]
        else:
            names, place = np.unique(np.asarray(groups), return_inverse=True)
            if len(place) != len(scores):
                raise ValueError(f"groups must have shape ({len(scores)},); got {np.shape(groups)}.")
            if len(names) < 2:
                raise ValueError(f"groups must be two or more; got {len(names)}.")
            sums = np.zeros((len(names), scores.shape[1]))
            np.add.at(sums, place, scores)
            scores, correction = sums, len(names) / (len(names) - 1)
        return np.asarray(correction * (scores.T @ scores))

    def check_stationary(self) -> None:
        """Raise ValueError unless the coefficients are an optimum of these rows, weights and labels."""
        slope = self.scores.sum(axis=0) - self._penalty_curvature() @ self.W.ravel()
        gap = 0.5 * float(slope @ self.inverse_information @ slope)
        if gap > STATIONARY * (abs(self.log_likelihood) + 1.0):
            raise ValueError(
                f"the estimator is not at an optimum of these rows: it lacks {gap:.3g} nats. Pass what it "
                "was fitted on (X, y, sample_weight, offset), fit without class_weight, label_smoothing and "
                "prior_correction, and to the default tol or closer."
            )

    @cached_property
    def log_likelihood(self) -> float:
        """In nats."""
        loss = cross_entropy_loss(
            self.targets, self.logits, sample_weight=self.weights, reduction="sum", from_logits=True
        )
        return -float(loss)

    @cached_property
    def null_log_likelihood(self) -> float:
        """Of the best constant probabilities (with an offset, of the intercepts beside it)."""
        if self.offset is not None:
            null = CrossEntropyClassifier(C=np.inf, tol=1e-12)
            offset = self.offset.T if len(self.offset) > 1 else self.offset[0]
            null.fit(np.zeros((len(self.A), 1)), self.targets, sample_weight=self.weights, offset=offset)
            return -float(null.history_["objective"][-1] * self.weights.sum())
        mean = self.weights @ self.targets / self.weights.sum()
        return -float(self.weights.sum() * entropy(np.clip(mean, 0, 1)))

    def average_effect(self, k: int, j: int) -> tuple[float, Array]:
        """Mean of dP_k / dx_j, and its gradient in the coefficients.

        dP_k / dx_j = P_k (V_kj - sum_l P_l V_lj).
        """
        P, A, K = self.P, self.A, self.K
        share = self.weights / self.weights.sum()
        V = np.vstack([np.zeros((1, A.shape[1])), self.W])
        mean = P @ V[:, j]
        effect = P[:, k] * (V[k, j] - mean)
        slopes = np.empty((K - 1, A.shape[1]))
        for c in range(1, K):
            # in the logit of class c, then directly in V_cj
            own = float(k == c)
            d_logit = P[:, k] * (own - P[:, c]) * (V[k, j] - mean) - P[:, k] * P[:, c] * (V[c, j] - mean)
            slopes[c - 1] = (share * d_logit) @ A
            slopes[c - 1, j] += float(share @ (P[:, k] * (own - P[:, c])))
        return float(share @ effect), slopes.ravel()
