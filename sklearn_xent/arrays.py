"""The array type of the package's signatures, a product of two, and the rows of one that differ."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]

__all__ = ["Array", "different_rows", "inner"]


def inner(a: Array, b: Array) -> float:
    """Sum of a * b, without a copy where both are in column-major order as well."""
    if a.ndim == 2 and a.flags.f_contiguous and b.flags.f_contiguous:
        a, b = a.T, b.T
    return float(np.vdot(a, b))


def different_rows(M: Array) -> Array:
    """The rows of M (m, n) but for repetitions, in their order.

    Rows of one sum with random weights are the same, or differ by rounding: sorting sums takes a hundredth of
    the time that sorting long rows does.
    """
    sums = np.einsum("ij,j->i", M, np.random.default_rng(0).normal(size=M.shape[1]))
    _, first = np.unique(sums, return_index=True)
    return np.asarray(M[np.sort(first)])
