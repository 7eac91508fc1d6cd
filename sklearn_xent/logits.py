"""From logits to probabilities and their logarithms, exactly in both tails."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import expit, log_expit

from sklearn_xent.arrays import Array

__all__ = ["log_sigmoid", "log_softmax", "sigmoid", "softmax"]

FAR = -700.0  # logit of an impossible class beside one that is certain: exp of it is not yet 0


def sigmoid(logits: Any) -> Any:
    r"""Probability of the positive class, :math:`\sigma(z) = 1 / (1 + e^{-z})`.

    Parameters
    ----------
    logits : float or array-like
        Log odds, in nats.

    Returns
    -------
    probabilities : float or ndarray of the same shape
        In [0, 1].

    See Also
    --------
    softmax : The same for more than two classes.

    Examples
    --------
    >>> from sklearn_xent import sigmoid
    >>> float(sigmoid(0.0))
    0.5
    """
    z = np.asarray(logits, dtype=np.float64)
    p = expit(z)
    # where exp(-z) overflows, expit is 0, and exp(z) is a number still
    if not z.min(initial=0.0) < FAR:
        return p
    with np.errstate(under="ignore"):
        return np.where(z < FAR, np.exp(np.minimum(z, FAR)), p)[()]


def log_sigmoid(logits: Any) -> Any:
    r"""Logarithm of the sigmoid, :math:`\log \sigma(z) = -\log(1 + e^{-z})`, exact in both tails.

    Parameters
    ----------
    logits : float or array-like
        Log odds, in nats.

    Returns
    -------
    log_probabilities : float or ndarray of the same shape
        In nats: -z for large -z, and -exp(-z), not 0, for large z.

    Examples
    --------
    >>> from sklearn_xent import log_sigmoid
    >>> print(log_sigmoid(-1e4), log_sigmoid(40.0))
    -10000.0 -4.248354255291589e-18
    """
    return log_expit(np.asarray(logits, dtype=np.float64))


def softmax(logits: Any, axis: int = -1) -> Array:
    r"""Probabilities of the classes, :math:`p_k = e^{z_k} / \sum_l e^{z_l}`.

    Parameters
    ----------
    logits : array-like
        Logits, in nats; adding one number to all of them changes nothing.
    axis : int, default=-1
        The axis of the classes.

    Returns
    -------
    probabilities : ndarray of the same shape
        They sum to 1 along the axis.

    Examples
    --------
    >>> from sklearn_xent import softmax
    >>> softmax([0.0, 0.0, 0.0]).round(3)
    array([0.333, 0.333, 0.333])
    """
    z = _as_logits(logits)
    with np.errstate(over="ignore", under="ignore"):
        e = np.exp(z - z.max(axis=axis, keepdims=True))
        e /= e.sum(axis=axis, keepdims=True)
    return np.asarray(e)


def log_softmax(logits: Any, axis: int = -1) -> Array:
    r"""Logarithm of the softmax, :math:`\log p_k = z_k - \log \sum_l e^{z_l}`.

    The sum is taken without its largest term, whose share of 1 would hide the others: a nearly certain class
    keeps all its digits.

    Parameters
    ----------
    logits : array-like
        Logits, in nats.
    axis : int, default=-1
        The axis of the classes.

    Returns
    -------
    log_probabilities : ndarray of the same shape
        In nats, finite wherever the logits are.

    Examples
    --------
    >>> from sklearn_xent import log_softmax
    >>> print(log_softmax([40.0, 0.0])[0])
    -4.248354255291589e-18
    """
    z = np.moveaxis(_as_logits(logits), axis, -1)
    top = z.argmax(axis=-1)[..., None]
    with np.errstate(over="ignore", under="ignore"):
        shifted = z - np.take_along_axis(z, top, axis=-1)
        e = np.exp(shifted)
        np.put_along_axis(e, top, 0.0, axis=-1)
        shifted -= np.log1p(e.sum(axis=-1, keepdims=True))
        if shifted.min() == -np.inf:
            # a difference of finite logits may be beyond the least number, which then stands for it
            np.copyto(shifted, -np.finfo(np.float64).max, where=np.isneginf(shifted) & np.isfinite(z))
    return np.moveaxis(shifted, -1, axis)


def _as_logits(logits: Any) -> Array:
    z = np.asarray(logits, dtype=np.float64)
    if z.ndim == 0 or z.size == 0:
        raise ValueError(f"logits must have a class axis with entries; got shape {z.shape}.")
    return z
