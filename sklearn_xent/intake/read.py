"""From what a user gives, wherever it lies, to rows and their classes: the one table of containers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.utils.validation import validate_data

from sklearn_xent.arrays import Array
from sklearn_xent.intake.collection import as_local_parts, check_columns, lazily, rows_on_cluster
from sklearn_xent.intake.partitions import client_of, is_collection
from sklearn_xent.intake.text import text_named
from sklearn_xent.rows import Rows, as_rows, entries
from sklearn_xent.rows.array_api import Placement, beside, is_device_array, to_numpy
from sklearn_xent.rows.arrow import DatasetColumns, column_of, is_dataset, matrix_of, numeric_columns
from sklearn_xent.targets import Targets, check_offset, encode_targets

__all__ = ["ACCEPTED", "answered", "dense", "refuse_what_is_elsewhere", "training_rows", "validated"]

ACCEPTED: dict[str, Any] = {
    "accept_sparse": ("csr", "csc"),
    "dtype": [np.float64, np.float32],
}


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


def answered(
    estimator: Any,
    method: str,
    X: Any,
    offset: Any,
    in_memory: Callable[[], Array],
    width: int | None,
    dtype: Any = np.float64,
) -> Any:
    """What a method says of rows, where they are: an array beside X, or of a collection a Dask array.

    ``in_memory`` makes the former; the latter has ``width`` columns, or one dimension, and is not computed.
    """
    if not is_collection(X):
        return beside(X, in_memory())
    if offset is not None:
        raise ValueError("offset must be None where X is a Dask collection.")
    return lazily(getattr(estimator, method), check_columns(estimator, X, reset=False), width, dtype)


def validated(estimator: Any, X: Any, *, reset: bool) -> Any:
    """X as an array or a canonical CSR or CSC; a sparse one that stores an entry in parts is copied.

    In a fit (``reset``), values that are not finite are found by the first sweep, on all threads.
    """
    if isinstance(X, DatasetColumns) or (is_dataset(X) and not reset):
        return _columns_of(estimator, X, reset=reset)
    refuse_what_is_elsewhere(X, type(estimator).__name__)
    if is_device_array(X):
        return _on_device(estimator, X, reset=reset)
    # scikit-learn's test for finite values sums them, which may overflow
    with np.errstate(over="ignore", invalid="ignore"), text_named(X):
        X = validate_data(estimator, X, reset=reset, ensure_all_finite=not reset, **ACCEPTED)
    if sp.issparse(X) and not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    return X


def refuse_what_is_elsewhere(
    X: Any, who: str, instead: str = "load it into memory, or fit a CrossEntropyClassifier"
) -> None:
    """Raise TypeError for rows that are not in memory, which scikit-learn would put there, or fail to."""
    kind = "Dask collection" if is_collection(X) else "pyarrow dataset" if is_dataset(X) else None
    if kind:
        raise TypeError(f"X is a {kind}, which {who} does not take: {instead}.")


def _on_device(estimator: Any, X: Any, *, reset: bool) -> Any:
    """An array of another library, of floating type; whether its values are finite a sweep finds out."""
    if X.ndim != 2 or not X.shape[0]:
        raise ValueError(f"X must have two dimensions and some rows; got shape {tuple(X.shape)}.")
    validate_data(estimator, np.empty((0, X.shape[1])), reset=reset, skip_check_array=True)
    place = Placement(X)
    return X if place.floating else place.xp.astype(X, place.dtype)


def _columns_of(estimator: Any, X: Any, *, reset: bool) -> Any:
    """Columns of a pyarrow dataset; in a fit their names are noted, later the same ones are taken."""
    if not isinstance(X, DatasetColumns):
        names = None if reset else getattr(estimator, "feature_names_in_", None)
        X = numeric_columns(X, []) if names is None else DatasetColumns(X, names.tolist())
    if reset:
        estimator.feature_names_in_ = np.asarray(X.names, dtype=object)
        estimator.n_features_in_ = len(X.names)
    elif len(X.names) != estimator.n_features_in_:
        raise ValueError(
            f"X has {len(X.names)} features, but {type(estimator).__name__} is expecting "
            f"{estimator.n_features_in_} features as input."
        )
    return matrix_of(X)


def dense(coef: Any) -> Array:
    """Coefficients as an array of numpy, sparse or not, wherever they are."""
    return entries.dense(to_numpy(coef))
