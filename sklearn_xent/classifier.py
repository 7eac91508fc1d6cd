"""CrossEntropyClassifier: its parameters, its attributes, and how it comes by them. No numerics."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_array

from sklearn_xent.callbacks import CallbackSupportMixin
from sklearn_xent.fitting import fitted_attributes
from sklearn_xent.isolation import all_or_nothing, assign, warn_caller
from sklearn_xent.predictor import LinearPredictor

__all__ = ["CrossEntropyClassifier"]


class CrossEntropyClassifier(CallbackSupportMixin, LinearPredictor, ClassifierMixin, BaseEstimator):
    r"""Linear classifier of least cross-entropy: logistic and softmax regression, fitted exactly.

    Two classes have one logit :math:`z = x^\top w + b` and :math:`p = \sigma(z)`; K classes have K logits,
    treated alike, and :math:`p = \mathrm{softmax}(z)`. The fit minimises

    .. math::
        J = \sum_i s_i \, CE(y_i, p_i) + \frac{1}{C} \left( \rho \|W\|_1
            + \tfrac{1 - \rho}{2} \|W\|_2^2 \right),

    with :math:`CE(y, p) = -\sum_k y_k \log p_k` in nats, weights :math:`s`, and :math:`\rho` =
    ``l1_ratio``; the intercept is not penalised. It is scikit-learn's ``LogisticRegression`` objective.

    A fit that raises no ``ConvergenceWarning`` is within a relative 1e-6 of the minimum at the default
    ``tol``, whatever the units and offsets of the features.

    Parameters
    ----------
    C : float, default=1.0
        Inverse strength of the penalty; ``np.inf`` is no penalty.
    l1_ratio : float in [0, 1], default=0.0
        Share of the l1 norm in the penalty: 0 is ridge, 1 is lasso.
    fit_intercept : bool, default=True
        Whether the logits have an intercept.
    class_weight : dict, "balanced" or None, default=None
        Factor of each class's weight. "balanced" gives every class the same total weight.
    penalty_factor : array-like of shape (n_features,), default=None
        Factor of each feature's penalty; 0 leaves a feature unpenalised. None is 1 for all.
    groups : "columns" or array-like of shape (n_features,), default=None
        A label for each feature: coefficients of features with one label, of all classes, are zero together.
        The ridge gives way to the group lasso [4]_, whose penalty is :math:`\sum_g \sqrt{p_g} \, \|W_g\|_2`
        for groups of :math:`p_g` features; with ``l1_ratio`` above 0 it is the sparse group lasso [5]_, and
        at 1 there are no groups. "columns" makes each feature a group: with more than two classes, a feature
        is then in the model for all classes or for none. Features of one group share a factor. Not with
        ``coef_bounds``.
    coef_bounds : pair or sequence of n_features pairs, default=None
        Least and greatest value of the coefficients, in the units of X, None for no bound: one pair for all
        features, such as ``(0, None)`` for coefficients that are not negative, or a pair per feature. With
        more than two classes they hold for each class.
    solver : str, default="auto"
        How the minimum is found; all reach the same one, or warn. "auto" chooses by size and penalty among
        "newton-cholesky", "progressive" (many samples), "row-space" (fewer samples than features),
        "truncated-newton" (sparse, wide), "quasi-newton" (many classes) and, with l1 or bounds,
        "proximal-newton" and "orthant-newton" (sparse, many features), and hands over to another where one
        stalls: ``solver_``. A solver that is named does so where the data are small; "row-space" and
        "progressive" are "auto" where they do not apply.
        By scipy: "lbfgs", "bfgs", "cg", "newton-cg", "tnc", "trust-ncg", "trust-krylov", "trust-exact".
        For teaching: "gradient-descent" and "accelerated-gradient", on standardised features.
        With l1: "proximal-newton", "orthant-newton", "accelerated-gradient", "lbfgs"; with bounds all but
        the last; with groups "proximal-newton" and "accelerated-gradient".
    tol : float, default=1e-6
        Relative suboptimality :math:`(J - J^*) / J` at which a fit stops; it does not depend on the units of
        X or C. Where J is above 5000 nats, :math:`J - J^*` is at most 5000 ``tol`` nats, by default 0.005:
        then no linear combination of the coefficients is further from the optimum than a tenth of its
        standard error. More than eight digits of J are asked for only by a ``tol`` below 1e-8; eight are
        where features are not penalised, to see whether classes are separated.
    max_iter : int, default=1000
        Most iterations, those on a part of the samples included; 0 leaves the coefficients at zero.
    warm_start : bool, default=False
        Whether ``fit`` starts from the last fit's coefficients. Other classes, another number of features
        and coefficients that are worse than none start from zero.
    label_smoothing : float in [0, 1), default=0.0
        Mixes each target with the uniform distribution: ``y (1 - a) + a / K``.
    prior_correction : bool, default=False
        Whether the intercepts are corrected for ``class_weight`` after the fit, so that probabilities follow
        the frequencies of the data and not the weighted ones: each logit less the logarithm of its class's
        weight [3]_.
    random_state : int, RandomState instance or None, default=None
        Seed of the subsets of the samples that "progressive", "quasi-newton" and "proximal-newton" draw. None
        is always the same one.
    verbose : int, default=0
        If positive, print a line for each iteration.

    Attributes
    ----------
    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
        Coefficients in the units of X.
    intercept_ : ndarray of shape (1,) or (n_classes,)
        Intercepts; those of more than two classes sum to zero.
    classes_ : ndarray of shape (n_classes,)
        Labels, sorted.
    n_iter_ : int
        Iterations made.
    converged_ : bool
        Whether the fit ended without a warning.
    optimality_gap_ : float
        How far the mean objective J / sum(s) at ``coef_`` and ``intercept_`` may be above its minimum, in
        nats. See ``optimality_gap_kind_``.
    optimality_gap_kind_ : str
        "bound" where ``optimality_gap_`` is an upper bound: the duality gap at the residuals of a Newton
        step, or, from the Hessian of a subset of the samples, one by self-concordance. "estimate" where none
        can be had, which a fit that converged shows only without a penalty, or with a very weak one, beyond
        4000 coefficients: half the squared Newton decrement by conjugate gradients.
    solver_ : str
        The method that ran; several, in their order, where one handed over to the next.
    history_ : dict of ndarray of shape (1 + number of iterations,)
        One entry an iterate, the start included: "objective" (J / sum(s), nats), "gradient_norm" (of the
        least-norm subgradient, on standardised features), "gap" (nats, a rough guess before the
        last), "passes" (readings of X so far), "seconds" (since the start), "rows" (that the iterate's
        values are of: "progressive" and "proximal-newton" begin on a part of many samples).
    n_features_in_ : int
        Number of features of X.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, where X had names that are all strings.

    See Also
    --------
    cross_entropy_loss : The loss itself.
    sklearn.linear_model.LogisticRegression : The same model; its default solver depends on units.

    Notes
    -----
    Features are centred and scaled inside, sparse ones without becoming dense, and the results are in the
    original units. X beyond 8 MB is neither copied nor converted as a whole; sums are in float64. Of several
    minimisers (no penalty, more features than independent samples) the one of least norm is returned, if the
    objective is as low there in float64.

    References
    ----------
    .. [1] Cox, D. R. (1958), "The regression analysis of binary sequences", J. R. Stat. Soc. B 20(2).
    .. [2] Boyd, S. and Vandenberghe, L. (2004), "Convex Optimization", sections 7.1 and 9.5.
    .. [3] King, G. and Zeng, L. (2001), "Logistic regression in rare events data", Political Analysis 9(2).
    .. [4] Yuan, M. and Lin, Y. (2006), "Model selection and estimation in regression with grouped variables",
       J. R. Stat. Soc. B 68(1).
    .. [5] Simon, N., Friedman, J., Hastie, T. and Tibshirani, R. (2013), "A sparse-group lasso", J. Comput.
       Graph. Stat. 22(2).

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn_xent import CrossEntropyClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = CrossEntropyClassifier().fit(X, y)
    >>> model.converged_, round(float(model.score(X, y)), 3)
    (True, 0.958)
    >>> model.predict_proba(X[:1]).round(3)
    array([[1., 0.]])
    """

    groups: Any = None  # estimators pickled by a version without it have none of their own

    def __init__(
        self,
        *,
        C: float = 1.0,
        l1_ratio: float = 0.0,
        fit_intercept: bool = True,
        class_weight: Any = None,
        penalty_factor: Any = None,
        groups: Any = None,
        coef_bounds: Any = None,
        solver: str = "auto",
        tol: float = 1e-6,
        max_iter: int = 1000,
        warm_start: bool = False,
        label_smoothing: float = 0.0,
        prior_correction: bool = False,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.C = C
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
        self.penalty_factor = penalty_factor
        self.groups = groups
        self.coef_bounds = coef_bounds
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.warm_start = warm_start
        self.label_smoothing = label_smoothing
        self.prior_correction = prior_correction
        self.random_state = random_state
        self.verbose = verbose

    @all_or_nothing
    def fit(self, X: Any, y: Any, sample_weight: Any = None, offset: Any = None) -> CrossEntropyClassifier:
        """Minimise the cross-entropy of the training samples.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Samples. float64 and float32, CSR and CSC, and memory maps are used as they are. Also a Dask array
            or frame, a ``pyarrow.dataset.Dataset``, which are not put into memory as a whole, and, with
            scikit-learn's ``array_api_dispatch``, an array of another library, whose device keeps it.
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Labels of any kind; or soft labels, rows of probabilities, whose classes are a frame's column
            names or else 0, 1, ... For a dataset also the name of its column, which is then not one of X.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, not negative; a weight of 2 is the sample twice. For a dataset also the name of a
            column.
        offset : array-like of shape (n_samples,) or (n_samples, n_classes), default=None
            Added to the logits, with a coefficient of 1; (n_samples,) for two classes only.

        Returns
        -------
        self : CrossEntropyClassifier
            The fitted estimator. If anything raises, it is as it was before.

        Raises
        ------
        ValueError
            For parameters, samples, labels, weights or offsets out of range, a solver that cannot treat the
            penalty, and a dense solver beyond its memory limit (1 GiB for one matrix).
        TypeError
            For a parameter that is not a number, and a column of a Dask frame that holds none.

        Warns
        -----
        ConvergenceWarning
            If the relative gap is not certified to be at most ``tol``: once, with what would help.
        SeparationWarning
            If without a penalty no finite optimum exists; it names features that separate the classes.
        """
        fitted, warning = fitted_attributes(self, X, y, sample_weight, offset)
        if warning is not None:
            warn_caller(warning)
        assign(self, fitted)
        return self

    @classmethod
    def from_coefficients(cls, coef: Any, intercept: Any, classes: Any) -> CrossEntropyClassifier:
        """Build a fitted estimator from coefficients that were found elsewhere.

        Parameters
        ----------
        coef : array-like of shape (n_features,), (1, n_features) or (n_classes, n_features)
            Coefficients; one row for two classes.
        intercept : float or array-like of shape (1,) or (n_classes,)
            Intercepts.
        classes : array-like of shape (n_classes,)
            Labels, sorted.

        Returns
        -------
        model : CrossEntropyClassifier
            Ready to predict.

        Raises
        ------
        ValueError
            If the shapes do not agree, a number is not finite, or labels repeat or are not sorted.
        """
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
        tags.array_api_support = True
        return tags
