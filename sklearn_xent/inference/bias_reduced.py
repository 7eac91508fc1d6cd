"""BiasReducedClassifier: its parameters, its attributes, and how it comes by them."""

from __future__ import annotations

import copy
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning

from sklearn_xent.arrays import Array
from sklearn_xent.inference.intercepts import calibrating_shift
from sklearn_xent.inference.jeffreys import JeffreysLikelihood
from sklearn_xent.inference.jeffreys_maximum import JeffreysMaximum, maximise
from sklearn_xent.intake import validated
from sklearn_xent.isolation import all_or_nothing, assign, warn_caller
from sklearn_xent.parameters import check_number, check_tol
from sklearn_xent.predictor import LinearPredictor
from sklearn_xent.rows import entries
from sklearn_xent.rows.array_api import to_numpy
from sklearn_xent.targets import check_offset, encode_targets

__all__ = ["BiasReducedClassifier", "likelihood_of"]


class BiasReducedClassifier(LinearPredictor, ClassifierMixin, BaseEstimator):
    r"""Logistic and softmax regression with Firth's bias reduction: finite also for separated classes.

    The model is that of `CrossEntropyClassifier` without a penalty. Coefficients maximise the likelihood
    penalised by Jeffreys' prior,

    .. math::
        \ell(\beta) + \tfrac12 \log \det I(\beta), \qquad
        \ell(\beta) = \sum_i s_i \sum_k y_{ik} \log p_{ik},

    in nats, with weights :math:`s` and the Fisher information :math:`I` of :math:`\ell`. That takes the term
    of order :math:`1 / n` off the bias of maximum likelihood [1]_, for several classes as for two [3]_, and
    the maximum is finite whatever the labels are [2]_. No strength has to be chosen, and the fit does not
    depend on the units and offsets of the features.

    For intervals and tests see `infer_profile`.

    Parameters
    ----------
    fit_intercept : bool, default=True
        Whether the logits have an intercept.
    calibrate_intercept : bool, default=False
        Whether the intercepts are fitted again, by maximum likelihood beside the coefficients, which stay as
        they are [5]_. The mean predicted probability of each class is then its frequency in the training
        samples. Without it the prior draws probabilities towards equal ones.
    tol : float, default=1e-9
        Norm of the modified score :math:`U`, the gradient of the penalised likelihood, at which a fit stops,
        in standard errors: :math:`\sqrt{U^\top I^{-1} U}`. No linear combination of the coefficients is then
        further from the maximum than about ``tol`` of its standard error.
    max_iter : int, default=200
        Most iterations.

    Attributes
    ----------
    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
        Coefficients in the units of X; those of more than two classes sum to zero in each feature.
    intercept_ : ndarray of shape (1,) or (n_classes,)
        Intercepts; those of more than two classes sum to zero.
    intercept_shift_ : ndarray of shape (1,) or (n_classes,)
        What ``calibrate_intercept`` has added to the intercepts; zeros without it.
    classes_ : ndarray of shape (n_classes,)
        Labels, sorted.
    n_iter_ : int
        Iterations made.
    converged_ : bool
        Whether the fit ended without a warning.
    score_norm_ : float
        Norm of the modified score at the coefficients, in standard errors: see ``tol``.
    log_likelihood_ : float
        Of ``coef_`` and ``intercept_``, in nats, without the penalty.
    n_features_in_ : int
        Number of features of X.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, where X had names that are all strings.

    See Also
    --------
    infer_profile : Intervals and tests by the profile of the penalised likelihood.
    CrossEntropyClassifier : Maximum likelihood, or with a penalty whose strength is chosen.

    Notes
    -----
    Where features are constant or collinear the prior is that of the distributions which the model has, and
    of all coefficients that give the same probabilities those of least norm are returned, on centred and
    scaled features; `infer_profile` refuses then, and names the features.

    The penalised likelihood is not concave, and may have several maxima where the classes are separated by
    few samples, or by samples of large weights. The fit goes uphill from coefficients of 0; `infer_profile`
    warns where it meets a higher point.

    An iteration is some twice the cost of a QR decomposition of (n_classes - 1) n_samples rows of
    (n_classes - 1) (n_features + 1) numbers. X is held in memory as a dense array.
    The prior draws probabilities towards equal ones, so that those of rare classes are too large on average;
    ``calibrate_intercept=True`` mends the average. Coefficients, and the tests and intervals of
    `infer_profile`, are the same with and without it.

    References
    ----------
    .. [1] Firth, D. (1993), "Bias reduction of maximum likelihood estimates", Biometrika 80(1).
    .. [2] Kosmidis, I. and Firth, D. (2021), "Jeffreys-prior penalty, finiteness and shrinkage in
       binomial-response generalized linear models", Biometrika 108(1).
    .. [3] Kosmidis, I. and Firth, D. (2011), "Multinomial logit bias reduction via the Poisson log-linear
       model", Biometrika 98(3).
    .. [4] Heinze, G. and Schemper, M. (2002), "A solution to the problem of separation in logistic
       regression", Statistics in Medicine 21(16).
    .. [5] Puhr, R., Heinze, G., Nold, M., Lusa, L. and Geroldinger, A. (2017), "Firth's logistic regression
       with rare events: accurate effect estimates and predictions?", Statistics in Medicine 36(14): FLIC.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_xent import BiasReducedClassifier
    >>> exposed = np.repeat([[0], [1]], 4, axis=0)
    >>> ill = [0, 0, 0, 1, 1, 1, 1, 1]  # all of the exposed
    >>> model = BiasReducedClassifier().fit(exposed, ill)
    >>> model.coef_.round(3)  # log of (4.5 / 0.5) / (1.5 / 3.5)
    array([[3.045]])
    >>> round(float(model.predict_proba(exposed)[:, 1].mean()), 3)
    0.6
    >>> model = BiasReducedClassifier(calibrate_intercept=True).fit(exposed, ill)
    >>> round(float(model.predict_proba(exposed)[:, 1].mean()), 3)  # 5 of 8
    0.625
    """

    def __init__(
        self,
        *,
        fit_intercept: bool = True,
        calibrate_intercept: bool = False,
        tol: float = 1e-9,
        max_iter: int = 200,
    ) -> None:
        self.fit_intercept = fit_intercept
        self.calibrate_intercept = calibrate_intercept
        self.tol = tol
        self.max_iter = max_iter

    @all_or_nothing
    def fit(self, X: Any, y: Any, sample_weight: Any = None, offset: Any = None) -> BiasReducedClassifier:
        """Maximise the penalised likelihood of the training samples.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Samples; sparse ones become dense.
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Labels of any kind; or rows of probabilities, such as shares of a group whose size is its weight.
        sample_weight : array-like of shape (n_samples,), default=None
            Frequencies, not negative; a weight of 2 is the sample twice. Their size matters: the information
            grows with it, and the prior counts the less.
        offset : array-like of shape (n_samples,) or (n_samples, n_classes), default=None
            Added to the logits, with a coefficient of 1; (n_samples,) for two classes only.

        Returns
        -------
        self : BiasReducedClassifier
            The fitted estimator. If anything raises, it is as it was before.

        Raises
        ------
        ValueError
            For parameters, samples, labels, weights or offsets out of range, and X beyond 1 GiB as a dense
            array.
        TypeError
            For a parameter of another type, and samples that are not in memory.

        Warns
        -----
        ConvergenceWarning
            If the norm of the modified score is above ``tol`` where the fit ends.
        """
        _check_parameters(self)
        # validate_data writes on the estimator it is given; a fit that fails must not have
        scratch = copy.copy(self)
        problem, classes = likelihood_of(scratch, X, y, sample_weight, offset, reset=True)
        start = problem.at(np.zeros(problem.A.shape[1] * (problem.K - 1)))
        if not np.isfinite(start.value):
            raise ValueError(
                "offset must leave rows uncertain where the coefficients are 0, from which the fit starts; "
                "got values that predict them with certainty."
            )
        found = maximise(problem, start, self.tol, self.max_iter)
        if not found.converged:
            warn_caller(_warning(found, self.tol))
        coef, intercept = problem.to_original(found.point.b)
        shift, log_likelihood = np.zeros(problem.K - 1), found.point.log_likelihood
        if self.calibrate_intercept:
            shift, log_likelihood = calibrating_shift(problem, found.point.b)
        if problem.K > 2:
            shift = np.append(0.0, shift) - shift.sum() / problem.K
        fitted = {
            "classes_": classes,
            "coef_": coef,
            "intercept_": intercept + shift,
            "intercept_shift_": shift,
            "n_iter_": found.n_iter,
            "converged_": found.converged,
            "score_norm_": found.size,
            "log_likelihood_": log_likelihood,
            "n_features_in_": scratch.n_features_in_,
        }
        if hasattr(scratch, "feature_names_in_"):
            fitted["feature_names_in_"] = scratch.feature_names_in_
        assign(self, fitted)
        return self

    def _parameters_of_sklearn(self) -> dict[str, Any]:
        """Of the nearest kind that scikit-learn has: without a penalty."""
        return {"C": np.inf, "fit_intercept": self.fit_intercept}

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def likelihood_of(
    estimator: Any, X: Any, y: Any, sample_weight: Any, offset: Any, *, reset: bool, names: Any = None
) -> tuple[JeffreysLikelihood, Array]:
    """The penalised likelihood of what a user gives, and the classes; in a fit (``reset``) columns are noted.

    Raises
    ------
    ValueError
        For rows, labels, weights or offsets out of range, or too many rows.
    """
    X = validated(estimator, X, reset=reset)
    if (size := 8 * X.shape[0] * X.shape[1]) > 1 << 30:
        raise ValueError(
            f"X takes {size / (1 << 30):.1f} GiB as a dense array of float64; bias reduction takes up to 1 "
            "GiB: fit a CrossEntropyClassifier with a finite C, or take a sample of the rows."
        )
    X = np.asarray(entries.dense(to_numpy(X)), dtype=np.float64)
    targets = encode_targets(to_numpy(y), X.shape[0], sample_weight=to_numpy(sample_weight))
    shift = check_offset(to_numpy(offset), X.shape[0], len(targets.classes))
    names = getattr(estimator, "feature_names_in_", None) if names is None else names
    return JeffreysLikelihood(X, targets, shift, bool(estimator.fit_intercept), names), targets.classes


def _check_parameters(estimator: Any) -> None:
    check_tol(estimator.tol)
    check_number("max_iter", estimator.max_iter, lambda v: v >= 1, "a positive integer", Integral)
    for name in ("fit_intercept", "calibrate_intercept"):
        if not isinstance(value := getattr(estimator, name), bool | np.bool_):
            raise TypeError(f"{name} must be True or False; got {value!r}.")
    if estimator.calibrate_intercept and not estimator.fit_intercept:
        raise ValueError("calibrate_intercept must be False where fit_intercept is; got True.")


def _warning(found: JeffreysMaximum, tol: float) -> ConvergenceWarning:
    what = "found no step uphill" if found.stalled else "reached its limit"
    instead = "raise tol, or rescale weights that are far from counts" if found.stalled else "raise max_iter"
    return ConvergenceWarning(
        f"the bias-reduced fit {what} after {found.n_iter} iterations: its modified score is "
        f"{found.size:.2g} standard errors long, tol={tol:g}. To help: {instead}."
    )
