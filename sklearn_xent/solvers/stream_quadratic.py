"""The quadratic that stands for the rows of a stream: its curvature, as a matrix or as its diagonal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, Self

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.factor import EPS
from sklearn_xent.problem import cautious
from sklearn_xent.problem.objective import Objective
from sklearn_xent.problem.penalties import ElasticNet
from sklearn_xent.problem.point import Point
from sklearn_xent.solvers.curvature import Curvature
from sklearn_xent.solvers.hessian import pin_gauge
from sklearn_xent.solvers.quadratic_lasso import quadratic_lasso

__all__ = ["DiagonalQuadratic", "FullQuadratic", "Quadratic", "Rescaling"]

NEARBY, ENOUGH = 1e-9, 1e-8  # curvature about the start, and share of the slopes there that may be left


class Rescaling(NamedTuple):
    """Another shift and scale of the columns: old coefficients are ``ratio`` times the new ones, and the old
    intercept is the new one less ``drift`` times the new ones. ``variance`` is that of the new columns.
    """

    ratio: Array  # (d,)
    drift: Array  # (d,)
    variance: Array  # (d,)

    def coefficients(self, W: Array) -> Array:
        """The same logits in the new coordinates; W (K, d + 1)."""
        new = W.copy()
        new[:, :-1] /= self.ratio
        new[:, -1] += new[:, :-1] @ self.drift
        return new

    def gradient(self, G: Array) -> Array:
        """The same slopes in the new coordinates; G (..., d + 1)."""
        new = G.copy()
        new[..., :-1] *= self.ratio
        new[..., :-1] -= G[..., -1:] * self.drift
        return new


class Quadratic(Protocol):
    """A curvature in the coefficients (K, d + 1), as a matrix or as its diagonal; immutable."""

    def plus(self, other: Self, factor: float = 1.0) -> Self: ...
    def times(self, V: Array) -> Array: ...
    def scaled(self, factor: float) -> Self: ...
    def rescaled(self, to: Rescaling) -> Self: ...
    def minimise(self, linear: Array, objective: Objective, start: Array) -> Array:
        """Minimise w' A w / 2 - linear' w + penalty."""
        ...


@dataclass(frozen=True)
class FullQuadratic:
    """A symmetric matrix (N, N)."""

    A: Array

    @classmethod
    def of(cls, point: Point, variance: Any) -> tuple[FullQuadratic, bool]:
        """Hessian of the loss at a point, and whether rows are lost there.

        A lost row has the curvature of the chord to where it would be won, as its own is nil.
        """
        o = point.objective
        (H, lost), _ = o.rows.sweep(
            cautious.cautious_hessian, point.logits, point.expansion, o.loss, o.design
        )
        return cls(np.asarray(H)), bool(lost)

    def plus(self, other: FullQuadratic, factor: float = 1.0) -> FullQuadratic:
        """Sum, the other times a factor."""
        return FullQuadratic(self.A + factor * other.A)

    def scaled(self, factor: float) -> FullQuadratic:
        """Multiple."""
        return FullQuadratic(factor * self.A)

    def times(self, V: Array) -> Array:
        """Product with coefficients."""
        return np.asarray((self.A @ V.ravel()).reshape(V.shape))

    def variance(self, penalty: ElasticNet) -> None:
        """Unused: what a batch of many rows says of few coefficients needs no correction."""

    def rescaled(self, to: Rescaling) -> FullQuadratic:
        """The same in other coordinates."""
        size = len(to.ratio) + 1
        K = len(self.A) // size
        half = to.gradient(self.A.reshape(-1, K, size)).reshape(self.A.shape)
        new = to.gradient(half.T.reshape(-1, K, size)).reshape(self.A.shape)
        # what a diagonal entry loses by cancelling could make the matrix indefinite
        diagonal = np.abs(np.diag(self.A)).reshape(K, size)
        terms = to.ratio**2 * diagonal[:, :-1] + to.drift**2 * diagonal[:, -1:]
        moved = np.where(to.drift != 0, terms, 0.0)
        new = 0.5 * (new + new.T)
        new.reshape(-1)[:: len(new) + 1] += 8 * EPS * np.pad(moved, ((0, 0), (0, 1))).ravel()
        return FullQuadratic(new)

    def minimise(self, linear: Array, objective: Objective, start: Array) -> Array:
        """Solve, or by active sets where there is an l1 penalty."""
        penalty, H = objective.penalty, self.A.copy()
        H.reshape(-1)[:: len(H) + 1] += np.tile(penalty.hessian_diagonal, len(start))
        if objective.loss.shift_invariant:
            pin_gauge(H, objective, np.ones(start.shape, bool))
        if penalty.smooth:
            return Curvature(H).solve(linear)
        # in units of the curvature: beside an outlier's, that of other columns would be taken for rounding
        diagonal = np.diag(H)
        unit = 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
        l1 = np.tile(penalty.kinks, len(start)) * unit
        H *= unit[:, None] * unit
        # and near the start where they are flat, as along what classes share: a singular matrix has no factor
        H.reshape(-1)[:: len(H) + 1] += NEARBY
        w = start.ravel() / unit
        w = quadratic_lasso(H, -unit * linear.ravel() - NEARBY * w, l1, w, tol=ENOUGH)
        return np.asarray((unit * w).reshape(start.shape))


@dataclass(frozen=True)
class DiagonalQuadratic:
    """The diagonal of a matrix, (K, d + 1)."""

    D: Array

    @classmethod
    def of(cls, point: Point, variance: Array) -> tuple[DiagonalQuadratic, bool]:
        """Diagonal of the Hessian of the loss, averaged over what the coefficients may yet become, and
        whether rows are lost at the point.

        At the coefficients themselves it is too large: they start at zero, where the loss is most curved.
        """
        o = point.objective
        (D, lost), _ = o.rows.sweep(cautious.cautious_diagonal, point.logits, variance, o.loss, o.design)
        return cls(np.asarray(D)), bool(lost)

    def plus(self, other: DiagonalQuadratic, factor: float = 1.0) -> DiagonalQuadratic:
        """Sum, the other times a factor."""
        return DiagonalQuadratic(self.D + factor * other.D)

    def scaled(self, factor: float) -> DiagonalQuadratic:
        """Multiple."""
        return DiagonalQuadratic(factor * self.D)

    def times(self, V: Array) -> Array:
        """Product with coefficients."""
        return np.asarray(self.D * V)

    def variance(self, penalty: ElasticNet) -> Array:
        """Variance of each coefficient given the rows so far, the penalty taken as its prior."""
        return np.asarray(1 / np.maximum(self.D + penalty.hessian_diagonal, 1e-30))

    def rescaled(self, to: Rescaling) -> DiagonalQuadratic:
        """About the same in other coordinates: what is off the diagonal there is not known.

        Squares about another centre are less by those of its distance if the new one is the mean, and no
        less than those of a column of the new variance.
        """
        new = self.D.copy()
        last = self.D[:, -1:]
        scaled = self.D[:, :-1] * to.ratio**2
        new[:, :-1] = np.maximum(scaled - to.drift**2 * last, np.minimum(scaled, to.variance * last))
        return DiagonalQuadratic(new)

    def minimise(self, linear: Array, objective: Objective, start: Array) -> Array:
        """Soft threshold; a coefficient about which nothing is known stays where it is."""
        penalty = objective.penalty
        H = self.D + penalty.hessian_diagonal
        target = penalty.prox(linear, 1.0)
        return np.divide(target, H, out=np.where(penalty.selects, 0.0, start), where=H > 0)
