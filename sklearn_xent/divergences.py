"""Entropy and divergence of distributions, and the units of information."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

import numpy as np
from scipy.special import xlogy

from sklearn_xent.arrays import Array
from sklearn_xent.isolation import warn_caller
from sklearn_xent.truth import as_distributions, in_order, off_one

__all__ = ["entropy", "entropy_of_masses", "in_unit", "kl_divergence", "unit_of"]

SERIES = 0.2  # |s| up to which the series is summed
ODD_RECIPROCALS = 1 / np.arange(3.0, 29.0, 2.0)  # 0.04^13 / 29 is below rounding


def entropy(p: Any, axis: int = -1, *, base: float | None = None) -> Any:
    r"""Shannon entropy, :math:`H(p) = -\sum_k p_k \log p_k` with 0 log 0 = 0.

    The expected surprise of one who knows the probabilities: the least cross-entropy there is.

    Parameters
    ----------
    p : array-like
        Probabilities that sum to 1 along the axis.
    axis : int, default=-1
        The axis of the classes.
    base : float, default=None
        Base of the logarithm: 2 for bits, 10 for bans; None is e, nats.

    Returns
    -------
    entropy : float or ndarray
        In nats, or units of the base, between 0 and log K.

    Raises
    ------
    ValueError
        If there are none, one is outside [0, 1] or not a number, or they do not sum to 1; if the base is not
        positive and finite, or 1.
    TypeError
        If the base is not a number.

    References
    ----------
    .. [1] Shannon, C. E. (1948), "A mathematical theory of communication", section 6.

    Examples
    --------
    >>> from sklearn_xent import entropy
    >>> round(float(entropy([0.5, 0.5])), 4)
    0.6931
    >>> float(entropy([0.5, 0.5], base=2))
    1.0
    """
    unit = unit_of(base)
    p = as_distributions(p, "p")
    _check_sums(p, "p", axis)
    # a sum of -0.0 would print as a negative entropy
    with np.errstate(under="ignore"):
        return in_unit(-xlogy(p, p).sum(axis=axis), unit) + 0.0


def kl_divergence(p: Any, q: Any, axis: int = -1, *, base: float | None = None) -> Any:
    r"""Kullback-Leibler divergence, :math:`KL(p \| q) = \sum_k p_k \log (p_k / q_k)`.

    What it costs to forecast q where p is true: cross-entropy is entropy plus this. Computed as the sum of
    :math:`p_k \log (p_k / q_k) - p_k + q_k`, each right to its last digits and none negative: where p and q
    both sum to 1, it is the same.

    Parameters
    ----------
    p, q : array-like
        True and forecast probabilities, of shapes that broadcast. The columns of a frame name the
        classes: they are put in sorted order, which is that of an array's columns.
    axis : int, default=-1
        The axis of the classes.
    base : float, default=None
        Base of the logarithm: 2 for bits, 10 for bans; None is e, nats.

    Returns
    -------
    divergence : float or ndarray
        In nats, or units of the base, at least 0, and 0 only if p = q; ``inf`` where q rules out what p does
        not.

    Raises
    ------
    ValueError
        If there are none, one is outside [0, 1] or not a number, p does not sum to 1, or the shapes do not
        broadcast; if two frames name other classes; if the base is not positive and finite, or 1.
    TypeError
        If the base is not a number.

    Warns
    -----
    UserWarning
        If q does not sum to 1, as `cross_entropy_loss` does. It is used as it is.

    References
    ----------
    .. [1] Kullback, S. and Leibler, R. A. (1951), "On information and sufficiency", section 2.

    Examples
    --------
    >>> from sklearn_xent import kl_divergence
    >>> round(float(kl_divergence([0.5, 0.5], [0.9, 0.1])), 4)
    0.5108
    """
    unit = unit_of(base)
    p, q = _by_name(p, q)
    p, q = as_distributions(p, "p"), as_distributions(q, "q")
    _check_sums(p, "p", axis)
    try:
        wide_p, wide_q = np.broadcast_arrays(p, q)
    except ValueError:
        raise ValueError(f"p and q must have shapes that broadcast; got {p.shape} and {q.shape}.") from None
    wrong = off_one(q.sum(axis=axis))
    if wrong:
        warn_caller(UserWarning(f"q: {wrong}; the divergence is of the numbers as they are."))
    return in_unit(_divergence_terms(wide_p, wide_q).sum(axis=axis), unit)


def unit_of(base: Any) -> float:
    """Nats in one unit of a base.

    Raises
    ------
    TypeError, ValueError
        If it is not a positive number other than 1.
    """
    if base is None:
        return 1.0
    if not isinstance(base, Real) or isinstance(base, bool):
        raise TypeError(f"base must be None (nats) or a positive number, such as 2 for bits; got {base!r}.")
    number = float(base)
    if not (0 < number < np.inf and number != 1):
        raise ValueError(f"base must be positive and finite, and not 1; got {base!r}.")
    return math.log(number)


def in_unit(nats: Any, unit: float) -> Any:
    """The same in another unit; a division by 1 would be exact as well, and makes a float of an integer."""
    return nats if unit == 1.0 else nats / unit


def _by_name(p: Any, q: Any) -> tuple[Any, Any]:
    """Frames with their columns in the sorted order of their names, which must be the same in two."""
    q, names = in_order(q, None)
    p, _ = in_order(p, names if hasattr(p, "columns") else None, "p")
    return p, q


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
