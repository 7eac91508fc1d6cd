"""The array type of the package's signatures, and a product of two."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]

__all__ = ["Array", "inner"]


def inner(a: Array, b: Array) -> float:
    """Sum of a * b, without a copy where both are in column-major order as well."""
    if a.ndim == 2 and a.flags.f_contiguous and b.flags.f_contiguous:
        a, b = a.T, b.T
    return float(np.vdot(a, b))
