"""The mathematics of cross-entropy as functions of numbers and arrays, in nats unless a base says otherwise.

Computed in float64, exactly at 0 and 1 and in the tails; inputs are never changed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.divergences import entropy, entropy_of_masses, in_unit, kl_divergence, unit_of
from sklearn_xent.isolation import warn_caller
from sklearn_xent.logits import log_sigmoid, log_softmax, sigmoid, softmax
from sklearn_xent.truth import (
    as_probabilities,
    as_targets,
    as_weights,
    in_order,
    numeric,
    off_one,
    weighted_mean,
)

__all__ = [
    "cross_entropy_loss",
    "entropy",
    "entropy_of_masses",
    "kl_divergence",
    "log_forecast",
    "log_sigmoid",
    "log_softmax",
    "sigmoid",
    "softmax",
]


def cross_entropy_loss(
    y_true: Any,
    y_prob: Any,
    *,
    labels: Any = None,
    sample_weight: Any = None,
    reduction: str = "mean",
    from_logits: bool = False,
    base: float | None = None,
) -> Any:
    r"""Cross-entropy (log loss) of forecasts, :math:`CE(y, p) = -\sum_k y_k \log p_k`.

    For one label it is :math:`-\log p_{label}`: the surprise at what happened. Nothing is clipped: a
    forecast that was certain and wrong costs ``inf``.

    Parameters
    ----------
    y_true : scalar or array-like of shape (n_samples,) or (n_samples, n_classes)
        Labels, or soft labels: rows of probabilities, in the order of the columns of ``y_prob`` (a frame's
        columns name the classes). Without ``labels``, a single label must be 0 or 1. A scalar, here or as
        ``y_prob``, stands for every sample.
    y_prob : scalar or array-like of shape (n_samples,) or (n_samples, n_classes)
        Probabilities (or logits) of the classes in sorted order, or of those that a frame's columns name; 1-D
        is of the second of two.
    labels : array-like of shape (n_classes,), default=None
        The classes, in the order of the columns; by default those in ``y_true``, sorted. Needed where
        ``y_true`` lacks one.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights, not negative.
    reduction : {"mean", "sum", "none"}, default="mean"
        Weighted mean over the samples, weighted sum, or one unweighted loss for each.
    from_logits : bool, default=False
        Whether ``y_prob`` holds logits; then the loss keeps all digits in the tails.
    base : float, default=None
        Base of the logarithm: 2 for bits, 10 for bans; None is e, nats.

    Returns
    -------
    loss : float or ndarray of shape (n_samples,)
        In nats, or units of the base. A scalar ``y_true`` gives a float.

    Raises
    ------
    ValueError
        For labels that are not among the classes, shapes that do not agree, probabilities outside [0, 1],
        weights that are negative, not finite or all zero, an unknown reduction, and a base that is not
        positive and finite, or 1.
    TypeError
        If the base is not a number.

    Warns
    -----
    UserWarning
        If rows of ``y_prob`` do not sum to 1. They are used as they are.

    See Also
    --------
    sklearn.metrics.log_loss : The same from probabilities, clipped.

    References
    ----------
    .. [1] Good, I. J. (1952), "Rational decisions", J. R. Stat. Soc. B 14(1), section 6.

    Examples
    --------
    >>> from sklearn_xent import cross_entropy_loss
    >>> round(cross_entropy_loss(1, 0.9), 4)
    0.1054
    >>> cross_entropy_loss(["ham", "spam"], [0.0, 0.5], reduction="none").round(4)
    array([0.    , 0.6931])
    """
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"reduction must be 'mean', 'sum' or 'none'; got {reduction!r}.")
    unit = unit_of(base)
    y_prob, labels = in_order(y_prob, labels)
    scalar = np.ndim(y_prob) == 0 and np.size(y_true) == 1
    with numeric("y_prob"):
        forecast = np.asarray(y_prob, dtype=np.float64)
    if forecast.ndim == 0:
        forecast = np.full(len(y_true) if np.ndim(y_true) else 1, forecast)
    if np.ndim(y_true) == 0:
        y_true = np.repeat(y_true, len(forecast))
    log_p = log_forecast(forecast, from_logits=from_logits)
    targets = as_targets(y_true, log_p.shape, labels)
    with np.errstate(invalid="ignore", over="ignore", under="ignore"):
        loss = in_unit(-np.where(targets == 0, 0.0, targets * log_p).sum(axis=1), unit) + 0.0
    weights = as_weights(sample_weight, len(loss))
    if reduction == "none":
        return float(loss[0]) if scalar else loss
    if reduction == "mean":
        return weighted_mean(loss, weights)
    with np.errstate(invalid="ignore", over="ignore", under="ignore"):
        return float(np.where(weights == 0, 0.0, weights * loss).sum())


def log_forecast(y_prob: Any, *, from_logits: bool) -> Array:
    """Log-probabilities (n, K) of what scores take as ``y_prob``: probabilities or logits, (n,) or (n, K)."""
    with numeric("y_prob"):
        forecast = np.asarray(y_prob, dtype=np.float64)
    return _log_of_logits(forecast) if from_logits else _log_of_probabilities(forecast)


def _log_of_logits(z: Array) -> Array:
    """Log-probabilities (n, K) of logits (n,) or (n, K)."""
    if not z.size:
        raise ValueError(f"y_prob must not be empty; got shape {z.shape}.")
    # -inf is the logarithm of a probability of 0
    if np.isnan(z).any() or (z == np.inf).any() or (z.ndim == 2 and (z == -np.inf).all(axis=1).any()):
        raise ValueError("y_prob holds logits that are not finite.")
    if z.ndim == 1:
        return np.column_stack([log_sigmoid(-z), log_sigmoid(z)])
    return log_softmax(_two_dimensional(z))


def _log_of_probabilities(p: Array) -> Array:
    """Log-probabilities (n, K) of probabilities (n,) or (n, K)."""
    p = as_probabilities(p, "y_prob")
    with np.errstate(divide="ignore", under="ignore"):
        if p.ndim == 1:
            return np.column_stack([np.log1p(-p), np.log(p)])
        wrong = off_one(_two_dimensional(p).sum(axis=1))
        if wrong:
            warn_caller(UserWarning(f"y_prob: {wrong}; the loss is of the numbers as they are."))
        return np.log(p)


def _two_dimensional(values: Array) -> Array:
    if values.ndim != 2 or values.shape[1] < 2 or not len(values):
        raise ValueError(
            "y_prob must have shape (n_samples,) or (n_samples, n_classes) with at least two classes; got "
            f"{values.shape}."
        )
    return values
