"""Kernels of the second order: Hessians of the loss, parts and products of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.problem.design import Design, Linear
from sklearn_xent.problem.losses import Loss
from sklearn_xent.rows import Block, entries
from sklearn_xent.rows.entries import CACHED

__all__ = [
    "chosen_rows",
    "coupling",
    "curvature_along",
    "curvature_product",
    "gram",
    "hessian",
    "hessian_among",
    "hessian_diagonal",
    "hessian_product",
    "mean_curvature",
    "mean_curvature_gram",
    "products_along",
    "reach",
    "subtract_outer",
    "used_columns",
]

NOTHING = 64 * np.finfo(float).eps  # change of a row's logits, relative to its terms, that rounding makes


def hessian(block: Block, logits: Array, kept: Any, loss: Loss, design: Design, dtype: Any) -> Any:
    """Hessian of the loss, (K (d + 1), K (d + 1)), from products in dtype."""
    e, K = kept or loss.expand(logits, block.targets), len(logits)
    size, X = design.scale.size + 1, block.X
    array = entries.array_of(X, at_most=CACHED)  # of few, calls and the search for zeros cost more than sums
    X = X if array is None else array
    if K == 1:
        return (design.gram(X, block.weights * e.curvature(0, 0), dtype),), ()
    H = np.empty((K, size, K, size))
    if array is not None:
        A = design.matrix(X, dtype)
        subtract_outer(H, A, e.probabilities, block.weights)
        if K * A.size < CACHED:
            stacked = np.sqrt(block.weights * e.diagonal)[:, :, None] * A
            H[np.arange(K), :, np.arange(K), :] = stacked.transpose(0, 2, 1) @ stacked
            return (H.reshape(K * size, K * size),), ()
    else:
        for k in range(K):
            for l in range(k):
                H[k, :, l, :] = design.gram(X, block.weights * e.curvature(k, l))
                H[l, :, k, :] = H[k, :, l, :]
    for k in range(K):
        H[k, :, k, :] = design.gram(X, block.weights * e.curvature(k, k), dtype)
    return (H.reshape(K * size, K * size),), ()


def hessian_among(block: Block, logits: Array, kept: Any, loss: Loss, design: Design, chosen: Array) -> Any:
    """Hessian of the loss between the coefficients of a mask (K, d + 1)."""
    e = kept or loss.expand(logits, block.targets)
    H = np.zeros((np.count_nonzero(chosen),) * 2)
    for part, A, among in chosen_rows(block, design, chosen, 1):
        p, root = e.probabilities[:, part], np.sqrt(block.weights[part])
        deviations = np.sqrt(e.diagonal[:, part])
        ends = np.cumsum(among.sum(axis=1))
        spans = [slice(end - int(m.sum()), end) for end, m in zip(ends, among, strict=True)]
        if len(p) == 1:
            C = A if among.all() else A[:, among[0]]
            C *= (deviations[0] * root)[:, None]
            H += C.T @ C
            continue
        C = np.empty((len(A), len(H)))
        for span, m, scale in zip(spans, among, p * root, strict=True):
            np.multiply(A[:, m], scale[:, None], out=C[:, span])
        cross = C.T @ C
        for span in spans:
            cross[span, span] = 0.0
        H -= cross
        for span, m, scale in zip(spans, among, deviations * root, strict=True):
            # on the diagonal p (1 - p) as it is, lest p - p^2 cancel
            np.multiply(A[:, m], scale[:, None], out=C[:, span])
            H[span, span] += C[:, span].T @ C[:, span]
    return (H,), ()


def chosen_rows(
    block: Block, design: Design, chosen: Array, copies: int, *, least: int = 1
) -> Iterator[tuple[slice, Array, Array]]:
    """Slices of a block's rows, their design matrix in the columns that a mask uses, and the mask there.

    A slice's entries, in so many ``copies``, fit into a cache where the columns are sparse, but for ``least``
    rows.
    """
    used = used_columns(chosen)
    sub, taken = design.columns(used[:-1])
    among = chosen[:, used]
    whole = len(used) == chosen.shape[1]
    step = len(block.weights)
    if copies > 1 or not entries.is_whole(block.X):
        step = max(CACHED // (copies * among.size), least)
    for i in range(0, len(block.weights), max(step, 1)):
        part = slice(i, i + max(step, 1))
        yield part, sub.matrix(entries.rows_of(block.X, part, None if whole else taken)), among


def products_along(block: Block, e: Any, design: Design, basis: Array) -> Any:
    """Hessian of the loss times directions (K, d + 1, m) that change the logits by next to nothing.

    In extended precision: the changes are differences of terms that all but cancel.
    """
    K, size, m = basis.shape
    p, H = e.probabilities, np.zeros(basis.shape)
    for part, A, _ in chosen_rows(block, design, np.ones((K, size), bool), m + 1):
        moved = np.einsum("ij,kjm->kim", A.astype(np.longdouble), basis).astype(np.float64)
        if K == 1:
            changed = e.diagonal[:, part, None] * moved
        else:
            moved -= moved.mean(axis=0)
            changed = p[:, part, None] * (moved - np.einsum("ki,kim->im", p[:, part], moved))
        H += np.einsum("i,kim,ij->kjm", block.weights[part], changed, A)
    return (H,), ()


def curvature_along(block: Block, e: Any, design: Design, basis: Array, off: Array, least: float) -> Any:
    """Hessian of the loss (m, m) between directions (K, d + 1, m) that change the logits by next to nothing.

    A Hessian's sums are rounded beside its largest row, these beside each row's own terms. What rounding of
    them, or of directions that are ``off`` (K, d + 1), makes of a row's change counts as none. A class that
    has no part of a row's target, and of the loss less than ``least``, is left out.
    """
    K, size, m = basis.shape
    H, p, q = np.zeros((m, m)), e.probabilities, e.complements
    mean = np.append(np.abs(design.shift) * design.scale, 0.0)  # the digits of X are lost to it
    for part, A, _ in chosen_rows(block, design, np.ones((K, size), bool), m + 1):
        moved = np.einsum("ij,kjm->kim", A, basis)
        terms = np.einsum("ij,kjm->kim", np.abs(A) + mean, np.abs(basis))
        rounding = NOTHING * terms.max(axis=0) + (off @ np.abs(A).T).max(axis=0)[:, None]
        y, w = block.targets[:, part], block.weights[part]
        if K == 1:
            missed = np.where(y < 0.5, y, 1 - y) > 0
            weighted = np.where(missed | (w * np.where(y < 0.5, p[:, part], q[:, part]) > least), 1.0, 0.0)
            weighted *= e.diagonal[:, part]
        else:
            moved -= moved.mean(axis=0)
            weighted = np.where((y > 0) | (w * p[:, part] > least), p[:, part], 0.0)
        moved = np.where(np.abs(moved).max(axis=0) <= rounding, 0.0, moved)
        if K > 1:
            moved -= np.einsum("ki,kim->im", p[:, part], moved)
        H += np.einsum("i,ki,kim,kin->mn", w, weighted, moved, moved)
    return (H,), ()


def used_columns(chosen: Array) -> Array:
    """Indices of the columns of X that a mask uses, and of the intercept."""
    return np.append(np.flatnonzero(chosen[:, :-1].any(axis=0)), chosen.shape[1] - 1)


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
    h = block.weights * e.diagonal
    return (design.squares(block.X, h),), ()


def mean_curvature_gram(block: Block, e: Any, design: Design) -> Any:
    """One Gram matrix that stands for the Hessian's block of every class."""
    K = len(e.probabilities)
    # For K classes of equal probability the curvature is (I - 11'/K) / K: 1/K on what sums to zero.
    h = e.diagonal.mean(axis=0) * (K / (K - 1) if K > 1 else 1.0)
    return (design.gram(block.X, block.weights * h),), ()


