"""Products of a block with a few vectors, shaped so that threads can share them.

numpy lets go of the interpreter lock only for results of more than 500 numbers. A product with one vector
and 50 columns has 50: it is cut into a stack of products that are added, which costs nothing and lets
another thread run.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_xent.arrays import Array
from sklearn_xent.rows.array_api import DeviceBlock

__all__ = ["left_product", "right_product", "shifted", "squared", "weighted_squares", "with_entries"]

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


def squared(X: Any) -> Any:
    """The squares of the entries of a block that is not sparse."""
    return X.squared() if isinstance(X, DeviceBlock) else X**2


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
