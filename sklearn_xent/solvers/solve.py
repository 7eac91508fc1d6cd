"""The only keeper of the loop: a method proposes points, the monitor judges them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.problem.extended import ExtendedPoint, extended
from sklearn_xent.problem.objective import Objective
from sklearn_xent.problem.point import Point
from sklearn_xent.solvers.conjugate_gradient import Map
from sklearn_xent.solvers.curvature import Curvature
from sklearn_xent.solvers.history import History
from sklearn_xent.solvers.optimality_gap import Gap, Kind, in_double_precision, polishable
from sklearn_xent.solvers.polish import Step, certify_polished
from sklearn_xent.solvers.separation import NEARLY_CERTAIN, are_separated
from sklearn_xent.solvers.tolerance import FINEST, goal
from sklearn_xent.solvers.visit import Method, Stage, Status, Stop

__all__ = ["IDLE", "Monitor", "Solution", "Stage", "minimise"]

EPS, TINY = float(np.finfo(float).eps), float(np.finfo(float).tiny)
UNASKED = 500  # twice this is what a guess must come down by before an unknown gap is asked for again
# Iterates after which a method has stalled that has not lowered the objective by this fraction of the goal:
# in as many as max_iter has by default it would not get there.
IDLE, VISIBLE = 50, 1e-3
PATIENT = 8  # coefficients for each iterate by which a certificate's Hessian may wait: it costs about as much
LONGEST = 12  # iterates that it waits: conjugate gradients in its place cost as much
CLOSE = 3  # times the goal: a bound expected above it is not asked for

Report = Callable[[str, Point, History], Any]  # also gets the name of the method that runs
UNFINISHED = Status.STALLED, Status.ITERATION_LIMIT
UNKNOWN = Gap(np.inf, Kind.ESTIMATE)


@dataclass
class Monitor:
    """Judge of iterates: records, reports, keeps the best, and stops.

    Between certificates the gap is what the method thinks, or else ``||stationarity||^2 / 2``: the design
    makes the curvature about 1. Each certificate corrects such a guess by the factor ``calibration``.
    """

    tol: float
    max_iter: int
    report: Report | None = None
    solver: str = ""
    deadline: int | None = None  # iterate at which another method takes over
    history: History = field(default_factory=History)
    best: Point | None = None
    curvature: Curvature | None = None
    gap: Gap = UNKNOWN
    calibration: float = 1.0
    asked: int = 0  # iterate of the last certificate
    waits: list[tuple[float, float]] = field(default_factory=list)  # bounds, and guesses, that fell short
    progress: tuple[int, float, float] = 0, np.inf, np.inf  # iterate, objective and gradient norm of the last

    def __call__(
        self,
        point: Point,
        *,
        gap: Gap | None = None,
        curvature: Curvature | None = None,
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
        if curvature is not None:
            gap = Gap(curvature.gap(point.stationarity), Kind.ESTIMATE)
        guess = Gap(0.5 * point.steepness**2) if gap is None else gap._replace(nats=float(gap.nats))
        scaled = self.calibration * guess.nats if guess.kind is Kind.GUESS else guess.nats
        self.history.add(point, scaled)
        if self._improves(point):
            self.best = point
        if self.report and self.report(self.solver, point, self.history):
            raise Stop(Status.STOPPED)
        goal = self.goal(point)
        if scaled <= goal and self._may_ask(point, guess, goal):
            self._certify(point, goal, guess, curvature, precondition)
        if self._separable(point):
            self.best = point
            raise Stop(Status.SEPARABLE)
        if len(self.history) > self.max_iter:
            raise Stop(Status.ITERATION_LIMIT)
        stale = len(self.history) - self._progress(point, goal)
        if stale > IDLE or (self.deadline is not None and len(self.history) > self.deadline):
            raise Stop(Status.STALLED)

    def _progress(self, point: Point, goal: float) -> int:
        """Iterates up to the last that lowered the objective visibly, or the gradient's norm."""
        _, value, steepness = self.progress
        visible = max(8 * point.objective.value_eps * abs(point.value), VISIBLE * goal)
        lower = point.value + visible < value
        if lower or point.steepness < 0.9 * steepness:
            self.progress = len(self.history), min(value, point.value), min(steepness, point.steepness)
        return self.progress[0]

    def _may_ask(self, point: Point, guess: Gap, goal: float) -> bool:
        """Whether to certify now: guesses at rounding are all alike, and are asked about ever more rarely."""
        if self.waits:
            # a bound without a Hessian falls as slopes do, and a guess as their squares
            bound, then = self.waits[-1]
            expected = bound * np.sqrt(max(guess.nats, 0.0) / then) if then > 0 and bound < np.inf else 0.0
            if self.patient(point) and expected > CLOSE * goal:
                self.waits.append(self.waits[-1])
                return False
        at_rounding = guess.nats <= EPS * abs(point.value)
        return not at_rounding or len(self.history) > 1.1 * self.asked

    def patient(self, point: Point) -> bool:
        """Whether a certificate with a Hessian may wait: where there is one without it."""
        held = not point.objective.penalty.free[:-1].any()
        return held and len(self.waits) < min(point.coefficients.size // PATIENT, LONGEST)

    def begin(self, solver: str, limit: int | None) -> None:
        """Judge another method from now on, which has so many iterations, or as many as it likes."""
        if solver != self.solver:
            self.solver = solver if not self.solver else f"{self.solver}, {solver}"
        self.progress = len(self.history), np.inf, np.inf
        self.deadline = None if limit is None else len(self.history) + limit

    @property
    def room(self) -> int:
        """Iterates that max_iter leaves."""
        return self.max_iter + 1 - len(self.history)

    def record(self, point: Point, steps: Sequence[Step]) -> Point:
        """Record steps from a point; the last of them, or the point."""
        for step in steps:
            self.history.add(*step)
        return steps[-1][0] if steps else point

    def goal(self, point: Point) -> float:
        """Gap in nats at which to stop: small problems go further than tol asks, at no cost, and those whose
        classes may be separated, which only what is left of the loss can show.
        """
        further = polishable(point) or point.objective.free[:-1].any()
        return goal(point, min(self.tol, FINEST) if further else self.tol)

    def _certify(
        self, point: Point, goal: float, guess: Gap, curvature: Curvature | None, precondition: Map | None
    ) -> None:
        """Stop if the gap is small enough; it is measured unless it is known."""
        self.asked = len(self.history)
        steps: list[Step] = []
        self.gap, self.curvature = guess, curvature
        patient = self.patient(point)
        with in_double_precision(point) as exact:
            if guess.kind is not Kind.BOUND:
                steps, self.gap, self.curvature = certify_polished(
                    exact,
                    goal,
                    curvature=curvature,
                    precondition=precondition,
                    at_most=self.room,
                    patient=patient,
                )
        if not steps and self.gap.nats < np.inf:
            self.history.gap[-1] = self.gap.nats
        if self.gap.nats <= goal:
            if exact is not point:
                self.history.judge_last(exact, self.history.gap[-1])
                exact.objective.rows.single = False
            self.best = self.record(exact, steps)
            raise Stop(Status.CONVERGED)
        if patient and self.curvature is None:
            self.waits.append((self.gap.nats, guess.nats))
            return
        # ask again only once the guess, corrected, has come down by half as much again; a gap above the
        # objective, which is not negative, says nothing
        known = self.gap.nats if self.gap.nats < abs(point.value) else UNASKED * goal
        self.calibration = 2 * float(known) / max(guess.nats, EPS * abs(point.value), TINY)

    def _separable(self, point: Point) -> bool:
        """Whether nothing penalises the columns, and the rows are all right and almost certain."""
        return point.loss < NEARLY_CERTAIN and point.objective.unheld and are_separated(point)

    def _improves(self, point: Point) -> bool:
        """Lower, or no higher than rounding explains and closer to stationary."""
        if self.best is None:
            return True
        slack = 8 * point.objective.value_eps * abs(self.best.value)
        closer = point.steepness <= self.best.steepness
        return bool(
            point.value < self.best.value - slack or (point.value <= self.best.value + slack and closer)
        )


@dataclass(frozen=True)
class Solution:
    """Where a fit ended: the best point, its gap, why, and how it got there."""

    point: Point
    gap: Gap
    status: Status
    history: History
    curvature: Curvature | None
    solver: str = ""


def minimise(
    objective: Objective,
    stages: Sequence[Stage],
    start: Array,
    *,
    tol: float,
    max_iter: int,
    report: Report | None = None,
) -> Solution:
    """Run methods, each from where the last one stalled, until the gap is within the goal of ``tol``.

    A method's own verdict is not asked: whatever ended it, the best point is evaluated afresh and its gap
    measured.
    """
    monitor = Monitor(tol, max_iter, report)
    if objective.rows.single:
        # what stalls at the precision of products in float32 goes on in float64
        stages = [stages[0], *stages]
    lowest, best = -np.inf, None  # what the minimum can be, and where the last stage ended
    for i, (name, method, extends, limit) in enumerate(stages):
        if i > 0 and (objective.rows.single or extends or stages[i - 1].extended):
            objective.rows.single = False
            monitor.best = None  # its value was that of products in another precision
        monitor.begin(name, limit)
        here = extended(objective) if extends else objective
        point, gap, curvature, status = _run(here, method, start, monitor)
        lowest = max(lowest, _lowest(point, gap))
        if status is not Status.CONVERGED and best is not None and best.value < point.value:
            point, gap = best, UNKNOWN  # in another precision a stage may end above its start
        if status is not Status.STALLED:
            break
        best, start = point, point.coefficients
    if status is Status.ITERATION_LIMIT and gap.nats > goal(point, tol):
        lowest = max(lowest, _least(objective, stages[i + 1 :], point, tol))
    known = point.value - lowest + 8 * EPS * abs(point.value)
    if status is not Status.CONVERGED and known < gap.nats:
        gap = Gap(max(known, 0.0), Kind.BOUND)  # another stage's point has shown more
    if status in UNFINISHED and gap.nats <= tol * abs(point.value):
        status = Status.CONVERGED  # it gets no nearer, and is as near as was promised
    if isinstance(point, ExtendedPoint):
        point = point.plain
    return Solution(point, gap, status, monitor.history, curvature, monitor.solver)


def _least(objective: Objective, stages: Sequence[Stage], point: Point, tol: float) -> float:
    """Least that the minimum can be, from the optimum of a small problem that may take no more iterations."""
    for stage in stages:
        if stage.extended:
            monitor = Monitor(tol, stage.limit or 0)
            least, gap, *_ = _run(extended(objective), stage.method, point.coefficients, monitor)
            return _lowest(least, gap)
    return -np.inf


def _lowest(point: Point, gap: Gap) -> float:
    """Least that the minimum can be by the gap of a point, less what rounding makes of their difference."""
    if gap.kind is not Kind.BOUND:
        return -np.inf
    return float(point.value - gap.nats - 8 * EPS * abs(point.value))


def _run(
    objective: Objective, method: Method, start: Array, monitor: Monitor
) -> tuple[Point, Gap, Curvature | None, Status]:
    """One method to its end: the best point, its gap, the Hessian that showed it, and why it ended."""
    try:
        if monitor.max_iter == 0:
            monitor(objective.at(start))
        method(objective, start, monitor)
    except Stop as stop:
        status = stop.status
    else:
        status = Status.STALLED
    assert monitor.best is not None
    if status is Status.CONVERGED:
        return monitor.best, monitor.gap, monitor.curvature, status
    # the best point evaluated afresh: logits that lines have carried along drift by rounding
    point = objective.at(monitor.best.coefficients)
    room, enough = monitor.room if status is Status.STALLED else 0, goal(point, monitor.tol)
    steps, gap, curvature = certify_polished(point, enough, at_most=room)
    point = monitor.record(point, steps)
    if status is not Status.SEPARABLE and gap.nats <= enough:
        status = Status.CONVERGED
    return point, gap, curvature, status
