"""Methods in turn, each from where the last one stalled: they propose points, the monitor judges them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.factor import EPS
from sklearn_xent.problem.extended import extended
from sklearn_xent.problem.objective import Objective
from sklearn_xent.problem.point import Point, in_double_precision
from sklearn_xent.solvers.curvature import Curvature
from sklearn_xent.solvers.history import History
from sklearn_xent.solvers.methods import FIRST_ORDER
from sklearn_xent.solvers.monitor import UNKNOWN, Monitor, Report
from sklearn_xent.solvers.optimality_gap import Gap, Kind, polishable
from sklearn_xent.solvers.polish import certify_polished
from sklearn_xent.solvers.rays import beyond_separation
from sklearn_xent.solvers.separation import NEARLY_CERTAIN, recession_direction
from sklearn_xent.solvers.tolerance import goal
from sklearn_xent.solvers.visit import IDLE, Method, Stage, Status, Stop

__all__ = ["Solution", "Stage", "minimise"]


@dataclass(frozen=True)
class Solution:
    """Where a fit ended: the best point, its gap, why, and how it got there."""

    point: Point
    gap: Gap
    status: Status
    history: History
    curvature: Curvature | None
    solver: str = ""
    ray: Array | None = None  # (K, d + 1) along which the loss falls for ever, where it has been seen


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
    monitor, first = Monitor(tol, max_iter, report), start
    if objective.rows.single:
        # what stalls at the precision of products in float32 goes on in float64
        stages = [stages[0], *stages]
    lowest, best = -np.inf, None  # what the minimum can be, and where the last stage ended
    for i, stage in enumerate(stages):
        extends = stage.extended
        if stage.afresh and best is not None and objective.unheld and best.loss < NEARLY_CERTAIN:
            break  # what separated rows have left of the loss has no minimum
        if i > 0 and (objective.rows.single or extends or stages[i - 1].extended):
            objective.rows.single = False
            monitor.best = None  # its value was that of products in another precision
        monitor.begin(stage, objective.rows.passes)
        here = extended(objective) if extends else objective
        begin = first if stage.afresh else start
        point, gap, curvature, status = _run(here, stage.method, begin, monitor, final=stage is stages[-1])
        lowest = max(lowest, _lowest(point, gap))
        if status is not Status.CONVERGED and best is not None and best.value < point.value:
            # in another precision a stage may end above its start
            point, gap, curvature = best, UNKNOWN, None
        if not _ended_short(status):
            break
        if i == 0 and _recedes(point, gap, stage.name, monitor):
            point, gap, curvature, status = _beyond_separation(stages[0], here, point, monitor)
            break
        best, start = point, point.coefficients
    if status is Status.ITERATION_LIMIT and gap.nats > goal(point, tol):
        lowest = max(lowest, _least(objective, stages[i + 1 :], point, tol))
    if status is not Status.CONVERGED:
        gap, status = _known(point, gap, status, lowest, tol)
    return Solution(point.plain, gap, status, monitor.history, curvature, monitor.solver, monitor.ray)


def _ended_short(status: Status) -> bool:
    """Whether a method got no further, or not fast enough, so that another may."""
    return status in (Status.STALLED, Status.SLOW)


def _recedes(point: Point, gap: Gap, name: str, monitor: Monitor) -> bool:
    """Whether rows are separated where a method of second order ended; the monitor then has the ray."""
    if monitor.ray is None and name not in FIRST_ORDER and polishable(point):
        monitor.ray = recession_direction(point, gap.nats)
    return monitor.ray is not None


def _beyond_separation(
    stage: Stage, objective: Objective, point: Point, monitor: Monitor
) -> tuple[Point, Gap, Curvature | None, Status]:
    """The method once more, from where separated rows have no loss left: there is no minimum to go on to."""
    assert monitor.ray is not None
    # there is no minimum that more iterations would reach
    monitor.begin(stage._replace(limit=IDLE, readings=None, alone=False))
    start = beyond_separation(point, monitor.ray)
    point, gap, curvature, status = _run(objective, stage.method, start, monitor)
    return point, gap, curvature, status if status is Status.STOPPED else Status.SEPARABLE


def _known(point: Point, gap: Gap, status: Status, lowest: float, tol: float) -> tuple[Gap, Status]:
    """The gap of a point by the least that the minimum can be, and whether it is as near as was promised."""
    known = point.value - lowest + 8 * EPS * abs(point.value)
    if known < gap.nats:
        gap = Gap(max(known, 0.0), Kind.BOUND)  # another stage's point has shown more
    near = gap.kind is Kind.BOUND and gap.nats <= tol * abs(point.value)
    if near and (_ended_short(status) or status is Status.ITERATION_LIMIT):
        status = Status.CONVERGED  # it gets no nearer
    return gap, status


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
    objective: Objective, method: Method, start: Array, monitor: Monitor, *, final: bool = True
) -> tuple[Point, Gap, Curvature | None, Status]:
    """One method to its end: the best point, its gap, the Hessian that showed it, and why it ended.

    Where another goes on, unless it is the ``final`` one, no more is asked of eigenvalues that take seconds
    and have said nothing.
    """
    try:
        if monitor.max_iter == 0:
            monitor(objective.at(start))
        method(objective, start, monitor)
    except Stop as stop:
        status = stop.status
    else:
        status = Status.STALLED
    if monitor.best is None:  # it was stopped on a sample
        assert monitor.sampled is not None
        ends = objective.at(start), objective.at(monitor.sampled)
        monitor.best = min(ends, key=lambda end: end.value)
        monitor.history.judge_last(monitor.best, 0.5 * monitor.best.steepness**2)
    if status is Status.CONVERGED:
        return monitor.best, monitor.gap, monitor.curvature, status
    # the best point evaluated afresh: logits that lines have carried along drift by rounding
    point = objective.at(monitor.best.coefficients)
    if status is Status.STALLED and not final and monitor.asking.in_vain(point):
        return point, UNKNOWN, None, status
    room, enough = monitor.room if _ended_short(status) else 0, goal(point, monitor.tol)
    with in_double_precision(point) as exact:
        steps, gap, curvature = certify_polished(exact, enough, at_most=room, last=True)
    if gap.nats <= enough:
        point = monitor.end_at(point, exact, gap.nats, steps)
    else:
        point = monitor.record(point, steps)
    if status is not Status.SEPARABLE and gap.nats <= enough:
        status = Status.CONVERGED
    return point, gap, curvature, status
