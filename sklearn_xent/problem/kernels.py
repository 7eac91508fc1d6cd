"""What a sweep does to one block of rows: ``kernel(block, ...) -> (sums, kept)``, for the objective alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_xent.arrays import Array
from sklearn_xent.problem.design import Design, Linear
from sklearn_xent.problem.losses import Loss
from sklearn_xent.problem.products import left_product, right_product, with_entries
from sklearn_xent.rows import Block
from sklearn_xent.rows.array_api import DeviceBlock

__all__ = [
    "adjoint",
    "along",
    "at",
    "cautious_diagonal",
    "cautious_hessian",
    "change",
    "count_nonzero",
    "coupling",
    "curvature_product",
    "design_rows",
    "difference",
    "dual_value",
    "expand",
    "first_order",
    "gram",
    "hessian",
    "hessian_among",
    "hessian_diagonal",
    "hessian_product",
    "holding",
    "leave_one_out",
    "mean_curvature",
    "mean_curvature_gram",
    "smallest_margin",
    "squares",
    "subtract_outer",
    "value_and_slope",
]


# Variance of a logit that is believed in its curvature, and in how it is shared: before rows are seen it is
# what the penalty says, which with a weak one is no more than "anything".
WIDEST, ANYTHING = 4.0, 100.0
LOST = 10.0  # nats of a row beyond which its curvature says nothing of the way back: h < 5e-5
FEW = 1 << 17  # entries of all classes' weighted rows up to which they are multiplied in one call


def first_order(block: Block, logits: Array, loss: Loss, design: Design, keeps: bool) -> Any:
    """Loss and pulled residuals; the logits and, where it ``keeps`` it, the expansion are kept."""
    if keeps:
        kept = loss.expand(logits, block.targets)
        value, residual = kept.value, block.weights * kept.residual
    else:
        kept = None
        value, residual = loss.first_order(logits, block.targets)
        residual *= block.weights
    return (block.weights @ value, design.pull(block.X, residual)), (logits, kept)


def at(block: Block, linear: Linear | None, loss: Loss, design: Design, keeps: bool) -> Any:
    """At coefficients, or where most fits start: at none, where X need not be read for the logits."""
    if linear is None:
        logits = np.zeros((loss.n_logits, len(block.weights)))
    else:
        logits = design.logits(block.X, linear)
    if block.offset is not None:
        logits += block.offset
    return first_order(block, logits, loss, design, keeps)


def along(
    block: Block, logits: Array, change: Array, t: float, loss: Loss, design: Design, keeps: bool
) -> Any:
    """First order at t along a change of the logits."""
    return first_order(block, logits + t * change, loss, design, keeps)


def value_and_slope(block: Block, logits: Array, change: Array, t: float, loss: Loss) -> Any:
    """Loss and its slope at t along a change of the logits; reads no X."""
    e = loss.expand(logits + t * change, block.targets)
    return (block.weights @ e.value, np.einsum("n,kn,kn->", block.weights, e.residual, change)), ()


def difference(block: Block, origin: Array, end: Array) -> Any:
    """From the logits of one point to those of another."""
    return (), (end - origin,)


def change(block: Block, direction: Linear, design: Design) -> Any:
    """What a direction does to the logits."""
    return (), (design.logits(block.X, direction),)


def adjoint(block: Block, R: Array, design: Design) -> Any:
    """Pull rows."""
    return (design.pull(block.X, R),), ()


def expand(block: Block, logits: Array, loss: Loss) -> Any:
    """Expand the loss at logits."""
    return (), (loss.expand(logits, block.targets),)


def hessian(block: Block, logits: Array, kept: Any, loss: Loss, design: Design, dtype: Any) -> Any:
    """Hessian of the loss, (K (d + 1), K (d + 1)), from products in dtype."""
    e, K = kept or loss.expand(logits, block.targets), len(logits)
    size = design.scale.size + 1
    if K == 1:
        return (design.gram(block.X, block.weights * e.curvature(0, 0), dtype),), ()
    H = np.empty((K, size, K, size))
    if not (sp.issparse(block.X) or isinstance(block.X, DeviceBlock)):
        A = design.matrix(block.X, dtype)
        subtract_outer(H, A, e.probabilities, block.weights)
        if K * A.size < FEW:
            stacked = np.sqrt(block.weights * e.probabilities * e.complements)[:, :, None] * A
            H[np.arange(K), :, np.arange(K), :] = stacked.transpose(0, 2, 1) @ stacked
            return (H.reshape(K * size, K * size),), ()
    else:
        for k in range(K):
            for l in range(k):
                H[k, :, l, :] = design.gram(block.X, block.weights * e.curvature(k, l))
                H[l, :, k, :] = H[k, :, l, :]
    for k in range(K):
        H[k, :, k, :] = design.gram(block.X, block.weights * e.curvature(k, k), dtype)
    return (H.reshape(K * size, K * size),), ()


def hessian_among(block: Block, logits: Array, kept: Any, loss: Loss, design: Design, chosen: Array) -> Any:
    """Hessian of the loss between the coefficients of a mask (K, d + 1)."""
    if len(logits) == 1 or sp.issparse(block.X):
        (H,), _ = hessian(block, logits, kept, loss, design, np.float64)
        where = np.flatnonzero(chosen)
        return (H[np.ix_(where, where)],), ()
    e = kept or loss.expand(logits, block.targets)
    A, root = design.matrix(block.X), np.sqrt(block.weights)
    k, j = np.nonzero(chosen)
    C = np.empty((len(A), len(j)))
    H = np.zeros((len(j), len(j)))
    starts = np.searchsorted(k, np.arange(len(logits) + 1))
    for a, b, p in zip(starts[:-1], starts[1:], e.probabilities, strict=True):
        np.multiply(A[:, j[a:b]], (p * root)[:, None], out=C[:, a:b])
    H -= C.T @ C
    for a, b, p, q in zip(starts[:-1], starts[1:], e.probabilities, e.complements, strict=True):
        # on the diagonal p (1 - p) as it is, lest p - p^2 cancel
        np.multiply(A[:, j[a:b]], (np.sqrt(p * q) * root)[:, None], out=C[:, a:b])
        H[a:b, a:b] = C[:, a:b].T @ C[:, a:b]
    return (H,), ()


def subtract_outer(H: Array, A: Array, p: Array, weights: Array) -> None:
    """Set H (K, d, K, d) to - sum_i w_i (p_i x a_i) (p_i x a_i)': right off the diagonal blocks.

    One symmetric product of K d columns in place of K (K - 1) / 2 of d. On the diagonal p (1 - p) has to be
    summed as it is, lest p - p^2 cancel.
    """
    K, size = len(p), A.shape[1]
    H[:] = 0.0
    root = np.sqrt(weights)
    rows = max(1, (16 << 20) // (8 * K * size))
    for i in range(0, len(A), rows):
        part = slice(i, i + rows)
        scaled = (p[:, part] * root[part]).T.astype(A.dtype, copy=False)
        C = (scaled[:, :, None] * A[part, None, :]).reshape(-1, K * size)
        H -= (C.T @ C).reshape(H.shape)


def hessian_product(block: Block, e: Any, direction: Linear, design: Design) -> Any:
    """Hessian of the loss times a direction, pulled."""
    change = design.logits(block.X, direction)
    return (design.pull(block.X, block.weights * e.curvature_product(change)),), ()


def curvature_product(block: Block, e: Any, change: Array) -> Any:
    """Weighted curvature of the loss times a change of the logits; reads no X."""
    return (), (block.weights * e.curvature_product(change),)


def hessian_diagonal(block: Block, e: Any, design: Design) -> Any:
    """Diagonal of the Hessian of the loss, (K, d + 1)."""
    h = block.weights * e.probabilities * e.complements
    return (design.squares(block.X, h),), ()


def cautious_diagonal(block: Block, logits: Array, variance: Array, loss: Loss, design: Design) -> Any:
    """Diagonal of the Hessian (K, d + 1) for steps from coefficients of some variance (K, d + 1).

    A logit of variance s^2 has the mean probability sigmoid(c z) with c = (1 + pi s^2 / 8)^(-1/2), of slope
    h = c p (1 - p): MacKay (1992), Neural Computation 4(5), eq. 2.10. Where that variance is large, each of
    many coefficients alone could explain the row; all of them together would move its logit by h s^2 times
    the step that it asks for.
    """
    if sp.issparse(block.X):
        squares = with_entries(block.X, block.X.data**2)
        spread = right_product(variance[:, :-1] * design.scale**2, squares)
    else:
        spread = variance[:, :-1] @ ((block.X - design.shift) * design.scale).T ** 2
    # not the intercept's: nothing is known of it only until the first rows are
    spread = np.fmin(spread, ANYTHING)
    c = 1 / np.sqrt(1 + np.pi / 8 * np.fmin(spread, WIDEST))
    e = loss.expand(c * logits, block.targets)
    h = c * e.probabilities * e.complements
    h *= np.fmax(1.0, 2 * h * spread)
    chords = _chord_logits(c * logits, e.value, block.weights)
    if chords is None:
        return (design.squares(block.X, block.weights * h), False), ()
    lost = (chords != c * logits).any(axis=0)
    h[:, lost] = 0.0
    D = design.squares(block.X, block.weights * h)
    e = loss.expand(chords, block.targets)
    h = block.weights * e.probabilities * e.complements
    return (D + _shared_squares(block.X[lost], h[:, lost], np.sqrt(variance), design), True), ()


def _shared_squares(X: Any, h: Array, deviation: Array, design: Design) -> Array:
    """Diagonal (K, d + 1) that bounds the Gram matrices of row weights h (K, m).

    Each row's x x' by |x_j| sum_k |x_k|, in units of the deviations (K, d + 1) of the coefficients: the
    coefficients share what a row asks for, and those that move more easily take more of it.
    """
    if sp.issparse(X):
        size, centre = abs(X), np.abs(design.shift)  # not less than the distance from the centre
    else:
        size, centre = np.abs(X - design.shift), np.zeros_like(design.shift)
    units = deviation[:, :-1] * design.scale
    last = deviation[:, -1:] * design.fit_intercept
    total = h * (right_product(units, size) + (units @ centre)[:, None] + last)
    D = left_product(total, size) + total.sum(axis=1)[:, None] * centre
    return np.column_stack([D * design.scale, total.sum(axis=1) * design.fit_intercept]) / deviation


def cautious_hessian(block: Block, logits: Array, e: Any, loss: Loss, design: Design) -> Any:
    """Hessian of the loss in which lost rows have the curvature of a chord; and whether there are any."""
    chords = _chord_logits(logits, e.value, block.weights)
    if chords is not None:
        e = loss.expand(chords, block.targets)
    (H,), _ = hessian(block, logits, e, loss, design, np.float64)
    return (H, chords is not None), ()


def _chord_logits(logits: Array, value: Array, weights: Array) -> Array | None:
    """Logits with the curvature 1 / (2 v) in the rows of loss v > LOST; None where no row is lost.

    That is tanh(v / 2) / (2 v), the least curvature of a parabola through the row's value that bounds its
    loss: Jaakkola and Jordan (2000), Statistics and Computing 10(1). The row's slope is 1 until it is won,
    and its own curvature exp(-v) says that it stays so for ever.
    """
    lost = (value > LOST) & (weights > 0)
    if not lost.any():
        return None
    v = value[lost]
    chords = logits.copy()
    chords[:, lost] *= np.log1p(2 * v) / v
    return chords


def mean_curvature_gram(block: Block, e: Any, design: Design) -> Any:
    """One Gram matrix that stands for the Hessian's block of every class."""
    K = len(e.probabilities)
    # For K classes of equal probability the curvature is (I - 11'/K) / K: 1/K on what sums to zero.
    h = (e.probabilities * e.complements).mean(axis=0) * (K / (K - 1) if K > 1 else 1.0)
    return (design.gram(block.X, block.weights * h),), ()


