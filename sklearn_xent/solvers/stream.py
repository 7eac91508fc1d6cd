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
from typing import Any

import numpy as np

from sklearn_xent.arrays import Array, inner
from sklearn_xent.problem.design import Design
from sklearn_xent.problem.losses import Loss, loss_for
from sklearn_xent.problem.objective import Objective
from sklearn_xent.problem.penalties import ElasticNet, elastic_net
from sklearn_xent.rows import Block, as_rows, joined
from sklearn_xent.solvers.stream_columns import Columns
from sklearn_xent.solvers.stream_quadratic import DiagonalQuadratic, FullQuadratic, Rescaling
from sklearn_xent.solvers.stream_step import step_of

__all__ = ["FULL_LIMIT", "Stream", "batch_rows", "loss_of"]

FULL_LIMIT = 1000  # coefficients up to which the curvature is a full matrix: 8 MB, factored once a batch
FEW_CALLS, SHORTEST = 4096, 512  # rows of a batch with a matrix, whose steps are exact, and with a diagonal
PER_COEFFICIENT = 10  # rows that determine the coefficients well enough for their expansion to be of use
STEPS = 20  # for one batch, if they do not settle before
SETTLED = 1e-4  # nats a row that a step still promised: the next one would not be worth its reading


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
    strength: tuple[float, float]  # of the penalty, and its l1_ratio
    columns: Columns
    W: Array
    curvature: Any
    linear: Array
    seen: float  # weight of the rows
    first: Block | None  # the first rows, until they determine the coefficients
    previous: Stream | None = None

    @classmethod
    def begin(
        cls, n_features: int, n_classes: int, *, C: float, l1_ratio: float, fit_intercept: bool, sparse: bool
    ) -> Stream:
        """No row learnt from yet."""
        loss, one = loss_for(n_classes), np.ones(n_features)
        design = Design(np.zeros(n_features), one, one, fit_intercept, sparse=sparse, centred=not sparse)
        W = design.zeros(loss.n_logits)
        # as much as one row at p = 1 / 2 would say: else the intercept of a class that comes late runs away
        known = np.zeros(W.shape)
        known[:, -1] = 0.25 * fit_intercept
        full = W.size <= FULL_LIMIT
        begun = FullQuadratic(np.diag(known.ravel())) if full else DiagonalQuadratic(known)
        penalty = elastic_net(design, 1 / C, l1_ratio)
        return cls(
            loss, design, penalty, (1 / C, l1_ratio), Columns(), W, begun, np.zeros(W.shape), 0.0, None
        )

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
        stream = self._with_columns_of(batch)
        if not isinstance(stream.curvature, FullQuadratic) or stream.seen:
            return stream._learnt(batch)
        rows = batch if stream.first is None else joined([stream.first, batch])
        before = stream._objective(batch).at(stream.W).loss
        after, _ = stream._learnt(rows)
        if len(rows.weights) < PER_COEFFICIENT * stream.W.size:
            after = replace(stream, W=after.W, first=rows)
        return after, before

    def settled(self) -> Stream:
        """The stream with no rows kept: what they said is in the quadratic."""
        return self if self.first is None else self._learnt(self.first)[0]

    def _with_columns_of(self, batch: Block) -> Stream:
        """The same function in coordinates that suit the columns seen so far."""
        columns = self.columns.with_batch(batch)
        if not columns.due:
            return replace(self, columns=columns)
        first = columns.batches == 1
        design = columns.improved(self.design, first=first)
        if first:
            return replace(self, columns=columns, design=design, penalty=elastic_net(design, *self.strength))
        return replace(self._in(design), columns=columns)

    def _in(self, design: Design) -> Stream:
        """The same function of X in the coordinates of another design."""
        if design is self.design:
            return self
        ratio = design.scale / self.design.scale
        drift = design.scale * (design.shift - self.design.shift)
        to = Rescaling(ratio, drift, design.variance)
        W, curvature = to.coefficients(self.W), self.curvature.rescaled(to)
        slope = to.gradient(self.curvature.times(self.W) - self.linear)
        return replace(
            self,
            design=design,
            penalty=elastic_net(design, *self.strength),
            W=W,
            curvature=curvature,
            linear=curvature.times(W) - slope,
            previous=None if self.previous is None else self.previous._in(design),
        )

    def _objective(self, rows: Block) -> Objective:
        return Objective(as_rows(*rows), self.loss, self.penalty, self.design)

    def _learnt(self, rows: Block) -> tuple[Stream, float]:
        """The stream after some rows, and their loss before that.

        Steps go on until one is sound and promises little. With a diagonal one step is as good as it gets,
        but where a row is lost: its expansion holds only once it is won.
        """
        objective, weight = self._objective(rows), float(rows.weights.sum())
        curvature, linear = self._known(weight)
        full = isinstance(self.curvature, FullQuadratic)
        W, before = self.W, 0.0
        for trial in range(STEPS):
            with np.errstate(all="ignore"):  # it is the result that is judged
                point = objective.at(W)
                before = before if trial else point.loss
                own, lost = type(self.curvature).of(point, curvature.variance(self.penalty))
                own_linear = own.times(W) - point.loss_gradient
                step = step_of(point, curvature, linear, own, own_linear, SETTLED * weight)
                W = step.W
            # the squares of what is added, too: a row that overflows would be taken for one that is won
            if not (np.isfinite(W).all() and np.isfinite(inner(own_linear, own_linear))):
                raise ValueError(
                    "the coefficients would not be finite: X or sample_weight hold values too large for "
                    "float64 arithmetic; rescale them."
                )
            if step.sound and (step.promised <= SETTLED * weight or not (full or lost)):
                break
        else:
            # The gradient left over is that of rows still on their way: as a step from here it would mislead
            # all later ones. What is kept is that these rows were content here.
            own_linear = own.times(W) + curvature.times(W) - linear + self._pull(W)
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

    def _pull(self, W: Array) -> Array:
        """Slope of the penalty, that of its l1 part where there is one."""
        return self.penalty.slopes(W, self.penalty.gradient(W))


def loss_of(rows: Block, n_classes: int, coef: Array, intercept: Array) -> float:
    """Summed loss of some rows at coefficients in the units of X, in nats."""
    d = coef.shape[1]
    design = Design(np.zeros(d), np.ones(d), np.ones(d))
    nothing = ElasticNet(np.zeros(d + 1), np.zeros(d + 1))
    point = Objective(as_rows(*rows), loss_for(n_classes), nothing, design)
    return float(point.at(np.column_stack([coef, intercept])).loss)
