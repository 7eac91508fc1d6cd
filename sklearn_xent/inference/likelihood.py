"""The likelihood of a fit and its derivatives, in coefficients relative to the first class.

Everything is computed in the coordinates of the optimiser, on columns that are centred and scaled. The map to
the units of X is linear; it is applied once, to a root of the covariance: no squares, so no digits are lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
import scipy.linalg

from sklearn_xent.arrays import Array
from sklearn_xent.classifier import CrossEntropyClassifier
from sklearn_xent.displays.frame import column_names
from sklearn_xent.factor import singular_vectors
from sklearn_xent.formulas import entropy
from sklearn_xent.inference.identifiability import (
    SUSPICIOUS,
    check_full_rank,
    check_not_constant,
    check_overlap,
    reduced,
)
from sklearn_xent.intake import dense
from sklearn_xent.problem import kernels
from sklearn_xent.problem.losses import loss_for
from sklearn_xent.problem.moments import moments_of
from sklearn_xent.problem.posing import Settings, pose
from sklearn_xent.rows import as_rows, entries
from sklearn_xent.targets import Targets

__all__ = ["BLOCK", "Likelihood"]

# What an optimum of these rows may lack, relative to the log-likelihood and in nats: 0.005 nats are a tenth
# of the standard error of any combination of coefficients. TOL is what a fit at the default tol may lack.
STATIONARY, NATS, TOL = 1e-6, 0.005, 2e-8
# Ratio of extreme eigenvalues of the equilibrated information down to which its inverse has eight digits;
# beyond, its factor is made of the rows themselves, which have twice the digits. Of a row whose probability
# of another class is less, both have next to nothing.
SAFE = 1e-8
ROUNDING = 16 * np.finfo(float).eps  # of X, in columns whose mean is one spread
BLOCK = 1 << 22  # numbers in a temporary array


class Likelihood:
    """The fit's rows, coefficients relative to the first class, and the likelihood's derivatives there.

    ``scale`` and ``shift`` (d,) lead from X to the columns of ``A`` (n, m); ``slopes`` (K - 1, m) are the
    coefficients there, ``W`` those in the units of X; ``expansions`` are the blocks of rows of the loss. A
    penalty of strength 1 / C times ``factors`` (d,).
    """

    def __init__(
        self,
        estimator: Any,
        X: Any,
        targets: Targets,
        offset: Array | None,
        C: float,
        factors: Array,
        names: Any = None,
    ) -> None:
        self.estimator, self.offset, self.K = estimator, offset, len(targets.classes)
        self.targets, self.weights, self.total = targets, targets.weights, targets.total
        self.values = targets.values if self.K > 2 else np.vstack([1 - targets.values, targets.values])
        self.intercept = bool(estimator.fit_intercept)
        X = np.asarray(entries.dense(X), dtype=np.float64)
        self.names = column_names(X.shape[1], names) + ["intercept"] * self.intercept
        coef, intercepts = dense(estimator.coef_), np.asarray(dense(estimator.intercept_))
        self.W = self._contrasts(np.column_stack([coef, intercepts]))[:, : len(self.names)]
        strength = 1 / (C * self.total)
        settings = Settings(0.0, factors, None, self.intercept, tol=0.0)
        with as_rows(X, targets.values, self.weights / self.total, offset) as rows:
            moments = moments_of(rows, names)
            objective = pose(rows, moments, loss_for(self.K), strength, settings, names)
            design = objective.design
            idle = design.scale == 0
            check_not_constant(idle & (strength * factors == 0), self.names)
            # a constant column's coordinate is one of unit ridge
            unit = 1 / np.sqrt(np.where(idle, strength * factors, 1.0))
            self.scale = np.where(idle, unit, design.scale)
            self.shift = np.where(idle, moments.mean if self.intercept else 0.0, design.shift)
            start = objective.from_original(coef, intercepts)
            self.slopes = self._contrasts(start)[:, : len(self.names)]
            self.point = objective.at(start)
            self._hessian = self.point.loss_hessian()
            _, (parts,) = objective.rows.sweep(kernels.design_rows, design)
            self._A = np.concatenate([part[0].T for part in parts.flat()])
            self.expansions = self.point.expansion.flat()
        self.ridge = objective.penalty.hessian_diagonal[: len(self.names)]

    def _contrasts(self, W: Array) -> Array:
        return W if self.K == 2 else W[1:] - W[:1]

    @property
    def A(self) -> Array:
        """The design matrix (n, m)."""
        return self._A[:, : len(self.names)]

    def design_matrix(self, X: Any) -> Array:
        """The design matrix of other rows."""
        X = np.asarray(entries.dense(X), dtype=np.float64)
        A = (X - self.shift) * self.scale
        return np.column_stack([A, np.ones(len(A))]) if self.intercept else A

    def logits_of(self, A: Array, offset: Array | None) -> Array:
        """Logits (n, K) of rows of a design matrix, less the first class's."""
        z = np.column_stack([np.zeros(len(A)), A @ self.slopes.T])
        if offset is not None:
            z[:, 1:] += self._contrasts(offset).T
        return z

    @cached_property
    def probabilities(self) -> tuple[Array, Array]:
        """Of all classes, and their complements, (n, K) each."""
        both = [e.of_classes() for e in self.expansions]
        P, Q = (np.concatenate(parts, axis=1).T for parts in zip(*both, strict=True))
        return P, Q

    def to_original(self, F: Array) -> Array:
        """Rows (N, r) for coefficients of ``A``, as rows for coefficients in the units of X."""
        m, d = len(self.names), len(self.scale)
        out = F.reshape(self.K - 1, m, -1).copy()
        out[:, :d] *= self.scale[:, None]
        if self.intercept:
            out[:, -1] -= np.einsum("kdr,d->kr", out[:, :d], self.shift)
        return out.reshape(F.shape)

    @cached_property
    def gradient(self) -> Array:
        """Of minus the log-likelihood and the penalty, (N,), in the coordinates of ``A``."""
        gradient = self.total * self.point.gradient[:, : len(self.names)]
        return np.asarray(gradient if self.K == 2 else gradient[1:]).ravel()

    @cached_property
    def information(self) -> Array:
        """Negative Hessian of the log-likelihood, (N, N) for N = (K - 1) m, in the coordinates of ``A``."""
        K, size = self.point.coefficients.shape
        kept = slice(1 if self.K > 2 else 0, K), slice(0, len(self.names))
        H = self._hessian.reshape(K, size, K, size)[kept * 2]
        return self.total * H.reshape(self.slopes.size, self.slopes.size)

    def _classes_of_penalty(self) -> Array:
        """A ridge's coupling of classes: sum_k |w_k|^2 where w sums to 0 is |V|^2 - |sum V|^2 / K."""
        return np.eye(self.K - 1) - (1 / self.K if self.K > 2 else 0.0)

    @cached_property
    def root(self) -> Array:
        """B (N, N) with B B' the inverse of the information with the penalty's curvature.

        Raises
        ------
        ValueError
            If the rows do not determine the coefficients.
        """
        H = self.information + np.kron(self._classes_of_penalty(), np.diag(self.total * self.ridge))
        unit = 1 / np.sqrt(np.where(np.diag(H) > 0, np.diag(H), 1.0))
        E = H * unit[:, None] * unit
        values = np.linalg.eigvalsh(E)
        if values[0] > SAFE * values[-1]:
            half = scipy.linalg.cholesky(E)
            B = unit[:, None] * scipy.linalg.solve_triangular(half, np.eye(len(half)))
            self._check_overlap(self._logit_change(B))
        else:
            B = self._root_of_rows(unit)
            self._check_overlap(self._uncertain_change(B))
        return np.asarray(B)

    def _check_overlap(self, change: Array) -> None:
        check_overlap(self.point.objective, self._A, self.targets, change, self.names)

    def _uncertain_change(self, B: Array) -> Array:
        """The same as ``_logit_change``, and without limit for rows that are all but certain.

        Beside the others, neither gradient nor information shows what a step would do to them.
        """
        P, _ = self.probabilities
        certain = ((P < SAFE) & (self.values.T == 0)).any(axis=1) & (self.weights > 0)
        return np.where(certain, np.inf, self._logit_change(B))

    def _logit_change(self, B: Array) -> Array:
        """The most that Newton's step changes a difference of a row's logits, (n,); 0 without weight."""
        Z = self.A @ (B @ (self.gradient @ B)).reshape(self.slopes.shape).T
        spread = Z.max(axis=1, initial=0.0) - Z.min(axis=1, initial=0.0)
        return np.where(self.weights > 0, spread, 0.0)

    def _root_of_rows(self, unit: Array) -> Array:
        """The same from rows whose squares add up to the information."""
        R = reduced(self._information_rows(unit))
        values, vectors = singular_vectors(R)
        # a column far from 0 for its spread is known only to the last digit of its mean
        noise = ROUNDING * (1 + float(np.max(np.abs(self.shift) * self.scale, initial=0.0)))
        if not values[-1] > noise * values[0]:
            check_full_rank(self.A, self.weights, noise, self.names, self.ridge > 0)
            doubt = unit[:, None] * vectors / np.maximum(values, noise * values[0])
            self._check_overlap(self._uncertain_change(doubt))
            raise ValueError(
                "the likelihood is flat in some direction: the rows that could tell are predicted with "
                "certainty. Drop or merge columns, or fit with a finite C and pass penalized=True."
            )
        return unit[:, None] * vectors / values

    def _information_rows(self, unit: Array) -> Iterator[Array]:
        """Blocks of rows, their columns times ``unit``; the last is the penalty's."""
        N, at = len(unit), 0
        rows = max(1, BLOCK // (N * (self.K - 1)))
        for e in self.expansions:
            C = e.contrast_root()
            for i in range(0, C.shape[2], rows):
                A = self.A[at + i : at + min(i + rows, C.shape[2])]
                c = C[:, :, i : i + rows] * np.sqrt(self.weights[at + i : at + i + len(A)])
                B = np.einsum("kln,nj->nlkj", c, A).reshape(-1, N)
                yield B * unit
            at += C.shape[2]
        half = np.linalg.cholesky(self._classes_of_penalty()).T
        yield np.kron(half, np.diag(np.sqrt(self.total * self.ridge))) * unit

    @property
    def residuals(self) -> Array:
        """P - y (n, K - 1), of all classes but the first."""
        return np.concatenate([(e.residual if self.K == 2 else e.residual[1:]).T for e in self.expansions])

    def check_stationary(self) -> None:
        """Raise ValueError unless the coefficients are an optimum of these rows, weights and labels."""
        gap = 0.5 * float(((self.gradient @ self.root) ** 2).sum())
        size = abs(self.log_likelihood)
        change = float(self._logit_change(self.root).max())
        if gap > min(STATIONARY * (size + 1), NATS) + TOL * size or change > SUSPICIOUS:
            raise ValueError(
                f"the estimator is not at an optimum of these rows: it lacks {gap:.3g} nats, and on the way "
                f"a logit changes by {change:.2g}. Pass what it was fitted on (X, y, sample_weight, offset), "
                "fit without class_weight, label_smoothing and prior_correction, and to the default tol or "
                "closer."
            )

    @cached_property
    def effective_df(self) -> float:
        """Degrees of freedom: the number of coefficients less what the penalty holds."""
        half = np.linalg.cholesky(self._classes_of_penalty()).T
        held = np.kron(half, np.diag(np.sqrt(self.total * self.ridge))) @ self.root
        return float(self.slopes.size - (held**2).sum())

    @property
    def log_likelihood(self) -> float:
        """In nats."""
        return float(-self.total * self.point.loss)

    @cached_property
    def null_log_likelihood(self) -> float:
        """Of the best intercepts alone, beside the offset; of no coefficient where there is no intercept."""
        objective = self.point.objective
        if not self.intercept:
            return float(-self.total * objective.at(np.zeros_like(self.point.coefficients)).loss)
        if self.offset is None:
            mean = self.values @ self.weights / self.total
            return float(-self.total * entropy(np.clip(mean, 0, 1)))
        null = CrossEntropyClassifier(C=np.inf, tol=1e-12)
        offset = self.offset.T if len(self.offset) > 1 else self.offset[0]
        null.fit(np.zeros((len(self.A), 1)), self.values.T, sample_weight=self.weights, offset=offset)
        return float(-null.history_["objective"][-1] * self.total)
