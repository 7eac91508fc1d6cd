"""What a sweep does to one block of rows: ``kernel(block, ...) -> (sums, kept)``, for the objective alone."""

from __future__ import annotations

from collections.abc import Iterator
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
    "constraint_gram",
    "count_nonzero",
    "coupling",
    "curvature_product",
    "design_rows",
    "difference",
    "divergence",
    "dual_point",
    "expand",
    "first_order",
    "gram",
    "hessian",
    "hessian_among",
    "hessian_diagonal",
    "hessian_product",
    "hessian_root",
    "holding",
    "leave_one_out",
    "margin_extremes",
    "margins_along",
    "mean_curvature",
    "mean_curvature_gram",
    "reach",
    "slope_sizes",
    "smallest_margin",
    "solved",
    "squares",
    "subtract_outer",
    "triangular",
    "value_and_slope",
    "widest_change",
]


# Variance of a logit that is believed in its curvature, and in how it is shared: before rows are seen it is
# what the penalty says, which with a weak one is no more than "anything".
WIDEST, ANYTHING = 4.0, 100.0
ROUNDED_MARGIN = 1e-9  # change of a margin, relative to the sizes of row and direction, that counts as none
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
    e = kept or loss.expand(logits, block.targets)
    H = np.zeros((np.count_nonzero(chosen),) * 2)
    for part, A, among in _chosen_rows(block, design, chosen, 1):
        p, q, root = e.probabilities[:, part], e.complements[:, part], np.sqrt(block.weights[part])
        ends = np.cumsum(among.sum(axis=1))
        spans = [slice(end - int(m.sum()), end) for end, m in zip(ends, among, strict=True)]
        C = np.empty((len(A), len(H)))
        if len(p) > 1:
            for span, m, scale in zip(spans, among, p * root, strict=True):
                np.multiply(A[:, m], scale[:, None], out=C[:, span])
            cross = C.T @ C
            for span in spans:
                cross[span, span] = 0.0
            H -= cross
        for span, m, scale in zip(spans, among, np.sqrt(p * q) * root, strict=True):
            # on the diagonal p (1 - p) as it is, lest p - p^2 cancel
            np.multiply(A[:, m], scale[:, None], out=C[:, span])
            H[span, span] += C[:, span].T @ C[:, span]
    return (H,), ()


