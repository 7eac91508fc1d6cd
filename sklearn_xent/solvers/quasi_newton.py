"""Limited-memory corrections to an inverse Hessian that is nearly right."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from sklearn_xent.arrays import Array

__all__ = ["Corrections"]


class Corrections:
    """The two-loop recursion of L-BFGS around any inverse, over the last pairs of steps and changes.

    Nocedal and Wright (2006), Numerical Optimization, algorithm 7.4; here its initial matrix is a factored
    Hessian and not a multiple of the identity.
    """

    def __init__(self, memory: int) -> None:
        self._pairs: deque[tuple[Array, Array, float]] = deque(maxlen=memory)

    def add(self, step: Array, change: Array) -> None:
        """Learn from a step and the change of the gradient along it, if it shows curvature."""
        curvature = float((step * change).sum())
        if curvature > 0:
            self._pairs.append((step, change, curvature))

    def apply(self, gradient: Array, solve: Callable[[Array], Array]) -> Array:
        """Corrected inverse times gradient."""
        q, taken = gradient, []
        for step, change, curvature in reversed(self._pairs):
            a = float((step * q).sum()) / curvature
            q = q - a * change
            taken.append(a)
        r = solve(q)
        for (step, change, curvature), a in zip(self._pairs, reversed(taken), strict=True):
            r = r + (a - float((change * r).sum()) / curvature) * step
        return r
