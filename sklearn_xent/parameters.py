"""The estimator's parameters, checked when it is fitted."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np

__all__ = ["check_parameters"]


def check_parameters(estimator: Any) -> None:
    """Raise ValueError or TypeError for a parameter out of range, naming it, its value and the range."""
    _number(estimator, "C", lambda v: v > 0, "positive; np.inf is no penalty")
    _number(estimator, "l1_ratio", lambda v: 0 <= v <= 1, "in [0, 1]")
    _number(estimator, "tol", lambda v: 0 < v < np.inf, "positive and finite")
    _number(estimator, "label_smoothing", lambda v: 0 <= v < 1, "in [0, 1)")
    _number(estimator, "max_iter", lambda v: v >= 0, "a non-negative integer", Integral)
    _number(estimator, "verbose", lambda v: v >= 0, "a non-negative integer", Integral)


def _number(estimator: Any, name: str, holds: Any, expected: str, kind: type = Real) -> None:
    value = getattr(estimator, name)
    if not isinstance(value, kind) or (isinstance(value, bool) and name != "verbose"):
        raise TypeError(f"{name} must be {expected}; got {value!r}.")
    if not holds(value):
        raise ValueError(f"{name} must be {expected}; got {value!r}.")
