"""The array type of the package's signatures, and what numpy and scipy lack."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]

__all__ = ["Array", "inner", "singular_vectors"]


def inner(a: Array, b: Array) -> float:
    """Sum of a * b, without a copy where both are in column-major order as well."""
    if a.ndim == 2 and a.flags.f_contiguous and b.flags.f_contiguous:
        a, b = a.T, b.T
    return float(np.vdot(a, b))


def singular_vectors(R: Array) -> tuple[Array, Array]:
    """Singular values of R (m, n), descending, and the right singular vectors, the columns of (n, n).

    LAPACK's divide and conquer fails on some matrices whose spectrum spans all that float64 has; its QR
    iteration, some times slower, does not.
    """
    try:
        _, values, rows = np.linalg.svd(R)
    except np.linalg.LinAlgError:
        _, values, rows = scipy.linalg.svd(R, lapack_driver="gesvd")
    return values, rows.T