def coupling(block: Block, e: Any) -> Any:
    """Weighted diag(p) - p p', summed over the rows."""
    C = -(e.probabilities * block.weights) @ e.probabilities.T
    C[np.diag_indices_from(C)] = e.diagonal @ block.weights
    return (C,), ()


def mean_curvature(block: Block, e: Any) -> Any:
    """Weighted p (1 - p) of each logit."""
    return (e.diagonal @ block.weights,), ()


def gram(block: Block, design: Design) -> Any:
    """Weighted Gram matrix of the design."""
    return (design.gram(block.X, np.where(block.weights > 0, block.weights, 0.0)),), ()


def reach(block: Block, e: Any, root: Array, design: Design, enough: float) -> Any:
    """Largest squared norm of rows and differences of classes' rows in M = root' root, or ``enough`` if less.

    M is the inverse of a Hessian that has these rows' own curvature w (diag(p) - p p') as a part, so that the
    norm of (e_k - e_l) x a is at most (1 / p_k + 1 / p_l) / w: only rows where that is too much are measured.
    """
    with np.errstate(divide="ignore", over="ignore"):
        own = e.inverse_curvature() / block.weights
    doubtful = (block.weights > 0) & (own > enough)
    if not doubtful.any():
        return (), (enough,)
    X = block.X[doubtful]
    size = design.scale.size + 1
    A = design.matrix(entries.dense(X))
    squared = [
        np.einsum("ij,ij->i", P, P).max(initial=0.0)
        for P in (A @ root[:, i : i + size].T for i in range(0, root.shape[1], size))
    ]
    # |e_k - e_l|^2 <= 2 (|e_k|^2 + |e_l|^2) in any norm
    return (), (max(enough, max(squared) if len(squared) == 1 else 4 * max(squared)),)
