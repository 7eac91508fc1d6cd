"""How near the minimum is near enough."""

from __future__ import annotations

from sklearn_xent.problem.point import Point

__all__ = ["FINEST", "goal"]

# Half the squared Newton decrement in nats of the whole objective is half the squared distance from the
# optimum, in its own standard errors, of the linear combination that is furthest: 0.005 nats are a tenth of
# one. That is NATS times the default tol. FINEST is the relative gap down to which it is asked for: the
# estimate of a larger sample is better than its model.
NATS, FINEST = 5000.0, 1e-8


def goal(point: Point, tol: float) -> float:
    """Gap in nats of the mean objective that is small enough at a point."""
    value = abs(point.value)
    return max(tol * min(value, NATS / point.objective.total), min(tol, FINEST) * value)
