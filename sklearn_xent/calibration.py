"""Temperature scaling: one number that logits are divided by, so that probabilities fit other rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import brentq
from sklearn.exceptions import ConvergenceWarning

from sklearn_xent.arrays import Array
from sklearn_xent.isolation import warn_caller
from sklearn_xent.truth import as_shares, as_targets, as_weights, in_order

__all__ = ["fit_temperature"]


def fit_temperature(y_true: Any, logits: Any, *, labels: Any = None, sample_weight: Any = None) -> float:
    r"""Temperature of least cross-entropy, :math:`\min_T \sum_i s_i \, CE(y_i, \mathrm{softmax}(z_i / T))`.

    Above 1 the forecasts were too sure, below 1 not sure enough. Which class is the most probable stays as
    it is, as does every ranking by one class's probability of two. Fit it on samples that the classifier has
    not been fitted on.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or (n_samples, n_classes)
        Labels, or soft labels, as in `cross_entropy_loss`.
    logits : array-like of shape (n_samples,) or (n_samples, n_classes)
        What a ``decision_function`` or ``predict_log_proba`` returns: log odds of the second of two classes,
        or a logit or log-probability of each class, up to a constant a sample. ``-inf`` is a class ruled out.
    labels : array-like of shape (n_classes,), default=None
        The classes, in the order of the columns; needed where ``y_true`` lacks one.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights, not negative.

    Returns
    -------
    temperature : float
        Positive: ``softmax(logits / temperature, axis=1)``, or ``sigmoid(logits / temperature)`` for two
        classes. It is right to rounding: the loss is convex in 1 / T, and its derivative has one root.

    Raises
    ------
    ValueError
        As `cross_entropy_loss`; and where a class happened that the logits rule out.

    Warns
    -----
    ConvergenceWarning
        Where no positive finite temperature is best. If the most probable class happened in every sample, the
        loss falls as T goes to 0: the result is where it is within 0.001 nats of its limit. If a constant
        forecast is best, the loss falls as T grows: the result is ``inf``, and ``logits / inf`` is 0.

    See Also
    --------
    sklearn.calibration.CalibratedClassifierCV : ``method="temperature"``, since scikit-learn 1.8, for any
        classifier, with folds; also monotone and sigmoid calibration.
    ReliabilityDisplay : Shows whether it is needed.

    References
    ----------
    .. [1] Guo, C., Pleiss, G., Sun, Y. and Weinberger, K. Q. (2017), "On calibration of modern neural
       networks", ICML, section 4.2.

    Examples
    --------
    >>> from sklearn_xent import fit_temperature
    >>> round(fit_temperature([0, 0, 1, 1, 1], [-4.0, 4.0, -4.0, 4.0, 4.0]), 3)
    9.865
    """
    logits, labels = in_order(logits, labels)
    z = _below_best(logits)
    targets = as_targets(y_true, z.shape, labels)
    weights = as_shares(as_weights(sample_weight, len(z)))
    used = weights > 0
    problem = _Scaled(z[used], targets[used], weights[used] / weights.sum())
    if problem.slope(0.0) >= 0:
        warn_caller(ConvergenceWarning("no temperature is best: a constant forecast has a lower loss."))
        return np.inf
    if problem.slope_at_infinity == 0:
        warn_caller(
            ConvergenceWarning(
                "no temperature is best: the most probable class happened in every row, and the loss falls "
                "as the temperature goes to 0. Use rows that the classifier has not been fitted on, or more."
            )
        )
        # as other fits of separated classes end
        goal = problem.limit + min(1e-3, (problem.value(0.0) - problem.limit) / 2)
        return 1 / problem.root(lambda beta: goal - problem.value(beta))
    return 1 / problem.root(problem.slope)


class _Scaled:
    """Mean loss of logits times beta, in beta: convex; logits (n, K) are 0 for the best class of each row."""

    def __init__(self, z: Array, targets: Array, weights: Array) -> None:
        self.z, self.weights = z, weights
        with np.errstate(invalid="ignore"):
            self.truth = np.where(targets > 0, targets * z, 0.0).sum(axis=1)
        impossible = np.flatnonzero(self.truth == -np.inf)
        if impossible.size:
            raise ValueError(f"logits must be finite for what happened; got -inf in row {impossible[0]}.")
        self.slope_at_infinity = float(-weights @ self.truth)
        self.limit = float(weights @ np.log((z == 0).sum(axis=1)))

    def value(self, beta: float) -> float:
        with np.errstate(under="ignore"):
            return float(self.weights @ (np.log(np.exp(beta * self.z).sum(axis=1)) - beta * self.truth))

    def slope(self, beta: float) -> float:
        with np.errstate(under="ignore", invalid="ignore"):
            mass = np.where(self.z == -np.inf, 0.0, np.exp(beta * self.z))
            mean = np.where(mass > 0, mass * self.z, 0.0).sum(axis=1) / mass.sum(axis=1)
        return float(self.weights @ (mean - self.truth))

    def root(self, rising: Any) -> float:
        """Where a function that rises from below 0 is 0."""
        spread = float(self.weights @ np.abs(np.where(np.isfinite(self.z), self.z, 0.0)).max(axis=1))
        low, high = 0.0, 1 / spread
        while rising(high) < 0:
            low, high = high, 4 * high
        return float(brentq(rising, low, high, xtol=np.finfo(float).tiny, rtol=4 * np.finfo(float).eps))


def _below_best(logits: Any) -> Array:
    """Logits (n, K), less the largest of each row."""
    z = np.asarray(logits, dtype=np.float64)
    if z.ndim == 1:
        z = np.column_stack([np.zeros(len(z)), z])
    if z.ndim != 2 or z.shape[1] < 2 or not len(z):
        raise ValueError(f"logits must have shape (n_samples,) or (n_samples, n_classes); got {z.shape}.")
    best = z.max(axis=1, keepdims=True)
    if not np.isfinite(best).all():
        raise ValueError("logits must be finite, or -inf for a class that is ruled out.")
    return np.asarray(z - best)
