"""The estimator's parameters, checked when it is fitted."""

from __future__ import annotations

import inspect
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.utils import check_random_state

from sklearn_xent.arrays import Array
from sklearn_xent.problem.posing import Settings

__all__ = [
    "AdvisedParameters",
    "check_batch_parameters",
    "check_l1_ratio",
    "check_number",
    "check_parameters",
    "check_tol",
    "check_verbose",
    "checked_settings",
    "settings_of",
]


INSTEAD = {  # of parameters of scikit-learn's LogisticRegression and of its relatives
    "penalty": "the penalty is a ridge; l1_ratio=1 makes it a lasso, 0 < l1_ratio < 1 an elastic net, and "
    "C=np.inf leaves it out",
    "dual": "leave it out: auto chooses the form of the problem",
    "intercept_scaling": "leave it out: the intercept is not penalised",
    "multi_class": "leave it out: several classes are always fitted together, by softmax",
    "n_jobs": "leave it out: a fit uses all cores",
    "alpha": "write C=1 / alpha, or C=1 / (alpha * n_samples) where the loss is a mean",
}


class AdvisedParameters:
    """Mixin: a parameter that does not exist is refused with what to write instead."""

    __signature__: ClassVar[inspect.Signature]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        own = inspect.signature(cls.__init__)
        # that of __new__ would be shown in its place
        cls.__signature__ = own.replace(parameters=list(own.parameters.values())[1:])

    def __new__(cls, *args: Any, **parameters: Any) -> Self:
        """Refuse names that ``__init__`` does not have.

        Raises
        ------
        TypeError
            With the name, and what to write instead.
        """
        known = cls.__signature__.parameters
        for name in parameters.keys() - known.keys():
            instead = INSTEAD.get(name, f"it has {', '.join(known)}")
            raise TypeError(f"{cls.__name__} has no parameter {name!r}: {instead}.")
        return super().__new__(cls)


def check_parameters(estimator: Any) -> None:
    """Raise ValueError or TypeError for a parameter out of range, naming it, its value and the range."""
    _check_shared(estimator)
    check_tol(estimator.tol)
    _number(estimator, "max_iter", lambda v: v >= 0, "a non-negative integer", Integral)
    for name in ("prior_correction", "warm_start", "fit_intercept"):
        if not isinstance(value := getattr(estimator, name, True), bool | np.bool_):
            raise TypeError(f"{name} must be True or False; got {value!r}.")


def check_batch_parameters(estimator: Any) -> None:
    """The same for an estimator that learns from batches."""
    _check_shared(estimator)
    _number(estimator, "tol", lambda v: 0 <= v < np.inf, "finite and not negative")
    _number(estimator, "max_iter", lambda v: v >= 1, "a positive integer", Integral)
    _number(estimator, "n_iter_no_change", lambda v: v >= 1, "a positive integer", Integral)
    if estimator.batch_size is not None:
        _number(estimator, "batch_size", lambda v: v >= 1, "None or a positive integer", Integral)


def _check_shared(estimator: Any) -> None:
    _number(estimator, "C", lambda v: v > 0, "positive; np.inf is no penalty")
    check_l1_ratio(estimator.l1_ratio)
    _number(estimator, "label_smoothing", lambda v: 0 <= v < 1, "in [0, 1)")
    check_verbose(estimator.verbose)
    try:
        check_random_state(estimator.random_state)
    except ValueError as error:
        expected = "None, a non-negative integer or a numpy RandomState"
        raise ValueError(f"random_state must be {expected}; got {estimator.random_state!r}.") from error


def _number(estimator: Any, name: str, holds: Any, expected: str, kind: type = Real) -> None:
    check_number(name, getattr(estimator, name), holds, expected, kind)


def check_l1_ratio(l1_ratio: Any, name: str = "l1_ratio") -> None:
    """Raise TypeError or ValueError for a share of the l1 norm out of range."""
    check_number(name, l1_ratio, lambda v: 0 <= v <= 1, "in [0, 1]")


def check_tol(tol: Any) -> None:
    """Raise TypeError or ValueError for a tolerance that is not positive and finite."""
    check_number("tol", tol, lambda v: 0 < v < np.inf, "positive and finite")


def check_verbose(verbose: Any) -> None:
    """Raise TypeError or ValueError for what does not say how much is printed."""
    check_number("verbose", verbose, lambda v: v >= 0, "a non-negative integer", Integral)


def check_number(name: str, value: Any, holds: Any, expected: str, kind: type = Real) -> None:
    """Raise TypeError for what is no number of a kind, ValueError for one out of range."""
    if not isinstance(value, kind) or (isinstance(value, bool) and name != "verbose"):
        raise TypeError(f"{name} must be {expected}; got {value!r}.")
    if not holds(value):
        raise ValueError(f"{name} must be {expected}; got {value!r}.")


