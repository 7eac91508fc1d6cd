"""Two models on the same rows: is the difference of their losses more than chance?"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.stats import t as student

from sklearn_xent.arrays import Array
from sklearn_xent.formulas import cross_entropy_loss
from sklearn_xent.truth import as_shares, as_weights

__all__ = ["Comparison", "compare_cv_scores", "compare_losses"]


class Comparison(NamedTuple):
    """Mean difference of two losses, first less second, in nats.

    Attributes
    ----------
    difference : float
        Negative where the first model is better.
    std_error : float
        Of the difference.
    low, high : float
        Ends of the confidence interval.
    p_value : float
        Two-sided, that the models lose alike.
    """

    difference: float
    std_error: float
    low: float
    high: float
    p_value: float


def compare_losses(
    y_true: Any,
    first: Any,
    second: Any,
    *,
    labels: Any = None,
    sample_weight: Any = None,
    groups: Any = None,
    from_logits: bool = False,
    confidence: float = 0.95,
) -> Comparison:
    """Compare two forecasts of the same samples by the difference of each sample's losses.

    Pairing removes what makes a sample hard for both. It is the test of Diebold and Mariano [1]_ for
    independent samples; with ``groups``, for independent groups.

    Parameters
    ----------
    y_true, labels, sample_weight, from_logits
        As in `cross_entropy_loss`.
    first, second : array-like of shape (n_samples,) or (n_samples, n_classes)
        Forecasts, as ``y_prob`` there.
    groups : array-like of shape (n_samples,), default=None
        Samples of a group (a patient, a day) may depend on one another.
    confidence : float in (0, 1), default=0.95
        Of the interval.

    Returns
    -------
    comparison : Comparison
        First less second, in nats.

    Raises
    ------
    ValueError
        As `cross_entropy_loss`; for fewer than two samples or groups, or a confidence out of range.

    References
    ----------
    .. [1] Diebold, F. X. and Mariano, R. S. (1995), "Comparing predictive accuracy", J. Bus. Econ.
       Stat. 13(3).

    Examples
    --------
    >>> from sklearn_xent import compare_losses
    >>> result = compare_losses([0, 1, 1, 0], [0.1, 0.8, 0.7, 0.2], [0.4, 0.5, 0.6, 0.5])
    >>> result.difference < 0
    True
    """
    a, b = (
        cross_entropy_loss(y_true, p, labels=labels, from_logits=from_logits, reduction="none")
        for p in (first, second)
    )
    weights = as_shares(as_weights(sample_weight, len(a)))
    # an infinite loss makes an infinite difference, and two of them none that is known
    with np.errstate(all="ignore"):
        share = weights / weights.sum()
        d = np.where(share > 0, a - b, 0.0)
        mean = float(share @ d)
        parts = share * (d - mean)
    if groups is not None:
        names, place = np.unique(np.asarray(groups), return_inverse=True)
        if len(place) != len(a):
            raise ValueError(f"groups must have shape ({len(a)},); got {np.shape(groups)}.")
        parts = np.bincount(place, parts, len(names))
    n = len(parts)
    if n < 2:
        raise ValueError(f"a comparison needs two rows or groups; got {n}.")
    return _interval(mean, _length(parts) * np.sqrt(n / (n - 1)), n - 1, confidence)


def compare_cv_scores(
    first: Any, second: Any, *, n_train: float, n_test: float, confidence: float = 0.95
) -> Comparison:
    """Compare two models by their scores on the same folds, with a variance that knows that folds overlap.

    Training sets of cross-validation share samples, so that scores of folds vary less than those of fresh
    data would. Nadeau and Bengio [1]_ correct the variance from 1 / J to 1 / J + n_test / n_train.

    Parameters
    ----------
    first, second : array-like of shape (n_folds,)
        Scores where higher is better, such as ``cross_val_score`` gives.
    n_train, n_test : float
        Samples of a training and of a test set.
    confidence : float in (0, 1), default=0.95
        Of the interval.

    Returns
    -------
    comparison : Comparison
        Of losses, the scores' negatives: first less second.

    Raises
    ------
    ValueError
        For scores of different or too short length, sizes that are not positive, or a confidence out of
        range.

    References
    ----------
    .. [1] Nadeau, C. and Bengio, Y. (2003), "Inference for the generalization error", Machine Learning 52.

    Examples
    --------
    >>> from sklearn_xent import compare_cv_scores
    >>> round(compare_cv_scores([-0.30, -0.32], [-0.35, -0.38], n_train=80, n_test=20).difference, 3)
    -0.055
    """
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.ndim != 1 or a.shape != b.shape or len(a) < 2:
        raise ValueError(f"first and second must be two or more scores each; got {a.shape} and {b.shape}.")
    if not (n_train > 0 and n_test > 0):
        raise ValueError(f"n_train and n_test must be positive; got {n_train!r} and {n_test!r}.")
    with np.errstate(all="ignore"):
        d = b - a
        mean = float(d.mean())
        share = (1 / len(d) + n_test / n_train) / (len(d) - 1)
        return _interval(mean, _length(d - mean) * np.sqrt(share), len(d) - 1, confidence)


def _length(parts: Array) -> float:
    """Euclidean norm, whose squares neither overflow nor vanish."""
    largest = float(np.abs(parts).max())
    if not 0 < largest < np.inf:
        return largest
    with np.errstate(under="ignore"):
        return largest * float(np.sqrt(((parts / largest) ** 2).sum()))


def _interval(mean: float, error: float, freedom: int, confidence: float) -> Comparison:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be between 0 and 1; got {confidence!r}.")
    with np.errstate(all="ignore"):
        reach = float(student.ppf((1 + confidence) / 2, freedom)) * error
        ratio: Array = np.divide(abs(mean), error, out=np.array(np.inf if mean else 0.0), where=error > 0)
        p_value = float(2 * student.sf(ratio, freedom))
        return Comparison(mean, float(error), mean - reach, mean + reach, p_value)
