"""How far along a direction: on cached logits, so that a trial reads no X."""

from __future__ import annotations

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.problem.objective import Point

__all__ = ["descend"]

SUFFICIENT = 1e-4  # fraction of the predicted decrease that is enough (Armijo)
TRIALS = 60  # halving that often leaves no digit of the step


def descend(
    point: Point, direction: Array, *, step: float = 1.0, lengthen: bool = False
) -> tuple[Point | None, float]:
    """Step along a descent direction: the new point (None if no step descends) and the step length.

    Near the minimum, where differences of F are lost to rounding, a step whose slope has shrunk is accepted
    instead: the approximate Wolfe condition of Hager and Zhang (2005), SIAM J. Optim. 16(1), section 2.
    ``lengthen`` also tries longer steps while they descend, for directions without a natural length.
    """
    slope = float((point.gradient * direction).sum())
    if not slope < 0:
        return None, 0.0
    line = point.line(direction)
    noise = 8 * np.finfo(float).eps * abs(point.value)

    def accepts(t: float, value: float, new_slope: float) -> bool:
        if value <= point.value + SUFFICIENT * t * slope:
            return True
        return value <= point.value + noise and abs(new_slope) <= 0.9 * abs(slope)

    t = step
    for _ in range(TRIALS):
        value, new_slope = line.evaluate(t)
        if accepts(t, value, new_slope):
            break
        t *= _shrinkage(point.value, slope, t, value)
    else:
        return None, 0.0
    while lengthen and new_slope < 0.1 * slope:
        longer, longer_slope = line.evaluate(2 * t)
        if not longer < value:
            break
        t, value, new_slope = 2 * t, longer, longer_slope
    return line.point(t), t


def _shrinkage(start: float, slope: float, t: float, value: float) -> float:
    """Minimiser of the parabola through both values and the first slope, kept within [0.1, 0.5]."""
    bend = value - start - slope * t
    if not np.isfinite(bend) or bend <= 0:
        return 0.1 if not np.isfinite(bend) else 0.5
    return float(np.clip(-slope * t / (2 * bend), 0.1, 0.5))
