"""What is computed from the entries of a block, in whatever container they are: nobody else asks which.

Products with a few vectors are shaped so that threads can share them: numpy lets go of the interpreter lock
only for results of more than 500 numbers. A product with one vector and 50 columns has 50: it is cut into a
stack of products that are added, which costs nothing and lets another thread run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_xent.arrays import Array
from sklearn_xent.rows.array_api import DeviceBlock

__all__ = [
    "CACHED",
    "array_of",
    "centred_sums",
    "dense",
    "design_matrix",
    "distances",
    "gram",
    "is_at_hand",
    "is_whole",
    "largest_sizes",
    "left_product",
    "marked",
    "nonzero_counts",
    "right_product",
    "rows_of",
    "rows_with",
    "shifted",
    "squares",
    "weighted_squares",
]

CACHED = 1 << 17  # numbers that a temporary array may hold: fresh memory costs more than the sums
SPARSE = 0.1  # of the entries of a block: if more are stored, a product of dense arrays takes less time
RELEASES = 600  # numbers in a result for which numpy lets go of the interpreter lock, and some to spare
SHORTEST = 16  # a shorter inner dimension wastes the vector units


def right_product(V: Array, X: Any) -> Array:
    """V X' for V (K, d) and X (m, d): (K, m) float64, contiguous by class; a float32 X is not converted."""
    if isinstance(X, DeviceBlock):
        return X.right_product(V)
    if sp.issparse(X):
        return np.ascontiguousarray((X @ np.ascontiguousarray(V.T)).T)  # V.T is contiguous already
    if X.dtype == np.float32:
        return np.asarray((X @ V.astype(np.float32).T).T, dtype=np.float64, order="C")
    (K, d), m = V.shape, X.shape[0]
    stack = -(-RELEASES // max(K * m, 1))
    k = d // stack
    if stack == 1 or k < SHORTEST or not X.flags.c_contiguous:
        return np.asarray(V @ X.T)
    parts = X[:, : stack * k].reshape(m, stack, k).transpose(1, 2, 0)
    Z = (V[:, : stack * k].reshape(K, stack, k).transpose(1, 0, 2) @ parts).sum(axis=0)
    return np.asarray(Z + V[:, stack * k :] @ X[:, stack * k :].T if stack * k < d else Z)


def left_product(R: Array, X: Any) -> Array:
    """R X for R (K, m) and X (m, d): (K, d)."""
    if isinstance(X, DeviceBlock):
        return X.left_product(R)
    if sp.issparse(X):
        return np.asarray((_transpose(X) @ np.ascontiguousarray(R.T)).T)
    if X.dtype == np.float32:
        return np.asarray(R.astype(np.float32) @ X, dtype=np.float64)
    (K, m), d = R.shape, X.shape[1]
    stack = -(-RELEASES // max(K * d, 1))
    k = m // stack
    if stack == 1 or k < SHORTEST or not X.flags.c_contiguous:
        return np.asarray(R @ X)
    parts = R[:, : stack * k].reshape(K, stack, k).transpose(1, 0, 2)
    G = (parts @ X[: stack * k].reshape(stack, k, d)).sum(axis=0)
    return np.asarray(G + R[:, stack * k :] @ X[stack * k :] if stack * k < m else G)


def weighted_squares(w: Array, X: Any) -> Array:
    """Sums of w x^2 over the rows of X (m, d): (d,). An array of squares would cost more to fill."""
    if isinstance(X, DeviceBlock):
        return X.squared().left_product(w[None, :])[0]
    if sp.issparse(X):
        return left_product(w[None, :], with_entries(X, X.data**2))[0]
    if len(w) and (w == w[0]).all():
        return np.asarray(w[0] * np.einsum("ij,ij->j", X, X))
    return np.einsum("i,ij,ij->j", w, X, X)


def shifted(X: Any, shift: Array) -> Any:
    """X less a number for each column, for a block that is not sparse."""
    return X.shifted(shift) if isinstance(X, DeviceBlock) else X - shift


def squares(h: Array, X: Any, shift: Array) -> Array:
    """Sums of h (x - shift)^2 over the rows of X (m, d), for row weights h (K, m): (K, d)."""
    if sp.issparse(X):
        total = left_product(h, with_entries(X, X.data**2)) + np.outer(h.sum(axis=1), shift**2)
        return np.asarray(total - 2 * shift * left_product(h, X))
    away = shifted(X, shift)
    return left_product(h, away.squared() if isinstance(X, DeviceBlock) else away**2)


def gram(X: Any, h: Array, shift: Array, scale: Array, last: float) -> Array | None:
    """A' diag(h) A (d + 1, d + 1) for A = [(X - shift) * scale, last]; None for an array, whose A is at hand.

    A sparse X that is hardly sparse is multiplied in slices as an array is.
    """
    if isinstance(X, DeviceBlock):
        return X.gram(shift, scale, last, h)
    if not sp.issparse(X):
        return None
    if X.nnz > SPARSE * X.shape[0] * X.shape[1]:
        G, step = np.zeros((len(scale) + 1,) * 2), max(1, 16 * CACHED // X.shape[1])
        for i in range(0, X.shape[0], step):
            A = design_matrix(X[i : i + step].toarray(), shift, scale, last)
            G += A.T @ (A * h[i : i + step, None])
        return G
    A = (X.T @ X.multiply(h[:, None]).tocsr()).toarray()
    u, total = X.T @ h, h.sum()
    cross = np.outer(u, shift)
    A = (A - cross - cross.T + total * np.outer(shift, shift)) * np.outer(scale, scale)
    border = (u - total * shift) * scale * last
    return np.block([[A, border[:, None]], [border[None, :], np.array([[total * last]])]])


def design_matrix(X: Array, shift: Array, scale: Array, last: float, dtype: Any = np.float64) -> Array:
    """[(X - shift) * scale, last] (m, d + 1) of a dense block.

    Centred before it is multiplied: a Gram matrix corrected afterwards loses twice the digits.
    """
    A = np.empty((X.shape[0], X.shape[1] + 1), dtype=dtype)
    np.subtract(np.asarray(X), shift, out=A[:, :-1], casting="same_kind")
    A[:, :-1] *= scale
    A[:, -1] = last
    return A


def dense(X: Any) -> Array:
    """X (m, d) as an array of numpy, a copy where it is none."""
    return np.asarray(X.toarray() if sp.issparse(X) else X)


def array_of(X: Any, at_most: int = 0) -> Array | None:
    """X where it is an array of numpy, or sparse with so few numbers in all; else None."""
    if sp.issparse(X):
        return dense(X) if X.shape[0] * X.shape[1] <= at_most else None
    return None if isinstance(X, DeviceBlock) else X


def is_at_hand(X: Any) -> bool:
    """Whether the entries of X are in the memory of this process, not on a device."""
    return not isinstance(X, DeviceBlock)


def is_whole(X: Any) -> bool:
    """Whether every entry of X is stored: it is not sparse."""
    return not sp.issparse(X)


def rows_of(X: Any, rows: slice, columns: Array | None = None) -> Array:
    """Some rows of X in some of its columns, or all, as an array."""
    part: Any = X.part(rows) if isinstance(X, DeviceBlock) else X[rows]
    if columns is None:
        return dense(part)
    return dense(part)[:, columns] if isinstance(X, DeviceBlock) else dense(part[:, columns])


def distances(X: Any, shift: Array) -> tuple[Any, Array]:
    """Sizes of X - shift (m, d), but for what is to be added to each column: of sparse X no more than |x|."""
    if sp.issparse(X):
        return abs(X), np.abs(shift)
    return np.abs(X - shift), np.zeros_like(shift)


def centred_sums(w: Array, X: Any, mean: Array, unit: Array) -> tuple[Array, Array]:
    """Weighted sums over the rows of u = (x - mean) / unit and of u^2, (d,) each."""
    if not sp.issparse(X):
        U = (np.asarray(X) - mean) / unit
        U[w == 0] = 0.0  # what has no weight may have an infinite square
        return w @ U, w @ U**2
    entries = X.tocoo()
    columns, row_weights = entries.col, w[entries.row]
    u = np.where(row_weights > 0, (entries.data - mean[columns]) / unit[columns], 0.0)
    u0 = -mean / unit
    size = X.shape[1]
    # The mass of the rows without an entry is a difference, which rounding may leave negative, or positive
    # where there is no such row. Their count is exact, and their mass no less than as many least weights.
    absent = np.count_nonzero(w) - np.bincount(columns, row_weights > 0, size)
    least = absent * np.min(w, where=w > 0, initial=np.inf) if absent.any() else 0.0
    zeros = np.where(absent > 0, np.maximum(w.sum() - np.bincount(columns, row_weights, size), least), 0.0)
    first = np.bincount(columns, row_weights * u, size) + zeros * u0
    return first, np.bincount(columns, row_weights * u**2, size) + zeros * u0**2


def marked(X: Any, mark: Callable[[Array], Array]) -> tuple[Array, Array]:
    """How many entries of each column (d,) a test marks, and which rows (m,) have one. 0 is never marked."""
    if not sp.issparse(X):
        marks = mark(np.asarray(X))
        return marks.sum(axis=0), np.asarray(marks.any(axis=1))
    entries = X.tocoo()
    marks = mark(entries.data)
    return np.bincount(entries.col, marks, X.shape[1]), np.bincount(entries.row, marks, X.shape[0]) > 0


def largest_sizes(X: Any, rows: Array) -> Array:
    """Largest |x| (d,) of each column in some rows, a mask."""
    if not sp.issparse(X):
        return np.asarray(np.abs(np.asarray(X)[rows]).max(axis=0, initial=0.0).astype(float))
    entries = X.tocoo()
    largest = np.zeros(X.shape[1])
    np.maximum.at(largest, entries.col, np.where(rows[entries.row], np.abs(entries.data), 0.0))
    return largest


def nonzero_counts(X: Any, zero: Array | float = 0.0) -> Array:
    """Entries of each column (d,) that are not zero, which may be another number in each."""
    if sp.issparse(X):
        return np.bincount(X.tocoo().col[X.data != 0], minlength=X.shape[1])
    return np.asarray(np.count_nonzero(np.asarray(X) != zero, axis=0))


def rows_with(X: Any, columns: Array, zero: Array | float = 0.0) -> Array:
    """Which rows (m,) have an entry that is not zero in some columns, a mask (d,)."""
    if sp.issparse(X):
        return np.asarray(with_entries(X, (X.data != 0) * 1.0) @ columns.astype(float) > 0)
    return np.asarray((np.asarray(X) != zero)[:, columns].any(axis=1))


def with_entries(X: Any, data: Array) -> Any:
    """A CSR or CSC container of the same pattern with other entries."""
    return _assembled(type(X), X.shape, data, X.indices, X.indptr)


def _transpose(X: Any) -> Any:
    """X' of a CSR as CSC and the reverse; ``X.T`` would read all indices that are 64 bits long."""
    kind = sp.csc_array if X.format == "csr" else sp.csr_array
    return _assembled(kind, X.shape[::-1], X.data, X.indices, X.indptr)


def _assembled(kind: Any, shape: tuple[int, int], data: Array, indices: Array, indptr: Array) -> Any:
    """Put a container together from arrays known to be right, which its constructor would check and copy."""
    container = kind(shape, dtype=data.dtype)
    container.data, container.indices, container.indptr = data, indices, indptr
    return container
