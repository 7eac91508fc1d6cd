"""Tests of hypotheses about coefficients: all at once, one by one, and of the whole fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import chi2, norm

from sklearn_xent.displays.frame import to_frame
from sklearn_xent.factor import singular_vectors
from sklearn_xent.inference.estimates import Estimates, quantile
from sklearn_xent.inference.hypotheses import Hypotheses, read_hypotheses

__all__ = ["ChiSquared", "EstimateTests", "chi_squared"]

SINGULAR = 1e-12  # ratio of singular values of an equilibrated root: less is rounding


class ChiSquared(NamedTuple):
    """A test statistic, its degrees of freedom, and the probability of a larger one by chance."""

    statistic: float
    df: int
    p_value: float


def chi_squared(statistic: float, df: int) -> ChiSquared:
    """A statistic with its probability; what is negative is the rounding of 0."""
    return ChiSquared(max(statistic, 0.0), df, float(chi2.sf(statistic, df)))


@dataclass(frozen=True)
class EstimateTests(Estimates):
    """Estimates and tests of hypotheses about them."""

    def likelihood_ratio_test(self) -> ChiSquared:
        """Are all coefficients but the intercepts zero? Twice the gain in log-likelihood, if unpenalised."""
        if self.penalized:
            raise ValueError("the likelihood-ratio test is for fits without a penalty (C=np.inf).")
        df = self._likelihood.W.size - self._likelihood.W.shape[0] * self._likelihood.intercept
        return chi_squared(2 * (self.log_likelihood - self.null_log_likelihood), df)

    def wald_test(self, terms: Any, value: Any = None) -> ChiSquared:
        """Do these hypotheses hold, all at once: are coefficients, or sums of them, zero or of a value?

        Parameters
        ----------
        terms : str, sequence of str or int, mask, or array-like of shape (n_hypotheses, n_coefficients)
            Names as in ``names``, a feature's name for all its classes, indices, or a mask: that these are
            zero. Or hypotheses as `linear_hypotheses` takes them.
        value : float or array-like of shape (n_hypotheses,), default=None
            What a matrix times the coefficients is; 0 by default.

        Returns
        -------
        test : ChiSquared
            (R b - q)' (R V R')^-1 (R b - q).

        Raises
        ------
        ValueError
            For a name that is none, what cannot be read, a matrix of another shape, and hypotheses of which
            one follows from others.

        Examples
        --------
        >>> from sklearn.datasets import load_breast_cancer
        >>> from sklearn_xent import CrossEntropyClassifier, infer
        >>> X, y = load_breast_cancer(return_X_y=True, as_frame=True)
        >>> X = X[["mean texture", "mean symmetry"]]
        >>> result = infer(CrossEntropyClassifier(C=np.inf).fit(X, y), X, y)
        >>> round(result.wald_test(["mean texture", "mean symmetry"]).statistic, 2)
        112.94
        >>> round(result.wald_test("mean symmetry = 100 * mean texture").p_value, 2)
        0.22
        """
        asked = self._read(terms, value)
        b, F = asked.matrix @ self.estimate - asked.value, asked.matrix @ self._own_root
        size = np.linalg.norm(F, axis=1)
        R = np.asarray(np.linalg.qr((F / size[:, None]).T, mode="r"))
        ratios, _ = singular_vectors(R)
        if R.shape[0] < len(b) or not ratios[-1] > SINGULAR * ratios[0]:
            raise ValueError(
                f"the covariance of {len(b)} terms has a lower rank, so that no test of all of them exists: "
                "one is named twice or follows from others, or there are fewer groups or rows than terms."
            )
        return chi_squared(float((np.linalg.solve(R.T, b / size) ** 2).sum()), len(b))

    def linear_hypotheses(self, hypotheses: Any, value: Any = None, confidence: float = 0.95) -> Any:
        r"""Test linear hypotheses about the coefficients one by one, by the normal distribution.

        Parameters
        ----------
        hypotheses : str, sequence of str or int, mask, or array-like of shape (n_hypotheses, n_coefficients)
            In text, sums of names and numbers, with a comma between hypotheses: ``"age = 0, income - 2 * age
            = 1"``. What has no ``=`` is 0. The longest name that fits is taken; one that is no word may
            stand between backticks. With more than two classes, ``"b: age - c: age = 0"``; a feature without
            its class is meant of each class. Or a matrix R, for R b, whose columns are in the order of
            ``names``; a frame's have these names.
        value : float or array-like of shape (n_hypotheses,), default=None
            What a matrix times the coefficients is; 0 by default.
        confidence : float in (0, 1), default=0.95
            Of the intervals.

        Returns
        -------
        frame : DataFrame
            Columns ``hypothesis``, ``estimate`` (of the left side less the coefficients of the right),
            ``value``, ``std_error``, ``z``, ``p_value`` (two-sided, each by itself), ``low`` and ``high``
            of the estimate.

        Raises
        ------
        ValueError
            For a name that is none, what cannot be read or is not linear, and a matrix of another shape.

        Examples
        --------
        >>> from sklearn.datasets import load_breast_cancer
        >>> from sklearn_xent import CrossEntropyClassifier, infer
        >>> X, y = load_breast_cancer(return_X_y=True, as_frame=True)
        >>> X = X[["mean texture", "mean symmetry"]]
        >>> result = infer(CrossEntropyClassifier(C=np.inf).fit(X, y), X, y)
        >>> result.linear_hypotheses("mean symmetry - 100 * mean texture = 0")["std_error"].round(2).tolist()
        [4.51]
        """
        asked = self._read(hypotheses, value)
        estimate = asked.matrix @ self.estimate
        error = np.linalg.norm(asked.matrix @ self._own_root, axis=1)
        # of an estimate without an error nothing is left to chance
        gap = estimate - asked.value
        z = np.divide(gap, error, out=np.where(gap == 0, 0.0, np.copysign(np.inf, gap)), where=error > 0)
        reach = quantile(confidence) * error
        return to_frame(
            {
                "hypothesis": asked.labels,
                "estimate": estimate,
                "value": asked.value,
                "std_error": error,
                "z": z,
                "p_value": 2 * norm.sf(np.abs(z)),
                "low": estimate - reach,
                "high": estimate + reach,
            }
        )

    def _read(self, hypotheses: Any, value: Any) -> Hypotheses:
        return read_hypotheses(hypotheses, self.names, self._likelihood.names, value)
