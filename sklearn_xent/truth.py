"""What happened, as arrays that forecasts can be scored against."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_xent.arrays import Array

__all__ = ["ROW_SUM_TOLERANCE", "as_probabilities", "as_targets", "as_weights"]

ROW_SUM_TOLERANCE = 1e-6  # float32 probabilities of 1000 classes sum to 1 within this


def as_probabilities(p: Any, name: str) -> Array:
    """Probabilities as float64, each in [0, 1]."""
    values = np.asarray(p, dtype=np.float64)
    bad = ~((values >= 0) & (values <= 1))
    if bad.any():
        raise ValueError(f"{name} must hold probabilities in [0, 1]; got {values[bad][0]}.")
    return values


def as_targets(y_true: Any, shape: tuple[int, ...], labels: Any) -> Array:
    """Targets (n, K) for forecasts of that shape: one-hot of labels, or soft labels checked."""
    y = np.asarray(y_true)
    if y.ndim not in (1, 2) or len(y) != shape[0]:
        raise ValueError(f"y_true must have {shape[0]} samples, as y_prob has; got shape {y.shape}.")
    if y.ndim == 2 and y.shape[1] > 1:
        return _soft_targets(y_true, shape, labels)
    y = y.ravel()
    classes = _classes(y, labels, shape[1])
    codes = {label: k for k, label in enumerate(classes)}
    try:
        found = np.array([codes[label] for label in y.tolist()])
    except KeyError as error:
        raise ValueError(f"y_true holds {error.args[0]!r}, which is not among {classes}.") from None
    return np.eye(shape[1])[found]


def _classes(y: Array, labels: Any, n_classes: int) -> list[Any]:
    if labels is not None:
        classes = np.asarray(labels).tolist()
        if len(classes) != n_classes or len(set(classes)) != n_classes:
            raise ValueError(f"labels must name {n_classes} classes, one per column; got {classes}.")
        return classes
    present = np.unique(y).tolist()
    if n_classes == 2 and set(present) <= {0, 1}:
        return [0, 1]
    if len(present) != n_classes:
        raise ValueError(
            f"y_true holds {len(present)} classes, {present[:5]}, but y_prob has {n_classes}; pass labels=."
        )
    return present


def _soft_targets(y_true: Any, shape: tuple[int, ...], labels: Any) -> Array:
    names = getattr(y_true, "columns", None)
    P = as_probabilities(y_true, "y_true")
    if P.shape != shape:
        raise ValueError(f"y_true must have shape {shape}, as y_prob has; got {P.shape}.")
    if np.abs(P.sum(axis=1) - 1).max() > ROW_SUM_TOLERANCE:
        raise ValueError("y_true holds soft labels: each row must be probabilities that sum to 1.")
    if names is None:
        return P
    order = sorted(names) if labels is None else np.asarray(labels).tolist()
    if set(order) != set(names):
        raise ValueError(f"y_true names the classes {list(names)}; labels are {order}.")
    return P[:, [list(names).index(label) for label in order]]


def as_weights(sample_weight: Any, n: int) -> Array:
    """Weights (n,), one each where there are none."""
    weights = np.ones(n) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
    if weights.shape != (n,):
        raise ValueError(f"sample_weight must have shape ({n},); got {weights.shape}.")
    if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.any()):
        raise ValueError("sample_weight must be finite and not negative, and not all zero.")
    return weights
