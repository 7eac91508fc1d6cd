"""What a method is told of its iterates on a smaller problem, and when it is near enough there."""

import numpy as np
import pytest

from sklearn_xent.solvers.hessian import curvature_at
from sklearn_xent.solvers.optimality_gap import Gap
from sklearn_xent.solvers.visit import Near, Status, Stop, StopWithin
from tests.problem.test_derivatives import pose


@pytest.mark.parametrize("status", Status)
def test_a_stop_says_why(status):
    stop = Stop(status)
    assert stop.status is status
    assert str(stop) == status.value


def test_near_is_where_the_gap_that_is_told_is_within_the_goal():
    objective, W = pose(2)
    point, visit = objective.at(W), StopWithin(lambda point: 0.1)
    visit(point, gap=Gap(0.2))
    visit(point)  # nothing is known
    with pytest.raises(Near):
        visit(point, gap=Gap(0.1))
    assert Near().status is Status.CONVERGED


def test_of_a_factored_hessian_the_gap_is_half_the_squared_decrement():
    objective, W = pose(2)
    point = objective.at(W)
    curvature = curvature_at(point)
    decrement = 0.5 * point.gradient.ravel() @ np.linalg.solve(point.hessian(), point.gradient.ravel())
    StopWithin(lambda point: 0.999 * decrement)(point, curvature=curvature)
    visit = StopWithin(lambda point: 1.001 * decrement)
    with pytest.raises(Near):
        visit(point, curvature=curvature)
    assert visit.point is point
    assert visit.curvature is curvature


def test_the_outer_visit_is_told_and_may_end_all():
    objective, W = pose(2)
    told = []

    class Outer:
        def inside(self, point, gap):
            told.append((point, gap))
            if len(told) == 2:
                raise Stop(Status.STOPPED)

    inner = StopWithin(lambda point: 0.0, StopWithin(lambda point: 0.0, Outer()))
    point = objective.at(W)
    inner(point, gap=Gap(0.3))
    assert told == [(point, Gap(0.3))]
    with pytest.raises(Stop) as stopped:
        inner(point, gap=Gap(0.3))
    assert stopped.value.status is Status.STOPPED
