"""One fit of a classifier: parameters -> problem -> solution -> attributes. No numerics."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from sklearn_xent.arrays import Array
from sklearn_xent.callbacks import Iterations, Task, with_callbacks
from sklearn_xent.intake import dense, training_rows
from sklearn_xent.parameters import check_parameters, settings_of
from sklearn_xent.problem.losses import loss_for
from sklearn_xent.problem.moments import moments_of
from sklearn_xent.problem.objective import Objective
from sklearn_xent.problem.point import Point
from sklearn_xent.problem.posing import pose
from sklearn_xent.progress import print_progress
from sklearn_xent.rows.array_api import beside, to_numpy
from sklearn_xent.solvers.fit import Fit, fit
from sklearn_xent.solvers.history import History
from sklearn_xent.solvers.tolerance import goal
from sklearn_xent.targets import Targets

__all__ = ["fitted_attributes"]


def fitted_attributes(
    estimator: Any, X: Any, y: Any, sample_weight: Any = None, offset: Any = None
) -> tuple[dict[str, Any], ConvergenceWarning | None]:
    """The attributes of a fit, and what to warn of; the estimator stays as it is."""
    check_parameters(estimator)
    # validate_data and callbacks write on the estimator they are given; a fit that fails must not have.
    return _fitted(copy.copy(estimator), X, y, sample_weight, offset)


@with_callbacks
def _fitted(
    estimator: Any, X: Any, y: Any, sample_weight: Any, offset: Any
) -> tuple[dict[str, Any], ConvergenceWarning | None]:
    rows, targets, names = training_rows(estimator, X, y, sample_weight, offset)
    settings = settings_of(estimator, rows.n_features)
    task = Task.root(estimator, X, y, sample_weight, estimator.max_iter + 1)
    iterations = Iterations(task)
    fitted: dict[str, Any] = {"classes_": targets.classes, "n_features_in_": rows.n_features}
    with rows:
        moments, total = moments_of(rows, names), targets.total
        # a subclass may have a loss of its own: see docs/extend.rst
        loss = getattr(estimator, "_loss", loss_for)(len(targets.classes))
        objective = pose(rows, moments, loss, 1 / (estimator.C * total), settings, names, total=total)

        def report(solver: str, point: Point, history: History) -> bool:
            if estimator.verbose:
                print_progress(solver, history, goal(point, estimator.tol))
            return iterations.next(
                lambda: fitted | _coefficients(estimator, targets, *objective.to_original(point.coefficients))
            )

        found = fit(
            objective,
            _start(estimator, objective, targets.classes),
            solver=estimator.solver,
            random_state=estimator.random_state,
            tol=estimator.tol,
            max_iter=estimator.max_iter,
            names=names,
            bounds=settings.bounds,
            report=report,
        )
    fitted |= _coefficients(estimator, targets, found.coef, found.intercept) | _course(found)
    iterations.end(lambda: fitted)
    task.end(lambda: fitted)
    fitted |= _beside_data(X, y, fitted, names)
    return fitted, found.warning


def _start(estimator: Any, objective: Objective, classes: Array) -> Array:
    """Zero, or the last fit's coefficients where they are of the same problem."""
    start = np.clip(objective.design.zeros(objective.shape[0]), *objective.penalty.bounds)
    if not (estimator.warm_start and hasattr(estimator, "coef_")):
        return start
    coef, same = dense(estimator.coef_), np.array_equal(to_numpy(estimator.classes_), classes)
    if not same or coef.shape != (objective.shape[0], objective.shape[1] - 1):
        return start
    warm = start.copy()
    warm[:] = objective.from_original(coef, to_numpy(estimator.intercept_))
    # of other data, they may be where every row is certain and wrong, and no slope shows a way back
    return warm if objective.at(warm).value <= objective.at(start).value else start


def _coefficients(estimator: Any, targets: Targets, coef: Array, intercept: Array) -> dict[str, Any]:
    """The attributes that predict, corrected for the class weights if the estimator says so."""
    if estimator.prior_correction:
        intercept = targets.without_class_weights(intercept)
    return {"coef_": coef, "intercept_": intercept}


def _course(found: Fit) -> dict[str, Any]:
    """The attributes that say how a fit went."""
    solution = found.solution
    return {
        "n_iter_": len(solution.history) - 1,
        "converged_": found.warning is None,
        "optimality_gap_": solution.gap.nats,
        "optimality_gap_kind_": solution.gap.kind.value,
        "solver_": found.solver,
        "history_": solution.history.to_dict(),
    }


def _beside_data(X: Any, y: Any, fitted: dict[str, Any], names: Any) -> dict[str, Any]:
    """What lies where X and y do, and the names of the columns, where there are any."""
    there = {name: beside(X, fitted[name]) for name in ("coef_", "intercept_")}
    there["classes_"] = beside(y, fitted["classes_"])
    return there if names is None else there | {"feature_names_in_": names}
