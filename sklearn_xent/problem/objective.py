"""The objective: it sends its kernels over the rows.

F(W) = weighted mean loss in nats + penalty. The weights sum to 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.problem import hessians, kernels, margins
from sklearn_xent.problem.design import Design
from sklearn_xent.problem.losses import Loss
from sklearn_xent.problem.penalties import ElasticNet
from sklearn_xent.problem.point import Point
from sklearn_xent.rows import PerRow, Rows

__all__ = ["Objective"]

KEPT = 100_000  # logits up to which a point keeps their expansion: 2.4 MB
RARE = 40  # nonzero entries in a sample below which a column's curvature is off by a sixth or more


@dataclass(frozen=True)
class Objective:
    """F on rows; ``at`` evaluates it with one reading of X."""

    rows: Rows
    loss: Loss
    penalty: ElasticNet
    design: Design
    total: float = 1.0  # what the weights sum to: total F(W) is what the user's objective is in nats
    known: Point | None = None  # of the same rows and design, under this penalty or another

    @property
    def shape(self) -> tuple[int, int]:
        """Shape (K, d + 1) of the coefficients."""
        return self.loss.n_logits, self.design.scale.size + 1

    def at(self, W: Array) -> Point:
        """Everything about F at W."""
        if self.known is not None and np.array_equal(W, self.known.coefficients):
            return self.known.under(self)
        where = self.design.linear(W) if W.any() else None
        return self.point(W, *self.rows.sweep(kernels.at, where, self.loss, self.design, self.keeps))

    number: ClassVar[type[float]] = float  # of a sum over the rows
    value_eps: ClassVar[float] = float(np.finfo(np.float64).eps)  # relative rounding of F

    rounded_logit: ClassVar[float] = margins.ROUNDED_LOGIT  # margin, relative to its terms, that may be none

    def point(self, W: Array, sums: Any, kept: Any) -> Point:
        """The point of a sweep's results."""
        return Point(self, W, sums, kept)

    @property
    def eps(self) -> float:
        """Relative rounding of a product."""
        return float(np.finfo(np.float32 if self.rows.single else np.float64).eps)

    @property
    def keeps(self) -> bool:
        """Whether points keep the expansion of the loss: three arrays of the size of the logits."""
        return self.rows.n_rows * self.loss.n_logits <= KEPT

    def under(self, penalty: ElasticNet) -> Objective:
        """The same loss under another penalty."""
        return replace(self, penalty=penalty, known=None)

    def gram(self) -> Array:
        """Weighted Gram matrix of the design, (d + 1, d + 1)."""
        (A,), _ = self.rows.sweep(hessians.gram, self.design)
        return np.asarray(A)

    @cached_property
    def largest_share(self) -> float:
        """Largest share that one row has of a column's weighted squares; reads X once."""
        _, (shares,) = self.rows.sweep(kernels.largest_share, self.design)
        return float(max(shares.flat()))

    def sample(self, n_rows: int, rng: np.random.RandomState) -> Objective:
        """The same problem on a sample of rows, with every row that holds one of its rare columns.

        A column that is hardly ever nonzero (a rare level of a category) would be misjudged by the sample;
        its few rows all together judge it exactly. No more rows are added than are drawn.
        """
        none = np.empty(0, dtype=np.intp)
        drawn = self.rows.sample(n_rows, rng, none)
        (counts,), _ = drawn.sweep(kernels.count_nonzero, self.design)
        rare = counts < RARE
        if not rare.any():
            return replace(self, rows=drawn, known=None)
        _, (holds,) = self.rows.sweep(kernels.holding, rare, self.design)
        always = np.flatnonzero(np.concatenate(holds.flat()))
        if len(always) > drawn.n_rows:
            return replace(self, rows=drawn, known=None)
        return replace(self, rows=self.rows.sample(n_rows, rng, always), known=None)

    def symmetric(self, W: Array) -> Array:
        """W less its mean over classes where that changes no logit difference and no penalty suffers.

        A smooth penalty is least there, so every minimiser with a penalised column is of this form.
        """
        if self.loss.shift_invariant and self.penalty.smooth:
            return np.asarray(W - W.mean(axis=0))
        return W

    def logits(self, W: Array) -> PerRow:
        """Logits of the blocks at W, without offset."""
        _, (logits,) = self.rows.sweep(kernels.change, self.design.linear(W), self.design)
        return logits

    def adjoint(self, R: PerRow) -> Array:
        """The rows' R (K, n) times the design matrix, unweighted: (K, d + 1)."""
        (pulled,), _ = self.rows.sweep(kernels.adjoint, R, self.design)
        return self.design.gradient(pulled)

    def squares(self) -> Array:
        """Weighted mean squares of the design's columns, (d + 1,): the diagonal of ``gram``."""
        (squares,), _ = self.rows.sweep(kernels.squares, self.design)
        return np.asarray(squares)

    @property
    def free(self) -> Array:
        """Mask (d + 1,) of the columns that nothing penalises."""
        return self.penalty.free

    @property
    def unheld(self) -> bool:
        """Whether nothing penalises or bounds any column that varies."""
        varies = self.design.scale > 0
        return bool(varies.any() and self.penalty.free[:-1][varies].all())

    def to_original(self, W: Array) -> tuple[Array, Array]:
        """Coefficients and intercepts in the units of X. Classes are symmetric: their intercepts sum to 0."""
        coef, intercept = self.design.to_original(W)
        if self.loss.shift_invariant and self.design.fit_intercept:
            intercept = intercept - intercept.mean()
        return coef, intercept

    def from_original(self, coef: Array, intercept: Array) -> Array:
        """Coefficients W (K, d + 1) of those in the units of X, symmetric; the sums in extended precision."""
        return self.symmetric(self.design.from_original(coef, intercept))

    def columns(self, which: Array) -> Objective:
        """The problem on some columns of X, which are copied; the others' coefficients are zero."""
        design, taken = self.design.columns(which)
        penalty = self.penalty.columns(np.append(which, len(self.design.scale)))
        return Objective(self.rows.columns(taken), self.loss, penalty, design, self.total)
