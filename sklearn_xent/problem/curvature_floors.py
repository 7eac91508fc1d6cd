"""Floors of the rows' curvature, for steps that no quadratic model at the point itself can take.

A row that is certain and wrong has a slope and next to no curvature, one that is certain and right has
neither: a Newton step may take either across by any length, and what its loss is there is all that a line
search sees. Where most rows are such the model promises more than F is worth, and each step ends at 1e-6 of
the way. Then a row whose loss at the step's end is above its model gets the curvature of probabilities that
are no smaller than a floor: at 1 they are equal, which bounds its curvature but for a factor (Bohning 1992,
Ann. Inst. Stat. Math. 44(1)). Floors fall while the model promises what can be, so that near the minimum it
is Newton's.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.problem.losses import Loss
from sklearn_xent.problem.point import Point
from sklearn_xent.rows import Block, PerRow

__all__ = ["CurvatureFloors"]

SHORT = 0.1  # part of the way to a step's end below which rows are to blame, where the model is absurd
# A row's first floor, relative to equal probabilities; the factor by which it rises, and falls after another
# step; a floor of LEAST^4 is none.
LEAST, FACTOR = 1e-3, 10


class CurvatureFloors:
    """Floors of the rows, none to begin with; ``model`` has them in its Hessian."""

    def __init__(self) -> None:
        self._floors: PerRow | None = None

    def __bool__(self) -> bool:
        return self._floors is not None

    def model(self, point: Point) -> Point:
        """The point, with the curvature that rows with a floor are to have."""
        return point if self._floors is None else point.plain.floored(self._floors)

    def learn(self, model: Point, target: Array, promised: float, part: float) -> None:
        """From a step that promised so many nats, and its part that was taken: raise or lower floors."""
        model = model.plain
        sweep, loss = model.objective.rows.sweep, model.objective.loss
        if part < SHORT and promised > model.value:
            change = model.objective.logits(target - model.coefficients)
            args = model.logits, model.expansion, change, self._floors, loss
            _, (self._floors,) = sweep(_raised, *args, reads=False)
        elif self._floors is not None:
            (any_left,), (floors,) = sweep(_lowered, self._floors, reads=False)
            self._floors = floors if any_left else None


def _raised(block: Block, logits: Array, e: Any, change: Array, floors: Array | None, loss: Loss) -> Any:
    """Floors (n,), higher where the loss after a change of the logits is above its quadratic model."""
    slope = e.residual + 0.5 * e.curvature_product(change)
    promised = np.einsum("kn,kn->n", slope, change)
    above = loss.expand(logits + change, block.targets).value - e.value > promised
    old = np.zeros(len(above)) if floors is None else floors
    return (), (np.where(above, np.clip(FACTOR * old, LEAST, 1.0), old),)


def _lowered(block: Block, floors: Array) -> Any:
    lower = np.where(floors > FACTOR * LEAST**4, floors / FACTOR, 0.0)
    return (int(np.count_nonzero(lower)),), (lower,)
