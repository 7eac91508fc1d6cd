"""The one loop of the methods: each is a local model of F, which says what it knows at a point and steps."""

from __future__ import annotations

from typing import Any, Protocol

from sklearn_xent.problem.point import Point
from sklearn_xent.solvers.visit import Visit

__all__ = ["Model", "iterate"]


class Model(Protocol):
    """What a method knows at a point, and where it goes from there."""

    def look(self, point: Point) -> dict[str, Any] | None:
        """Model F about a point; what a visit is told of it, or None where it cannot be modelled."""
        ...

    def step(self, point: Point) -> Point | None:
        """Step on from the point looked at; the point itself to look anew, None where the method ends."""
        ...


def iterate(model: Model, point: Point, visit: Visit) -> Point:
    """Step from a point until the visit stops the method, or it ends by itself; the last point."""
    while (known := model.look(point)) is not None:
        visit(point, **known)
        new = model.step(point)
        if new is None:
            break
        point = new
    return point
