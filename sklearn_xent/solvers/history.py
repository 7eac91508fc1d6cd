"""What is kept of each iterate, and shown as ``history_``."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.problem.point import Point

__all__ = ["History"]

COLUMNS = "objective", "gradient_norm", "gap", "passes", "seconds", "rows"


@dataclass
class History:
    """One row an iterate: objective and gap in nats, gradient norm, passes over X, seconds, rows used."""

    objective: list[float] = field(default_factory=list)
    gradient_norm: list[float] = field(default_factory=list)
    gap: list[float] = field(default_factory=list)
    passes: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    _began: float = field(default_factory=time.perf_counter)

    def add(self, point: Point, gap: float, *, passes: int | None = None) -> None:
        """Append the row of a point; ``passes`` are those of its own rows if none are given."""
        self.objective.append(point.value)
        self.gradient_norm.append(point.steepness)
        self.gap.append(gap)
        self.passes.append(point.objective.rows.passes if passes is None else passes)
        self.seconds.append(time.perf_counter() - self._began)
        self.rows.append(point.objective.rows.n_rows)

    def judge_last(self, point: Point, gap: float) -> None:
        """Put what was measured of the last row's coefficients in the place of what was thought of them."""
        for name in COLUMNS:
            getattr(self, name).pop()
        self.add(point, gap)

    def to_dict(self) -> dict[str, Array]:
        """Columns by name, as arrays: what the estimator shows as ``history_``."""
        return {name: np.asarray(getattr(self, name), dtype=np.float64) for name in COLUMNS}

    def __len__(self) -> int:
        return len(self.objective)
