"""Estimates with their errors and intervals, and the likelihood of their fit."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from numbers import Real

import numpy as np
from scipy.stats import norm

from sklearn_xent.arrays import Array
from sklearn_xent.inference.likelihood import Likelihood
from sklearn_xent.rows.array_api import to_numpy

__all__ = ["Estimates", "quantile", "ratios"]


@dataclass(frozen=True)
class Estimates:
    """The numbers of a fit that follow from its likelihood and a root of the covariance alone."""

    _likelihood: Likelihood = field(repr=False)
    # F with F F' the covariance, in the coordinates of the likelihood: there no digits are lost to columns
    # far from zero, and none to squares.
    _root: Array = field(repr=False)
    kind: str
    penalized: bool

    @cached_property
    def covariance(self) -> Array:
        """Covariance of the coefficients, (n_coefficients, n_coefficients)."""
        return np.asarray(self._own_root @ self._own_root.T)

    @cached_property
    def _own_root(self) -> Array:
        """The same root for coefficients in the units of X."""
        return self._likelihood.to_original(self._root)

    @property
    def names(self) -> list[str]:
        """Name of each coefficient; with more than two classes, "class: feature"."""
        names, classes = self._likelihood.names, to_numpy(self._likelihood.estimator.classes_).tolist()
        if len(classes) == 2:
            return list(names)
        return [f"{label}: {name}" for label in classes[1:] for name in names]

    @property
    def is_intercept(self) -> Array:
        """Mask (n_coefficients,) of the intercepts: the last coefficient of each class, if there are any."""
        of_class = len(self._likelihood.names)
        last = np.arange(len(self.names)) % of_class == of_class - 1
        return last & self._likelihood.intercept

    @property
    def estimate(self) -> Array:
        """Coefficients: log odds ratios, in nats per unit of the feature."""
        return self._likelihood.W.ravel()

    @property
    def params(self) -> Array:
        """The same as ``estimate``, by the name that statsmodels has for it."""
        return self.estimate

    @property
    def std_error(self) -> Array:
        """Standard errors."""
        return np.asarray(np.linalg.norm(self._own_root, axis=1))

    @property
    def z(self) -> Array:
        """Estimate / standard error."""
        return self.estimate / self.std_error

    @property
    def p_value(self) -> Array:
        """Two-sided, by the normal distribution."""
        return 2 * norm.sf(np.abs(self.z))

    def interval(self, confidence: float = 0.95) -> Array:
        """Return confidence intervals by the normal distribution.

        Parameters
        ----------
        confidence : float in (0, 1), default=0.95
            Of the intervals.

        Returns
        -------
        interval : ndarray of shape (n_coefficients, 2)
            Lower and upper ends.
        """
        reach = quantile(confidence) * self.std_error
        return np.column_stack([self.estimate - reach, self.estimate + reach])

    def conf_int(self, alpha: float = 0.05) -> Array:
        """Return the same as `interval`, by the name and argument that statsmodels has for it.

        Parameters
        ----------
        alpha : float in (0, 1), default=0.05
            1 less the confidence of the intervals.

        Returns
        -------
        interval : ndarray of shape (n_coefficients, 2)
            Lower and upper ends.
        """
        if not isinstance(alpha, Real) or not 0 < alpha < 1:
            raise ValueError(f"alpha must be between 0 and 1; got {alpha!r}.")
        return self.interval(1 - alpha)

    def odds_ratios(self, confidence: float = 0.95) -> Array:
        """Return odds ratios and their intervals: exponentials of estimates and their ends.

        What is beyond the largest number, 1.8e308, is ``inf``; ``estimate`` and `interval` are logarithms. A
        feature that is measured in smaller units has a ratio that is nearer to 1.

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

    @property
    def log_likelihood(self) -> float:
        """Of the fit, in nats, without a penalty."""
        return self._likelihood.log_likelihood

    @property
    def null_log_likelihood(self) -> float:
        """Of intercepts alone; of a fit without an intercept, of no coefficient at all."""
        return self._likelihood.null_log_likelihood

    @property
    def n_observations(self) -> float:
        """Sum of the weights."""
        return float(self._likelihood.weights.sum())

    @property
    def effective_df(self) -> float:
        """Degrees of freedom used: the number of coefficients, or trace of H^-1 I with a penalty."""
        return self._likelihood.effective_df

    @property
    def aic(self) -> float:
        """Akaike's criterion, 2 df - 2 log-likelihood."""
        return 2 * self.effective_df - 2 * self.log_likelihood

    @property
    def bic(self) -> float:
        """Schwarz's criterion, log(n) df - 2 log-likelihood."""
        return float(np.log(self.n_observations) * self.effective_df - 2 * self.log_likelihood)


def quantile(confidence: float) -> float:
    """Standard errors from an estimate to the ends of its confidence interval."""
    if not isinstance(confidence, Real) or not 0 < confidence < 1:
        raise ValueError(f"confidence must be between 0 and 1; got {confidence!r}.")
    return float(norm.ppf((1 + confidence) / 2))


def ratios(estimate: Array, interval: Array) -> Array:
    """Exponentials (n, 3) of estimates (n,) and of the ends (n, 2) of their intervals; inf beyond 1.8e308."""
    with np.errstate(over="ignore"):
        return np.exp(np.column_stack([estimate, interval]))
