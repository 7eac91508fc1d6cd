"""CrossEntropyClassifier: parameters -> problem -> solution -> attributes. No numerics."""

from __future__ import annotations

import copy
import warnings
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from sklearn_xent.arrays import Array
from sklearn_xent.callbacks import CallbackSupportMixin, FitTask, with_callbacks
from sklearn_xent.cross_entropy import log_sigmoid, log_softmax, sigmoid, softmax
from sklearn_xent.parameters import check_parameters
from sklearn_xent.problem.design import design_for, logits_of
from sklearn_xent.problem.losses import loss_for
from sklearn_xent.problem.objective import Objective, Point
from sklearn_xent.problem.penalties import elastic_net
from sklearn_xent.progress import print_progress
from sklearn_xent.rows import as_rows
from sklearn_xent.solvers.diagnosis import diagnose
from sklearn_xent.solvers.methods import choose
from sklearn_xent.solvers.minimum_norm import minimum_norm
from sklearn_xent.solvers.solve import History, Status, minimise
from sklearn_xent.targets import Targets, check_offset, encode_targets

__all__ = ["CrossEntropyClassifier"]

ACCEPTED: dict[str, Any] = {
    "accept_sparse": ("csr", "csc"),
    "dtype": [np.float64, np.float32],
}


class CrossEntropyClassifier(CallbackSupportMixin, ClassifierMixin, BaseEstimator):
    def __init__(
        self,
        *,
        C: float = 1.0,
        l1_ratio: float = 0.0,
        fit_intercept: bool = True,
        class_weight: Any = None,
        solver: str = "auto",
        tol: float = 1e-8,
        max_iter: int = 1000,
        warm_start: bool = False,
        label_smoothing: float = 0.0,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.C = C
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.warm_start = warm_start
        self.label_smoothing = label_smoothing
        self.random_state = random_state
        self.verbose = verbose

    @with_callbacks
    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, offset: Any = None
    ) -> CrossEntropyClassifier:
        check_parameters(self)
        # validate_data writes on the estimator it is given; a fit that fails must not have.
        validated = copy.copy(self)
        X = _validated(validated, X, reset=True)
        targets = encode_targets(
            y,
            X.shape[0],
            sample_weight=sample_weight,
            class_weight=self.class_weight,
            smoothing=self.label_smoothing,
        )
        names = getattr(validated, "feature_names_in_", None)
        objective = self._objective(X, targets, offset, names)
        solver, method = choose(self.solver, objective)
        task = FitTask(self, X, y, {"sample_weight": sample_weight}, self.max_iter)
        fitted = {"classes_": targets.classes, "n_features_in_": X.shape[1]}

        def report(point: Point, history: History) -> bool:
            if self.verbose:
                print_progress(solver, history, self.tol)
            return task.iterate(lambda: fitted | _attributes(objective, point.coefficients))

        start = self._start(objective, targets.classes)
        solution = minimise(
            objective, method, start, tol=self.tol, max_iter=self.max_iter, report=report
        )
        warning = diagnose(solution, solver, self.tol, names)
        W = solution.point.coefficients
        if solution.status is Status.CONVERGED:
            W = minimum_norm(objective, W)
        fitted |= _attributes(objective, W) | {
            "n_iter_": len(solution.history) - 1,
            "converged_": warning is None,
            "optimality_gap_": float(solution.gap),
            "history_": solution.history.to_dict(),
        }
        task.end(lambda: fitted)
        if warning is not None:
            warnings.warn(warning, stacklevel=2)
        if names is None:
            vars(self).pop("feature_names_in_", None)
        else:
            fitted["feature_names_in_"] = names
        vars(self).update(fitted)
        return self

    def _objective(self, X: Any, targets: Targets, offset: Any, names: Any) -> Objective:
        total = targets.weights.sum()
        shifts = check_offset(offset, X.shape[0], len(targets.classes))
        rows = as_rows(X, targets.values, targets.weights / total, shifts)
        strength = 1 / (self.C * total)
        design = design_for(
            rows,
            fit_intercept=self.fit_intercept,
            strength=strength,
            l1_ratio=self.l1_ratio,
            names=names,
        )
        penalty = elastic_net(design, strength, self.l1_ratio)
        return Objective(rows, loss_for(len(targets.classes)), penalty, design)

    def _start(self, objective: Objective, classes: Array) -> Array:
        """Zero, or the last fit's coefficients where they are of the same problem."""
        start = np.zeros(objective.shape)
        if not (self.warm_start and hasattr(self, "coef_")):
            return start
        coef, same = _dense(self.coef_), np.array_equal(self.classes_, classes)
        if not same or coef.shape != (objective.shape[0], objective.shape[1] - 1):
            return start
        start = objective.design.from_original(coef, self.intercept_)
        if objective.loss.shift_invariant and objective.penalty.smooth:
            start = start - start.mean(axis=0)
        return start

    def decision_function(self, X: Any, offset: Any = None) -> Array:
        logits = self._logits(X, offset)
        return logits[0] if len(logits) == 1 else logits.T

    def predict(self, X: Any, offset: Any = None) -> Array:
        logits = self._logits(X, offset)
        codes = (logits[0] > 0).astype(int) if len(logits) == 1 else logits.argmax(axis=0)
        return np.asarray(self.classes_[codes])

    def predict_proba(self, X: Any, offset: Any = None) -> Array:
        logits = self._logits(X, offset)
        if len(logits) == 1:
            return np.column_stack([sigmoid(-logits[0]), sigmoid(logits[0])])
        return softmax(logits.T, axis=1)

    def predict_log_proba(self, X: Any, offset: Any = None) -> Array:
        logits = self._logits(X, offset)
        if len(logits) == 1:
            return np.column_stack([log_sigmoid(-logits[0]), log_sigmoid(logits[0])])
        return log_softmax(logits.T, axis=1)

    def _logits(self, X: Any, offset: Any) -> Array:
        """Logits (1, n) or (K, n)."""
        check_is_fitted(self)
        X = _validated(self, X, reset=False)
        coef = _dense(self.coef_)
        shifts = check_offset(offset, X.shape[0], len(self.classes_))
        rows = as_rows(X, np.empty((len(coef), X.shape[0])), np.empty(X.shape[0]), shifts)
        return logits_of(rows, coef, self.intercept_)

    def sparsify(self) -> CrossEntropyClassifier:
        """Store ``coef_`` as a sparse matrix: smaller where l1 made most of it zero."""
        check_is_fitted(self)
        self.coef_ = sp.csr_matrix(self.coef_)
        return self

    def densify(self) -> CrossEntropyClassifier:
        """Store ``coef_`` as an array, as after ``fit``."""
        check_is_fitted(self)
        self.coef_ = _dense(self.coef_)
        return self

    def to_sklearn(self) -> LogisticRegression:
        check_is_fitted(self)
        plain = LogisticRegression(C=self.C, fit_intercept=self.fit_intercept)
        plain.coef_, plain.intercept_ = _dense(self.coef_).copy(), self.intercept_.copy()
        plain.classes_ = self.classes_.copy()
        plain.n_features_in_ = self.n_features_in_
        plain.n_iter_ = np.array([getattr(self, "n_iter_", 0)], dtype=np.int32)
        if hasattr(self, "feature_names_in_"):
            plain.feature_names_in_ = self.feature_names_in_.copy()
        return plain

    @classmethod
    def from_coefficients(cls, coef: Any, intercept: Any, classes: Any) -> CrossEntropyClassifier:
        W = check_array(np.atleast_2d(coef), dtype=np.float64, input_name="coef", copy=True)
        labels = np.asarray(classes)
        if labels.ndim != 1 or len(np.unique(labels)) != len(labels) or len(labels) < 2:
            raise ValueError(f"classes must be at least two distinct labels; got {classes!r}.")
        n_logits = 1 if len(labels) == 2 else len(labels)
        b = np.array(np.atleast_1d(intercept), dtype=np.float64)
        if b.size == 1:
            b = np.repeat(b.ravel(), n_logits)
        if W.shape[0] != n_logits or b.shape != (n_logits,) or not np.isfinite(b).all():
            raise ValueError(
                f"{len(labels)} classes need coef ({n_logits}, n_features) and a finite intercept "
                f"({n_logits},); got {W.shape} and {b.shape}."
            )
        if not np.array_equal(labels, np.sort(labels)):
            raise ValueError(f"classes must be sorted, as classes_ is; got {classes!r}.")
        model = cls(fit_intercept=bool(b.any()))
        model.coef_, model.intercept_, model.classes_ = W, b, labels
        model.n_features_in_ = W.shape[1]
        return model

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _validated(estimator: Any, X: Any, *, reset: bool) -> Any:
    """X as an array or a canonical CSR or CSC; a sparse one that stores an entry in parts is copied."""
    # scikit-learn's test for finite values sums them, which may overflow
    with np.errstate(over="ignore", invalid="ignore"):
        X = validate_data(estimator, X, reset=reset, **ACCEPTED)
    if sp.issparse(X) and not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    return X


def _dense(coef: Any) -> Array:
    return np.asarray(coef.toarray() if sp.issparse(coef) else coef)


def _attributes(objective: Objective, W: Array) -> dict[str, Any]:
    """The coefficients in the units of X. Classes are symmetric: their intercepts sum to zero."""
    coef, intercept = objective.design.to_original(W)
    if objective.loss.shift_invariant and objective.design.fit_intercept:
        intercept = intercept - intercept.mean()
    return {"coef_": coef, "intercept_": intercept}
