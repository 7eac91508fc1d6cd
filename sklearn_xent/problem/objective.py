"""The objective, a point on it, a line through it, and the kernels they send over the rows.

F(W) = weighted mean loss in nats + penalty. The weights sum to 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_xent.arrays import Array
from sklearn_xent.problem.design import Design, Linear
from sklearn_xent.problem.losses import Loss
from sklearn_xent.problem.penalties import ElasticNet
from sklearn_xent.problem.products import with_entries
from sklearn_xent.rows import Block, PerRow, Rows

__all__ = ["Line", "Objective", "Point"]

RARE = 40  # nonzero entries in a sample below which a column's curvature is off by a sixth or more


def _first_order(block: Block, logits: Array, loss: Loss, design: Design) -> Any:
    e = loss.expand(logits, block.targets)
    return (block.weights @ e.value, design.pull(block.X, block.weights * e.residual)), (logits,)


def _at(block: Block, linear: Linear, loss: Loss, design: Design) -> Any:
    logits = design.logits(block.X, linear)
    return _first_order(block, logits if block.offset is None else logits + block.offset, loss, design)


def _at_zero(block: Block, loss: Loss, design: Design) -> Any:
    zero = np.zeros((loss.n_logits, len(block.weights)))
    return _first_order(block, zero if block.offset is None else zero + block.offset, loss, design)


def _along(block: Block, logits: Array, change: Array, t: float, loss: Loss, design: Design) -> Any:
    return _first_order(block, logits + t * change, loss, design)


def _value_and_slope(block: Block, logits: Array, change: Array, t: float, loss: Loss) -> Any:
    e = loss.expand(logits + t * change, block.targets)
    return (block.weights @ e.value, np.einsum("n,kn,kn->", block.weights, e.residual, change)), ()


def _difference(block: Block, origin: Array, end: Array) -> Any:
    return (), (end - origin,)


def _change(block: Block, direction: Linear, design: Design) -> Any:
    return (), (design.logits(block.X, direction),)


def _adjoint(block: Block, R: Array, design: Design) -> Any:
    return (design.pull(block.X, R),), ()


def _expand(block: Block, logits: Array, loss: Loss) -> Any:
    return (), (loss.expand(logits, block.targets),)


def _hessian(block: Block, logits: Array, loss: Loss, design: Design) -> Any:
    e, K = loss.expand(logits, block.targets), len(logits)
    size = design.scale.size + 1
    H = np.empty((K, size, K, size))
    if K > 1 and not sp.issparse(block.X):
        _subtract_outer(H, design.matrix(block.X), e.probabilities, block.weights)
    else:
        for k in range(K):
            for l in range(k):
                H[k, :, l, :] = design.gram(block.X, block.weights * e.curvature(k, l))
                H[l, :, k, :] = H[k, :, l, :]
    for k in range(K):
        H[k, :, k, :] = design.gram(block.X, block.weights * e.curvature(k, k))
    return (H.reshape(K * size, K * size),), ()


def _subtract_outer(H: Array, A: Array, p: Array, weights: Array) -> None:
    """Set H (K, d, K, d) to - sum_i w_i (p_i x a_i) (p_i x a_i)': right off the diagonal blocks.

    One symmetric product of K d columns in place of K (K - 1) / 2 of d. On the diagonal p (1 - p) has to be
    summed as it is, lest p - p^2 cancel.
    """
    K, size = len(p), A.shape[1]
    H[:] = 0.0
    rows = max(1, (16 << 20) // (8 * K * size))
    for i in range(0, len(A), rows):
        part = slice(i, i + rows)
        scaled = (p[:, part] * np.sqrt(weights[part])).T
        C = (scaled[:, :, None] * A[part, None, :]).reshape(-1, K * size)
        H -= (C.T @ C).reshape(H.shape)


def _hessian_product(block: Block, e: Any, direction: Linear, design: Design) -> Any:
    change = design.logits(block.X, direction)
    return (design.pull(block.X, block.weights * e.curvature_product(change)),), ()


def _hessian_diagonal(block: Block, e: Any, design: Design) -> Any:
    h = block.weights * e.probabilities * e.complements
    return (design.squares(block.X, h),), ()


def _mean_curvature_gram(block: Block, e: Any, design: Design) -> Any:
    K = len(e.probabilities)
    # For K classes of equal probability the curvature is (I - 11'/K) / K: 1/K on what sums to zero.
    h = (e.probabilities * e.complements).mean(axis=0) * (K / (K - 1) if K > 1 else 1.0)
    return (design.gram(block.X, block.weights * h),), ()


def _squares(block: Block, design: Design) -> Any:
    return (design.squares(block.X, block.weights[None, :])[0],), ()


def _count_nonzero(block: Block) -> Any:
    if sp.issparse(block.X):
        return (np.bincount(block.X.tocoo().col[block.X.data != 0], minlength=block.X.shape[1]),), ()
    return (np.count_nonzero(block.X, axis=0),), ()


def _holding(block: Block, columns: Array) -> Any:
    if sp.issparse(block.X):
        holds = with_entries(block.X, (block.X.data != 0) * 1.0) @ columns.astype(float) > 0
    else:
        holds = (block.X[:, columns] != 0).any(axis=1)
    return (), (holds,)


def _mean_curvature(block: Block, e: Any) -> Any:
    return ((e.probabilities * e.complements) @ block.weights,), ()


def _gram(block: Block, design: Design) -> Any:
    return (design.gram(block.X, np.where(block.weights > 0, block.weights, 0.0)),), ()


def _dual_value(block: Block, e: Any, c: float, loss: Loss) -> Any:
    mixture = block.targets + c * e.residual
    value = block.weights @ loss.entropy(np.clip(mixture, 0.0, 1.0))
    if block.offset is not None:
        value += c * np.einsum("n,kn,kn->", block.weights, e.residual, block.offset)
    return (value,), ()


def _smallest_margin(block: Block, logits: Array) -> Any:
    """Least logit margin of a row's labelled classes over the others; -inf where a label is soft."""
    if block.offset is not None:
        logits = logits - block.offset
    if len(logits) == 1:
        y, z = block.targets[0], logits[0]
        margin = np.where(y == 1, z, np.where(y == 0, -z, -np.inf))
    else:
        labelled = block.targets > 0
        inside = np.where(labelled, logits, np.inf).min(axis=0)
        outside = np.where(labelled, -np.inf, logits).max(axis=0)
        margin = np.where(labelled.sum(axis=0) == 1, inside - outside, -np.inf)
    margin = np.where(block.weights > 0, margin, np.inf)
    return (), ((margin.min(initial=np.inf), np.abs(logits).max(initial=0.0)),)


