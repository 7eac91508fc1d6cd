"""From what a user gives, wherever it lies, to rows and their classes."""

from __future__ import annotations

from typing import Any

from sklearn_xent.arrays import Array
from sklearn_xent.collection import as_local_parts, check_columns, rows_on_cluster
from sklearn_xent.partitions import client_of, is_collection
from sklearn_xent.predictor import validated
from sklearn_xent.rows import Rows, as_rows
from sklearn_xent.rows.array_api import to_numpy
from sklearn_xent.rows.arrow import column_of, is_dataset, numeric_columns
from sklearn_xent.targets import Targets, check_offset, encode_targets

__all__ = ["training_rows"]


def training_rows(
    estimator: Any, X: Any, y: Any, sample_weight: Any, offset: Any
) -> tuple[Rows, Targets, Array | None]:
    """Rows whose weights sum to 1, their classes and the names of the columns, which the estimator notes.

    Raises
    ------
    ValueError
        For rows, labels, weights or offsets out of range.
    """
    if is_dataset(X):
        X, y, sample_weight = _named_columns(X, y, sample_weight)
    encoding = {"class_weight": estimator.class_weight, "smoothing": estimator.label_smoothing}
    if is_collection(X):
        X, client = check_columns(estimator, X, reset=True), client_of()
        names = getattr(estimator, "feature_names_in_", None)
        if client is not None:
            more = encoding | {"verbose": estimator.verbose}
            return *rows_on_cluster(client, X, y, sample_weight, offset, **more), names
        X, y, sample_weight, offset = as_local_parts(X, y, sample_weight, offset)
    else:
        X = validated(estimator, X, reset=True)
        names = getattr(estimator, "feature_names_in_", None)
        y, sample_weight, offset = to_numpy(y), to_numpy(sample_weight), to_numpy(offset)
    targets = encode_targets(y, X.shape[0], sample_weight=sample_weight, **encoding)
    shifts = check_offset(offset, X.shape[0], len(targets.classes))
    return as_rows(X, targets.values, targets.weights / targets.total, shifts), targets, names


def _named_columns(dataset: Any, y: Any, sample_weight: Any) -> tuple[Any, Any, Any]:
    """A dataset's columns but those that y and sample_weight name, and those."""
    columns = numeric_columns(dataset, [name for name in (y, sample_weight) if isinstance(name, str)])
    if isinstance(sample_weight, str):
        sample_weight = column_of(dataset, sample_weight, numbers=True)
    y = column_of(dataset, y) if isinstance(y, str) else y
    return columns, y, sample_weight
