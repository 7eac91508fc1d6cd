"""What a method tells of its iterates, and how it is told to stop."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import NamedTuple, Protocol

from sklearn_xent.arrays import Array
from sklearn_xent.problem.objective import Objective
from sklearn_xent.problem.point import Point
from sklearn_xent.solvers.conjugate_gradient import Map
from sklearn_xent.solvers.curvature import Curvature
from sklearn_xent.solvers.optimality_gap import Gap

__all__ = ["DEAR", "IDLE", "Method", "Stage", "Status", "Stop", "StopWithin", "Visit"]


# Iterates after which a method has stalled that has not lowered the objective visibly.
IDLE = 50
# Products for factors of rows or Hessians, some 20 s, after which another method goes on, and one that is
# alone is asked whether it converges.
DEAR = 1.5e11


class Status(Enum):
    """Why a fit ended; each value is its message."""

    CONVERGED = "converged"
    STALLED = "no further progress is possible at this precision"
    SLOW = "makes too little progress to reach tol in several times as many iterations"
    ITERATION_LIMIT = "stopped at max_iter before reaching tol"
    SEPARABLE = "the classes are separable: without a penalty no finite optimum exists"
    STOPPED = "stopped by a callback"


class Stop(Exception):
    """Raised by the monitor to end a method, through whatever code called it."""

    def __init__(self, status: Status) -> None:
        super().__init__(status.value)
        self.status = status


class Near(Stop):
    """Raised where a smaller problem, solved on the way, is solved as far as it need be."""

    def __init__(self) -> None:
        super().__init__(Status.CONVERGED)


class Visit(Protocol):
    """What a method calls at each iterate, with what it knows: the factored Hessian there, or the gap.

    A gap that is no bound is checked before it ends a fit; ``precondition``, an approximate inverse Hessian,
    helps to check it. ``products`` are those of Hessians and factors since the last iterate. ``tol`` is what
    the user asks for, and ``goal`` the gap in nats at which it stops: a method need not be more accurate.
    """

    @property
    def tol(self) -> float: ...

    def goal(self, point: Point) -> float: ...

    def __call__(
        self,
        point: Point,
        *,
        gap: Gap | None = None,
        curvature: Curvature | None = None,
        precondition: Map | None = None,
        products: float = 0.0,
    ) -> None: ...

    def inside(self, point: Point, gap: Gap | None) -> None:
        """Take note of an iterate on a sample of the rows; raise Stop if all is to end."""
        ...


Method = Callable[[Objective, Array, Visit], None]


class Stage(NamedTuple):
    """A method and its name, whether in extended precision, and its iterations before the next one's.

    It goes on from where the last one stalled, or ``afresh`` from where the fit started, and may also be
    limited in its readings of X, and in the iterates for which it may be ``idle``. One that is ``alone``,
    with no other to follow, goes on beyond its limits while it converges.
    """

    name: str
    method: Method
    extended: bool = False
    limit: int | None = None
    afresh: bool = False
    readings: int | None = None
    idle: int = IDLE
    alone: bool = False


class StopWithin:
    """Visit of a method on a smaller problem: stops it within a gap in nats, as far as the method knows.

    Where the problem is one on a sample of the rows, the ``outer`` visit is told of its iterates.
    """

    tol = 0.0

    def __init__(self, goal: Callable[[Point], float], outer: Visit | None = None) -> None:
        self._goal, self._outer = goal, outer

    def goal(self, point: Point) -> float:
        """The gap in nats within which it stops."""
        return self._goal(point)

    def __call__(
        self,
        point: Point,
        *,
        gap: Gap | None = None,
        curvature: Curvature | None = None,
        precondition: Map | None = None,
        products: float = 0.0,
    ) -> None:
        """Remember the point and its curvature; raise Near if it is near enough."""
        self.point, self.curvature = point, curvature
        if curvature is not None:
            gap = Gap(curvature.gap(point.gradient))
        self.inside(point, gap)
        if gap is not None and gap.nats <= self.goal(point):
            raise Near

    def inside(self, point: Point, gap: Gap | None) -> None:
        """See ``Visit.inside``."""
        if self._outer is not None:
            self._outer.inside(point, gap)
