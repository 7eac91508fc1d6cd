"""What a fitted linear model says of new rows, and the forms it can take."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from sklearn.linear_model import LogisticRegression
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_xent.arrays import Array
from sklearn_xent.collection import check_columns, lazily
from sklearn_xent.cross_entropy import log_sigmoid, log_softmax, sigmoid, softmax
from sklearn_xent.isolation import isolated
from sklearn_xent.partitions import is_collection
from sklearn_xent.problem.design import logits_of
from sklearn_xent.rows import as_rows
from sklearn_xent.rows.array_api import Placement, beside, check_same_place, is_device_array, to_numpy
from sklearn_xent.rows.arrow import DatasetColumns, is_dataset, matrix_of, numeric_columns
from sklearn_xent.targets import check_offset

__all__ = ["ACCEPTED", "LinearPredictor", "dense", "refuse_what_is_elsewhere", "validated"]

ACCEPTED: dict[str, Any] = {
    "accept_sparse": ("csr", "csc"),
    "dtype": [np.float64, np.float32],
}


class LinearPredictor:
    """Mixin: predictions from ``coef_``, ``intercept_`` and ``classes_``."""

    coef_: Any
    intercept_: Array
    classes_: Array
    n_features_in_: int
    C: float
    fit_intercept: bool

    @isolated
    def decision_function(self, X: Any, offset: Any = None) -> Array:
        """Logits of each row.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows, of any kind that ``fit`` takes; for a Dask collection the result is a Dask array, not yet
            computed.
        offset : array-like of shape (n_samples,) or (n_samples, n_classes), default=None
            Added to the logits, as in ``fit``.

        Returns
        -------
        logits : ndarray of shape (n_samples,) for two classes, else (n_samples, n_classes)
            For two classes the log odds of the second, in nats.
        """
        if is_collection(X):
            width = None if self.classes_.shape[0] == 2 else self.classes_.shape[0]
            return self._lazily("decision_function", X, offset, width)
        logits = self._logits(X, offset, "decision_function")
        return beside(X, logits[0] if len(logits) == 1 else logits.T)

    @isolated
    def predict(self, X: Any, offset: Any = None) -> Array:
        """Most probable label of each row.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows, of any kind that ``fit`` takes; for a Dask collection the result is a Dask array, not yet
            computed.
        offset : array-like of shape (n_samples,) or (n_samples, n_classes), default=None
            Added to the logits, as in ``fit``.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            Entries of ``classes_``.
        """
        if is_collection(X):
            return self._lazily("predict", X, offset, None, self.classes_.dtype)
        logits = self._logits(X, offset, "predict")
        codes = (logits[0] > 0).astype(int) if len(logits) == 1 else logits.argmax(axis=0)
        return beside(X, np.asarray(to_numpy(self.classes_)[codes]))

    @isolated
    def predict_proba(self, X: Any, offset: Any = None) -> Array:
        """Probability of each class, in the order of ``classes_``.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows, of any kind that ``fit`` takes; for a Dask collection the result is a Dask array, not yet
            computed.
        offset : array-like of shape (n_samples,) or (n_samples, n_classes), default=None
            Added to the logits, as in ``fit``.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            Rows sum to 1.
        """
        if is_collection(X):
            return self._lazily("predict_proba", X, offset, self.classes_.shape[0])
        return beside(X, self._of_each_class(X, offset, "predict_proba"))

    @isolated
    def predict_log_proba(self, X: Any, offset: Any = None) -> Array:
        """Logarithm of the probability of each class, from the logits.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows, of any kind that ``fit`` takes; for a Dask collection the result is a Dask array, not yet
            computed.
        offset : array-like of shape (n_samples,) or (n_samples, n_classes), default=None
            Added to the logits, as in ``fit``.

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
            In nats; finite whenever the logits are: a logit of 1e4 gives -1e4 and not -inf.
        """
        if is_collection(X):
            return self._lazily("predict_log_proba", X, offset, self.classes_.shape[0])
        return beside(X, self._of_each_class(X, offset, "predict_log_proba"))

    def _lazily(self, method: str, X: Any, offset: Any, width: int | None, dtype: Any = np.float64) -> Any:
        """A Dask array of what a method says of each partition."""
        check_is_fitted(self)
        if offset is not None:
            raise ValueError("offset must be None where X is a Dask collection.")
        return lazily(getattr(self, method), check_columns(self, X, reset=False), width, dtype)

    def _of_each_class(self, X: Any, offset: Any, method: str) -> Array:
        """Fill (n_samples, n_classes) from the blocks of logits, so that no temporary is larger."""
        of_two, of_many = (sigmoid, softmax) if method == "predict_proba" else (log_sigmoid, log_softmax)
        blocks = self._logit_blocks(X, offset, method)
        out = np.empty((sum(z.shape[1] for z in blocks), self.classes_.shape[0]))
        start = 0
        for z in blocks:
            part = out[start : start + z.shape[1]]
            if len(z) == 1:
                part[:, 0], part[:, 1] = of_two(-z[0]), of_two(z[0])
            else:
                part[:] = of_many(z.T, axis=1)
            start += len(part)
        return out

    def _logits(self, X: Any, offset: Any, method: str) -> Array:
        """Logits (1, n) or (K, n)."""
        return np.concatenate(self._logit_blocks(X, offset, method), axis=1)

    def _logit_blocks(self, X: Any, offset: Any, method: str) -> list[Array]:
        """Logits (1, m) or (K, m) of blocks of rows, asked for by a method."""
        check_is_fitted(self)
        check_same_place(X, self.coef_, f"{type(self).__name__}.{method}()")
        X = validated(self, X, reset=False)
        coef = dense(self.coef_)
        shifts = check_offset(to_numpy(offset), X.shape[0], self.classes_.shape[0])
        nothing = np.broadcast_to(0.0, (len(coef), X.shape[0]))
        with as_rows(X, nothing, nothing[0], shifts) as rows:
            return logits_of(rows, coef, dense(self.intercept_))

    def sparsify(self) -> Self:
        """Store ``coef_`` as a sparse matrix: smaller where l1 made most of it zero."""
        check_is_fitted(self)
        self.coef_ = sp.csr_matrix(self.coef_)
        return self

    def densify(self) -> Self:
        """Store ``coef_`` as an array, as after ``fit``."""
        check_is_fitted(self)
        self.coef_ = dense(self.coef_)
        return self

    def to_sklearn(self) -> LogisticRegression:
        """Convert to a fitted scikit-learn model with the same predictions.

        Exporters (ONNX, PMML) and explainers know ``LogisticRegression``.

        Returns
        -------
        model : LogisticRegression
            A copy that shares nothing with this estimator.
        """
        check_is_fitted(self)
        plain = LogisticRegression(C=self.C, fit_intercept=self.fit_intercept)
        plain.coef_, plain.intercept_ = dense(self.coef_).copy(), dense(self.intercept_).copy()
        plain.classes_ = dense(self.classes_).copy()
        plain.n_features_in_ = self.n_features_in_
        plain.n_iter_ = np.array([getattr(self, "n_iter_", 0)], dtype=np.int32)
        if hasattr(self, "feature_names_in_"):
            plain.feature_names_in_ = self.feature_names_in_.copy()
        return plain


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
    with np.errstate(over="ignore", invalid="ignore"):
        X = validate_data(estimator, X, reset=reset, ensure_all_finite=not reset, **ACCEPTED)
    if sp.issparse(X) and not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    return X


def refuse_what_is_elsewhere(X: Any, who: str) -> None:
    """Raise TypeError for rows that are not in memory, which scikit-learn would put there, or fail to."""
    kind = "Dask collection" if is_collection(X) else "pyarrow dataset" if is_dataset(X) else None
    if kind:
        raise TypeError(
            f"X is a {kind}, which {who} does not take: load it into memory, or fit a CrossEntropyClassifier."
        )


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
    return np.asarray(coef.toarray() if sp.issparse(coef) else to_numpy(coef))
