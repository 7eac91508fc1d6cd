"""The judge of iterates: it records and reports them, certifies the last, and stops methods."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.problem.point import Point, in_double_precision
from sklearn_xent.solvers.asking import UNASKED, Asking
from sklearn_xent.solvers.conjugate_gradient import Map
from sklearn_xent.solvers.curvature import Curvature
from sklearn_xent.solvers.hessian import affordable
from sklearn_xent.solvers.history import History
from sklearn_xent.solvers.optimality_gap import POLISH_LIMIT, Gap, Kind, polishable
from sklearn_xent.solvers.polish import Step, certify_polished
from sklearn_xent.solvers.separation import NEARLY_CERTAIN, are_separated, recession_direction
from sklearn_xent.solvers.tolerance import FINEST, goal
from sklearn_xent.solvers.visit import DEAR, IDLE, Stage, Status, Stop

__all__ = ["UNKNOWN", "Monitor", "Report"]

# Fraction of the goal by which a method must have lowered the objective that is not idle: in as many iterates
# as max_iter has by default it would not get there with less.
VISIBLE = 1e-3
# Times the iterates that a method has had, in which it is to converge; less the second time that it is asked.
# One of second order is fast in the end.
AHEAD = 10, 3
FALLING = 0.99  # of its value in half as many iterates as it may be idle: a small problem's method may go on

Report = Callable[[str, Point, History], Any]  # also gets the name of the method that runs
UNKNOWN = Gap(np.inf, Kind.ESTIMATE)


@dataclass
class Monitor:
    """Judge of iterates: records, reports, keeps the best, and stops."""

    tol: float
    max_iter: int
    report: Report | None = None
    solver: str = ""
    deadline: int | None = None  # iterate at which another method takes over
    last_reading: int | None = None  # of X, after which it does
    products: float = 0.0  # for factors of the Hessians of the method that runs
    idle: int = IDLE
    alone: bool = False  # no other method takes over
    asked: int = 0  # times that it was asked whether it converges
    values: list[float] = field(default_factory=list)  # of the objective, at the iterates of the method
    begun: int = 0  # iterates before the method that runs
    history: History = field(default_factory=History)
    best: Point | None = None
    sampled: Array | None = None  # coefficients of the last iterate on a sample
    curvature: Curvature | None = None
    gap: Gap = UNKNOWN
    asking: Asking = field(default_factory=Asking)
    ray: Array | None = None  # (K, d + 1) along which the loss falls for ever, where it has been seen
    ray_sought: bool = False
    unknown: int = 0  # certificates of the method that runs which gave no bound
    progress: tuple[int, float, float] = 0, np.inf, np.inf  # iterate, objective and gradient norm of the last

    def __call__(
        self,
        point: Point,
        *,
        gap: Gap | None = None,
        curvature: Curvature | None = None,
        precondition: Map | None = None,
        products: float = 0.0,
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
            gap, products = Gap(curvature.gap(point.stationarity), Kind.ESTIMATE), curvature.products
        self._count(products)
        guess = Gap(0.5 * point.steepness**2) if gap is None else gap._replace(nats=float(gap.nats))
        scaled = self.asking.corrected(guess)
        self.history.add(point, scaled)
        if self._improves(point):
            self.best = point
        if self.report and self.report(self.solver, point, self.history):
            raise Stop(Status.STOPPED)
        goal = self.goal(point)
        if scaled <= goal and self.asking.now(point, guess, goal, len(self.history), self.products):
            self._certify(point, goal, guess, curvature, precondition)
        if self._separable(point):
            self.best = point
            raise Stop(Status.SEPARABLE)
        if len(self.history) > self.max_iter:
            raise Stop(Status.ITERATION_LIMIT)
        stale = len(self.history) - self._progress(point, goal)
        if (scaled > goal and self._endless(point, curvature)) or stale > self.idle:
            raise Stop(Status.STALLED)
        if self._late(point) and not self._stays(point, goal):
            raise Stop(Status.SLOW if self.alone else Status.STALLED)

    def _count(self, products: float) -> None:
        """Count what Hessians and their factors have taken."""
        self.products += products
        self.asking.since += products

    def inside(self, point: Point, gap: Gap | None) -> None:
        """Record an iterate on a sample of the rows, whose value is of them; raise Stop if all is to end."""
        passes = self.history.passes[-1] if len(self.history) else 0
        self.history.add(point, 0.5 * point.steepness**2 if gap is None else float(gap.nats), passes=passes)
        self.progress = len(self.history), *self.progress[1:]
        self.sampled = point.coefficients
        if self.report and self.report(self.solver, point, self.history):
            raise Stop(Status.STOPPED)
        if len(self.history) > self.max_iter:
            raise Stop(Status.ITERATION_LIMIT)

    def _late(self, point: Point) -> bool:
        """Whether another method is to go on: not on a small problem whose objective still falls visibly."""
        if self.last_reading is not None and point.objective.rows.passes > self.last_reading:
            return True
        if (self.alone or self.deadline is not None) and self.products > DEAR:
            return True
        if self.deadline is None or len(self.history) <= self.deadline:
            return False
        before = self.history.objective[-min(IDLE // 2, len(self.history))]
        # rows that are separated lower it for ever
        goes_on = point.objective.penalty.smooth and point.loss > NEARLY_CERTAIN
        if goes_on and polishable(point) and point.value < FALLING * before and not self._recedes(point):
            self.deadline += IDLE // 2
            return False
        return True

    def _stays(self, point: Point, goal: float) -> bool:
        """Whether a method that is late goes on: where no other does, or others mostly take longer, as with
        kinks and bounds, and it converges.
        """
        dear = self.products > DEAR and not point.objective.penalty.smooth
        return (self.alone or dear) and self._converges(goal)

    def _converges(self, goal: float) -> bool:
        """Whether the objective gets within the goal in some times the iterates it has had, and max_iter
        leaves, as a geometric series would that fell as it did over the last iterates and over as many
        before, the first step, which is like no other, left out; asked again after as many as it has had.

        A method that lowers it by ever more does not converge yet, and when it will cannot be told.
        """
        span = min((len(self.values) - 2) // 2, self.idle, IDLE // 2)
        if span < (IDLE // 12 if self.products > DEAR else self.idle // 2):
            return True  # of a few iterates nothing is known
        start, middle, end = self.values[-1 - 2 * span], self.values[-1 - span], self.values[-1]
        before, last = start - middle, middle - end
        if last > 0 and last >= before:
            return False
        room = min(self.room, AHEAD[min(self.asked, 1)] * len(self.values))
        again = len(self.history) + len(self.values)
        self.deadline, self.asked = max(self.deadline or 0, again), self.asked + 1
        self.last_reading, self.products = None, 0.0
        ratio = max(last, 0.0) / before if before > 0 else 0.0
        return last * ratio / (1 - ratio) * ratio ** (room / span) <= goal

    def _endless(self, point: Point, curvature: Curvature | None) -> bool:
        """Whether Newton steps, the first method's, follow rows that are separated, asked after more of them
        than mostly lead to a minimum.
        """
        asked = curvature is not None and not self.begun and len(self.history) == IDLE // 2
        return asked and self._recedes(point)

    def _recedes(self, point: Point) -> bool:
        """Whether rows of a small problem are separated, so that their loss may be had at once; asked of one
        point of a fit.
        """
        if not self.ray_sought and polishable(point):
            self.ray_sought, self.ray = True, recession_direction(point, np.inf)
        return self.ray is not None

    def _progress(self, point: Point, goal: float) -> int:
        """Iterates up to the last that lowered the objective visibly, or the gradient's norm."""
        self.values.append(point.value)
        _, value, steepness = self.progress
        visible = max(8 * point.objective.value_eps * abs(point.value), VISIBLE * goal)
        lower = point.value + visible < value
        if lower or point.steepness < 0.9 * steepness:
            self.progress = len(self.history), min(value, point.value), min(steepness, point.steepness)
        return self.progress[0]

    def begin(self, stage: Stage, passes: int = 0) -> None:
        """Judge a stage's method from now on, when X has been read so many times."""
        if stage.name != self.solver.split(", ")[-1]:
            self.solver = stage.name if not self.solver else f"{self.solver}, {stage.name}"
        self.begun = len(self.history)
        self.progress, self.unknown, self.products = (len(self.history), np.inf, np.inf), 0, 0.0
        self.deadline = None if stage.limit is None else len(self.history) + stage.limit
        self.last_reading = None if stage.readings is None else passes + stage.readings
        self.idle, self.alone, self.asked, self.values = stage.idle, stage.alone, 0, []

    @property
    def room(self) -> int:
        """Iterates that max_iter leaves."""
        return self.max_iter + 1 - len(self.history)

    def record(self, point: Point, steps: Sequence[Step]) -> Point:
        """Record steps from a point; the last of them, or the point."""
        for step in steps:
            self.history.add(*step)
        return steps[-1][0] if steps else point

    def end_at(self, point: Point, exact: Point, gap: float, steps: Sequence[Step]) -> Point:
        """Record steps from a point, ``exact`` as certified: by products in float64, as are all later."""
        if exact is not point:
            self.history.judge_last(exact, gap)
            exact.objective.rows.single = False
        return self.record(exact, steps)

    def goal(self, point: Point) -> float:
        """Gap in nats at which to stop: small problems go further than tol asks, at no cost, and those whose
        classes may be separated, which is seen the sooner the less of the loss is left.
        """
        further = polishable(point) or (point.objective.free[:-1].any() and affordable(point))
        return goal(point, min(self.tol, FINEST) if further else self.tol)

    def _certify(
        self, point: Point, goal: float, guess: Gap, curvature: Curvature | None, precondition: Map | None
    ) -> None:
        """Stop if the gap is small enough; it is measured unless it is known."""
        steps: list[Step] = []
        self.gap, self.curvature = guess, curvature
        patient = self.asking.patient(point, self.products)
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
            self.best = self.end_at(point, exact, self.history.gap[-1], steps)
            raise Stop(Status.CONVERGED)
        if self.gap.nats == np.inf:
            self.unknown += 1
            large = point.objective.rows.n_rows * point.coefficients.size > POLISH_LIMIT
            # unknown for the second time, where guesses of it are nothing
            if large and self.unknown > 1 and guess.nats < goal / UNASKED**2:
                self.ray = recession_direction(point, guess.nats)
                self.best = point if self.ray is not None else self.best
                raise Stop(Status.STALLED if self.ray is None else Status.SEPARABLE)
        found = None if self.curvature is curvature else self.curvature
        self.asking.answered(point, len(self.history), goal, guess, self.gap, found, patient=patient)

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
