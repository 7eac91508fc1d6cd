"""The likelihood penalised by Jeffreys' prior, l(b) + log det I(b) / 2, and its score.

Coefficients are those of each class less the first class's, on columns that are centred and scaled; a linear
map of them changes the log determinant by a constant only.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.displays.frame import column_names
from sklearn_xent.factor import singular_vectors
from sklearn_xent.inference.identifiability import check_full_rank, check_not_constant, reduced
from sklearn_xent.problem import kernels
from sklearn_xent.problem.expansion import Expansion
from sklearn_xent.problem.losses import loss_for
from sklearn_xent.problem.moments import moments_of
from sklearn_xent.problem.posing import Settings, pose
from sklearn_xent.rows import as_rows
from sklearn_xent.targets import Targets

__all__ = ["JeffreysLikelihood", "JeffreysPoint", "inverse_of"]

ADVICE = "fit a CrossEntropyClassifier with a finite C"


class JeffreysLikelihood:
    """Rows and their classes; ``at`` evaluates the penalised likelihood.

    ``columns`` are those of X, centred and scaled, the intercept's the last, in the rows that have weight.
    ``A`` (n, m) is a basis of what they span: where they are collinear the prior is that of the distributions
    which the model has, and the coefficients are those of least norm. Coefficients of ``A`` are flat, (N,)
    for N = (K - 1) m.

    Raises
    ------
    ValueError
        For values that are not finite or cannot be scaled.
    """

    def __init__(
        self, X: Array, targets: Targets, offset: Array | None, fit_intercept: bool, names: Any = None
    ) -> None:
        self.K, self.intercept = len(targets.classes), fit_intercept
        counts = targets.weights > 0
        self.weights = targets.weights[counts]
        self.targets = targets.values[:, counts]
        self.offset = None if offset is None else offset[:, counts]
        self.loss = loss_for(self.K)
        self.names = column_names(X.shape[1], names) + ["intercept"] * fit_intercept
        settings = Settings(0.0, np.ones(X.shape[1]), None, fit_intercept, tol=0.0)
        with as_rows(X, targets.values, targets.weights / targets.total) as rows:
            objective = pose(rows, moments_of(rows, names), self.loss, 0.0, settings, names)
            self.design = objective.design
            _, (parts,) = objective.rows.sweep(kernels.design_rows, self.design)
            A = np.concatenate([part[0].T for part in parts.flat()])[counts]
        self.columns = A if fit_intercept else A[:, :-1]
        # a column far from 0 for its spread is known only to the last digit of its mean
        far = float(np.max(np.abs(self.design.shift) * self.design.scale, initial=0.0))
        self._rounding = 16 * np.finfo(float).eps * (1 + far)
        self.basis, self._inverse = self._row_space()
        self.A = self.columns @ self.basis

    def _row_space(self) -> tuple[Array, Array]:
        """Basis (m, r) of the coefficients that the rows determine, and its pseudo-inverse (r, m).

        On columns of norm 1, and so that those of ``A`` are orthogonal: near-collinear columns would have
        large coefficients, whose logits lose digits.
        """
        R = reduced([self.columns * np.sqrt(self.weights)[:, None]])
        sizes = np.linalg.norm(R, axis=0)
        unit = np.divide(1.0, sizes, out=np.zeros_like(sizes), where=sizes > 0)
        values, vectors = singular_vectors(R * unit)
        rank = int((values > self._rounding * values[0]).sum())
        spread, vectors = values[:rank] / np.sqrt(self.weights.sum()), vectors[:, :rank]
        return unit[:, None] * vectors / spread, (sizes[:, None] * vectors * spread).T

    def check_determined(self) -> None:
        """Raise ValueError for columns whose coefficients the rows do not determine, by name."""
        check_not_constant(self.design.scale == 0, self.names, ADVICE)
        held = np.zeros(self.columns.shape[1], dtype=bool)
        check_full_rank(self.columns, self.weights, self._rounding, self.names, held, ADVICE)

    @property
    def shape(self) -> tuple[int, int]:
        """Of the coefficients of all contrasts on ``A``: (K - 1, m)."""
        return self.K - 1, self.A.shape[1]

    def at(self, b: Array) -> JeffreysPoint:
        """Everything about the penalised likelihood at coefficients (N,)."""
        return JeffreysPoint(self, b)

    def expand(self, b: Array, shift: Array | None = None) -> Expansion:
        """The loss of each row, to second order; a shift (K - 1,) is added to the intercepts."""
        z = b.reshape(self.shape) @ self.A.T
        z = z if shift is None else z + shift[:, None]
        z = z if self.K == 2 else np.vstack([np.zeros_like(z[:1]), z])
        return self.loss.expand(z if self.offset is None else z + self.offset, self.targets)

    def to_original(self, b: Array) -> tuple[Array, Array]:
        """Coefficients and intercepts for X as given, (1, d) and (1,) or (K, d) and (K,) that sum to 0."""
        V = b.reshape(self.shape)
        V = V @ self.basis.T
        W = np.zeros((self.K - 1, len(self.design.scale) + 1))
        W[:, : V.shape[1]] = V
        if self.K > 2:
            W = np.vstack([np.zeros_like(W[:1]), W])
            W -= W.mean(axis=0)
        return self.design.to_original(W)

    def from_original(self, coef: Array, intercept: Array) -> Array:
        """What `to_original` is made of, where the rows determine the coefficients."""
        W = self.design.from_original(coef, intercept)
        V = W if self.K == 2 else W[1:] - W[:1]
        return np.asarray(V[:, : len(self.names)] @ self._inverse.T).ravel()

    def functional(self, k: int, j: int) -> Array:
        """C (N,) with c'b the coefficient of column j, or the intercept, of contrast k in the units of X."""
        c = np.zeros((self.K - 1, len(self.names)))
        d = len(self.design.scale)
        if j < d:
            c[k, j] = self.design.scale[j]
        else:
            c[k, :d], c[k, -1] = -self.design.shift * self.design.scale, 1.0
        return np.asarray(c @ self.basis).ravel()

    def parts(self, width: int) -> list[slice]:
        """Slices of the rows of which an array of so many numbers a row takes some 32 MB."""
        step = max(1, (1 << 22) // width)
        return [slice(i, i + step) for i in range(0, len(self.A), step)]


class JeffreysPoint:
    """The penalised likelihood at coefficients ``b`` (N,): ``value`` in nats, -inf where I(b) is singular."""

    def __init__(self, problem: JeffreysLikelihood, b: Array) -> None:
        self.problem, self.b = problem, b
        self._expansion = problem.expand(b)
        self.log_likelihood = float(-(problem.weights @ self._expansion.value))
        self.information_root = self._root_of(problem.weights)
        pivots = np.abs(np.diag(self.information_root))
        sound = np.isfinite(pivots).all() and pivots.min() > 0
        log_det = 2 * float(np.log(pivots).sum()) if sound else -np.inf
        self.value = self.log_likelihood + log_det / 2
        # what rounding makes of a difference of two values
        self.noise = 16 * np.finfo(float).eps * (abs(self.log_likelihood) + abs(log_det) + len(b))

    def _root_of(self, weights: Array) -> Array:
        """Upper triangle R (N, N) with R'R the sum of weights (n,) times V_i o a_i a_i' over the rows."""
        N = len(self.b)

        def blocks() -> Any:
            for part in self.problem.parts(N * (self.problem.K - 1)):
                C = self._expansion.of_rows(part).contrast_root() * np.sqrt(weights[part])
                yield np.einsum("kln,nj->nlkj", C, self.problem.A[part]).reshape(-1, N)

        return reduced(blocks())

    @cached_property
    def _of_classes(self) -> tuple[Array, Array]:
        """Bias terms and halves of leverages, by row and class: (K, n) each.

        With M_i the (K, K) blocks of a_i' I^-1 a_i and q_k = (e_k - p)' M_i (e_k - p), the score of
        log det I / 2 is A' of w p_k (q_k - sum_l p_l q_l) / 2: that is the trace of I^-1 times the third
        cumulants of the classes. For K = 2 it is h (1 / 2 - p), h the leverage, Firth (1993).
        """
        problem = self.problem
        (K, m), p = (problem.K, problem.shape[1]), self._expansion.of_classes()[0]
        distances = np.empty_like(p)
        for part in problem.parts(len(self.b) * K):
            G = np.zeros((K, len(problem.A[part]), len(self.b)))
            G[1:] = problem.A[part] @ self.inverse_root.reshape(K - 1, m, -1)
            G -= np.einsum("kn,knr->nr", p[:, part], G)
            distances[:, part] = np.einsum("knr,knr->kn", G, G)
        halves = problem.weights * p * distances / 2
        return halves - p * halves.sum(axis=0), halves

    @cached_property
    def score(self) -> Array:
        """Gradient (N,) of ``value``: the modified score of Firth (1993)."""
        added, _ = self._of_classes
        residual = self._expansion.residual
        r = added[1:] - self.problem.weights * (residual if self.problem.K == 2 else residual[1:])
        return np.asarray(r @ self.problem.A).ravel()

    @cached_property
    def metric_root(self) -> Array:
        """Root (N, N) of the curvature of the likelihood of rows that the bias terms were added to.

        A row of leverage h then weighs w + h K / (2 (K - 1)). It is the curvature of ``value`` itself where
        each row has a coefficient of its own, and there the inverse of I alone would overshoot.
        """
        K = self.problem.K
        _, halves = self._of_classes
        return self._root_of(self.problem.weights + halves.sum(axis=0) * K / (K - 1))

    @cached_property
    def inverse_root(self) -> Array:
        """B (N, N) with B B' the inverse information, the covariance of the estimates."""
        return inverse_of(self.information_root)


def inverse_of(R: Array) -> Array:
    """Inverse of an upper triangle; by numpy, as scipy's second BLAS would have its threads wait beside."""
    return np.asarray(np.linalg.solve(R, np.eye(len(R))))