@dataclass(frozen=True)
class Objective:
    """F on rows; ``at`` evaluates it with one reading of X."""

    rows: Rows
    loss: Loss
    penalty: ElasticNet
    design: Design

    @property
    def shape(self) -> tuple[int, int]:
        """Shape (K, d + 1) of the coefficients."""
        return self.loss.n_logits, self.rows.n_features + 1

    def at(self, W: Array) -> Point:
        """Everything about F at W."""
        if not W.any():  # where most fits start: the logits are known
            return Point(self, W, *self.rows.sweep(_at_zero, self.loss, self.design))
        return Point(self, W, *self.rows.sweep(_at, self.design.linear(W), self.loss, self.design))

    def gram(self) -> Array:
        """Weighted Gram matrix of the design, (d + 1, d + 1)."""
        (A,), _ = self.rows.sweep(_gram, self.design)
        return np.asarray(A)

    def sample(self, n_rows: int, rng: np.random.RandomState) -> Objective:
        """The same problem on a sample of rows, with every row that holds one of its rare columns.

        A column that is hardly ever nonzero (a rare level of a category) would be misjudged by the sample; its
        few rows all together judge it exactly. No more rows are added than are drawn.
        """
        none = np.empty(0, dtype=np.intp)
        drawn = self.rows.sample(n_rows, rng, none)
        (counts,), _ = drawn.sweep(_count_nonzero)
        rare = counts < RARE
        if not rare.any():
            return replace(self, rows=drawn)
        _, (holds,) = self.rows.sweep(_holding, rare)
        always = np.flatnonzero(np.concatenate(holds))
        if len(always) > drawn.n_rows:
            return replace(self, rows=drawn)
        return replace(self, rows=self.rows.sample(n_rows, rng, always))

    def symmetric(self, W: Array) -> Array:
        """W less its mean over classes where that changes no logit difference and no penalty suffers.

        A smooth penalty is least there, so every minimiser with a penalised column is of this form.
        """
        if self.loss.shift_invariant and self.penalty.smooth:
            return np.asarray(W - W.mean(axis=0))
        return W

    def logits(self, W: Array) -> PerRow:
        """Logits of the blocks at W, without offset."""
        _, (logits,) = self.rows.sweep(_change, self.design.linear(W), self.design)
        return logits

    def adjoint(self, R: PerRow) -> Array:
        """The rows' R (K, n) times the design matrix, unweighted: (K, d + 1)."""
        (pulled,), _ = self.rows.sweep(_adjoint, R, self.design)
        return self.design.gradient(pulled)

    def squares(self) -> Array:
        """Weighted mean squares of the design's columns, (d + 1,): the diagonal of ``gram``."""
        (squares,), _ = self.rows.sweep(_squares, self.design)
        return np.asarray(squares)

    @property
    def free(self) -> Array:
        """Mask (d + 1,) of the columns that nothing penalises."""
        return np.asarray((self.penalty.l1 == 0) & (self.penalty.l2 == 0))


