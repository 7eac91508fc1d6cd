"""What a mean loss is made of: miscalibration, discrimination and uncertainty."""

from __future__ import annotations

from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from scipy.special import log_expit, xlog1py, xlogy
from sklearn.isotonic import isotonic_regression

from sklearn_xent.arrays import Array
from sklearn_xent.formulas import entropy_of_masses, log_forecast
from sklearn_xent.scorer import LogProbabilityScorer
from sklearn_xent.truth import (
    ROW_SUM_TOLERANCE,
    as_shares,
    as_targets,
    as_weights,
    in_order,
    weighted_mean,
)

__all__ = [
    "Decomposition",
    "cross_entropy_decomposition",
    "discrimination_scorer",
    "expected_calibration_error",
    "neg_miscalibration_scorer",
    "recalibrated",
    "uncertainty_scorer",
]


class Decomposition(NamedTuple):
    """Parts of a mean loss in nats: ``loss = miscalibration - discrimination + uncertainty``.

    Attributes
    ----------
    loss : float
        Mean cross-entropy.
    miscalibration : float
        What the best monotone recalibration of the forecasts would save; at least 0.
    discrimination : float
        What forecasts, so recalibrated, save beside the class frequencies; at least 0.
    uncertainty : float
        Entropy of the class frequencies: the loss of the best constant forecast.
    """

    loss: float
    miscalibration: float
    discrimination: float
    uncertainty: float


def cross_entropy_decomposition(
    y_true: Any, y_prob: Any, *, labels: Any = None, sample_weight: Any = None, from_logits: bool = False
) -> Decomposition:
    r"""Miscalibration, discrimination and uncertainty of forecasts (the CORP decomposition).

    Forecasts of two classes are recalibrated by isotonic regression, which needs no bins [1]_. More classes
    are K - 1 questions of two answers: is it the first class; if not, is it the second; and so on. The loss
    is the sum of theirs exactly, and so is each part; the parts depend on the order of the classes a little.

    Parameters
    ----------
    y_true, y_prob, labels, sample_weight, from_logits
        As in `cross_entropy_loss`.

    Returns
    -------
    parts : Decomposition
        In nats. The loss is ``inf``, and with it the miscalibration, where a forecast was certain and wrong.

    Raises
    ------
    ValueError
        As `cross_entropy_loss`.

    References
    ----------
    .. [1] Dimitriadis, T., Gneiting, T. and Jordan, A. I. (2021), "Stable reliability diagrams for
       probabilistic classifiers", PNAS 118(8).
    .. [2] Fox, J. (1997), "Applied Regression Analysis", section 15.2: nested dichotomies.

    Examples
    --------
    >>> from sklearn_xent import cross_entropy_decomposition
    >>> parts = cross_entropy_decomposition([0, 0, 1, 1], [0.1, 0.6, 0.4, 0.9])
    >>> round(parts.miscalibration - parts.discrimination + parts.uncertainty - parts.loss, 12)
    0.0
    """
    y_prob, labels = in_order(y_prob, labels)
    log_p = log_forecast(y_prob, from_logits=from_logits)
    targets = as_targets(y_true, log_p.shape, labels)
    weights = as_shares(as_weights(sample_weight, len(targets)))
    parts = np.zeros(3)
    with np.errstate(over="ignore", under="ignore"):
        for yes, no, log_yes, log_no, w in _questions(targets, log_p, weights):
            parts += w.sum() / weights.sum() * _of_two(yes, no, log_yes, log_no, w)
    loss, after, uncertainty = parts.tolist()
    return Decomposition(loss, loss - after, uncertainty - after, uncertainty)


def _questions(targets: Array, log_p: Array, weights: Array) -> list[tuple[Array, ...]]:
    """Nested dichotomies: outcomes yes and no in [0, 1], log forecasts of both, and weights, (n,) each."""
    if log_p.shape[1] == 2:
        return [(targets[:, 1], targets[:, 0], log_p[:, 1], log_p[:, 0], weights)]
    found: list[tuple[Array, ...]] = []
    for k in range(log_p.shape[1] - 1):
        left = targets[:, k:].sum(axis=1)
        asked = (left > 0) & (weights > 0)
        if not asked.any():
            break
        rest = np.logaddexp.reduce(log_p[asked, k + 1 :], axis=1)
        with np.errstate(invalid="ignore"):
            odds = log_p[asked, k] - rest
            ruled_out = np.isneginf(log_p[asked, k]) & np.isneginf(rest)
            yes, no = (np.where(ruled_out, -np.inf, log_expit(z)) for z in (odds, -odds))
        if k == 0:
            # rows that do not sum to 1 are used as they are, as where there are two classes
            total = np.logaddexp(log_p[asked, 0], rest)
            total = np.where(np.abs(total) > ROW_SUM_TOLERANCE, total, 0.0)
            yes, no = (np.where(ruled_out, -np.inf, part + total) for part in (yes, no))
        outcomes = targets[asked, k] / left[asked], targets[asked, k + 1 :].sum(axis=1) / left[asked]
        found.append((*outcomes, yes, no, weights[asked] * left[asked]))
    return found


