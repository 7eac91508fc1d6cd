"""The loop: it visits each point before a step, and ends where the visit, or the model, says so."""

import numpy as np
import pytest

from sklearn_xent.problem.penalties import elastic_net
from sklearn_xent.solvers.loop import iterate
from sklearn_xent.solvers.methods import METHODS
from sklearn_xent.solvers.solve import Stage, minimise
from sklearn_xent.solvers.visit import Near, Status, StopWithin
from tests.problem.test_derivatives import pose


class Steps:
    """A model that makes so many steps, and says what it is asked."""

    def __init__(self, n_steps, ends=None):
        self.left, self.ends, self.said = n_steps, ends, []

    def look(self, point):
        self.said.append(("look", point))
        return {} if self.left else self.ends

    def step(self, point):
        self.said.append(("step", point))
        self.left -= 1
        return point + 1 if self.left >= 0 else None


def test_every_point_is_looked_at_then_visited_then_left():
    model, visited = Steps(3, {}), []
    assert iterate(model, 0, lambda point: visited.append(point)) == 3
    assert visited == [0, 1, 2, 3]
    assert [what for what, _ in model.said] == ["look", "step"] * 4


def test_a_point_that_cannot_be_modelled_is_not_visited():
    model, visited = Steps(2), []
    assert iterate(model, 0, lambda point: visited.append(point)) == 2
    assert visited == [0, 1]


def test_a_visit_that_raises_ends_the_method():
    objective, W = pose(2)

    class Slope:
        def look(self, point):
            return {}

        def step(self, point):
            return objective.at(point.coefficients - 0.1 * point.gradient)

    seen = []

    class Watching(StopWithin):
        def inside(self, point, gap):
            seen.append(point.value)
            if len(seen) == 5:
                raise Near

    with pytest.raises(Near):
        iterate(Slope(), objective.at(W), Watching(lambda point: 0.0))
    assert (np.diff(seen) < 0).all()


def test_methods_that_are_newton_s_in_exact_arithmetic_take_the_same_steps():
    # with all coefficients in the working set and a ridge, each minimises the same quadratic model
    objective, W = pose(2)
    objective = objective.under(elastic_net(objective.design, 0.05, 0.0))
    courses = []
    for name in ("newton-cholesky", "proximal-newton", "truncated-newton"):
        stage = Stage(name, METHODS[name].method)
        solution = minimise(objective, [stage], W, tol=1e-3, max_iter=4)
        assert solution.status in (Status.CONVERGED, Status.ITERATION_LIMIT)
        courses.append(np.array(solution.history.objective[:4]))
    np.testing.assert_allclose(courses[1], courses[0], rtol=1e-10)
    np.testing.assert_allclose(courses[2], courses[0], rtol=0.05)
