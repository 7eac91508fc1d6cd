"""What is kept of each iterate, and shown as ``history_``."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.problem.point import Point

__all__ = ["History"]


@dataclass
class History:
    """One row an iterate: objective and gap in nats, gradient norm, passes over X, seconds."""

    objective: list[float] = field(default_factory=list)
    gradient_norm: list[float] = field(default_factory=list)
    gap: list[float] = field(default_factory=list)
    passes: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    _began: float = field(default_factory=time.perf_counter)

    def add(self, point: Point, gap: float) -> None:
        """Append the row of a point."""
        self.objective.append(point.value)
        self.gradient_norm.append(point.steepness)
        self.gap.append(gap)
        self.passes.append(point.objective.rows.passes)
        self.seconds.append(time.perf_counter() - self._began)

    def judge_last(self, point: Point, gap: float) -> None:
        """Put what was measured of the last row's coefficients in the place of what was thought of them."""
        for column in (self.objective, self.gradient_norm, self.gap, self.passes, self.seconds):
            column.pop()
        self.add(point, gap)

    def to_dict(self) -> dict[str, Array]:
        """Columns by name, as arrays: what the estimator shows as ``history_``."""
        columns = "objective", "gradient_norm", "gap", "passes", "seconds"
        return {name: np.asarray(getattr(self, name), dtype=np.float64) for name in columns}

    def __len__(self) -> int:
        return len(self.objective)
