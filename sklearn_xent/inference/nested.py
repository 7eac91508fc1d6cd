"""Two fits of the same rows, one a special case of the other: does the larger fit better than by chance?"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg

from sklearn_xent.arrays import Array
from sklearn_xent.inference.hypothesis_tests import ChiSquared, chi_squared
from sklearn_xent.inference.likelihood import Likelihood
from sklearn_xent.inference.wald import Inference

__all__ = ["compare_nested"]


def compare_nested(restricted: Inference, full: Inference) -> ChiSquared:
    """Likelihood-ratio test of two nested fits: twice the gain in log-likelihood, and its degrees of freedom.

    The restricted model is a special case of the full one where its features are linear combinations of the
    other's (and so is a difference of the offsets, by which a coefficient may be held at a value). Then twice
    the gain is chi-squared as the samples become many, if the restricted model is right [1]_: the test relies
    on the model, whatever covariance was asked of `infer`.

    Parameters
    ----------
    restricted, full : Inference
        What `infer` returns for fits without a penalty, of the same samples in the same order, labels and
        weights.

    Returns
    -------
    test : ChiSquared
        Its degrees of freedom are the coefficients that the full model has more.

    Raises
    ------
    TypeError
        For what is no `Inference`.
    ValueError
        For a fit with a penalty, other labels, weights or numbers of samples, and models that are not nested,
        with the features that the full one lacks.

    See Also
    --------
    Inference.wald_test : Asks the same of the full fit alone.
    compare_losses : Compares any two forecasts of samples that neither has been fitted on.

    References
    ----------
    .. [1] Wilks, S. S. (1938), "The large-sample distribution of the likelihood ratio for testing composite
       hypotheses", Ann. Math. Stat. 9(1).

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn_xent import CrossEntropyClassifier, compare_nested, infer
    >>> X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    >>> few, more = X[["mean texture"]], X[["mean texture", "mean symmetry"]]
    >>> a, b = (infer(CrossEntropyClassifier(C=np.inf).fit(Z, y), Z, y) for Z in (few, more))
    >>> test = compare_nested(a, b)
    >>> test.df, round(test.statistic, 2)
    (1, 64.68)
    """
    for name, one in (("restricted", restricted), ("full", full)):
        if not isinstance(one, Inference):
            raise TypeError(f"{name} must be what infer(model, X, y) returns; got {type(one).__name__}.")
        if one.penalized:
            raise ValueError(
                f"the likelihood-ratio test is for fits without a penalty (C=np.inf); {name} has one."
            )
    small, large = restricted._likelihood, full._likelihood
    _check_same_rows(small, large)
    _check_nested(small, large)
    df = large.slopes.size - small.slopes.size
    if df == 0:
        raise ValueError("restricted and full are the same model: their columns span the same space.")
    return chi_squared(2 * (full.log_likelihood - restricted.log_likelihood), df)


def _check_same_rows(small: Likelihood, large: Likelihood) -> None:
    """Raise ValueError unless both were fitted to the same labels and weights."""
    for name, a, b in (
        ("classes", small.targets.classes, large.targets.classes),
        ("numbers of rows", [len(small.weights)], [len(large.weights)]),
        ("labels", small.values, large.values),
        ("weights", small.weights, large.weights),
    ):
        if not np.array_equal(a, b):
            raise ValueError(f"restricted and full must be fitted to the same rows; their {name} differ.")


def _check_nested(small: Likelihood, large: Likelihood) -> None:
    """Raise ValueError unless columns of the one, and the offset it has more, are those of the other."""
    used = large.weights > 0
    Q = scipy.linalg.qr(large.A[used], mode="economic")[0]
    names = [f"column {name!r}" for name in small.names[: len(small.scale)]]
    names += ["the intercept"] * small.intercept
    columns = small.A[used]
    if small.intercept and _beyond(Q, columns[:, -1:]).any():
        columns = columns + np.append(small.shift * small.scale, 0.0)  # as they are, not less their means
    lacking = _beyond(Q, columns)
    if lacking.any():
        which = ", ".join(names[j] for j in np.flatnonzero(lacking)[:5])
        hint = ""
        if not _beyond(scipy.linalg.qr(small.A[used], mode="economic")[0], large.A[used]).any():
            hint = " The other way round they are nested: pass the smaller model first."
        raise ValueError(
            f"restricted must be a special case of full, but {which} of restricted is no linear combination "
            f"of the columns of full.{hint}"
        )
    shift = _offset(large) - _offset(small)
    if _beyond(Q, shift.T[used]).any():
        raise ValueError(
            "restricted must be a special case of full, but their offsets differ by what is no linear "
            "combination of the columns of full."
        )


def _offset(problem: Likelihood) -> Array:
    """Offset of the logits less the first class's, (K - 1, n)."""
    if problem.offset is None:
        return np.zeros((problem.K - 1, len(problem.A)))
    return np.asarray(problem.offset if problem.K == 2 else problem.offset[1:] - problem.offset[:1])


def _beyond(Q: Array, columns: Array) -> Array:
    """Which columns (n, m) are not in the span of orthonormal ones (n, r), but for rounding."""
    sizes = np.linalg.norm(columns, axis=0)
    units = columns / np.where(sizes > 0, sizes, 1.0)
    rest: Any = np.linalg.norm(units - Q @ (Q.T @ units), axis=0)
    return np.asarray(rest > np.sqrt(np.finfo(float).eps))
