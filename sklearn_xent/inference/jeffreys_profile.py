"""The profile of a likelihood penalised by Jeffreys' prior: its maximum where functionals of b are given."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.inference.jeffreys import JeffreysLikelihood, JeffreysPoint
from sklearn_xent.inference.jeffreys_maximum import JeffreysMaximum, maximise

__all__ = ["PenalizedProfile"]


@dataclass(frozen=True)
class PenalizedProfile:
    """Profiles beside the maximum ``top``. Determinants are those of the whole information throughout."""

    problem: JeffreysLikelihood
    top: JeffreysPoint
    tol: float
    max_iter: int

    def loss_at_zero(self, C: Array) -> tuple[float, bool]:
        """Twice what the penalised likelihood loses where C'b = 0, C (N, r), and whether it was found."""
        _, Z = _split(C)
        # at 0 every condition holds; the nearest b to the maximum may be so far out that nothing is known
        near = self.problem.at(Z @ (Z.T @ self.top.b))
        zero = self.problem.at(np.zeros_like(near.b))
        found = self._maximum(max(near, zero, key=lambda point: point.value), Z)
        return self._deficit(found.point), found.converged and self._is_top(found.point)

    def end(self, c: Array, side: float, depth: float) -> tuple[float, bool]:
        """Value of c'b below (side -1) or above (1) the maximum's at which the profile is ``depth`` lower.

        ``depth`` is r^2 for r the root of twice the loss, which is almost linear: the root is found by
        Newton's steps on r, whose slope is that of the profile, the score along the constraint. Steps that
        leave the bracket halve it, or double the distance while there is none. The second result is whether
        an end was found; where the profile never falls so low, the first is infinite.
        """
        _, Z = _split(c[:, None])
        spread = self.top.inverse_root.T @ c
        error, goal = float(np.linalg.norm(spread)), float(np.sqrt(depth))
        inside, outside, base = 0.0, np.inf, self.top
        distance, reached_top = goal * error, True
        for _ in range(100):
            found = self._at_distance(base, c, side * (distance - self._distance(base, c, side)), Z)
            r = np.sqrt(self._deficit(found.point)) if found is not None else np.inf
            reached_top &= found is None or self._is_top(found.point)
            if found is not None and abs(r - goal) <= 1e-9 * goal:
                return float(c @ found.point.b), found.converged and reached_top
            if r < goal and found is not None:
                inside, base = distance, found.point
            else:
                outside = distance
            # of a found point outside the slope is known, too
            newton = np.inf if found is None else distance + self._newton_step(found.point, c, side, r, goal)
            if inside < newton < min(outside, 4 * max(inside, error)):
                distance = newton
            else:
                distance = 2 * distance if np.isinf(outside) else (inside + outside) / 2
        return (side * np.inf if np.isinf(outside) else float(c @ base.b)), False

    def _distance(self, point: JeffreysPoint, c: Array, side: float) -> float:
        return side * float(c @ (point.b - self.top.b))

    def _newton_step(self, point: JeffreysPoint, c: Array, side: float, r: float, goal: float) -> float:
        """To r = goal: r falls with the profile, whose slope is the score along any direction of c'd = 1."""
        slope = -side * float(point.score @ c) / float(c @ c)
        return (goal - r) * r / slope if slope > 0 else np.inf

    def _at_distance(self, base: JeffreysPoint, c: Array, move: float, Z: Array) -> JeffreysMaximum | None:
        """The profile where c'b is moved from a base; it starts on the tangent, or None where it cannot."""
        along = base.inverse_root @ (base.inverse_root.T @ c)
        for direction in (along / float(c @ along), c / float(c @ c)):
            start = self.problem.at(base.b + move * direction)
            if np.isfinite(start.value):
                return self._maximum(start, Z)
        return None

    def _maximum(self, start: JeffreysPoint, Z: Array) -> JeffreysMaximum:
        return maximise(self.problem, start, self.tol, self.max_iter, Z)

    def _is_top(self, point: JeffreysPoint) -> bool:
        """Whether a point is no higher than the maximum, which otherwise is a local one only."""
        return bool(point.value - self.top.value <= 1e-6 + point.noise)

    def _deficit(self, point: JeffreysPoint) -> float:
        return max(2 * (self.top.value - point.value), 0.0)


def _split(C: Array) -> tuple[Array, Array]:
    """Orthonormal bases (N, r) of the columns of C and (N, N - r) of what is orthogonal to them."""
    Q, _ = np.linalg.qr(C / np.linalg.norm(C, axis=0), mode="complete")
    return Q[:, : C.shape[1]], Q[:, C.shape[1] :]
