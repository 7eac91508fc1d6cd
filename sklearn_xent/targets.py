"""Labels, soft labels, weights and offsets, encoded for the problem; all errors about them arise here."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import assert_all_finite, check_array, column_or_1d

from sklearn_xent.arrays import Array
from sklearn_xent.truth import ROW_SUM_TOLERANCE, counted, numeric

__all__ = [
    "Targets",
    "check_mass",
    "check_offset",
    "check_sample_weight",
    "check_several",
    "class_factors",
    "encode_targets",
    "read_labels",
]


@dataclass(frozen=True)
class Targets:
    """What a problem learns from: ``classes`` (K,), ``values`` (K, n) or (1, n) for two, ``weights`` (n,).

    ``factors`` (K,) are the class weights that are in them, ``total`` is the sum of the weights. Where the
    rows are on other machines, so are values and weights: here they are empty.
    """

    classes: Array
    values: Array
    weights: Array
    factors: Array
    total: float

    def without_class_weights(self, intercept: Array) -> Array:
        """Intercepts (1,) or (K,) of the probabilities without class weights; those of K classes sum to 0.

        Weights c multiply the odds of their classes by c, so log c is what they add to the logits: prior
        correction, King and Zeng (2001), Political Analysis 9(2), eq. 7.
        """
        added = np.log(self.factors)
        if len(intercept) == 1:
            return np.asarray(intercept - (added[1] - added[0]))
        return np.asarray(intercept - (added - added.mean()))


def encode_targets(
    y: Any,
    n_rows: int,
    *,
    sample_weight: Any = None,
    class_weight: Any = None,
    smoothing: float = 0.0,
    classes: Array | None = None,
) -> Targets:
    """Encode labels (n,) or soft labels (n, K).

    Class weights multiply the mass of their class, so a soft row weighs as its K hard rows would;
    smoothing then mixes in the uniform distribution, y (1 - smoothing) + smoothing / K. With ``classes``
    known (sorted), the rows are a part of the data: some classes may be missing in it, and its weights zero.

    Raises
    ------
    ValueError
        For labels that are not classes, or not known ones, a single class, a class without weight, soft
        labels that are not probabilities, and weights that are negative, not finite, all zero or of the
        wrong length.
    """
    part = classes is not None
    weights = check_sample_weight(sample_weight, n_rows, may_vanish=part)
    found, values = read_labels(y)
    if values.shape[1] != n_rows:
        raise ValueError(f"y has {values.shape[1]} rows, but X has {n_rows}.")
    if classes is None:
        classes = found
        check_several(classes)
    else:
        values = _among(classes, found, values, soft=np.ndim(y) == 2 and np.shape(y)[1] > 1)
    factors = class_factors(class_weight, classes, values @ weights)
    if factors is not None:
        values = values * factors[:, None]
        mass = values.sum(axis=0)
        weights = weights * mass
        values = values / np.where(mass > 0, mass, 1.0)
    if smoothing:
        values = values * (1 - smoothing) + smoothing / len(classes)
    if not part:
        check_mass(classes, values @ weights)
    factors = np.ones(len(classes)) if factors is None else factors
    # a copy, so that the row of the other class is let go
    return Targets(
        classes, values[1:].copy() if len(classes) == 2 else values, weights, factors, weights.sum()
    )


def read_labels(y: Any) -> tuple[Array, Array]:
    """Classes (K,), sorted, and the rows' targets (K, n), of labels (n,) or soft labels (n, K).

    Raises
    ------
    ValueError
        For what are neither labels nor probabilities.
    """
    if y is None:
        raise ValueError("This estimator requires y to be passed, but the target y is None.")
    shape = np.shape(y) if hasattr(y, "shape") else np.asarray(y).shape
    return _soft_labels(y) if len(shape) == 2 and shape[1] > 1 else _hard_labels(y)


def check_several(classes: Array) -> None:
    """Raise ValueError for fewer than two classes."""
    if len(classes) < 2:
        raise ValueError(
            f"y holds one class only, {classes.tolist()}; a classifier needs at least two classes."
        )


def check_mass(classes: Array, mass: Array) -> None:
    """Raise ValueError for a class whose weights are all zero."""
    for label, of_class in zip(classes.tolist(), mass, strict=True):
        if not of_class > 0:
            raise ValueError(
                f"class {label!r} has no weight in y: all its sample and class weights are zero. "
                "Leave its rows out, or give them weight."
            )


def _among(classes: Array, found: Array, values: Array, *, soft: bool) -> Array:
    """Targets (K, n) of known classes, from those of the classes found in a part of the data."""
    if soft and len(found) == len(classes) and np.array_equal(found, np.arange(len(found))):
        return values  # columns without names, in the order of the classes
    if not soft and np.array_equal(found, classes):
        return values
    where = np.searchsorted(classes, found).clip(max=len(classes) - 1)
    known = classes[where] == found
    if not np.all(known) or (soft and len(found) != len(classes)):
        unknown = found[~np.broadcast_to(known, found.shape)].tolist()
        raise ValueError(
            f"y holds classes {unknown or found.tolist()}, which are not those known: {classes.tolist()}."
        )
    out = np.zeros((len(classes), values.shape[1]))
    out[where] = values
    return out


def _hard_labels(y: Any) -> tuple[Array, Array]:
    """Classes and one-hot targets (K, n) of labels."""
    if type(y) is np.ndarray and y.ndim == 1 and y.dtype.kind in "iub":
        labels = y  # nothing to check: a small fit takes 2 ms, and checks a tenth of one
    else:
        labels = column_or_1d(y, warn=True)
        assert_all_finite(labels, input_name="y")
    classes, codes = _small_integers(labels) or _any_labels(labels)
    values = np.zeros((len(classes), len(labels)))
    for k, row in enumerate(values):
        np.equal(codes, k, out=row, casting="unsafe")
    return classes, values


def _small_integers(labels: Array) -> tuple[Array, Array] | None:
    """Classes and codes by counting, without the two sorts that labels of any kind need."""
    if labels.dtype.kind not in "iu" or not len(labels):
        return None
    low = labels.min()
    span = int(labels.max()) - int(low) + 1
    if span > 64:
        return None
    shifted = (labels - low).astype(np.intp, copy=False)
    present = np.flatnonzero(np.bincount(shifted, minlength=span))
    codes = np.zeros(span, dtype=np.intp)
    codes[present] = np.arange(len(present))
    classes = (present + int(low)).astype(labels.dtype)
    return classes, shifted if len(present) == span else codes[shifted]


def _any_labels(labels: Array) -> tuple[Array, Array]:
    try:
        check_classification_targets(labels)
    except ValueError as error:
        raise ValueError(
            f"{error} Soft labels are given as an array (n_samples, n_classes) of probabilities: for those "
            "of the second of two classes, np.column_stack([1 - y, y])."
        ) from None
    classes, codes = np.unique(labels, return_inverse=True)
    return classes, codes


def _soft_labels(y: Any) -> tuple[Array, Array]:
    """Classes and targets (K, n) of soft labels; a frame's columns name the classes."""
    names = getattr(y, "columns", None)
    with numeric("y, soft labels where it has several columns,"):
        P = check_array(y, dtype=np.float64, input_name="y", ensure_min_features=2)
    classes = np.arange(P.shape[1]) if names is None else np.asarray(list(names))
    if P.min() < 0:
        raise ValueError(f"y holds soft labels with a negative probability, {P.min():g}.")
    sums = P.sum(axis=1)
    worst = int(np.argmax(np.abs(sums - 1)))
    if abs(sums[worst] - 1) > ROW_SUM_TOLERANCE:
        raise ValueError(
            f"y holds soft labels: each row must be probabilities that sum to 1; row {worst} sums to "
            f"{sums[worst]:.9g}.{counted(P, 'y') or ' Multilabel targets are not supported.'}"
        )
    order = np.argsort(classes, kind="stable")
    if len(np.unique(classes)) < len(classes):
        raise ValueError(f"y names a class twice in its columns: {classes.tolist()}.")
    return classes[order], np.ascontiguousarray((P / sums[:, None]).T[order])