def _of_two(y: Array, y_no: Array, log_yes: Array, log_no: Array, w: Array) -> Array:
    """Mean loss of the forecasts, of the recalibrated ones and of the frequency."""
    w = as_shares(w)
    share = w / w.sum()
    with np.errstate(invalid="ignore"):
        loss = -np.where(y > 0, y * log_yes, 0.0) - np.where(y_no > 0, y_no * log_no, 0.0)
        q = recalibrated(y, log_yes - log_no, w)
    mean = weighted_mean(loss, w)
    uncertainty = entropy_of_masses(np.array([w @ y, w @ y_no]))
    # the loss of a frequency where it is the mean of what happened is its entropy; a recalibrated forecast
    # is no worse than the forecast nor the frequency, rounding apart
    after = float(share @ -(xlogy(q, q) + xlog1py(1 - q, -q)))
    return np.array([mean, min(after, mean, uncertainty), uncertainty])


def recalibrated(y: Array, forecast: Array, weights: Array) -> Array:
    """Isotonic regression of outcomes (n,) in [0, 1] on forecasts (n,) of any scale; ties stay ties."""
    values, place = np.unique(forecast, return_inverse=True)
    mass = np.bincount(place, weights, len(values))
    used = mass > 0
    mean = np.bincount(place, weights * y, len(values))[used] / mass[used]
    fitted = np.zeros(len(values))
    fitted[used] = np.clip(isotonic_regression(mean, sample_weight=mass[used]), 0.0, 1.0)
    if not used.all():
        known = np.flatnonzero(used)
        fitted = fitted[known[np.clip(np.searchsorted(known, np.arange(len(values))), 0, len(known) - 1)]]
    return fitted[place]


def expected_calibration_error(
    y_true: Any,
    y_prob: Any,
    *,
    labels: Any = None,
    sample_weight: Any = None,
    n_bins: int = 15,
    from_logits: bool = False,
) -> float:
    """Mean distance between the confidence in the predicted class and how often it is right, over bins.

    Read it beside `cross_entropy_decomposition`, not in its place: it is biased upwards, more so with more
    bins and fewer samples (a calibrated forecast does not get 0), it depends on the bins, and it rewards
    forecasts that say nothing [1]_. Bins hold equal numbers of samples.

    Parameters
    ----------
    y_true, y_prob, labels, sample_weight, from_logits
        As in `cross_entropy_loss`.
    n_bins : int, default=15
        How many bins.

    Returns
    -------
    error : float
        Between 0 and 1; a probability, not nats.

    Raises
    ------
    ValueError
        As `cross_entropy_loss`; if ``n_bins`` is not a positive integer.

    References
    ----------
    .. [1] Nixon, J. et al. (2019), "Measuring calibration in deep learning", CVPR workshops.

    Examples
    --------
    >>> from sklearn_xent import expected_calibration_error
    >>> round(expected_calibration_error([0, 1, 1, 1], [0.5, 0.5, 0.5, 0.5], n_bins=1), 3)
    0.25
    """
    if not (isinstance(n_bins, Integral) and n_bins > 0):
        raise ValueError(f"n_bins must be a positive integer; got {n_bins!r}.")
    y_prob, labels = in_order(y_prob, labels)
    log_p = log_forecast(y_prob, from_logits=from_logits)
    targets = as_targets(y_true, log_p.shape, labels)
    weights = as_shares(as_weights(sample_weight, len(targets)))
    rows, predicted = np.arange(len(log_p)), log_p.shape[1] - 1 - log_p[:, ::-1].argmax(axis=1)
    confidence, right = np.exp(log_p[rows, predicted]), targets[rows, predicted]
    order = np.argsort(confidence, kind="stable")
    error = 0.0
    with np.errstate(under="ignore"):
        for part in np.array_split(order, min(int(n_bins), len(order))):
            error += abs(float(weights[part] @ (confidence[part] - right[part])))
    return min(error / float(weights.sum()), 1.0)


def _part(name: str, sign: float) -> Any:
    def metric(y_true: Any, y_prob: Any, **options: Any) -> float:
        return sign * float(getattr(cross_entropy_decomposition(y_true, y_prob, **options), name))

    return metric


#: Minus the miscalibration in nats, for ``scoring=``; higher is better.
neg_miscalibration_scorer = LogProbabilityScorer("neg_miscalibration_scorer", _part("miscalibration", -1.0))

#: The discrimination in nats, for ``scoring=``; higher is better.
discrimination_scorer = LogProbabilityScorer("discrimination_scorer", _part("discrimination", 1.0))

#: The uncertainty of the rows scored, in nats, for ``scoring=``: the same for every model.
uncertainty_scorer = LogProbabilityScorer("uncertainty_scorer", _part("uncertainty", 1.0))
