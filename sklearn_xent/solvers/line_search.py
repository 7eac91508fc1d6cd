"""How far towards a target: trials beyond the first are on cached logits, and read no X."""

from __future__ import annotations

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.factor import EPS
from sklearn_xent.problem.point import Line, Point

__all__ = ["SUFFICIENT", "TRIALS", "line_search"]

SUFFICIENT = 1e-4  # fraction of the predicted decrease that is enough (Armijo)
TRIALS = 60  # halvings that leave no digit of a step
STEEP = 0.5  # of the first slope: where more is left F's least value on the line is far beyond


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
        beyond = t
        t *= _shrinkage(point.value, promised, t, value)
        value, slope = line.evaluate(t)
        enough = value <= point.value + SUFFICIENT * t * promised + slack
        if enough and slope < STEEP * promised:
            t = _further(line, t, beyond, promised)
        if enough or (penalty.smooth and value <= point.value + noise and abs(slope) <= 0.9 * abs(promised)):
            return line.point(t), t
    return None, 0.0


def _further(line: Line, t: float, beyond: float, promised: float) -> float:
    """A part between t, where F falls steeply yet, and ``beyond``, where it rose, from which F falls no more.

    Rows far out make F along a line linear up to where one of them turns, which no parabola sees, and
    Armijo's condition holds anywhere before it. The tangents at both ends meet there. Wolfe's second
    condition: Nocedal and Wright (2006), Numerical Optimization, algorithm 3.6.
    """
    (value, slope), (end, rise) = line.evaluate(t), line.evaluate(beyond)
    for _ in range(TRIALS):
        width = beyond - t
        if slope > STEEP * promised or width <= 4 * EPS * t:
            break
        meet = 0.5 * width
        if slope < rise < np.inf:
            tangents = (value + rise * width - end) / (rise - slope)
            meet = float(np.clip(tangents, 0.001 * width, 0.999 * width))
        there, its_slope = line.evaluate(t + meet)
        if there > value or its_slope > STEEP * abs(promised):
            beyond, end, rise = t + meet, there, its_slope
        else:
            t, value, slope = t + meet, there, its_slope
    return t


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