def squares(block: Block, design: Design) -> Any:
    """Weighted squares of the design's columns."""
    return (design.squares(block.X, block.weights[None, :])[0],), ()


def count_nonzero(block: Block, design: Design) -> Any:
    """Entries of each column of X that are not zero."""
    if sp.issparse(block.X):
        return (np.bincount(block.X.tocoo().col[block.X.data != 0], minlength=block.X.shape[1]),), ()
    return (np.count_nonzero(design.nonzero(block.X), axis=0),), ()


def leave_one_out(
    block: Block, logits: Array, e: Any, loss: Loss, design: Design, active: Array, root: Array
) -> Any:
    """Losses (m,) at the logits that one Newton step without the row leads to; root' root is H^-1.

    For a_i in each class's place B = A_i H^-1 A_i' (K, K), the logits become z + B (I - w S B)^-1 w r with
    the row's curvature S and residual r.
    """
    K, m = logits.shape
    first = np.concatenate([[0], np.cumsum(active.sum(axis=1))])
    moved = np.empty_like(logits)
    rows = max(1, FEW // max(1, K * len(root)))
    for i in range(0, m, rows):
        part = slice(i, min(i + rows, m))
        X = block.X[part]
        A = design.matrix(X.toarray() if sp.issparse(X) else X)
        P = np.stack([A[:, active[k]] @ root[:, first[k] : first[k + 1]].T for k in range(K)])
        B = np.einsum("kin,lin->ikl", P, P)
        p, w = e.probabilities[:, part].T, block.weights[part, None]
        S = -p[:, :, None] * p[:, None, :]
        S[:, np.arange(K), np.arange(K)] = p * e.complements[:, part].T
        r = w * e.residual[:, part].T
        inside = np.eye(K) - w[:, :, None] * (S @ B)
        v = r[:, :, None] / inside if K == 1 else np.linalg.solve(inside, r[:, :, None])
        moved[:, part] = logits[:, part] + (B @ v)[:, :, 0].T
    return (), (loss.expand(moved, block.targets).value,)


def design_rows(block: Block, design: Design) -> Any:
    """The design matrix (d + 1, m), the targets and the weights."""
    A = design.matrix(block.X.toarray() if sp.issparse(block.X) else block.X)
    return (), ((A.T, block.targets, block.weights),)


def holding(block: Block, columns: Array, design: Design) -> Any:
    """Which rows have an entry in some columns."""
    if sp.issparse(block.X):
        holds = with_entries(block.X, (block.X.data != 0) * 1.0) @ columns.astype(float) > 0
    else:
        holds = design.nonzero(block.X)[:, columns].any(axis=1)
    return (), (holds,)


def coupling(block: Block, e: Any) -> Any:
    """Weighted diag(p) - p p', summed over the rows."""
    C = -(e.probabilities * block.weights) @ e.probabilities.T
    C[np.diag_indices_from(C)] = (e.probabilities * e.complements) @ block.weights
    return (C,), ()


def mean_curvature(block: Block, e: Any) -> Any:
    """Weighted p (1 - p) of each logit."""
    return ((e.probabilities * e.complements) @ block.weights,), ()


def gram(block: Block, design: Design) -> Any:
    """Weighted Gram matrix of the design."""
    return (design.gram(block.X, np.where(block.weights > 0, block.weights, 0.0)),), ()


def dual_value(block: Block, e: Any, c: float, loss: Loss) -> Any:
    """Value of the dual at residuals c r: the entropy of the mixtures y + c r."""
    mixture = block.targets + c * e.residual
    value = block.weights @ loss.entropy(np.clip(mixture, 0.0, 1.0))
    if block.offset is not None:
        value += c * np.einsum("n,kn,kn->", block.weights, e.residual, block.offset)
    return (value,), ()


def smallest_margin(block: Block, logits: Array) -> Any:
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
