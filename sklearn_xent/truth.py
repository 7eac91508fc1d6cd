"""What happened, as arrays that forecasts can be scored against."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from sklearn_xent.arrays import Array

__all__ = [
    "ROW_SUM_TOLERANCE",
    "as_distributions",
    "as_probabilities",
    "as_shares",
    "as_targets",
    "as_weights",
    "counted",
    "in_order",
    "numeric",
    "off_one",
    "weighted_mean",
]

ROW_SUM_TOLERANCE = 1e-6  # float32 probabilities of 1000 classes sum to 1 within this
HUGE, TO_SAFETY = 1e290, 64  # values beyond are divided by 2^64 before they are added, against overflow


def as_probabilities(p: Any, name: str) -> Array:
    """Probabilities as float64, each in [0, 1]."""
    with numeric(name):
        values = np.asarray(p, dtype=np.float64)
    if not values.size:
        raise ValueError(f"{name} must not be empty; got shape {values.shape}.")
    with np.errstate(invalid="ignore"):
        bad = ~((values >= 0) & (values <= 1))
    if bad.any():
        raise ValueError(
            f"{name} must hold probabilities in [0, 1]; got {values[bad][0]}.{counted(values, name)}"
        )
    return values


@contextmanager
def numeric(name: str) -> Iterator[None]:
    """Name the argument in numpy's errors for text where numbers are expected."""
    try:
        yield
    except ValueError as error:
        if "could not convert" not in str(error):
            raise
        raise ValueError(f"{name} must hold numbers; got text: {error}.") from None


def counted(values: Array, name: str) -> str:
    """What to do with soft labels (n, K) that are counts, or an empty string where they are none."""
    if values.ndim != 2 or not (values.max() > 1 and np.array_equal(values, np.floor(np.abs(values)))):
        return ""
    return (
        f" Counts of votes are divided by their sums, which are weights: total = np.sum({name}, axis=1); "
        f"pass {name} / np.reshape(total, (-1, 1)), and sample_weight=total."
    )


def as_distributions(p: Any, name: str) -> Array:
    """Probabilities as float64 with an axis of classes, each in [0, 1]."""
    values = as_probabilities(p, name)
    if not values.ndim:
        raise ValueError(f"{name} must have an axis of classes; got {values}.")
    return values


def off_one(sums: Array) -> str:
    """What is wrong with sums of probabilities: which row is furthest from 1, or an empty string."""
    worst = np.unravel_index(np.argmax(np.abs(sums - 1)), np.shape(sums))
    if abs(sums[worst] - 1) <= ROW_SUM_TOLERANCE:
        return ""
    row = f"row {', '.join(str(i) for i in worst)} sums" if worst else "it sums"
    return f"{row} to {sums[worst]:.9g} and not to 1"


def as_targets(y_true: Any, shape: tuple[int, ...], labels: Any) -> Array:
    """Targets (n, K) for forecasts of that shape: one-hot of labels, or soft labels checked."""
    y = np.asarray(y_true)
    if not y.size:
        raise ValueError(f"y_true must not be empty; got shape {y.shape}.")
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


def in_order(y_prob: Any, labels: Any, name: str = "y_prob") -> tuple[Any, Any]:
    """Forecasts and the classes of their columns: a frame's are put in the order of ``labels``, or sorted.

    Columns that are called 0, 1, 2 ... have no names.
    """
    columns = getattr(y_prob, "columns", None)
    names = [] if columns is None else list(columns)
    if names == list(range(len(names))):
        return y_prob, labels
    try:
        order = sorted(names) if labels is None else np.asarray(labels).tolist()
    except TypeError:
        order = names
    if set(order) != set(names) or len(set(names)) < len(names):
        raise ValueError(f"labels must be the columns of {name}, {names}; got {order}.")
    return np.asarray(y_prob)[:, [names.index(label) for label in order]], order


def _classes(y: Array, labels: Any, n_classes: int) -> list[Any]:
    if labels is not None:
        classes = np.asarray(labels).tolist()
        if len(classes) != n_classes or len(set(classes)) != n_classes:
            raise ValueError(f"labels must name {n_classes} classes, one per column; got {classes}.")
        return classes
    try:
        present = np.unique(y).tolist()
    except TypeError as error:
        raise ValueError(f"y_true holds labels that cannot be sorted: {error}; pass labels=.") from error
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
    with numeric("sample_weight"):
        weights = np.ones(n) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
    if weights.shape != (n,):
        raise ValueError(f"sample_weight must have shape ({n},); got {weights.shape}.")
    if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.any()):
        raise ValueError("sample_weight must be finite and not negative, and not all zero.")
    return weights


def as_shares(weights: Array) -> Array:
    """Weights (n,) times the power of two that brings the largest to [1/2, 1): their sum is finite."""
    with np.errstate(under="ignore"):
        return np.asarray(np.ldexp(weights, -np.frexp(weights.max())[1]))


def weighted_mean(values: Array, weights: Array) -> float:
    """Mean of values (n,), infinite ones included, in the rows that have weight."""
    shares = as_shares(weights)
    with np.errstate(all="ignore"):
        used = np.where(shares > 0, values, 0.0)
        far = np.max(np.abs(used), where=np.isfinite(used), initial=0.0) > HUGE
        total = float((shares * np.ldexp(used, -TO_SAFETY if far else 0)).sum())
        return float(np.ldexp(total / float(shares.sum()), TO_SAFETY if far else 0))
