"""The grid of C: what a user gives, or one that starts where the penalty holds every coefficient at zero."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils.validation import column_or_1d

from sklearn_xent.arrays import Array
from sklearn_xent.problem.objective import Objective
from sklearn_xent.problem.point import Point
from sklearn_xent.problem.posing import Settings, penalty_of
from sklearn_xent.solvers.path import follow

__all__ = ["check_Cs", "default_grid"]

SPAN, SPAN_WIDE = 1e3, 1e2  # of the default grid; with fewer rows than columns the end of it overfits
LEAST_L1_RATIO = 1e-3  # for which ridge's grid starts where no coefficient of such an elastic net would


def check_Cs(Cs: Any) -> Array | int:
    """Return a grid as an array of positive numbers, or how many values a default grid shall have.

    Raises
    ------
    ValueError
        If it is empty, or a value is not positive: it names the first.
    """
    if isinstance(Cs, Integral) and not isinstance(Cs, bool):
        if Cs < 1:
            raise ValueError(f"Cs must be at least 1 value; got {Cs}.")
        return int(Cs)
    grid = column_or_1d(np.atleast_1d(Cs), dtype=np.float64)
    wrong = np.flatnonzero(~(grid > 0))
    if not grid.size or wrong.size:
        got = f"{grid[wrong[0]]} at entry {wrong[0]}" if wrong.size else "none"
        raise ValueError(f"Cs must be positive numbers; got {got}.")
    return np.asarray(grid)


def default_grid(objective: Objective, n_Cs: int, settings: Settings, strength: float) -> Array:
    """From the largest C that keeps every penalised coefficient at zero, evenly spaced in the logarithm."""
    design, ratio = objective.design, settings.l1_ratio
    if settings.groups is None:
        ratio = max(ratio, LEAST_L1_RATIO)
    unit = penalty_of(design, 1.0, settings._replace(l1_ratio=ratio, bounds=None))
    held = unit.selects
    if not held.any():
        raise ValueError(
            "Cs must be given: penalty_factor leaves nothing that a default grid could start from."
        )
    largest = unit.least_multiple(_null_model(objective, held).loss_gradient)
    # less by more than rounding, so that the first model is empty
    first = (1 - 1e-4) * strength / (largest or 1.0)
    span = SPAN if objective.rows.n_rows >= len(design.scale) else SPAN_WIDE
    return first * np.geomspace(1, span, n_Cs)


def _null_model(objective: Objective, held: Array) -> Point:
    """The optimum with the penalised coefficients at zero."""
    (found,) = follow(objective, [objective.penalty.holding(held)], tol=1e-14, max_iter=100)
    return found.solution.point
