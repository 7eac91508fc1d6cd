"""Intervals and tests of a bias-reduced fit, by the profile of its penalised likelihood."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from scipy.stats import chi2
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from sklearn_xent.arrays import Array
from sklearn_xent.composites import final_step, names_before
from sklearn_xent.displays.frame import to_frame
from sklearn_xent.inference.bias_reduced import BiasReducedClassifier, likelihood_of
from sklearn_xent.inference.estimates import quantile, ratios
from sklearn_xent.inference.hypothesis_tests import ChiSquared
from sklearn_xent.inference.jeffreys_maximum import maximise
from sklearn_xent.inference.jeffreys_profile import PenalizedProfile
from sklearn_xent.intake import refuse_what_is_elsewhere
from sklearn_xent.isolation import isolated, warn_caller

__all__ = ["ProfileInference", "infer_profile"]


@isolated
def infer_profile(
    estimator: Any, X: Any, y: Any, sample_weight: Any = None, offset: Any = None
) -> ProfileInference:
    r"""Intervals and tests of a `BiasReducedClassifier`, by its profile penalised likelihood.

    With :math:`\ell^*(\beta) = \ell(\beta) + \tfrac12 \log \det I(\beta)`, the test of :math:`\beta_j = b`
    compares :math:`2 (\max \ell^* - \max_{\beta_j = b} \ell^*)` with the chi-squared distribution, and the
    interval is all :math:`b` that are not rejected [1]_. The determinant is that of the whole information,
    in both. Under separation such intervals are very asymmetric, and those by standard errors are wrong.
    Intercepts that were calibrated are those of before.

    Parameters
    ----------
    estimator : BiasReducedClassifier, or a Pipeline or fitted search that ends in one
        Fitted.
    X, y : array-like
        What it was fitted on.
    sample_weight, offset : array-like, default=None
        As in the fit.

    Returns
    -------
    inference : ProfileInference
        Estimates with their tests and intervals, which are computed when they are asked for.

    Raises
    ------
    TypeError
        For another estimator, and for X that is not in memory.
    ValueError
        If the coefficients are no maximum of these samples (other samples, weights or classes than in the
        fit), or the samples do not determine them: then it names the constant or collinear features.

    References
    ----------
    .. [1] Heinze, G. and Schemper, M. (2002), "A solution to the problem of separation in logistic
       regression", Statistics in Medicine 21(16).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_xent import BiasReducedClassifier, infer_profile
    >>> exposed = np.repeat([[0], [1]], 4, axis=0)
    >>> ill = [0, 0, 0, 1, 1, 1, 1, 1]  # all of the exposed
    >>> model = BiasReducedClassifier().fit(exposed, ill)
    >>> infer_profile(model, exposed, ill).interval().round(2)
    array([[ 0.09,  8.19],
           [-3.18,  0.96]])
    """
    estimator, before = final_step(estimator)
    if not isinstance(estimator, BiasReducedClassifier):
        raise TypeError(
            f"infer_profile() takes a BiasReducedClassifier; got {type(estimator).__name__}, for which "
            "there is infer()."
        )
    check_is_fitted(estimator, "coef_")
    refuse_what_is_elsewhere(X, "infer_profile()", "load it into memory")
    names = names_before(estimator, before)
    X = X if before is None else before.transform(X)
    problem, classes = likelihood_of(estimator, X, y, sample_weight, offset, reset=False, names=names)
    if not np.array_equal(classes, estimator.classes_):
        raise ValueError(f"y holds the classes {classes.tolist()}, the fit {estimator.classes_.tolist()}.")
    problem.check_determined()
    intercept = estimator.intercept_ - estimator.intercept_shift_  # where the maximum is
    start = problem.at(problem.from_original(estimator.coef_, intercept))
    size = float(np.linalg.norm(start.score @ start.inverse_root)) if np.isfinite(start.value) else np.inf
    if not size <= 1e-3:
        raise ValueError(
            f"the estimator is not at a maximum of these rows: their modified score is {size:.2g} standard "
            "errors long. Pass what it was fitted on (X, y, sample_weight, offset), by a fit that converged."
        )
    tol = max(float(estimator.tol), 1e-9)
    top = maximise(problem, start, tol, estimator.max_iter).point
    profile = PenalizedProfile(problem, top, tol, max(int(estimator.max_iter), 200))
    return ProfileInference(profile, classes)


@dataclass(frozen=True)
class ProfileInference:
    """What `infer_profile` returns.

    Arrays are (n_contrasts, n_terms) flattened: all features, then the intercept. Two classes have one
    contrast, the second class; more have one for each class but the first, less the first. Ends of intervals
    that do not exist are infinite, and those that were not found nan, with a ``ConvergenceWarning``.
    """

    _profile: PenalizedProfile = field(repr=False)
    _classes: Array = field(repr=False)

    @property
    def names(self) -> list[str]:
        """Name of each coefficient; with more than two classes, "class: feature"."""
        names, classes = self._profile.problem.names, self._classes.tolist()
        return list(names) if len(classes) == 2 else [f"{k}: {name}" for k in classes[1:] for name in names]

    @property
    def is_intercept(self) -> Array:
        """Mask (n_coefficients,) of the intercepts."""
        n_contrasts, m = self._profile.problem.shape
        last = np.arange(n_contrasts * m) % m == m - 1
        return last & self._profile.problem.intercept

    @cached_property
    def _functionals(self) -> list[Array]:
        n_contrasts, m = self._profile.problem.shape
        return [self._profile.problem.functional(k, j) for k in range(n_contrasts) for j in range(m)]

    @property
    def estimate(self) -> Array:
        """Coefficients: log odds ratios, in nats per unit of the feature."""
        coef, intercept = self._profile.problem.to_original(self._profile.top.b)
        W = np.column_stack([coef, intercept])[:, : self._profile.problem.shape[1]]
        return np.asarray(W if len(W) == 1 else W[1:] - W[0]).ravel()

    @property
    def std_error(self) -> Array:
        """Standard errors by the inverse information: no intervals are made of them here."""
        root = self._profile.top.inverse_root
        return np.array([np.linalg.norm(c @ root) for c in self._functionals])

    @cached_property
    def statistic(self) -> Array:
        """Penalised likelihood ratio of each coefficient: twice what is lost where it is zero."""
        return np.array([self.likelihood_ratio_test([i]).statistic for i in range(len(self.names))])

    @property
    def p_value(self) -> Array:
        """Of ``statistic``, by the chi-squared distribution with one degree of freedom."""
        return np.asarray(chi2.sf(self.statistic, 1))

    def likelihood_ratio_test(self, terms: Any = None) -> ChiSquared:
        """Are these coefficients all zero? Twice what the penalised likelihood loses where they are.

        Parameters
        ----------
        terms : sequence of str or int, default=None
            Names as in ``names``, a feature's name for all its classes, or indices. None is all but the
            intercepts.

        Returns
        -------
        test : ChiSquared
            With as many degrees of freedom as coefficients.

        Raises
        ------
        ValueError
            For a name that is none, no terms, or one named twice.
        """
        where = np.flatnonzero(~self.is_intercept).tolist() if terms is None else self._places(terms)
        if not where or len(set(where)) < len(where):
            raise ValueError(f"terms must be one or more coefficients, each once; got {terms!r}.")
        loss, found = self._profile.loss_at_zero(np.column_stack([self._functionals[i] for i in where]))
        if not found:
            warn_caller(_not_found([self.names[i] for i in where], "test"))
        return ChiSquared(loss, len(where), float(chi2.sf(loss, len(where))))

    def _places(self, terms: Any) -> list[int]:
        if isinstance(terms, str):
            raise ValueError(
                f"terms must be a sequence of names or indices; got {terms!r}: write [{terms!r}]."
            )
        columns = self._profile.problem.names * self._profile.problem.shape[0]
        found: list[int] = []
        for term in terms:
            if isinstance(term, int | np.integer) and -len(columns) <= term < len(columns):
                found.append(int(term) % len(columns))
                continue
            named = [i for i, pair in enumerate(zip(self.names, columns, strict=True)) if term in pair]
            if not named:
                raise ValueError(f"terms must be among {self.names}; got {term!r}.")
            found += named
        return found

    def interval(self, confidence: float = 0.95) -> Array:
        """Return the intervals of the profile penalised likelihood.

        Parameters
        ----------
        confidence : float in (0, 1), default=0.95
            Of the intervals.

        Returns
        -------
        interval : ndarray of shape (n_coefficients, 2)
            Lower and upper ends.

        Warns
        -----
        ConvergenceWarning
            For ends that are infinite, or were not found.
        """
        depth = quantile(confidence) ** 2
        ends = np.empty((len(self.names), 2))
        missing = []
        for i, c in enumerate(self._functionals):
            for j, side in enumerate((-1.0, 1.0)):
                end, found = self._profile.end(c, side, depth)
                ends[i, j] = end if found or np.isinf(end) else np.nan
                if not found:
                    missing.append(self.names[i])
        if missing:
            warn_caller(_not_found(missing, "interval"))
        return ends

    def odds_ratios(self, confidence: float = 0.95) -> Array:
        """Return odds ratios and their intervals: exponentials of estimates and their ends.

        Parameters
        ----------
        confidence : float in (0, 1), default=0.95
            Of the intervals.

        Returns
        -------
        ratios : ndarray of shape (n_coefficients, 3)
            Ratio, lower and upper end.
        """
        return ratios(self.estimate, self.interval(confidence))

    def frame(self, confidence: float = 0.95) -> Any:
        """Return the table of coefficients.

        Parameters
        ----------
        confidence : float in (0, 1), default=0.95
            Of the intervals.

        Returns
        -------
        frame : DataFrame
            Columns ``term``, ``estimate``, ``std_error``, ``chi2``, ``p_value``, ``low`` and ``high``.
        """
        low, high = self.interval(confidence).T
        columns = {"term": self.names, "estimate": self.estimate, "std_error": self.std_error}
        return to_frame(columns | {"chi2": self.statistic, "p_value": self.p_value, "low": low, "high": high})


def _not_found(names: list[str], what: str) -> ConvergenceWarning:
    shown = ", ".join(dict.fromkeys(repr(name) for name in names[:6]))
    return ConvergenceWarning(
        f"the profile penalised likelihood was not followed to the {what} of {shown}: an infinite end was "
        "not reached, nan or a statistic is of a fit that did not converge, or the penalised likelihood "
        "is higher elsewhere than at the fit, which then is at a local maximum."
    )
