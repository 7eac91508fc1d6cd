"""The mathematics of cross-entropy as functions of numbers and arrays. Everything is in nats.

Computed in float64, exactly at 0 and 1 and in the tails; inputs are never changed.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from scipy.special import xlogy

from sklearn_xent.arrays import Array
from sklearn_xent.logits import log_sigmoid, log_softmax, sigmoid, softmax
from sklearn_xent.truth import (
    as_distributions,
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


def entropy(p: Any, axis: int = -1) -> Any:
    r"""Shannon entropy, :math:`H(p) = -\sum_k p_k \log p_k` with 0 log 0 = 0.

    The expected surprise of one who knows the probabilities: the least cross-entropy there is.

    Parameters
    ----------
    p : array-like
        Probabilities that sum to 1 along the axis.
    axis : int, default=-1
        The axis of the classes.

    Returns
    -------
    entropy : float or ndarray
        In nats, between 0 and log K.

    Raises
    ------
    ValueError
        If there are none, one is outside [0, 1] or not a number, or they do not sum to 1.

    References
    ----------
    .. [1] C. E. Shannon (1948), "A mathematical theory of communication", section 6.

    Examples
    --------
    >>> from sklearn_xent import entropy
    >>> round(float(entropy([0.5, 0.5])), 4)
    0.6931
    """
    p = as_distributions(p, "p")
    _check_sums(p, "p", axis)
    # a sum of -0.0 would print as a negative entropy
    with np.errstate(under="ignore"):
        return -xlogy(p, p).sum(axis=axis) + 0.0


def kl_divergence(p: Any, q: Any, axis: int = -1) -> Any:
    r"""Kullback-Leibler divergence, :math:`KL(p \| q) = \sum_k p_k \log (p_k / q_k)`.

    What it costs to forecast q where p is true: cross-entropy is entropy plus this. Computed as the sum of
    :math:`p_k \log (p_k / q_k) - p_k + q_k`, each right to its last digits and none negative: where p and q
    both sum to 1, it is the same.

    Parameters
    ----------
    p, q : array-like
        True and forecast probabilities, of shapes that broadcast.
    axis : int, default=-1
        The axis of the classes.

    Returns
    -------
    divergence : float or ndarray
        In nats, at least 0, and 0 only if p = q; ``inf`` where q rules out what p does not.

    Raises
    ------
    ValueError
        If there are none, one is outside [0, 1] or not a number, p does not sum to 1, or the shapes do not
        broadcast.

    Warns
    -----
    UserWarning
        If q does not sum to 1, as `cross_entropy_loss` does. It is used as it is.

    References
    ----------
    .. [1] S. Kullback and R. A. Leibler (1951), "On information and sufficiency", section 2.

    Examples
    --------
    >>> from sklearn_xent import kl_divergence
    >>> round(float(kl_divergence([0.5, 0.5], [0.9, 0.1])), 4)
    0.5108
    """
    p, q = as_distributions(p, "p"), as_distributions(q, "q")
    _check_sums(p, "p", axis)
    try:
        wide_p, wide_q = np.broadcast_arrays(p, q)
    except ValueError:
        raise ValueError(f"p and q must have shapes that broadcast; got {p.shape} and {q.shape}.") from None
    wrong = off_one(q.sum(axis=axis))
    if wrong:
        warnings.warn(f"q: {wrong}; the divergence is of the numbers as they are.", UserWarning, stacklevel=2)
    return _divergence_terms(wide_p, wide_q).sum(axis=axis)


def _check_sums(p: Array, name: str, axis: int) -> None:
    wrong = off_one(p.sum(axis=axis))
    if wrong:
        raise ValueError(f"{name} must hold probabilities that sum to 1; {wrong}.")


def _divergence_terms(p: Array, q: Array) -> Array:
    """P log(p / q) - p + q, of one shape, without the cancellation near p = q."""
    with np.errstate(all="ignore"):
        ratio = p / q
        logarithm = np.where((ratio > 0) & (ratio < np.inf), np.log(ratio), np.log(p) - np.log(q))
        terms = np.where(p > 0, p * logarithm - p + q, q)
        # log(q / p) = 2 atanh(s) = 2 (s + s^3 / 3 + ...) with s = (q - p) / (q + p), and (q - p) / p - 2 s
        # is s (q - p) / p: nothing is left to cancel
        s = (q - p) / (q + p)
        near = np.abs(s) < SERIES
        square = np.where(near, s, 0.0) ** 2
        tail = np.polynomial.polynomial.polyval(square, ODD_RECIPROCALS)
        terms = np.where(near & (p > 0), s * (q - p) - 2 * p * square * s * tail, terms)
    return np.maximum(terms, 0.0)


def entropy_of_masses(mass: Array) -> float:
    """Entropy of the frequencies of classes, from their masses (K,): a rare class keeps its digits."""
    top = int(mass.argmax())
    others = np.delete(mass, top)
    total = mass[top] + others.sum()
    with np.errstate(under="ignore", divide="ignore", invalid="ignore"):
        share = others / total
        logs = np.where(share > 0, np.log(share), 0.0)
        return float(-(share * logs).sum() - mass[top] / total * np.log1p(-others.sum() / total)) + 0.0


def cross_entropy_loss(
    y_true: Any,
    y_prob: Any,
    *,
    labels: Any = None,
    sample_weight: Any = None,
    reduction: str = "mean",
    from_logits: bool = False,
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

    Returns
    -------
    loss : float or ndarray of shape (n_samples,)
        In nats. A scalar ``y_true`` gives a float.

    Raises
    ------
    ValueError
        For labels that are not among the classes, shapes that do not agree, probabilities outside [0, 1],
        weights that are negative, not finite or all zero, and an unknown reduction.

    Warns
    -----
    UserWarning
        If rows of ``y_prob`` do not sum to 1. They are used as they are.

    See Also
    --------
    sklearn.metrics.log_loss : The same from probabilities, clipped.

    References
    ----------
    .. [1] I. J. Good (1952), "Rational decisions", J. R. Stat. Soc. B 14(1), section 6.

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
        loss = -np.where(targets == 0, 0.0, targets * log_p).sum(axis=1) + 0.0
    weights = as_weights(sample_weight, len(loss))
    if reduction == "none":
        return float(loss[0]) if scalar else loss
    if reduction == "mean":
        return weighted_mean(loss, weights)
    with np.errstate(invalid="ignore", over="ignore", under="ignore"):
        return float(np.where(weights == 0, 0.0, weights * loss).sum())


SERIES = 0.2  # |s| up to which the series is summed
ODD_RECIPROCALS = 1 / np.arange(3.0, 29.0, 2.0)  # 0.04^13 / 29 is below rounding


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
            text = f"y_prob: {wrong}; the loss is of the numbers as they are."
            warnings.warn(text, UserWarning, stacklevel=4)
        return np.log(p)


def _two_dimensional(values: Array) -> Array:
    if values.ndim != 2 or values.shape[1] < 2 or not len(values):
        raise ValueError(
            "y_prob must have shape (n_samples,) or (n_samples, n_classes) with at least two classes; got "
            f"{values.shape}."
        )
    return values
