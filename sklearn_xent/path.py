"""The optimum along a grid of strengths: one problem, many penalties."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_array

from sklearn_xent.arrays import Array
from sklearn_xent.callbacks import Task
from sklearn_xent.grid import check_Cs, default_grid
from sklearn_xent.intake import ACCEPTED, refuse_what_is_elsewhere, text_named
from sklearn_xent.isolation import isolated, warn_caller
from sklearn_xent.parameters import check_l1_ratio, check_tol, check_verbose, checked_settings
from sklearn_xent.problem.losses import loss_for
from sklearn_xent.problem.moments import moments_of
from sklearn_xent.problem.objective import Objective
from sklearn_xent.problem.point import Point
from sklearn_xent.problem.posing import Settings, penalty_of, pose
from sklearn_xent.progress import print_optimum
from sklearn_xent.rows import Rows, as_rows
from sklearn_xent.solvers.path import follow
from sklearn_xent.solvers.solve import Solution
from sklearn_xent.targets import Targets, check_offset, encode_targets

__all__ = [
    "CrossEntropyPath",
    "PathPoint",
    "check_Cs",
    "cross_entropy_path",
    "gathered",
    "summary_of",
    "walk",
]

SHOWN = 5  # failures that a warning names


@dataclass(frozen=True)
class CrossEntropyPath:
    """Optima along a grid of C: what `cross_entropy_path` returns.

    Attributes
    ----------
    Cs : ndarray of shape (n_Cs,)
        The inverse strengths, as given.
    coefs : ndarray of shape (n_Cs, n_logits, n_features)
        Coefficients; one logit for two classes, else one for each class.
    intercepts : ndarray of shape (n_Cs, n_logits)
        Intercepts.
    losses : ndarray of shape (n_Cs,)
        Weighted mean loss of the training samples, in nats, without the penalty.
    gaps : ndarray of shape (n_Cs,)
        How far the mean objective may be above its minimum, in nats: ``optimality_gap_`` of a fit.
    n_nonzero : ndarray of shape (n_Cs,)
        Features with a nonzero coefficient.
    converged : ndarray of shape (n_Cs,)
        Whether the relative gap is at most ``tol``.
    classes : ndarray of shape (n_classes,)
        Labels, sorted.
    failures : tuple of (float, ConvergenceWarning)
        C and warning of each fit that did not converge.
    """

    Cs: Array
    coefs: Array
    intercepts: Array
    losses: Array
    gaps: Array
    n_nonzero: Array
    converged: Array
    classes: Array
    failures: tuple[tuple[float, ConvergenceWarning], ...] = ()


class PathPoint(NamedTuple):
    """One optimum: C, solution, coefficients in the units of X, what to warn of, what was measured at it."""

    C: float
    solution: Solution
    coef: Array
    intercept: Array
    warning: ConvergenceWarning | None
    measured: Any


@isolated
def cross_entropy_path(
    X: Any,
    y: Any,
    *,
    Cs: Any = 100,
    l1_ratio: float = 1.0,
    fit_intercept: bool = True,
    class_weight: Any = None,
    penalty_factor: Any = None,
    groups: Any = None,
    coef_bounds: Any = None,
    sample_weight: Any = None,
    offset: Any = None,
    solver: str = "auto",
    tol: float = 1e-6,
    max_iter: int = 1000,
    random_state: Any = None,
    verbose: int = 0,
) -> CrossEntropyPath:
    """Fit along a grid of C, each fit starting from the one before.

    Parameters
    ----------
    X : array-like or sparse matrix of shape (n_samples, n_features)
        Samples.
    y : array-like of shape (n_samples,) or (n_samples, n_classes)
        Labels, or soft labels.
    Cs : int or array-like of shape (n_Cs,), default=100
        The grid; a number is that many values, evenly spaced in the logarithm, from the largest C at which
        all penalised coefficients are zero to 1000 times that (100 times, with fewer samples than features).
    l1_ratio : float in [0, 1], default=1.0
        Share of the l1 norm in the penalty. Below 0.001 the default grid starts as for 0.001.
    fit_intercept, class_weight, penalty_factor, groups, coef_bounds, solver, tol, max_iter, random_state
        As for `CrossEntropyClassifier`; with ``groups``, an ``l1_ratio`` of 0 is the group lasso.
    sample_weight, offset : array-like, default=None
        As for ``CrossEntropyClassifier.fit``.
    verbose : int, default=0
        If positive, print a line for each optimum.

    Returns
    -------
    path : CrossEntropyPath
        The optima, in the order of ``Cs``.

    Raises
    ------
    ValueError
        For what is out of range, as `CrossEntropyClassifier` does.

    Warns
    -----
    ConvergenceWarning
        Once, if some fits did not converge: how many, at which C, and why the first did not.
    SeparationWarning
        The same where all of them have no finite optimum.

    See Also
    --------
    CrossEntropyClassifierCV : Chooses C. It is an estimator, for which scikit-learn's callbacks can be set:
        they see each optimum of its paths.
    RegularizationPathDisplay : Draws the path.

    References
    ----------
    .. [1] Friedman, J., Hastie, T. and Tibshirani, R. (2010), "Regularization paths for generalized linear
       models via coordinate descent", J. Stat. Softw. 33(1).

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn_xent import cross_entropy_path
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> path = cross_entropy_path(X, y, Cs=5)
    >>> path.n_nonzero.tolist()
    [0, 1, 1, 2, 4]
    """
    check_l1_ratio(l1_ratio)
    check_tol(tol)
    refuse_what_is_elsewhere(X, "cross_entropy_path")
    with text_named(X):  # values that are not finite are found by the first sweep
        X = check_array(X, ensure_all_finite=False, **ACCEPTED)
    targets = encode_targets(y, X.shape[0], sample_weight=sample_weight, class_weight=class_weight)
    settings = checked_settings(
        X.shape[1],
        l1_ratio=l1_ratio,
        penalty_factor=penalty_factor,
        coef_bounds=coef_bounds,
        fit_intercept=fit_intercept,
        tol=tol,
        groups=groups,
    )
    offset = check_offset(offset, X.shape[0], len(targets.classes))
    options = {"solver": solver, "max_iter": max_iter, "random_state": random_state, "verbose": verbose}
    path = gathered(list(walk(X, targets, offset, check_Cs(Cs), settings, **options)), targets.classes)
    if path.failures:
        warn_caller(summary_of([(f"C={C:g}", warning) for C, warning in path.failures], len(path.Cs)))
    return path


def summary_of(failures: list[tuple[str, ConvergenceWarning]], n_fits: int) -> ConvergenceWarning:
    """One warning for all fits that deserve one: how many, where, and what the first says."""
    where = ", ".join(place for place, _ in failures[:SHOWN])
    more = f" and {len(failures) - SHOWN} more" if len(failures) > SHOWN else ""
    place, first = failures[0]
    kind = type(first) if len({type(warning) for _, warning in failures}) == 1 else ConvergenceWarning
    return kind(f"{len(failures)} of {n_fits} fits did not converge: {where}{more}. At {place}: {first}")


def gathered(points: list[PathPoint], classes: Array) -> CrossEntropyPath:
    """The points of a walk as arrays."""
    return CrossEntropyPath(
        Cs=np.array([p.C for p in points]),
        coefs=np.array([p.coef for p in points]),
        intercepts=np.array([p.intercept for p in points]),
        losses=np.array([p.solution.point.loss for p in points]),
        gaps=np.array([p.solution.gap.nats for p in points]),
        n_nonzero=np.array([int((p.coef != 0).any(axis=0).sum()) for p in points]),
        converged=np.array([p.warning is None for p in points]),
        classes=classes,
        failures=tuple((p.C, p.warning) for p in points if p.warning is not None),
    )


def walk(
    X: Any,
    targets: Targets,
    offset: Array | None,
    Cs: Array | int,
    settings: Settings,
    *,
    names: Any = None,
    prior_correction: bool = False,
    verbose: int = 0,
    measure: Callable[[Point, dict[str, Any]], Any] | None = None,
    task: Task | None = None,
    **options: Any,
) -> Iterator[PathPoint]:
    """Optima in the order of Cs; they are found from the strongest penalty to the weakest.

    ``measure(point, memory)`` is called at each optimum, while the rows are at hand. Each is a subtask of the
    ``task``. The options are the solver's: ``solver``, ``max_iter``, ``random_state``.
    """
    check_verbose(verbose)
    with as_rows(X, targets.values, targets.weights / targets.total, offset) as rows:
        Cs, strengths, objective = _posed(rows, targets, Cs, settings, names)
        order = np.argsort(-strengths, kind="stable")
        penalties = [penalty_of(objective.design, strength, settings) for strength in strengths[order]]
        found: dict[int, PathPoint] = {}
        memory: dict[str, Any] = {}
        options |= {"tol": settings.tol, "names": names, "bounds": settings.bounds}
        fits = follow(objective, penalties, memory=memory, **options)
        for i in order.tolist():
            with (task or Task()).start("optimum") as optimum:
                fit = next(fits)
                if verbose:
                    print_optimum(float(Cs[i]), settings.l1_ratio, fit.solver, fit.solution.history)
                b = targets.without_class_weights(fit.intercept) if prior_correction else fit.intercept
                measured = None if measure is None else measure(fit.solution.point, memory)
                found[i] = PathPoint(float(Cs[i]), fit.solution, fit.coef, b, fit.warning, measured)
                optimum.end(partial(_predicting, found[i], targets.classes))
        yield from (found[i] for i in range(len(Cs)))


def _predicting(point: PathPoint, classes: Array) -> dict[str, Any]:
    """What predicts as the point does, as attributes of an estimator."""
    known = {"coef_": point.coef, "intercept_": point.intercept}
    return known | {"classes_": classes, "n_features_in_": point.coef.shape[1]}


def _posed(
    rows: Rows, targets: Targets, Cs: Array | int, settings: Settings, names: Any
) -> tuple[Array, Array, Objective]:
    """The grid, the strength of each penalty beside the mean loss, and the problem of the weakest one."""
    total, moments = targets.total, moments_of(rows, names)
    loss = loss_for(len(targets.classes))
    pose_at = partial(pose, rows, moments, loss, settings=settings, names=names, total=total)
    if isinstance(Cs, int):
        # a design for a penalty that is neither strong nor weak will do for the slopes of the null model
        Cs = default_grid(pose_at(1 / total), Cs, settings, 1 / total)
    strengths = 1 / (Cs * total)
    # One design for all, that of the weakest penalty: then optima and slopes carry over.
    return Cs, strengths, pose_at(strengths.min())