class Point:
    """F, its gradient and its curvature at one W. It never changes; what is costly is computed once."""

    def __init__(self, objective: Objective, W: Array, sums: Any, kept: Any) -> None:
        (loss, pulled), (self.logits,) = sums, kept
        self.loss_gradient = objective.design.gradient(pulled)
        penalty = objective.penalty
        self.objective, self.coefficients = objective, W
        self.loss = float(loss)
        self.value = self.loss + penalty.value(W)
        self.gradient = self.loss_gradient + penalty.gradient(W)
        self.stationarity = penalty.subgradient(W, self.gradient)

    @property
    def smooth_value(self) -> float:
        """F without its l1 part."""
        return self.value - self.objective.penalty.absolute(self.coefficients)

    @cached_property
    def _expansion(self) -> PerRow:
        o = self.objective
        _, (expansion,) = o.rows.sweep(_expand, self.logits, o.loss, reads=False)
        return expansion

    def hessian(self) -> Array:
        """Hessian of the smooth part, (K (d + 1), K (d + 1)); K (K + 1) / 2 Gram products."""
        o = self.objective
        (H,), _ = o.rows.sweep(_hessian, self.logits, o.loss, o.design)
        H[np.diag_indices_from(H)] += np.tile(o.penalty.l2, len(self.coefficients))
        return np.asarray(H)

    def hessian_product(self, V: Array) -> Array:
        """Hessian of the smooth part times V (K, d + 1); one reading of X."""
        o = self.objective
        linear = o.design.linear(V)
        (pulled,), _ = o.rows.sweep(_hessian_product, self._expansion, linear, o.design)
        product = o.design.gradient(pulled)
        product += o.penalty.l2 * V
        return product

    def hessian_diagonal(self) -> Array:
        """Diagonal of the Hessian of the smooth part, (K, d + 1)."""
        o = self.objective
        (diagonal,), _ = o.rows.sweep(_hessian_diagonal, self._expansion, o.design)
        return np.asarray(diagonal + o.penalty.l2)

    def shared_hessian(self) -> Array:
        """One (d + 1, d + 1) matrix that stands for the Hessian's block of every class."""
        o = self.objective
        (A,), _ = o.rows.sweep(_mean_curvature_gram, self._expansion, o.design)
        A[np.diag_indices_from(A)] += o.penalty.l2
        return np.asarray(A)

    def mean_curvature(self) -> Array:
        """Weighted mean of p (1 - p) for each logit, (K,)."""
        (mean,), _ = self.objective.rows.sweep(_mean_curvature, self._expansion, reads=False)
        return np.asarray(mean)

    def duality_gap(self) -> float:
        """Upper bound of F(W) - min F in nats; inf where nothing penalises a column of X.

        The dual point of residuals c r is the mixture q = y + c r, whose value is its entropy: the dual of
        maximum likelihood is maximum entropy. It holds once the intercept is stationary, as it is to
        rounding at the end of a fit: its own small gradient is left out.
        """
        o, penalty = self.objective, self.objective.penalty
        G = self.loss_gradient.copy()
        if o.design.fit_intercept:
            G[:, -1] = 0.0
        if o.free[:-1].any():
            return np.inf
        direct = penalty.fenchel_gap(self.coefficients, G)
        if np.isfinite(direct):
            return direct
        lasso = penalty.l2 == 0
        ratio = np.divide(penalty.l1, np.abs(G), out=np.ones_like(G), where=(G != 0) & lasso)
        c = min(1.0, float(ratio[:, penalty.l1 > 0].min(initial=1.0)))
        (dual,), _ = o.rows.sweep(_dual_value, self._expansion, c, o.loss, reads=False)
        zero = np.zeros_like(G)
        conjugate = penalty.fenchel_gap(zero, np.where(lasso, 0.0, c * G))
        return max(self.value - float(dual) + conjugate, 0.0)

    def separates(self) -> bool:
        """Whether every row's logits put its label strictly first: then no finite optimum need exist."""
        _, (margins,) = self.objective.rows.sweep(_smallest_margin, self.logits, reads=False)
        least = min(m for m, _ in margins)
        return bool(least > 1e-6 * max(size for _, size in margins))

    def line(self, direction: Array) -> Line:
        """F along W + t direction."""
        return Line(self, direction)


class Line:
    """F on W + t D: one reading of X to build; ``evaluate`` reads none, ``point`` one."""

    def __init__(self, origin: Point, direction: Array, change: PerRow | None = None) -> None:
        self.origin, self.direction = origin, direction
        self._change = origin.objective.logits(direction) if change is None else change

    @classmethod
    def through(cls, origin: Point, end: Point) -> Line:
        """The line whose t = 1 is a point already evaluated: reads nothing."""
        _, (change,) = origin.objective.rows.sweep(_difference, origin.logits, end.logits, reads=False)
        return cls(origin, end.coefficients - origin.coefficients, change)

    def evaluate(self, t: float) -> tuple[float, float]:
        """Value and slope of F at t, for a smooth penalty."""
        o = self.origin.objective
        (loss, slope), _ = o.rows.sweep(
            _value_and_slope, self.origin.logits, self._change, t, o.loss, reads=False
        )
        W = self.origin.coefficients + t * self.direction
        value = loss + o.penalty.value(W)
        return float(value), float(slope + (o.penalty.gradient(W) * self.direction).sum())

    def point(self, t: float) -> Point:
        """The point at t. Its logits are those of the line: they drift, by rounding, over many lines."""
        o = self.origin.objective
        sums, kept = o.rows.sweep(_along, self.origin.logits, self._change, t, o.loss, o.design)
        return Point(o, self.origin.coefficients + t * self.direction, sums, kept)
