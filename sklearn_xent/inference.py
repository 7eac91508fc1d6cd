"""Standard errors, tests, intervals and effects of a fitted classifier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import chi2, norm
from sklearn.utils.validation import check_is_fitted

from sklearn_xent.arrays import Array
from sklearn_xent.bias_reduced import BiasReducedClassifier
from sklearn_xent.composites import final_step, names_before
from sklearn_xent.delta_method import average_effects, probability_intervals
from sklearn_xent.displays.frame import to_frame
from sklearn_xent.estimates import Estimates, quantile
from sklearn_xent.factor import singular_vectors
from sklearn_xent.identifiability import ridge_of
from sklearn_xent.intake import refuse_what_is_elsewhere, validated
from sklearn_xent.isolation import isolated
from sklearn_xent.likelihood import Likelihood
from sklearn_xent.rows.array_api import to_numpy
from sklearn_xent.targets import check_offset, encode_targets

__all__ = ["ChiSquared", "Inference", "infer"]

COVARIANCES = ("model", "robust", "cluster")
SINGULAR = 1e-12  # ratio of singular values of an equilibrated root: less is rounding


class ChiSquared(NamedTuple):
    """A test statistic, its degrees of freedom, and the probability of a larger one by chance."""

    statistic: float
    df: int
    p_value: float


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
        Fitted on these rows, with ``C=np.inf``. X goes through the steps before it, and columns have the
        names that these give them.
    X, y, sample_weight, offset
        What it was fitted on. Weights are frequencies: a weight of 2 is two observations.
    covariance : {"model", "robust", "cluster"}, default="model"
        The inverse information; the sandwich, right also where the model is not [1]_; or the sandwich of
        sums over groups.
    groups : array-like of shape (n_samples,), default=None
        For "cluster": rows of a group may depend on one another.
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
        these rows (other rows or weights than in the fit, class weights, label smoothing); if the rows do not
        determine them, with the names of columns: constant or collinear ones, and those that separate the
        classes wholly or partly; if ``groups`` and ``covariance`` do not agree.

    References
    ----------
    .. [1] H. White (1982), "Maximum likelihood estimation of misspecified models", Econometrica 50(1).
    .. [2] L. Tierney and J. B. Kadane (1986), "Accurate approximations for posterior moments", JASA 81.

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
    if (groups is not None) != (covariance == "cluster"):
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
    root = problem.root if covariance == "model" else problem.sandwich_root(groups)
    return Inference(problem, root, covariance, penalized=bool(np.isfinite(C) and factors.any()))


@dataclass(frozen=True)
class Inference(Estimates):
    """What `infer` returns. Arrays are (n_contrasts, n_terms) flattened: all columns, then the intercept.

    Two classes have one contrast, the second class; more have one for each class but the first.

    Attributes
    ----------
    kind : {"model", "robust", "cluster"}
        How it was estimated.
    penalized : bool
        Whether the fit had a ridge penalty: see `infer` for what the numbers mean then.
    """

    def likelihood_ratio_test(self) -> ChiSquared:
        """Are all coefficients but the intercepts zero? Twice the gain in log-likelihood, if unpenalised."""
        if self.penalized:
            raise ValueError("the likelihood-ratio test is for fits without a penalty (C=np.inf).")
        df = self._likelihood.W.size - self._likelihood.W.shape[0] * self._likelihood.intercept
        statistic = 2 * (self.log_likelihood - self.null_log_likelihood)
        return ChiSquared(statistic, df, float(chi2.sf(statistic, df)))

    def wald_test(self, terms: Any) -> ChiSquared:
        """Are these coefficients all zero?

        Parameters
        ----------
        terms : sequence of str or int
            Names as in ``names``, a column's name for all its classes, or indices.

        Returns
        -------
        test : ChiSquared
            b' V^-1 b.

        Raises
        ------
        ValueError
            For a name that is none.
        """
        where = [i for term in terms for i in self._places(term)]
        b, F = self.estimate[where], self._own_root[where]
        size = np.linalg.norm(F, axis=1)
        R = np.asarray(np.linalg.qr((F / size[:, None]).T, mode="r"))
        ratios, _ = singular_vectors(R)
        if R.shape[0] < len(where) or not ratios[-1] > SINGULAR * ratios[0]:
            raise ValueError(
                f"the covariance of {len(where)} terms has a lower rank, so that no test of all of them "
                "exists: a term is named twice, or there are fewer groups or rows than terms."
            )
        statistic = float((np.linalg.solve(R.T, b / size) ** 2).sum())
        return ChiSquared(statistic, len(where), float(chi2.sf(statistic, len(where))))

    def _places(self, term: Any) -> list[int]:
        if isinstance(term, int | np.integer):
            return [int(term)]
        columns = self._likelihood.names * self._likelihood.W.shape[0]
        found = [
            i
            for i, (full, column) in enumerate(zip(self.names, columns, strict=True))
            if term in (full, column)
        ]
        if not found:
            raise ValueError(f"terms must be among {self.names}; got {term!r}.")
        return found

    def marginal_effects(self, confidence: float = 0.95) -> Any:
        """Average marginal effects: how a unit more of a column changes each class's probability, on average.

        Parameters
        ----------
        confidence : float in (0, 1), default=0.95
            Of the intervals.

        Returns
        -------
        frame : DataFrame
            Columns ``class``, ``column``, ``effect`` (probability per unit), ``std_error`` (by the delta
            method), ``z``, ``p_value``, ``low`` and ``high``; of two classes the second only.
        """
        rows = average_effects(self._likelihood, self._root)
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
            Rows.
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
        A = problem.design_matrix(to_numpy(validated(problem.estimator, X, reset=False)))
        z = problem.logits_of(A, check_offset(to_numpy(offset), len(A), problem.K))
        return probability_intervals(A, z, self._root, quantile(confidence))

    def summary(self, confidence: float = 0.95) -> str:
        """Return the table and the likelihood as text.

        Parameters
        ----------
        confidence : float in (0, 1), default=0.95
            Of the intervals.

        Returns
        -------
        text : str
            To print.
        """
        return "\n".join(
            [*self._head(), "", self.frame(confidence).to_string(index=False, float_format="%.4g".__mod__)]
        )

    def _head(self) -> list[str]:
        lines = [
            f"observations {self.n_observations:g}, coefficients {self.estimate.size}, "
            f"covariance: {self.kind}",
            f"log-likelihood {self.log_likelihood:.6g} (intercepts alone {self.null_log_likelihood:.6g}), "
            f"AIC {self.aic:.6g}, BIC {self.bic:.6g}",
        ]
        if self.penalized:
            lines.append(
                "ridge penalty: estimates are shrunk, errors are posterior; "
                f"{self.effective_df:.3g} effective degrees of freedom"
            )
        else:
            test = self.likelihood_ratio_test()
            lines.append(
                f"all zero? likelihood ratio {test.statistic:.4g}, df {test.df}, p {test.p_value:.3g}"
            )
        return lines

    def _repr_html_(self) -> str:
        head = "<br>".join(self._head())
        table: str = self.frame().to_html(index=False, float_format="%.4g".__mod__, border=0)
        return f"<p>{head}</p>{table}"
