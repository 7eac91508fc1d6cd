"""What a fitted linear model says of new rows, and the forms it can take."""

from __future__ import annotations

from functools import partial
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from sklearn.linear_model import LogisticRegression
from sklearn.utils.validation import check_is_fitted

from sklearn_xent.arrays import Array
from sklearn_xent.formulas import log_sigmoid, log_softmax, sigmoid, softmax
from sklearn_xent.intake import answered, dense, validated
from sklearn_xent.isolation import isolated
from sklearn_xent.parameters import AdvisedParameters
from sklearn_xent.problem.design import logits_of
from sklearn_xent.rows import as_rows
from sklearn_xent.rows.array_api import check_same_place, to_numpy
from sklearn_xent.targets import check_offset

__all__ = ["LinearPredictor"]


class LinearPredictor(AdvisedParameters):
    """Mixin: predictions from ``coef_``, ``intercept_`` and ``classes_``."""

    coef_: Any
    intercept_: Array
    classes_: Array
    n_features_in_: int
    C: float
    fit_intercept: bool

    @isolated
    def decision_function(self, X: Any, offset: Any = None) -> Array:
        """Logits of each sample.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Samples, of any kind that ``fit`` takes; for a Dask collection the result is a Dask array, not yet
            computed.
        offset : array-like of shape (n_samples,) or (n_samples, n_classes), default=None
            Added to the logits, as in ``fit``.

        Returns
        -------
        logits : ndarray of shape (n_samples,) for two classes, else (n_samples, n_classes)
            For two classes the log odds of the second, in nats.
        """
        check_is_fitted(self)
        width = None if self.classes_.shape[0] == 2 else self.classes_.shape[0]

        def in_memory() -> Array:
            logits = self._logits(X, offset, "decision_function")
            return logits[0] if len(logits) == 1 else logits.T

        return answered(self, "decision_function", X, offset, in_memory, width)

    @isolated
    def predict(self, X: Any, offset: Any = None) -> Array:
        """Most probable label of each sample.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Samples, of any kind that ``fit`` takes; for a Dask collection the result is a Dask array, not yet
            computed.
        offset : array-like of shape (n_samples,) or (n_samples, n_classes), default=None
            Added to the logits, as in ``fit``.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            Entries of ``classes_``.
        """
        check_is_fitted(self)

        def in_memory() -> Array:
            logits = self._logits(X, offset, "predict")
            codes = (logits[0] > 0).astype(int) if len(logits) == 1 else logits.argmax(axis=0)
            return np.asarray(to_numpy(self.classes_)[codes])

        return answered(self, "predict", X, offset, in_memory, None, self.classes_.dtype)

    @isolated
    def predict_proba(self, X: Any, offset: Any = None) -> Array:
        """Probability of each class, in the order of ``classes_``.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Samples, of any kind that ``fit`` takes; for a Dask collection the result is a Dask array, not yet
            computed.
        offset : array-like of shape (n_samples,) or (n_samples, n_classes), default=None
            Added to the logits, as in ``fit``.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            Rows sum to 1.
        """
        check_is_fitted(self)
        in_memory = partial(self._of_each_class, X, offset, "predict_proba")
        return answered(self, "predict_proba", X, offset, in_memory, self.classes_.shape[0])

    @isolated
    def predict_log_proba(self, X: Any, offset: Any = None) -> Array:
        """Logarithm of the probability of each class, from the logits.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Samples, of any kind that ``fit`` takes; for a Dask collection the result is a Dask array, not yet
            computed.
        offset : array-like of shape (n_samples,) or (n_samples, n_classes), default=None
            Added to the logits, as in ``fit``.

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
            In nats; finite whenever the logits are: a logit of 1e4 gives -1e4 and not -inf.
        """
        check_is_fitted(self)
        in_memory = partial(self._of_each_class, X, offset, "predict_log_proba")
        return answered(self, "predict_log_proba", X, offset, in_memory, self.classes_.shape[0])

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

        Exporters (ONNX, PMML) and explainers know ``LogisticRegression``. Its parameters are those of this
        estimator as far as it has them, so that a clone is a model of the same kind: bounds, factors, groups
        and smoothed labels it does not know. The ``C`` and ``l1_ratio`` that were chosen are carried.

        Returns
        -------
        model : LogisticRegression
            A copy that shares nothing with this estimator.
        """
        check_is_fitted(self)
        plain = LogisticRegression(**self._parameters_of_sklearn())
        plain.coef_, plain.intercept_ = dense(self.coef_).copy(), dense(self.intercept_).copy()
        plain.classes_ = dense(self.classes_).copy()
        plain.n_features_in_ = self.n_features_in_
        plain.n_iter_ = np.array([getattr(self, "n_iter_", 0)], dtype=np.int32)
        if hasattr(self, "feature_names_in_"):
            plain.feature_names_in_ = self.feature_names_in_.copy()
        return plain

    def _parameters_of_sklearn(self) -> dict[str, Any]:
        shared = LogisticRegression().get_params().keys() - {"solver", "penalty", "C", "l1_ratio", "n_jobs"}
        parameters = {name: value for name, value in vars(self).items() if name in shared}
        # those of cross-validation have an underscore
        chosen = {name: getattr(self, f"{name}_", None) for name in ("C", "l1_ratio")}
        C, l1_ratio = (float(getattr(self, k) if v is None else v) for k, v in chosen.items())
        if l1_ratio > 0:
            parameters |= {"l1_ratio": l1_ratio, "solver": "saga"}  # the one that knows all of them
            if LogisticRegression().penalty == "l2":  # older ones look at l1_ratio only if told to
                parameters["penalty"] = "elasticnet"
        return parameters | {"C": C}