def settings_of(estimator: Any, n_features: int, *, l1_ratio: float | None = None) -> Settings:
    """Settings of an estimator's problem with this many columns; the l1_ratio is its own if none is given.

    Raises
    ------
    ValueError
        For factors, bounds or groups that are malformed; it names the entry.
    """
    return checked_settings(
        n_features,
        l1_ratio=estimator.l1_ratio if l1_ratio is None else l1_ratio,
        penalty_factor=estimator.penalty_factor,
        coef_bounds=estimator.coef_bounds,
        fit_intercept=estimator.fit_intercept,
        tol=estimator.tol,
        groups=estimator.groups,
    )


def checked_settings(
    n_features: int,
    *,
    l1_ratio: float,
    penalty_factor: Any,
    coef_bounds: Any,
    fit_intercept: bool,
    tol: float,
    groups: Any = None,
) -> Settings:
    """Settings of a problem with this many columns.

    Raises
    ------
    ValueError
        For factors, bounds or groups that are malformed; it names the entry.
    """
    factors, bounds = _penalty_factor(penalty_factor, n_features), _coef_bounds(coef_bounds, n_features)
    numbers = _groups(groups, n_features, factors)
    if numbers is not None and bounds is not None:
        raise ValueError("groups and coef_bounds cannot be combined: leave one of them None.")
    return Settings(l1_ratio, factors, bounds, fit_intercept, tol, numbers)


def _groups(groups: Any, n_features: int, factors: Array) -> Array | None:
    """Number (d,) of each column's group, or None.

    Raises
    ------
    ValueError
        If there is not one label a column, or columns of a group have different factors: it names the group.
    """
    if groups is None:
        return None
    if isinstance(groups, str):
        if groups != "columns":
            raise ValueError(f"groups must be 'columns' or a label for each column; got {groups!r}.")
        return np.arange(n_features)
    labels = np.empty(0, dtype=object) if not np.iterable(groups) else np.asarray(list(groups))
    if labels.shape != (n_features,):
        raise ValueError(
            f"groups must be 'columns' or a label for each of {n_features} columns; got {groups!r}."
        )
    try:
        distinct, numbers = np.unique(labels, return_inverse=True)
    except TypeError:
        raise ValueError(f"groups must be labels of one kind, which can be sorted; got {groups!r}.") from None
    least, most = np.full(len(distinct), np.inf), np.zeros(len(distinct))
    np.minimum.at(least, numbers, factors)
    np.maximum.at(most, numbers, factors)
    wrong = np.flatnonzero(least < most)
    if wrong.size:
        g = wrong[0]
        raise ValueError(
            f"penalty_factor must be the same for all columns of a group; got {least[g]:g} and {most[g]:g} "
            f"in group {distinct[g].item()!r}."
        )
    return np.asarray(numbers)


def _penalty_factor(penalty_factor: Any, n_features: int) -> Array:
    """Factors (d,) of the columns' penalties; None is 1 each.

    Raises
    ------
    ValueError
        If there is not one per column, or one is negative or not finite: it names the first.
    """
    if penalty_factor is None:
        return np.ones(n_features)
    try:
        factors = np.asarray(penalty_factor, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"penalty_factor must be numbers; got {penalty_factor!r}.") from None
    if factors.shape != (n_features,):
        raise ValueError(f"penalty_factor must have shape ({n_features},); got {factors.shape}.")
    wrong = np.flatnonzero(~(np.isfinite(factors) & (factors >= 0)))
    if wrong.size:
        j = wrong[0]
        raise ValueError(f"penalty_factor must be finite and not negative; got {factors[j]} at entry {j}.")
    return factors


def _coef_bounds(coef_bounds: Any, n_features: int) -> tuple[Array, Array] | None:
    """Lower and upper bounds (d,) of the coefficients, or None; a missing bound is infinite.

    Raises
    ------
    ValueError
        If it is neither one pair nor a pair per column, or a pair holds no number: it names the first.
    """
    if coef_bounds is None:
        return None
    pairs = list(coef_bounds) if np.iterable(coef_bounds) else []
    if len(pairs) == 2 and not any(np.iterable(end) for end in pairs):
        pairs = [tuple(pairs)] * n_features
    if len(pairs) != n_features:
        raise ValueError(
            f"coef_bounds must be one pair (lower, upper) or {n_features} of them, one per column, with None "
            f"for no bound; got {coef_bounds!r}."
        )
    lower, upper = np.empty(n_features), np.empty(n_features)
    for j, pair in enumerate(pairs):
        try:
            low, high = pair
            lower[j] = -np.inf if low is None else low
            upper[j] = np.inf if high is None else high
        except (TypeError, ValueError):
            raise ValueError(
                f"coef_bounds must hold pairs (lower, upper); got {pair!r} at entry {j}."
            ) from None
        if not (lower[j] <= upper[j] and lower[j] < np.inf and upper[j] > -np.inf):
            raise ValueError(f"coef_bounds must have lower <= upper; got {pair!r} at entry {j}.")
    return lower, upper
