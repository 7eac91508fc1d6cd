"""How far along a direction: on cached logits, so that a trial reads no X."""

from __future__ import annotations

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.problem.point import Line, Point

__all__ = ["approach", "descend", "step_towards"]

SUFFICIENT = 1e-4  # fraction of the predicted decrease that is enough (Armijo)
TRIALS = 60  # halving that often leaves no digit of the step


def descend(point: Point, direction: Array, *, step: float = 1.0) -> tuple[Point | None, float]:
    """Step along a descent direction: the new point (None if no step descends) and the step length."""
    slope = float((point.gradient * direction).sum())
    if not slope < 0:
        return None, 0.0
    line = point.line(direction)
    t = _search(line, slope, step)
    return (None, 0.0) if t is None else (line.point(t), t)


def step_towards(point: Point, end: Point) -> Point | None:
    """The end if it descends enough, else a point before it on the line there; None if none descends."""
    direction = end.coefficients - point.coefficients
    slope = float((point.gradient * direction).sum())
    if not slope < 0:
        return None
    if _accepts(point, slope, 1.0, end.value, float((end.gradient * direction).sum())):
        return end
    line = Line.through(point, end)
    t = _search(line, slope, _shrinkage(point.value, slope, 1.0, end.value))
    return None if t is None else line.point(t)


def _search(line: Line, slope: float, t: float) -> float | None:
    for _ in range(TRIALS):
        value, new_slope = line.evaluate(t)
        if _accepts(line.origin, slope, t, value, new_slope):
            return t
        t *= _shrinkage(line.origin.value, slope, t, value)
    return None


def _accepts(point: Point, slope: float, t: float, value: float, new_slope: float) -> bool:
    """Armijo's condition; or, where differences of F are lost to rounding, a slope that has shrunk.

    The second is the approximate Wolfe condition of Hager and Zhang (2005), SIAM J. Optim. 16(1).
    """
    if value <= point.value + SUFFICIENT * t * slope:
        return True
    noise = 8 * point.objective.value_eps * abs(point.value)
    return bool(value <= point.value + noise and abs(new_slope) <= 0.9 * abs(slope))


def _shrinkage(start: float, slope: float, t: float, value: float) -> float:
    """Minimiser of the parabola through both values and the first slope, kept within [0.1, 0.5]."""
    bend = value - start - slope * t
    if not np.isfinite(bend) or bend <= 0:
        return 0.1 if not np.isfinite(bend) else 0.5
    return float(np.clip(-slope * t / (2 * bend), 0.1, 0.5))


def approach(point: Point, target: Array, *, part_of_the_way: bool = True) -> Point | None:
    """With kinks and bounds: the target if it descends enough, else a point before it; None if none does.

    Enough is a fraction of what the slope and the penalty promise: Lee, Sun and Saunders (2014), SIAM J.
    Optim. 24(3), eq. 2.21.
    """
    penalty, W = point.objective.penalty, point.coefficients
    promised = penalty.change(W, point.gradient, target)
    if not promised < 0:
        return None
    noise = 8 * point.objective.value_eps * abs(point.value)
    new = point.objective.at(target)
    if new.value <= point.value + SUFFICIENT * promised + noise:
        # below rounding the value cannot judge: the least-norm subgradient must
        judged = abs(promised) >= noise or new.steepness < 0.9 * point.steepness
        return new if judged else None
    if not part_of_the_way:
        return None
    line, t = Line.through(point, new), 0.5
    while t > 1e-12:
        value, _ = line.evaluate(t)
        if value <= point.value + SUFFICIENT * t * promised + noise:
            return line.point(t)
        t /= 2
    return None
