"""How far towards a target: trials beyond the first are on cached logits, and read no X."""

from __future__ import annotations

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.problem.point import Line, Point

__all__ = ["SUFFICIENT", "TRIALS", "line_search"]

SUFFICIENT = 1e-4  # fraction of the predicted decrease that is enough (Armijo)
TRIALS = 60  # halvings that leave no digit of a step


def line_search(point: Point, target: Array, *, part_of_the_way: bool = True) -> tuple[Point | None, float]:
    """The target, if it descends enough, else a point before it; and its part of the way. None if none does.

    Enough is a fraction of what slopes and penalty promise: Armijo's condition, and with kinks and bounds
    that of Lee, Sun and Saunders (2014), SIAM J. Optim. 24(3), eq. 2.21. Where differences of F are lost to
    rounding, slopes must have shrunk: Hager and Zhang (2005), SIAM J. Optim. 16(1), the approximate Wolfe
    condition.
    """
    penalty = point.objective.penalty
    promised = penalty.change(point.coefficients, point.gradient, target)
    if not promised < 0:
        return None, 0.0
    noise = 8 * point.objective.value_eps * abs(point.value)
    end = point.objective.at(target)
    if end.value <= point.value + SUFFICIENT * promised:
        return end, 1.0
    if end.value <= point.value + noise and _have_shrunk(point, end, promised):
        return end, 1.0
    # a convex penalty promises at least a part of what it does for the whole way
    slack = 0.0 if penalty.smooth else noise
    if not penalty.smooth and end.value <= point.value + SUFFICIENT * promised + noise:
        return (end, 1.0) if abs(promised) >= noise else (None, 0.0)
    if not part_of_the_way:
        return None, 0.0
    line, t, value = Line.through(point, end), 1.0, end.value
    for _ in range(TRIALS):
        t *= _shrinkage(point.value, promised, t, value)
        value, slope = line.evaluate(t)
        enough = value <= point.value + SUFFICIENT * t * promised + slack
        if enough or (penalty.smooth and value <= point.value + noise and abs(slope) <= 0.9 * abs(promised)):
            return line.point(t), t
    return None, 0.0


def _have_shrunk(point: Point, end: Point, promised: float) -> bool:
    """Whether slopes are less at the end: that along the line, or with kinks the least-norm subgradient."""
    if not point.objective.penalty.smooth:
        return end.steepness < 0.9 * point.steepness
    slope = float((end.gradient * (end.coefficients - point.coefficients)).sum())
    return abs(slope) <= 0.9 * abs(promised)


def _shrinkage(start: float, slope: float, t: float, value: float) -> float:
    """Minimiser of the parabola through both values and the first slope, kept within [0.1, 0.5]."""
    bend = value - start - slope * t
    if not np.isfinite(bend) or bend <= 0:
        return 0.1 if not np.isfinite(bend) else 0.5
    return float(np.clip(-slope * t / (2 * bend), 0.1, 0.5))
