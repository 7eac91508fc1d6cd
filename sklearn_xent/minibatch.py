"""MiniBatchCrossEntropyClassifier: rows that come in batches, or of which only a few are in memory."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import validate_data

from sklearn_xent.arrays import Array
from sklearn_xent.cross_entropy import cross_entropy_loss, entropy
from sklearn_xent.isolation import all_or_nothing, warn_caller
from sklearn_xent.parameters import check_batch_parameters
from sklearn_xent.predictor import ACCEPTED, LinearPredictor, refuse_what_is_elsewhere
from sklearn_xent.rows import Block
from sklearn_xent.rows.threads import Team
from sklearn_xent.solvers.stream import Stream, batch_rows, loss_of
from sklearn_xent.targets import Targets, check_several, encode_targets

__all__ = ["MiniBatchCrossEntropyClassifier"]


class MiniBatchCrossEntropyClassifier(LinearPredictor, ClassifierMixin, BaseEstimator):
    r"""Linear classifier of least cross-entropy, learnt from batches of rows by Newton steps.

    It minimises what `CrossEntropyClassifier` does, approximately, and holds a batch of rows at a time. What
    earlier batches said is kept as a quadratic: the sum of their losses expanded to second order, each at the
    coefficients it was met with. A new batch adds its own; the coefficients that minimise the sum and the
    penalty are the next ones. No learning rate has to be chosen, and the columns' units do not matter.

    After one pass over many rows the log loss of new rows is about that of the optimum of all rows. For the
    optimum itself use `CrossEntropyClassifier`, where the rows can be read more than once.

    Parameters
    ----------
    C : float, default=1.0
        Inverse strength of the penalty beside the sum of the losses of all rows seen, as in
        `CrossEntropyClassifier`; ``np.inf`` is no penalty.
    l1_ratio : float in [0, 1], default=0.0
        Share of the l1 norm in the penalty: 0 is ridge, 1 is lasso.
    fit_intercept : bool, default=True
        Whether the logits have an intercept.
    class_weight : dict, "balanced" or None, default=None
        Factor of each class's weight. "balanced" needs all labels at once: only ``fit`` takes it.
    batch_size : int or None, default=None
        Rows of a step. None is 512 or, up to 1000 coefficients, 4096 and at least 10 for each of them.
        What ``partial_fit`` is given is cut into such batches, the last one shorter.
    max_iter : int, default=10
        Most passes of ``fit`` over the rows.
    tol : float, default=1e-4
        Least improvement of the log loss, in nats, that counts as one: that of the validation rows where
        there are any, else that of each batch before it was learnt from.
    n_iter_no_change : int, default=2
        Passes without improvement after which ``fit`` stops.
    shuffle : bool, default=True
        Whether ``fit`` goes through the rows in a random order, another one in each pass.
    label_smoothing : float in [0, 1), default=0.0
        Mixes each target with the uniform distribution: ``y (1 - a) + a / K``.
    random_state : int, RandomState instance or None, default=None
        Seed of the order of the rows. None is always the same one.
    verbose : int, default=0
        If positive, print a line for each pass of ``fit``.

    Attributes
    ----------
    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
        Coefficients in the units of X.
    intercept_ : ndarray of shape (1,) or (n_classes,)
        Intercepts; those of more than two classes sum to zero.
    classes_ : ndarray of shape (n_classes,)
        Labels, sorted.
    n_iter_ : int
        Passes that ``fit`` made; 1 after ``partial_fit``.
    n_samples_seen_ : int
        Rows learnt from, those of each pass counted.
    history_ : dict of ndarray of shape (number of passes or calls,)
        One entry a pass of ``fit``, or a call of ``partial_fit``: "loss" (mean log loss of the batches, each
        before it was learnt from, nats), "validation_loss" (nats; nan without validation rows) and
        "seconds" (since the start of ``fit``, or of the call).
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns, where X had names that are all strings.

    See Also
    --------
    CrossEntropyClassifier : The optimum itself, with a certificate.
    sklearn.linear_model.SGDClassifier : First order, one class against the rest.

    Notes
    -----
    Up to 1000 coefficients (classes times columns) the curvature is a full matrix: a batch costs one Gram
    product of its rows and one factorisation, and the first rows, 10 for each coefficient, are kept until
    there are so many of them. Beyond, it is the diagonal, averaged over what the coefficients
    may yet become; a batch costs a few products with its rows, and memory is a few numbers a coefficient.

    A step that gains less than the slope of the batch's loss promises is shortened, on the logits at hand,
    and repeated until the batch has settled: a row far away from all others cannot carry the coefficients
    off. Columns are centred and scaled by means and spreads of groups of rows spread over the stream, by
    the groups' medians where an outlier spoils the mean. In later passes of ``fit`` each
    batch's expansion replaces its share of those of the pass before.

    References
    ----------
    .. [1] Y. Ollivier (2018), "Online natural gradient as a Kalman filter", Electronic Journal of
       Statistics 12(2).
    .. [2] B. Bercu, A. Godichon and B. Portier (2020), "An efficient stochastic Newton algorithm for
       parameter estimation in logistic regressions", SIAM J. Control Optim. 58(1).

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_xent import MiniBatchCrossEntropyClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> model = MiniBatchCrossEntropyClassifier()
    >>> for start in range(0, 1500, 300):
    ...     batch = slice(start, start + 300)
    ...     model = model.partial_fit(X[batch], y[batch], classes=range(10))
    >>> bool(model.score(X[1500:], y[1500:]) > 0.9)
    True
    """

    def __init__(
        self,
        *,
        C: float = 1.0,
        l1_ratio: float = 0.0,
        fit_intercept: bool = True,
        class_weight: Any = None,
        batch_size: int | None = None,
        max_iter: int = 10,
        tol: float = 1e-4,
        n_iter_no_change: int = 2,
        shuffle: bool = True,
        label_smoothing: float = 0.0,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.C = C
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.shuffle = shuffle
        self.label_smoothing = label_smoothing
        self.random_state = random_state
        self.verbose = verbose

    @all_or_nothing
    def partial_fit(
        self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None
    ) -> MiniBatchCrossEntropyClassifier:
        """Learn from more rows.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Labels, or soft labels: rows of probabilities, in the order of the classes or in a frame whose
            columns are named after them.
        classes : array-like of shape (n_classes,), default=None
            All labels there will ever be. The first call needs them; later ones may repeat them.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, not negative; a weight of 2 is the row twice.

        Returns
        -------
        self : MiniBatchCrossEntropyClassifier
            The estimator. If anything raises, it is as it was before.

        Raises
        ------
        ValueError
            For parameters out of range, labels that are not among the classes, another number of columns,
            NaN or infinity, weights out of range, and ``class_weight="balanced"``.
        TypeError
            For a parameter that is not a number.
        """
        check_batch_parameters(self)
        if isinstance(self.class_weight, str):
            raise ValueError(
                "class_weight must be None or a dict for partial_fit, which does not see all labels; got "
                f"{self.class_weight!r}."
            )
        known, begun = self._known_classes(classes), hasattr(self, "_stream")
        scratch = copy.copy(self)
        X = _checked(scratch, X, reset=not begun)
        targets = encode_targets(
            y,
            X.shape[0],
            sample_weight=sample_weight,
            class_weight=self.class_weight,
            smoothing=self.label_smoothing,
            classes=known,
        )
        began, order = time.perf_counter(), np.arange(X.shape[0])
        stream = self._stream if begun else self._begin(X, targets)
        stream, loss = self._learn(stream, X, targets, order)
        row = {"loss": loss, "validation_loss": np.nan, "seconds": time.perf_counter() - began}
        history = {name: [value] for name, value in row.items()}
        if begun:
            history = {name: [*self.history_[name], value] for name, value in row.items()}
        n_rows = X.shape[0] + (self.n_samples_seen_ if begun else 0)
        self._assign(scratch, known, stream, history, 1, n_rows)
        return self

    @all_or_nothing
    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, X_val: Any = None, y_val: Any = None
    ) -> MiniBatchCrossEntropyClassifier:
        """Learn from rows that are at hand, in passes over them, until the log loss improves no more.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Labels, or soft labels: rows of probabilities, whose classes are a frame's column names or else
            0, 1, ...
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, not negative; a weight of 2 is the row twice.
        X_val, y_val : array-like, default=None
            Validation rows and their labels: the coefficients of the pass with the lowest log loss there
            are kept.

        Returns
        -------
        self : MiniBatchCrossEntropyClassifier
            The fitted estimator. If anything raises, it is as it was before.

        Raises
        ------
        ValueError
            For parameters, rows, labels or weights out of range, and validation rows without labels or the
            reverse.
        TypeError
            For a parameter that is not a number.

        Warns
        -----
        ConvergenceWarning
            If the loss still improves after ``max_iter`` passes, unless a single one was asked for; and if
            the rows' loss is higher in the end, by more than ``tol``, than that of the frequencies of the
            classes (without an intercept: of equal probabilities), which one more reading finds out.
        """
        check_batch_parameters(self)
        if (X_val is None) != (y_val is None):
            raise ValueError("X_val and y_val must be given together; got only one of them.")
        scratch = copy.copy(self)
        scratch.__dict__.pop("_stream", None)
        X = _checked(scratch, X, reset=True)
        targets = encode_targets(
            y,
            X.shape[0],
            sample_weight=sample_weight,
            class_weight=self.class_weight,
            smoothing=self.label_smoothing,
        )
        if X_val is not None:
            X_val = _checked(scratch, X_val, reset=False)
        history: dict[str, list[float]] = {"loss": [], "validation_loss": [], "seconds": []}
        began, best, waited = time.perf_counter(), np.inf, 0
        for stream, loss in self._passes(X, targets):
            validation = np.nan
            if X_val is not None:
                scratch.__dict__.update(_attributes(targets.classes, stream))
                logits = scratch.decision_function(X_val)
                validation = cross_entropy_loss(y_val, logits, labels=targets.classes, from_logits=True)
            for name, value in zip(history, (loss, validation, time.perf_counter() - began), strict=True):
                history[name].append(value)
            judged = loss if X_val is None else validation
            if self.verbose:
                print(f"pass {len(history['loss']):3d}  log loss {judged:.6g}", flush=True)
            waited = 0 if judged < best - self.tol else waited + 1
            if judged < best or X_val is None:
                chosen = stream
            best = min(best, judged)
            if waited == self.n_iter_no_change:
                break
        else:
            if self.max_iter > 1:
                warn_caller(_unfinished(self.max_iter))
        n_iter = len(history["loss"])
        loss, null = self._loss(chosen, X, targets), self._null_loss(targets)
        if not loss <= null + self.tol:
            warn_caller(_worse(loss, null))
        self._assign(scratch, targets.classes, chosen, history, n_iter, n_iter * X.shape[0])
        return self

    def _passes(self, X: Any, targets: Targets) -> Iterator[tuple[Stream, float]]:
        """The stream and the mean loss of its batches after each pass over the rows."""
        rng = check_random_state(0 if self.random_state is None else self.random_state)
        order = np.arange(X.shape[0])
        stream = None
        for _ in range(self.max_iter):
            if self.shuffle:
                rng.shuffle(order)
            stream = self._begin(X, targets) if stream is None else stream.again()
            stream, loss = self._learn(stream, X, targets, order)
            stream = stream.settled()
            yield stream, loss

    def _begin(self, X: Any, targets: Targets) -> Stream:
        """A stream that has not learnt yet."""
        return Stream.begin(
            X.shape[1],
            len(targets.classes),
            C=self.C,
            l1_ratio=self.l1_ratio,
            fit_intercept=self.fit_intercept,
            sparse=sp.issparse(X),
        )

    def _learn(self, stream: Stream, X: Any, targets: Targets, order: Array) -> tuple[Stream, float]:
        """Learn batch by batch; also the mean loss of the batches, each before it was learnt from."""
        size, loss = self.batch_size or batch_rows(stream.W.size), 0.0
        # matrices this small are factored faster by one thread of BLAS than by two that wait for each other
        with Team(8.0 * stream.W.size**2):
            for start in range(0, len(order), size):
                batch = order[start : start + size]
                weights = targets.weights[batch]
                if weights.any():
                    rows = Block(X[batch], targets.values[:, batch], weights, None)
                    stream, of_batch = stream.learn(rows)
                    loss += of_batch
        return stream, loss / max(float(targets.weights.sum()), np.finfo(float).tiny)

    def _loss(self, stream: Stream, X: Any, targets: Targets) -> float:
        """Mean loss of all rows at the coefficients that are returned; one reading."""
        coef, intercept = stream.to_original()
        size, loss = self.batch_size or batch_rows(stream.W.size), 0.0
        for start in range(0, X.shape[0], size):
            part = slice(start, start + size)
            rows = Block(X[part], targets.values[:, part], targets.weights[part], None)
            loss += loss_of(rows, len(targets.classes), coef, intercept)
        return loss / float(targets.weights.sum())

    def _null_loss(self, targets: Targets) -> float:
        """Least mean loss of a model without columns: the frequencies of the classes, or none are known."""
        if not self.fit_intercept:
            return float(np.log(len(targets.classes)))
        p = targets.values @ targets.weights / targets.weights.sum()
        p = p if len(p) > 1 else np.array([1 - p[0], p[0]])
        return float(entropy(np.maximum(p, 0.0) / np.maximum(p, 0.0).sum()))

    def _known_classes(self, classes: Any) -> Array:
        """The labels of the stream, from the first call."""
        given = None if classes is None else np.unique(np.asarray(list(classes)))
        if not hasattr(self, "_stream"):
            if given is None:
                raise ValueError("classes must be given in the first call of partial_fit; got None.")
            check_several(given)
            return given
        if given is not None and not np.array_equal(given, self.classes_):
            raise ValueError(
                f"classes must be those of the first call, {self.classes_.tolist()}; got {given.tolist()}."
            )
        return self.classes_

    def _assign(
        self,
        checked: Any,
        classes: Array,
        stream: Stream,
        history: dict[str, list[float]],
        n_iter: int,
        n_rows: int,
    ) -> None:
        """All attributes in one assignment, so that an interrupt finds all of them old, or all of them new.

        ``checked`` knows the columns of X.
        """
        names = {"n_features_in_", "feature_names_in_"}
        attributes = {name: value for name, value in self.__dict__.items() if name not in names}
        attributes |= {name: value for name, value in checked.__dict__.items() if name in names}
        attributes |= _attributes(classes, stream)
        attributes |= {
            "_stream": replace(stream, previous=None),
            "history_": {name: np.asarray(values, dtype=np.float64) for name, values in history.items()},
            "n_iter_": n_iter,
            "n_samples_seen_": n_rows,
        }
        self.__dict__ = attributes

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _checked(estimator: Any, X: Any, *, reset: bool) -> Any:
    """X as an array or a CSR; it is all looked at before anything is learnt from it."""
    refuse_what_is_elsewhere(X, type(estimator).__name__)
    with np.errstate(over="ignore", invalid="ignore"):
        return validate_data(estimator, X, reset=reset, **{**ACCEPTED, "accept_sparse": "csr"})


def _attributes(classes: Array, stream: Stream) -> dict[str, Any]:
    with np.errstate(all="ignore"):  # it is the result that is judged
        coef, intercept = stream.to_original()
    if not (np.isfinite(coef).all() and np.isfinite(intercept).all()):
        raise ValueError("the coefficients would not be finite in the units of X; rescale its columns.")
    return {"coef_": coef, "intercept_": intercept, "classes_": classes}


def _unfinished(max_iter: int) -> ConvergenceWarning:
    return ConvergenceWarning(
        f"the log loss still improved after max_iter={max_iter} passes: raise max_iter, or fit a "
        "CrossEntropyClassifier."
    )


def _worse(loss: float, null: float) -> ConvergenceWarning:
    return ConvergenceWarning(
        f"the log loss of the rows, {loss:.6g}, is above {null:.6g}, that of a model that knows no "
        "column of X: the passes did not converge. Raise max_iter or batch_size, look for outliers in X, "
        "or fit a CrossEntropyClassifier."
    )
