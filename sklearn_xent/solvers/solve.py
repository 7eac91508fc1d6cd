"""The only keeper of the loop: a method proposes points, the monitor judges them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.problem.objective import Objective, Point
from sklearn_xent.solvers.certificate import certify, judged, polish
from sklearn_xent.solvers.conjugate_gradient import Map
from sklearn_xent.solvers.curvature import Curvature

__all__ = ["History", "Method", "Monitor", "Solution", "Status", "Stop", "StopWithin", "Visit", "minimise"]


NEARLY_CERTAIN = 0.01  # nats: separable data are fitted this far, and no further, without a penalty


class Status(Enum):
    """Why a fit ended; each value is its message."""

    CONVERGED = "converged"
    STALLED = "no further progress is possible at this precision"
    ITERATION_LIMIT = "stopped at max_iter before reaching tol"
    SEPARABLE = "the classes are separable: without a penalty no finite optimum exists"
    STOPPED = "stopped by a callback"


class Stop(Exception):
    """Raised by the monitor to end a method, through whatever code called it."""

    def __init__(self, status: Status) -> None:
        super().__init__(status.value)
        self.status = status


class Visit(Protocol):
    """What a method calls at each iterate, with what it knows: the factored Hessian there, or the gap.

    ``certified`` says whether the gap is to be believed (True), not yet (False), or checked (None);
    ``precondition``, an approximate inverse Hessian, helps to check it.
    ``tol`` is the relative gap at which it stops: a method need not be more accurate than that.
    """

    @property
    def tol(self) -> float: ...

    def __call__(
        self,
        point: Point,
        *,
        curvature: Curvature | None = None,
        gap: float | None = None,
        certified: bool | None = None,
        precondition: Map | None = None,
    ) -> None: ...


Method = Callable[[Objective, Array, Visit], None]


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

    def to_dict(self) -> dict[str, Array]:
        """Columns by name, as arrays: what the estimator shows as ``history_``."""
        columns = "objective", "gradient_norm", "gap", "passes", "seconds"
        return {name: np.asarray(getattr(self, name), dtype=np.float64) for name in columns}

    def __len__(self) -> int:
        return len(self.objective)


Report = Callable[[Point, History], Any]


@dataclass
class Monitor:
    """Judge of iterates: records, reports, keeps the best, and stops.

    Between certificates the gap is what the method thinks, or else ``||stationarity||^2 / 2``: the design
    makes the curvature about 1. Each certificate corrects that guess by the factor ``calibration``.
    """

    tol: float
    max_iter: int
    report: Report | None = None
    history: History = field(default_factory=History)
    best: Point | None = None
    curvature: Curvature | None = None
    gap: float = np.inf
    calibration: float = 1.0

    def __call__(
        self,
        point: Point,
        *,
        curvature: Curvature | None = None,
        gap: float | None = None,
        certified: bool | None = None,
        precondition: Map | None = None,
    ) -> None:
        """Record a point; raise Stop when it should be the last."""
        if not np.isfinite(point.value):
            if self.best is None:
                raise ValueError(
                    "the loss is not finite at the start: X, offset or sample_weight hold values too "
                    "large for float64 arithmetic; rescale them."
                )
            raise Stop(Status.STALLED)
        rough = 0.5 * point.steepness**2
        if curvature is not None:
            gap = curvature.gap(point.stationarity)
        rough = rough if gap is None else gap
        guess = rough if curvature is not None or certified is not None else self.calibration * rough
        self.history.add(point, guess)
        if self._improves(point):
            self.best = point
        if self.report and self.report(point, self.history):
            raise Stop(Status.STOPPED)
        if guess <= self.tol * abs(point.value) and certified is not False:
            self._certify(point, curvature, gap if certified else None, rough, precondition)
        if self._separable(point):
            self.best = point
            raise Stop(Status.SEPARABLE)
        if len(self.history) > self.max_iter:
            raise Stop(Status.ITERATION_LIMIT)

    def _certify(
        self,
        point: Point,
        curvature: Curvature | None,
        gap: float | None,
        rough: float,
        precondition: Map | None,
    ) -> None:
        """Stop if the gap is at most tol; it is measured unless it is known."""
        if gap is not None:
            self.gap = gap
        elif curvature is not None:
            self.gap = judged(point, curvature, point.duality_gap())
        else:
            self.gap, curvature = certify(point, self.tol, precondition)
        self.curvature = curvature
        self.history.gap[-1] = self.gap
        if self.gap <= self.tol * abs(point.value):
            self.best = point
            raise Stop(Status.CONVERGED)
        # ask again only once the guess, corrected, has come down by half as much again; one below rounding
        # says nothing
        self.calibration = 2 * self.gap / max(rough, np.finfo(float).eps * abs(point.value))

    def _separable(self, point: Point) -> bool:
        """Whether nothing penalises the columns, and the rows are all right and almost certain."""
        return point.loss < NEARLY_CERTAIN and point.objective.unheld and point.separates()

    def _improves(self, point: Point) -> bool:
        """Lower, or no higher than rounding explains and closer to stationary."""
        if self.best is None:
            return True
        slack = 8 * np.finfo(float).eps * abs(self.best.value)
        closer = point.steepness <= self.best.steepness
        return bool(
            point.value < self.best.value - slack or (point.value <= self.best.value + slack and closer)
        )


class StopWithin:
    """Visit of a method on a smaller problem: stops it within a gap in nats, as far as the method knows."""

    def __init__(self, gap_at: Callable[[Point], float], *, tol: float = 0.0) -> None:
        self.tol, self._gap_at = tol, gap_at

    def __call__(
        self,
        point: Point,
        *,
        curvature: Curvature | None = None,
        gap: float | None = None,
        certified: bool | None = None,
        precondition: Map | None = None,
    ) -> None:
        """Remember the point and its curvature; raise Stop if it is near enough."""
        self.point, self.curvature = point, curvature
        if curvature is not None:
            gap = curvature.gap(point.gradient)
        if gap is not None and gap <= self._gap_at(point):
            raise Stop(Status.CONVERGED)


@dataclass(frozen=True)
class Solution:
    """Where a fit ended: the best point, its gap in nats, why, and how it got there."""

    point: Point
    gap: float
    status: Status
    history: History
    curvature: Curvature | None


def minimise(
    objective: Objective,
    method: Method,
    start: Array,
    *,
    tol: float,
    max_iter: int,
    report: Report | None = None,
) -> Solution:
    """Run a method until the relative gap is certified to be at most tol, or it must stop.

    A method's own verdict is not asked: whatever ended it, the best point is evaluated afresh and its gap
    measured. A converged small problem is polished to machine precision with the certificate's Hessian.
    """
    monitor = Monitor(tol, max_iter, report)
    try:
        if max_iter == 0:
            monitor(objective.at(start))
        method(objective, start, monitor)
    except Stop as stop:
        status = stop.status
    else:
        status = Status.STALLED
    assert monitor.best is not None
    point, gap, curvature = monitor.best, monitor.gap, monitor.curvature
    if status is not Status.CONVERGED:
        point = objective.at(point.coefficients)
        gap, curvature = certify(point, tol)
        if status is not Status.SEPARABLE and gap <= tol * abs(point.value):
            status = Status.CONVERGED
    if status is Status.CONVERGED and curvature is not None:
        room = max_iter + 1 - len(monitor.history)
        for better, gap in polish(point, curvature, at_most=room):
            monitor.history.add(better, gap)
            point = better
    return Solution(point, gap, status, monitor.history, curvature)
