"""Standard errors, tests, intervals and effects of a fitted classifier."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.stats import norm
from sklearn.utils.validation import check_is_fitted

from sklearn_xent.arrays import Array
from sklearn_xent.composites import final_step, names_before
from sklearn_xent.displays.frame import to_frame
from sklearn_xent.inference.bias_reduced import BiasReducedClassifier
from sklearn_xent.inference.delta_method import Points, marginal_effects, probability_intervals
from sklearn_xent.inference.estimates import quantile
from sklearn_xent.inference.identifiability import ridge_of
from sklearn_xent.inference.likelihood import Likelihood
from sklearn_xent.inference.sandwich import sandwich_root
from sklearn_xent.inference.summaries import EstimateTables
from sklearn_xent.intake import refuse_what_is_elsewhere, validated
from sklearn_xent.isolation import isolated
from sklearn_xent.rows.array_api import to_numpy
from sklearn_xent.targets import check_offset, encode_targets

__all__ = ["Inference", "infer"]

COVARIANCES = ("model", "robust", "HC0", "HC1", "HC2", "HC3", "cluster")


@isolated
def infer(
    estimator: Any,
    X: Any,
    y: Any,
    *,
    sample_weight: Any = None,
    offset: Any = None,
    covariance: str = "model",
    groups: Any = None,
    penalized: bool = False,
) -> Inference:
    r"""Inference for the coefficients of a fitted `CrossEntropyClassifier`.

    Two classes have the coefficients of the fit. More have those of each class less those of the first,
    which is what a multinomial logit model estimates.

    Parameters
    ----------
    estimator : CrossEntropyClassifier, or a Pipeline or search that ends in one
        Fitted on these samples, with ``C=np.inf``. X goes through the steps before it, and features have the
        names that these give them.
    X, y, sample_weight, offset
        What it was fitted on. Weights are frequencies: a weight of 2 is two observations.
    covariance : {"model", "robust", "HC0", "HC1", "HC2", "HC3", "cluster"}, default="model"
        The inverse information; the sandwich, right also where the model is not [1]_, with corrections for
        few samples [3]_ (see Notes); or the sandwich of sums over groups.
    groups : array-like of shape (n_samples,), default=None
        For "cluster": samples of a group may depend on one another.
    penalized : bool, default=False
        Whether a ridge penalty is accepted. Then the fit is the mode of a posterior under the Gaussian prior
        that the penalty is, "model" errors are posterior standard deviations (Laplace's approximation [2]_),
        and p-values are not those of a test: estimates are shrunk towards 0.

    Returns
    -------
    inference : Inference
        Estimates with everything that follows from them.

    Raises
    ------
    TypeError
        If X is not in memory: a dataset or a Dask collection; for a `BiasReducedClassifier`, see
        `infer_profile`.
    ValueError
        With an l1 penalty or bounds; with a ridge unless ``penalized``; if the coefficients are no optimum of
        these samples (other samples or weights than in the fit, class weights, label smoothing); if the
        samples do not determine them, with the names of features: constant or collinear ones, and those that
        separate the classes wholly or partly; if ``groups`` and ``covariance`` do not agree; for "HC1" if
        there are no more observations than coefficients, and for "HC2" and "HC3" if a sample determines one
        by itself.

    Notes
    -----
    "HC0" is "robust". "HC1" multiplies it by n / (n - p), for n observations and p coefficients. "HC2" and
    "HC3" divide the square of a residual by 1 - h and (1 - h)^2, h the leverage of its sample,
    p (1 - p) x' V x for V the inverse information: as the R package sandwich defines them for generalised
    linear models. With more than two classes the leverage of a sample is a matrix H = W G, W the curvature of
    the loss in the sample's logits and G their covariance, and a residual r becomes (I - H)^-1/2 r and
    (I - H)^-1 r [4]_. "HC3" is the jackknife whose fits without a sample are one step of Newton's
    method [5]_.

    References
    ----------
    .. [1] White, H. (1982), "Maximum likelihood estimation of misspecified models", Econometrica 50(1).
    .. [2] Tierney, L. and Kadane, J. B. (1986), "Accurate approximations for posterior moments", JASA 81.
    .. [3] MacKinnon, J. G. and White, H. (1985), "Some heteroskedasticity-consistent covariance matrix
       estimators with improved finite sample properties", J. Econometrics 29(3).
    .. [4] Bell, R. M. and McCaffrey, D. F. (2002), "Bias reduction in standard errors for linear regression
       with multi-stage samples", Survey Methodology 28(2): a sample's logits are its cluster.
    .. [5] Pregibon, D. (1981), "Logistic regression diagnostics", Ann. Stat. 9(4); Lesaffre, E. and Albert,
       A. (1989), "Multiple-group logistic regression diagnostics", J. R. Stat. Soc. C 38(3).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_xent import CrossEntropyClassifier, infer
    >>> dose = np.array([[1.69], [1.72], [1.76], [1.78], [1.81], [1.84], [1.86], [1.88]])
    >>> died = np.array([6, 13, 18, 28, 52, 53, 61, 60]) / [59, 60, 62, 56, 63, 59, 62, 60]
    >>> share = np.column_stack([1 - died, died])
    >>> beetles = np.array([59, 60, 62, 56, 63, 59, 62, 60])
    >>> model = CrossEntropyClassifier(C=np.inf).fit(dose, share, sample_weight=beetles)
    >>> result = infer(model, dose, share, sample_weight=beetles)
    >>> result.std_error.round(2)
    array([2.9 , 5.16])
    """
    estimator, before = final_step(estimator)
    check_is_fitted(estimator, "coef_")
    if isinstance(estimator, BiasReducedClassifier):
        raise TypeError(
            "infer() is for maximum likelihood and ridge; for bias-reduced fits use infer_profile()."
        )
    if covariance not in COVARIANCES:
        raise ValueError(f"covariance must be one of {COVARIANCES}; got {covariance!r}.")
    if groups is None and covariance == "cluster":
        raise ValueError("covariance='cluster' needs groups, the group of each row; got groups=None.")
    if groups is not None and covariance != "cluster":
        raise ValueError(f"groups go with covariance='cluster'; got covariance={covariance!r}.")
    refuse_what_is_elsewhere(X, "infer()", "load it into memory")
    C, factors = ridge_of(estimator, penalized)
    names = names_before(estimator, before)
    X = X if before is None else before.transform(X)
    X = to_numpy(validated(estimator, X, reset=False))
    y, sample_weight, offset = to_numpy(y), to_numpy(sample_weight), to_numpy(offset)
    targets = encode_targets(y, X.shape[0], sample_weight=sample_weight)
    known = to_numpy(estimator.classes_)
    if not np.array_equal(targets.classes, known):
        raise ValueError(f"y holds the classes {targets.classes.tolist()}, the fit {known.tolist()}.")
    shift = check_offset(offset, X.shape[0], len(known))
    problem = Likelihood(estimator, X, targets, shift, C, factors, names)
    problem.check_stationary()
    root = problem.root if covariance == "model" else sandwich_root(problem, covariance, groups)
    shrunk = bool(np.isfinite(C) and factors.any())
    return Inference(problem, root, covariance, penalized=shrunk, _before=before)


@dataclass(frozen=True)
class Inference(EstimateTables):
    """What `infer` returns. Arrays are (n_contrasts, n_terms) flattened: all features, then the intercept.

    Two classes have one contrast, the second class; more have one for each class but the first.

    Attributes
    ----------
    kind : {"model", "robust", "HC0", "HC1", "HC2", "HC3", "cluster"}
        How the covariance was estimated.
    penalized : bool
        Whether the fit had a ridge penalty: see `infer` for what the numbers mean then.
    """

    # what rows go through before the classifier, or None
    _before: Any = field(default=None, repr=False)

    def marginal_effects(self, confidence: float = 0.95, *, at: str = "overall") -> Any:
        """Marginal effects: how a unit more of a feature changes each class's probability.

        Parameters
        ----------
        confidence : float in (0, 1), default=0.95
            Of the intervals.
        at : {"overall", "mean"}, default="overall"
            The average over the samples of the fit; or the effect for one sample whose features, and offset,
            are their means.

        Returns
        -------
        frame : DataFrame
            Columns ``class``, ``feature``, ``effect`` (probability per unit), ``std_error`` (by the delta
            method), ``z``, ``p_value``, ``low`` and ``high``; of two classes the second only.

        Raises
        ------
        ValueError
            For anything else in ``at``, or a confidence out of range.
        """
        where = {"overall": Points.of_rows, "mean": Points.at_mean}
        if at not in where:
            raise ValueError(f"at must be 'overall' or 'mean'; got {at!r}.")
        rows = marginal_effects(self._likelihood, where[at](self._likelihood), self._root)
        effects, errors = np.array(rows["effect"]), np.array(rows["std_error"])
        reach = quantile(confidence) * errors
        z = np.divide(effects, errors, out=np.zeros_like(effects), where=errors > 0)
        tests = {"z": z, "p_value": 2 * norm.sf(np.abs(z)), "low": effects - reach, "high": effects + reach}
        return to_frame(rows | tests)

    def predict_interval(
        self, X: Any, offset: Any = None, confidence: float = 0.95
    ) -> tuple[Array, Array, Array]:
        """Probabilities with confidence intervals, on the scale of the log odds of each class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples, as `infer` takes them: for a pipeline, what it takes.
        offset : array-like, default=None
            As in ``predict_proba``.
        confidence : float in (0, 1), default=0.95
            Of the interval of the probability itself (not of an outcome).

        Returns
        -------
        probability, low, high : ndarray of shape (n_samples, n_classes)
            The intervals are within (0, 1).
        """
        problem = self._likelihood
        X = X if self._before is None else self._before.transform(X)
        A = problem.design_matrix(to_numpy(validated(problem.estimator, X, reset=False)))
        z = problem.logits_of(A, check_offset(to_numpy(offset), len(A), problem.K))
        return probability_intervals(A, z, self._root, quantile(confidence))