def class_factors(class_weight: Any, classes: Array, mass: Array) -> Array | None:
    """One factor per class, or None; "balanced" is total mass / (K class mass)."""
    if class_weight is None:
        return None
    if isinstance(class_weight, str):
        if class_weight != "balanced":
            raise ValueError(f"class_weight must be None, 'balanced' or a dict; got {class_weight!r}.")
        return mass.sum() / (len(classes) * np.where(mass > 0, mass, 1.0))
    if not isinstance(class_weight, dict):
        raise ValueError(f"class_weight must be None, 'balanced' or a dict; got {class_weight!r}.")
    labels = classes.tolist()
    unknown = [key for key in class_weight if key not in labels]
    if unknown:
        raise ValueError(f"class_weight names classes {unknown} that y does not hold: {labels}.")
    factors = np.array([class_weight.get(label, 1.0) for label in labels], dtype=np.float64)
    for label, factor in zip(labels, factors, strict=True):
        if not (np.isfinite(factor) and factor >= 0):
            raise ValueError(
                f"class_weight must be finite and not negative; got {factor} for class {label!r}."
            )
    return factors


def check_sample_weight(sample_weight: Any, n_rows: int, *, may_vanish: bool = False) -> Array:
    """Weights (n,) as float64; None is one each, a number is itself for every row.

    Raises
    ------
    ValueError
        If they are negative, not finite, not one per row, or all zero where they may not be.
    """
    if sample_weight is None:
        return np.ones(n_rows)
    if isinstance(sample_weight, Real):
        sample_weight = np.full(n_rows, sample_weight)
    with numeric("sample_weight"):
        weights = check_array(sample_weight, ensure_2d=False, dtype=np.float64, input_name="sample_weight")
    if weights.shape != (n_rows,):
        raise ValueError(f"sample_weight must have shape ({n_rows},); got {weights.shape}.")
    if weights.min() < 0:
        raise ValueError(f"sample_weight must not be negative; got {weights.min():g}.")
    with np.errstate(over="ignore"):
        total = weights.sum()
    if total == 0 and not may_vanish:
        raise ValueError("sample_weight must hold a positive weight; all of them are zero.")
    if not np.isfinite(total):
        raise ValueError("sample_weight is too large: its sum is not finite; rescale it.")
    return weights


def check_offset(offset: Any, n_rows: int, n_classes: int) -> Array | None:
    """Offset of the logits as (n_logits, n) float64: from (n,) for two classes, from (n, K) for any.

    Raises
    ------
    ValueError
        If it is not finite or of another shape.
    """
    if offset is None:
        return None
    with numeric("offset"):
        values = check_array(offset, ensure_2d=False, dtype=np.float64, input_name="offset")
    if n_classes == 2:
        if values.shape in ((n_rows,), (n_rows, 1)):
            return values.reshape(1, n_rows)
        if values.shape == (n_rows, 2):
            return np.ascontiguousarray((values[:, 1] - values[:, 0])[None, :])
    elif values.shape == (n_rows, n_classes):
        return np.ascontiguousarray(values.T)
    expected = f"({n_rows},) or ({n_rows}, 2)" if n_classes == 2 else f"({n_rows}, {n_classes})"
    raise ValueError(f"offset must have shape {expected}; got {values.shape}.")
