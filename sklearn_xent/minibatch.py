"""MiniBatchCrossEntropyClassifier: rows that come in batches, or of which only a few are in memory."""

from __future__ import annotations

import copy
from typing import Any

from sklearn.base import BaseEstimator, ClassifierMixin

from sklearn_xent.callbacks import CallbackSupportMixin
from sklearn_xent.isolation import all_or_nothing, assign
from sklearn_xent.parameters import check_batch_parameters
from sklearn_xent.passes import learnt_in_a_call, learnt_in_passes
from sklearn_xent.predictor import LinearPredictor

__all__ = ["MiniBatchCrossEntropyClassifier"]


class MiniBatchCrossEntropyClassifier(CallbackSupportMixin, LinearPredictor, ClassifierMixin, BaseEstimator):
    r"""Linear classifier of least cross-entropy, learnt from batches of samples by Newton steps.

    It minimises what `CrossEntropyClassifier` does, approximately, and holds a batch of samples at a time.
    What earlier batches said is kept as a quadratic: the sum of their losses expanded to second order, each
    at the coefficients it was met with. A new batch adds its own; the coefficients that minimise the sum and
    the penalty are the next ones. No learning rate has to be chosen, and the features' units do not matter.

    After one pass over many samples the log loss of new samples is about that of the optimum of all samples.
    For the optimum itself use `CrossEntropyClassifier`, where the samples can be read more than once.

    Parameters
    ----------
    C : float, default=1.0
        Inverse strength of the penalty beside the sum of the losses of all samples seen, as in
        `CrossEntropyClassifier`; ``np.inf`` is no penalty.
    l1_ratio : float in [0, 1], default=0.0
        Share of the l1 norm in the penalty: 0 is ridge, 1 is lasso.
    fit_intercept : bool, default=True
        Whether the logits have an intercept.
    class_weight : dict, "balanced" or None, default=None
        Factor of each class's weight. "balanced" needs all labels at once: only ``fit`` takes it.
    batch_size : int or None, default=None
        Samples of a step. None is 512 or, up to 1000 coefficients, 4096 and at least 10 for each of them.
        What ``partial_fit`` is given is cut into such batches, the last one shorter.
    max_iter : int, default=10
        Most passes of ``fit`` over the samples.
    tol : float, default=1e-4
        Least improvement of the log loss, in nats, that counts as one: that of the validation samples where
        there are any, else that of each batch before it was learnt from.
    n_iter_no_change : int, default=2
        Passes without improvement after which ``fit`` stops.
    shuffle : bool, default=True
        Whether ``fit`` goes through the samples in a random order, another one in each pass.
    label_smoothing : float in [0, 1), default=0.0
        Mixes each target with the uniform distribution: ``y (1 - a) + a / K``.
    random_state : int, RandomState instance or None, default=None
        Seed of the order of the samples. None is always the same one.
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
        Samples learnt from, those of each pass counted.
    history_ : dict of ndarray of shape (number of passes or calls,)
        One entry a pass of ``fit``, or a call of ``partial_fit``: "loss" (mean log loss of the batches, each
        before it was learnt from, nats), "validation_loss" (nats; nan without validation samples) and
        "seconds" (since the start of ``fit``, or of the call).
    n_features_in_ : int
        Number of features of X.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, where X had names that are all strings.

    See Also
    --------
    CrossEntropyClassifier : The optimum itself, with a certificate.
    sklearn.linear_model.SGDClassifier : First order, one class against the rest.

    Notes
    -----
    Up to 1000 coefficients (classes times features) the curvature is a full matrix: a batch costs one Gram
    product of its samples and one factorisation, and the first samples, 10 for each coefficient, are kept
    until there are so many of them. Beyond, it is the diagonal, averaged over what the coefficients may yet
    become; a batch costs a few products with its samples, and memory is a few numbers a coefficient.

    A step that gains less than the slope of the batch's loss promises is shortened, on the logits at hand,
    and repeated until the batch has settled: a sample far away from all others cannot carry the coefficients
    off. Features are centred and scaled by means and spreads of groups of samples spread over the stream, by
    the groups' medians where an outlier spoils the mean. In later passes of ``fit`` each
    batch's expansion replaces its share of those of the pass before.

    scikit-learn's callbacks (``set_callbacks``, from version 1.9 on) see each pass of ``fit`` and each batch,
    and the model that a pass ends with; if one asks to stop at the end of a pass, it is the last.

    References
    ----------
    .. [1] Ollivier, Y. (2018), "Online natural gradient as a Kalman filter", Electronic Journal of
       Statistics 12(2).
    .. [2] Bercu, B., Godichon, A. and Portier, B. (2020), "An efficient stochastic Newton algorithm for
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
        """Learn from more samples.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Samples.
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Labels, or soft labels: rows of probabilities, in the order of the classes or in a frame whose
            columns are named after them.
        classes : array-like of shape (n_classes,), default=None
            All labels there will ever be. The first call needs them; later ones may repeat them.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, not negative; a weight of 2 is the sample twice.

        Returns
        -------
        self : MiniBatchCrossEntropyClassifier
            The estimator. If anything raises, it is as it was before.

        Raises
        ------
        ValueError
            For parameters out of range, labels that are not among the classes, another number of features,
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
        assign(self, learnt_in_a_call(copy.copy(self), X, y, classes, sample_weight))
        return self

    @all_or_nothing
    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, X_val: Any = None, y_val: Any = None
    ) -> MiniBatchCrossEntropyClassifier:
        """Learn from samples that are at hand, in passes over them, until the log loss improves no more.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Samples.
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Labels, or soft labels: rows of probabilities, whose classes are a frame's column names or else
            0, 1, ...
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, not negative; a weight of 2 is the sample twice.
        X_val, y_val : array-like, default=None
            Validation samples and their labels: the coefficients of the pass with the lowest log loss there
            are kept.

        Returns
        -------
        self : MiniBatchCrossEntropyClassifier
            The fitted estimator. If anything raises, it is as it was before.

        Raises
        ------
        ValueError
            For parameters, samples, labels or weights out of range, and validation samples without labels or
            the reverse.
        TypeError
            For a parameter that is not a number.

        Warns
        -----
        ConvergenceWarning
            If the loss still improves after ``max_iter`` passes, unless a single one was asked for; and if
            the samples' loss is higher in the end, by more than ``tol``, than that of the frequencies of the
            classes (without an intercept: of equal probabilities), which one more reading finds out.
        """
        check_batch_parameters(self)
        if (X_val is None) != (y_val is None):
            raise ValueError("X_val and y_val must be given together; got only one of them.")
        assign(self, learnt_in_passes(copy.copy(self), X, y, sample_weight, X_val, y_val))
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