def _chosen_rows(
    block: Block, design: Design, chosen: Array, copies: int
) -> Iterator[tuple[slice, Array, Array]]:
    """Slices of a block's rows, their design matrix in the columns that a mask uses, and the mask there.

    A slice's entries, in so many ``copies``, fit into a cache where the columns are sparse.
    """
    used = _used(chosen)
    sub, taken = design.columns(used[:-1])
    among = chosen[:, used]
    whole = len(used) == chosen.shape[1]
    sparse = sp.issparse(block.X)
    step = max(1, FEW // (copies * among.size)) if sparse or copies > 1 else len(block.weights)
    for i in range(0, len(block.weights), max(step, 1)):
        part = slice(i, i + step)
        if isinstance(block.X, DeviceBlock):
            yield part, design.matrix(np.asarray(block.X)[part])[:, used], among
            continue
        X = block.X[part] if whole else block.X[part][:, taken]
        yield part, sub.matrix(X.toarray() if sparse else X), among


def hessian_root(block: Block, e: Any, design: Design, chosen: Array, gauged: Array) -> Any:
    """Triangular factor of the rows whose products are the Hessian between the coefficients of a mask.

    For the columns in ``gauged``, rows that give what moves all classes alike the classes' mean curvature.
    """
    K = len(chosen)
    R = np.zeros((0, np.count_nonzero(chosen)))
    for part, A, among in _chosen_rows(block, design, chosen, K + 1):
        of_part = type(e)(*(v[..., part] for v in (e.value, e.residual, e.probabilities, e.complements)))
        C, w = of_part.contrast_root(), np.sqrt(block.weights[part])
        # in the logits themselves: the first class's has the rest of each column, with the other sign
        C = C if K == 1 else np.concatenate([-C.sum(axis=0, keepdims=True), C])
        rows = [np.einsum("km,mj->mkj", w * c, A).reshape(len(A), -1) for c in C.transpose(1, 0, 2)]
        if gauged.any():
            alike = np.sqrt((of_part.probabilities * of_part.complements).sum(axis=0)) / K
            pinned = (among.all(axis=0) & gauged[_used(chosen)])[None, :]
            rows.append(np.tile(np.where(pinned, A * (w * alike)[:, None], 0.0), K))
        R = triangular(np.vstack([R, *(B[:, among.ravel()] for B in rows)]))
    return (), (R,)


def _used(chosen: Array) -> Array:
    """Indices of the columns of X that a mask uses, and of the intercept."""
    return np.append(np.flatnonzero(chosen[:, :-1].any(axis=0)), chosen.shape[1] - 1)


def triangular(B: Array) -> Array:
    """R of B = Q R, by Householder's reflections, the largest rows first."""
    return np.asarray(
        np.linalg.qr(B[np.argsort(-np.abs(B).max(axis=1, initial=0.0), kind="stable")], mode="r")
    )


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
    block: Block,
    logits: Array,
    e: Any,
    scored: Array,
    loss: Loss,
    design: Design,
    active: Array,
    root: Array,
    shift: Array,
) -> Any:
    """One Newton step without each row, where root' root is the inverse H^-1 of the Hessian with it.

    For a_i in each class's place B = A_i H^-1 A_i' (K, K), the logits become z + B v with
    v = (I - w S B)^-1 w r, the row's curvature S and its residual r. Four numbers a row, (4, m): its loss
    there by the targets ``scored``, with ``shift`` (K,) added to the logits; how much the step changes it, to
    first order and with all signs alike; the step's length in H; the squared norm of the row in H^-1, of the
    difference of two classes where there are several.
    """
    K, m = logits.shape
    first = np.concatenate([[0], np.cumsum(active.sum(axis=1))])
    moved, step = np.empty_like(logits), np.empty_like(logits)
    length, reach = np.empty(m), np.empty(m)
    rows = max(1, FEW // max(1, K * len(root)))
    with np.errstate(all="ignore"):
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
            v = solved(inside, r[:, :, None])
            Bv = (B @ v)[:, :, 0]
            step[:, part] = Bv.T
            forward = np.einsum("ik,ik->i", r, Bv) >= 0  # else rounding has taken the curvature without it
            length[part] = np.where(forward, np.sqrt(np.einsum("ik,ik->i", v[:, :, 0], Bv)), np.inf)
            reach[part] = _widest(B)
        np.add(logits + shift[:, None], step, out=moved)
        end = loss.expand(moved, scored)
        change = np.einsum("kn,kn->n", np.abs(end.residual), np.abs(step))
    return (), (np.stack([end.value, change, length, reach]),)


def solved(M: Array, R: Array) -> Array:
    """Solutions of small systems M (n, K, K) and R (n, K, L); those of singular ones are of least norm."""
    if M.shape[1] == 1:
        return np.asarray(R / M)
    try:
        return np.linalg.solve(M, R)
    except np.linalg.LinAlgError:
        return np.asarray(np.linalg.pinv(np.nan_to_num(M)) @ R)


def _widest(B: Array) -> Array:
    """Largest squared norm (n,) of the differences of two classes, of products B (n, K, K) of their rows."""
    if B.shape[1] == 1:
        return B[:, 0, 0]
    d = np.einsum("ikk->ik", B)
    return np.asarray((d[:, :, None] + d[:, None, :] - 2 * B).max(axis=(1, 2)))


def widest_change(block: Block, direction: Linear, design: Design) -> Any:
    """Largest change of a row's logits along a direction, their range where there are several."""
    moved = design.logits(block.X, direction)
    width = np.abs(moved[0]) if len(moved) == 1 else np.ptp(moved, axis=0)
    return (), (float(width.max(initial=0.0, where=block.weights > 0)),)


def reach(block: Block, root: Array, design: Design) -> Any:
    """Largest squared norm of a row, or of a difference of two classes' rows, in M = root' root."""
    X = block.X[block.weights > 0]
    size = design.scale.size + 1
    A = design.matrix(X.toarray() if sp.issparse(X) else X)
    squared = [
        np.einsum("ij,ij->i", P, P).max(initial=0.0)
        for P in (A @ root[:, i : i + size].T for i in range(0, root.shape[1], size))
    ]
    # |e_k - e_l|^2 <= 2 (|e_k|^2 + |e_l|^2) in any norm
    return (), (max(squared) if len(squared) == 1 else 4 * max(squared),)


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


def slope_sizes(block: Block, e: Any, shape: tuple[int, int], design: Design) -> Any:
    """Sums of the sizes of the terms of each slope (K, d + 1), and slopes of residuals of random signs."""
    y = block.targets
    # the terms of residuals: with soft labels they may cancel
    off = block.weights * ((1 - y) * e.probabilities + y * e.complements)
    signed = off * np.random.default_rng(0).choice([-1.0, 1.0], off.shape)
    if isinstance(block.X, DeviceBlock):
        X, lost = block.X.shifted(design.left), np.append(design.cancellation, 0.0)
        last, unit = design.fit_intercept, design.scale
        sizes = np.column_stack([left_product(off, X.absolute()) * unit, off.sum(axis=1) * last])
        probe = np.column_stack([left_product(signed, X) * unit, signed.sum(axis=1) * last])
        return (sizes + np.outer(off.sum(axis=1), lost), probe), ()
    sizes, probe = np.zeros(shape), np.zeros(shape)
    for part, A, _ in _chosen_rows(block, design, np.ones(shape, bool), 2):
        absolute = np.abs(A)
        absolute[:, :-1] += design.cancellation
        sizes += off[:, part] @ absolute
        probe += signed[:, part] @ A
    return (sizes, probe), ()


def dual_point(block: Block, e: Any, start: Array | None, direction: Linear, design: Design) -> Any:
    """Pulled residuals of the probabilities to first order along a direction; the change of them is kept."""
    change = e.probability_change(design.logits(block.X, direction), start)
    return (design.pull(block.X, block.weights * (e.residual + change)),), (change,)


def divergence(block: Block, e: Any, change: Array | None, c: float) -> Any:
    """Weighted KL divergence of y + c (probabilities + change - y) from the probabilities; reads no X."""
    moved = 0.0 if change is None else c * change
    return (block.weights @ e.divergence(moved - (1 - c) * e.residual),), ()


def _margin_holds(block: Block, e: Any, k: int, l: int, share: float) -> tuple[Array, Array]:
    """For classes k, l of each row: whether k is labelled and l not, so that their margin may grow, and
    whether their margin must stay: both are labelled, or l holds more than a share of the loss.
    """
    y, p, w = block.targets, e.probabilities, block.weights
    if len(y) == 1:
        y, p = np.vstack([1 - y, y]), np.vstack([e.complements, p])
    open_ = (y[k] > 0) & (y[l] <= 0) & (w > 0)
    tied = (y[k] > 0) & (y[l] > 0) & (w > 0)
    return open_ & (w * p[l] <= share), tied | (open_ & (w * p[l] > share))


def constraint_gram(block: Block, e: Any, design: Design, share: float) -> Any:
    """Gram matrix (N, N) of the changes of the margins that a direction of separation leaves alone."""
    K, size = len(e.probabilities), design.scale.size + 1
    G = np.zeros((K, size, K, size))
    if K == 1:
        stays = _margin_holds(block, e, 0, 1, share)[1] | _margin_holds(block, e, 1, 0, share)[1]
        G[0, :, 0, :] = design.gram(block.X, stays.astype(float))
        return (G.reshape(size, size),), ()
    for k in range(K):
        for l in range(k):
            stays = _margin_holds(block, e, k, l, share)[1] | _margin_holds(block, e, l, k, share)[1]
            if stays.any():
                A = design.gram(block.X, stays.astype(float))
                G[k, :, k, :] += A
                G[l, :, l, :] += A
                G[k, :, l, :] -= A
                G[l, :, k, :] -= A
    return (G.reshape(K * size, K * size),), ()


def margins_along(block: Block, e: Any, design: Design, basis: Array, share: float) -> Any:
    """Changes (m, r) of the margins that may grow along r directions; rounding is set to 0."""
    K, size = len(e.probabilities), design.scale.size + 1
    X = block.X
    A = design.matrix(X.toarray() if sp.issparse(X) else X)
    D = A @ basis.reshape(K, size, -1)  # class, row, direction
    rounding = ROUNDED_MARGIN * np.abs(A).sum(axis=1)[:, None] * np.abs(basis).max(axis=0)
    if K == 1:
        D = np.concatenate([np.zeros_like(D), D])
    found = []
    for k in range(len(D)):
        for l in range(len(D)):
            if k != l:
                grows = _margin_holds(block, e, k, l, share)[0]
                change = (D[k] - D[l])[grows]
                found.append(np.where(np.abs(change) <= rounding[grows], 0.0, change))
    return (), (np.concatenate(found),)


def margin_extremes(block: Block, e: Any, design: Design, direction: Array, share: float) -> Any:
    """Largest fall and growth of a margin that may grow, and largest change of one that must stay."""
    K, size = len(e.probabilities), design.scale.size + 1
    W = direction.reshape(K, size)
    Z = design.logits(block.X, design.linear(W))
    Z = Z if K > 1 else np.vstack([np.zeros_like(Z), Z])
    falls = grows = tied = 0.0
    for k in range(len(Z)):
        for l in range(len(Z)):
            if k != l:
                open_, stays = _margin_holds(block, e, k, l, share)
                change = Z[k] - Z[l]
                falls = max(falls, float(-change[open_].min(initial=0.0)))
                grows = max(grows, float(change[open_].max(initial=0.0)))
                tied = max(tied, float(np.abs(change[stays]).max(initial=0.0)))
    return (), ((falls, grows, tied),)


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
