"""Scores of a grid of strengths as an estimator asks for them: by leave-one-out, or by folds."""

from __future__ import annotations

from typing import Any

from sklearn_xent.arrays import Array
from sklearn_xent.callbacks import Task
from sklearn_xent.cross_validation.data import Data, Results
from sklearn_xent.cross_validation.folds import by_folds
from sklearn_xent.cross_validation.leave_one_out import by_leave_one_out
from sklearn_xent.isolation import warn_caller
from sklearn_xent.solvers.leave_one_out import TooManyCoefficients

__all__ = ["scores_of"]


def scores_of(
    estimator: Any, data: Data, grid: Array, ratios: Array, groups: Any, task: Task | None = None
) -> Results:
    """Scores of the grid; ``cv=None`` is leave-one-out, or folds where that is too large, with a warning.

    Each is a subtask of the task.
    """
    if estimator.cv is None and estimator.groups is None:
        try:
            return by_leave_one_out(estimator, data, grid, ratios, task)
        except TooManyCoefficients as error:
            warn_caller(UserWarning(f"{error}: cv=5 is used in its place."))
    return by_folds(estimator, data, grid, ratios, groups, task)
