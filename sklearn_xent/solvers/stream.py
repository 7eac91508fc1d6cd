"""One Newton step for each batch of a stream: what the rows so far said is kept as a quadratic.

After batches 1, ..., t the sum of their losses is replaced by w' A w / 2 - b' w, with A the sum of their
Hessians D and b that of D w - gradient, each taken at the coefficients the batch was met with. The next
coefficients minimise that and the penalty: there is no learning rate to tune, and the penalty is exact. For
few coefficients A is a matrix; beyond, its diagonal.

This is the extended Kalman filter of logistic regression: Ollivier (2018), "Online natural gradient as a
Kalman filter", Electronic Journal of Statistics 12(2). Bercu, Godichon and Portier (2020), "An efficient
stochastic Newton algorithm for parameter estimation in logistic regressions", SIAM J. Control Optim. 58(1),
show that one pass is asymptotically as good as the optimum of all rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol, Self

import numpy as np

from sklearn_xent.arrays import Array, inner
from sklearn_xent.problem import kernels
from sklearn_xent.problem.design import Design, moments_of
from sklearn_xent.problem.losses import Loss, loss_for
from sklearn_xent.problem.objective import Line, Objective, Point
from sklearn_xent.problem.penalties import ElasticNet, elastic_net
from sklearn_xent.rows import Block, Rows, as_rows, joined
from sklearn_xent.solvers.curvature import Curvature, pin_gauge
from sklearn_xent.solvers.quadratic_lasso import quadratic_lasso

__all__ = ["FULL_LIMIT", "Stream", "batch_rows"]

FULL_LIMIT = 1000  # coefficients up to which the curvature is a full matrix: 8 MB, factored once a batch
FEW_CALLS, SHORTEST = 4096, 512  # rows of a batch with a matrix, whose steps are exact, and with a diagonal
PER_COEFFICIENT = 10  # rows that determine the coefficients well enough for their expansion to be of use
STEPS = 20  # for one batch, if they do not settle before
NOISE, SHORTENINGS = (
    1.1,
    10,
)  # excess of curvature that is let pass, and how often a step is shortened for more
SETTLED = 1e-4  # nats a row that a step still promised: the next one would not be worth its reading
TOO_FLAT = 1e-6  # share of the real curvature below which the model's is rounding
SMALLEST_UNIT = 1e-100  # spread below which a column counts as constant: squares of its inverse overflow


class Quadratic(Protocol):
    """A curvature in the coefficients (K, d + 1), as a matrix or as its diagonal; immutable."""

    def plus(self, other: Self, factor: float = 1.0) -> Self: ...
    def times(self, V: Array) -> Array: ...
    def scaled(self, factor: float) -> Self: ...
    def minimise(self, linear: Array, objective: Objective, start: Array) -> Array:
        """Minimise w' A w / 2 - linear' w + penalty."""
        ...


@dataclass(frozen=True)
class FullQuadratic:
    """A symmetric matrix (N, N)."""

    A: Array

    @classmethod
    def of(cls, point: Point, variance: Any) -> FullQuadratic:
        """Hessian of the loss at a point."""
        return cls(point.loss_hessian())

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

    def minimise(self, linear: Array, objective: Objective, start: Array) -> Array:
        """Solve, or by active sets where there is an l1 penalty."""
        penalty, H = objective.penalty, self.A.copy()
        H.reshape(-1)[:: len(H) + 1] += np.tile(penalty.l2, len(start))
        if objective.loss.shift_invariant:
            pin_gauge(H, objective, np.ones(start.shape, bool))
        if penalty.smooth:
            return Curvature(H).solve(linear)
        l1 = np.tile(penalty.l1, len(start))
        return quadratic_lasso(H, -linear.ravel(), l1, start.ravel()).reshape(start.shape)


@dataclass(frozen=True)
class DiagonalQuadratic:
    """The diagonal of a matrix, (K, d + 1)."""

    D: Array

    @classmethod
    def of(cls, point: Point, variance: Array) -> DiagonalQuadratic:
        """Diagonal of the Hessian of the loss, averaged over what the coefficients may yet become.

        At the coefficients themselves it is too large: they start at zero, where the loss is most curved.
        """
        o = point.objective
        (D,), _ = o.rows.sweep(kernels.cautious_diagonal, point.logits, variance, o.loss, o.design)
        return cls(np.asarray(D))

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
        return np.asarray(1 / np.maximum(self.D + penalty.l2, 1e-30))

    def minimise(self, linear: Array, objective: Objective, start: Array) -> Array:
        """Soft threshold; a coefficient about which nothing is known stays where it is."""
        penalty = objective.penalty
        H = self.D + penalty.l2
        target = np.sign(linear) * np.maximum(np.abs(linear) - penalty.l1, 0.0)
        return np.divide(target, H, out=np.where(penalty.l1 > 0, 0.0, start), where=H > 0)


def batch_rows(n_coefficients: int) -> int:
    """Rows of a batch: enough for a full curvature to be sound, else few enough to step often."""
    return max(FEW_CALLS, PER_COEFFICIENT * n_coefficients) if n_coefficients <= FULL_LIMIT else SHORTEST


@dataclass(frozen=True)
class Stream:
    """Coefficients after some rows and the quadratic that stands for them. Immutable: a step gives another.

    ``previous`` is the quadratic of an earlier pass over the same rows, of which the share not yet read
    again still counts.
    """

    loss: Loss
    design: Design
    penalty: ElasticNet
    W: Array
    curvature: Any
    linear: Array
    seen: float  # weight of the rows
    first: Block | None  # the first rows, until they determine the coefficients
    previous: Stream | None = None

    @classmethod
    def begin(
        cls, rows: Rows, n_classes: int, *, C: float, l1_ratio: float, fit_intercept: bool, names: Any
    ) -> Stream:
        """No row learnt from yet; the first rows, of total weight 1, say how columns are centred and scaled.

        Raises
        ------
        ValueError
            If X holds NaN or infinity.
        """
        loss = loss_for(n_classes)
        mean, spread, size = moments_of(rows, names)
        unit = spread if fit_intercept else size
        d, sparse = rows.n_features, rows.sparse
        # a column that is constant now may vary later
        scale = np.ones(d) if sparse else 1 / np.where(unit > SMALLEST_UNIT, unit, 1.0)
        shift = mean if fit_intercept else np.zeros(d)
        design = Design(shift, scale, np.ones(d), fit_intercept, sparse=sparse, centred=not sparse)
        W = design.zeros(loss.n_logits)
        # as much as one row at p = 1 / 2 would say: else the intercept of a class that comes late runs away
        known = np.zeros(W.shape)
        known[:, -1] = 0.25 * fit_intercept
        full = W.size <= FULL_LIMIT
        begun = FullQuadratic(np.diag(known.ravel())) if full else DiagonalQuadratic(known)
        return cls(loss, design, elastic_net(design, 1 / C, l1_ratio), W, begun, np.zeros(W.shape), 0.0, None)

    def again(self) -> Stream:
        """Begin another pass over the same rows."""
        zero = self.curvature.scaled(0.0)
        return replace(
            self, curvature=zero, linear=0 * self.linear, seen=0.0, previous=replace(self, previous=None)
        )

    def learn(self, batch: Block) -> tuple[Stream, float]:
        """The stream after a batch, and the batch's summed loss before that, in nats.

        With a matrix, the first rows are kept until there are enough of them to determine the coefficients,
        and learnt from together with each batch: expanded one batch after the other, at coefficients that
        are still far from anything, they would mislead for long.

        Raises
        ------
        ValueError
            If the values are too large for float64 arithmetic.
        """
        if not isinstance(self.curvature, FullQuadratic) or self.seen:
            return self._learnt(batch)
        rows = batch if self.first is None else joined([self.first, batch])
        before = self._objective(batch).at(self.W).loss
        after, _ = self._learnt(rows)
        if len(rows.weights) < PER_COEFFICIENT * self.W.size:
            after = replace(self, W=after.W, first=rows)
        return after, before

    def settled(self) -> Stream:
        """The stream with no rows kept: what they said is in the quadratic."""
        return self if self.first is None else self._learnt(self.first)[0]

    def _objective(self, rows: Block) -> Objective:
        return Objective(as_rows(*rows), self.loss, self.penalty, self.design)

    def _learnt(self, rows: Block) -> tuple[Stream, float]:
        """The stream after some rows, and their loss before that."""
        objective, weight = self._objective(rows), float(rows.weights.sum())
        curvature, linear = self._known(weight)
        # few rows do not determine the coefficients, and with a diagonal each step is as good as it gets
        steps = STEPS if isinstance(self.curvature, FullQuadratic) else 1
        W, before = self.W, 0.0
        for step in range(steps):
            with np.errstate(over="ignore", invalid="ignore"):  # it is the result that is judged
                point = objective.at(W)
                before = before if step else point.loss
                own = type(self.curvature).of(point, curvature.variance(self.penalty))
                own_linear = own.times(W) - point.loss_gradient
                W, promised = _step(point, curvature, curvature.plus(own), linear + own_linear)
            if not (np.isfinite(W).all() and np.isfinite(own_linear).all()):
                raise ValueError(
                    "the coefficients would not be finite: X or sample_weight hold values too large for "
                    "float64 arithmetic; rescale them."
                )
            if promised <= SETTLED * weight:
                break
        after = replace(
            self,
            W=W,
            curvature=self.curvature.plus(own),
            linear=self.linear + own_linear,
            seen=self.seen + weight,
            first=None,
        )
        return after, before

    def _known(self, weight: float) -> tuple[Any, Array]:
        """The quadratic of all rows but those of this batch."""
        if self.previous is None:
            return self.curvature, self.linear
        share = max(0.0, 1 - (self.seen + weight) / self.previous.seen)
        before = self.previous
        return self.curvature.plus(before.curvature, share), self.linear + share * before.linear

    def to_original(self) -> tuple[Array, Array]:
        """Coefficients and intercepts in the units of X; those of more than two classes sum to zero."""
        coef, intercept = self.design.to_original(self.W)
        if self.loss.shift_invariant and self.design.fit_intercept:
            intercept = intercept - intercept.mean()
        return coef, intercept


def _step(point: Point, past: Any, total: Any, linear: Array) -> tuple[Array, float]:
    """Coefficients that minimise the model, and half its curvature along the way there, in nats.

    Where the batch's loss curves more along the way than the model thinks (a diagonal that misses
    correlation, a Hessian taken where rows were saturated), the model is curved more, too: a step never
    ends where the loss rises.
    """
    o, W = point.objective, point.coefficients
    target = o.symmetric(total.minimise(linear, o, W))
    for _ in range(SHORTENINGS):
        move = target - W
        if not move.any():
            return target, 0.0
        line = Line(point, move)
        ridge = inner(move, o.penalty.l2 * move)
        real = line.evaluate(1.0)[1] - line.evaluate(0.0)[1] + inner(move, past.times(move))
        thought = inner(move, total.times(move)) + ridge
        if not real > NOISE * thought:
            break
        if isinstance(total, FullQuadratic) and o.penalty.smooth:
            # another matrix would have to be factored, for much the same step
            target = W + move * (thought / real)
            continue
        # the ridge is exact, and never scaled: what is kept is the slope of the rest
        slope = total.times(W) - linear
        total = total.scaled((real - ridge) / max(thought - ridge, TOO_FLAT * real))
        linear = total.times(W) - slope
        target = o.symmetric(total.minimise(linear, o, W))
    return target, 0.5 * thought
