"""scipy's minimisers as methods: the minimum by all of them, iterates in order, an end of every search."""

import numpy as np
import pytest

from sklearn_xent.problem.penalties import elastic_net
from sklearn_xent.solvers import hessian
from sklearn_xent.solvers import scipy_optimize as module
from sklearn_xent.solvers.scipy_optimize import SCIPY_METHODS, scipy_minimize
from sklearn_xent.solvers.visit import Status, Stop
from tests.problem.test_derivatives import minimum, pose

SIGNED = ["lbfgs", "tnc"]  # those that take bounds can split signs


class Recording:
    """A visit that ends a method near a value, or after so many iterates."""

    tol = 0.0

    def __init__(self, enough=-np.inf, most=500):
        self.points, self.enough, self.most = [], enough, most

    def goal(self, point):
        return 0.0

    def __call__(self, point, **known):
        self.points.append(point)
        if point.value <= self.enough or len(self.points) == self.most:
            raise Stop(Status.CONVERGED)


def run(objective, start, solver, **options):
    visit = Recording(**options)
    try:
        scipy_minimize(objective, start, visit, solver=solver)
    except Stop:
        return visit.points, True
    return visit.points, False


@pytest.mark.parametrize(
    ("solver", "l1_ratio"), [*((name, 0.0) for name in SCIPY_METHODS), *((name, 0.5) for name in SIGNED)]
)
@pytest.mark.parametrize("K", [2, 3])
def test_the_minimum_is_reached_from_where_it_starts(K, solver, l1_ratio):
    objective, W = pose(K, n=60)
    objective = objective.under(elastic_net(objective.design, 0.05, l1_ratio))
    best = minimum(objective).value
    points, stopped = run(objective, W, solver, enough=best * (1 + 1e-9))
    assert stopped
    np.testing.assert_array_equal(points[0].coefficients, W)
    assert points[-1].value >= best * (1 - 1e-12)
    assert len(points) < 300
    # every point is what the objective says of its coefficients
    for point in points[:: len(points) // 3 + 1]:
        assert point.value == pytest.approx(objective.at(point.coefficients).value, rel=1e-13)


@pytest.mark.parametrize("solver", SIGNED)
def test_with_an_l1_norm_both_parts_of_a_zero_are_zero(solver):
    objective, W = pose(2, n=60)
    objective = objective.under(elastic_net(objective.design, 0.3, 1.0))
    best = minimum(objective)
    assert (best.coefficients == 0).sum() >= 2
    points, _ = run(objective, W, solver, enough=best.value * (1 + 1e-12))
    zero = best.coefficients == 0
    np.testing.assert_allclose(points[-1].coefficients[zero], 0.0, atol=1e-15)


def test_an_iterate_is_read_once(monkeypatch):
    """What scipy asks for at one vector, value, gradient and curvature, is of one evaluation."""
    objective, W = pose(2)
    asked = []
    monkeypatch.setattr(type(objective), "at", counting(type(objective).at, asked))
    points, _ = run(objective, W, "trust-exact", most=4)
    assert len(points) == 4
    assert len({W.tobytes() for W in asked}) == len(asked)


def counting(at, asked):
    def counted(self, W):
        asked.append(np.array(W))
        return at(self, W)

    return counted


@pytest.mark.parametrize("solver", SCIPY_METHODS)
def test_a_search_that_does_not_end_is_ended(monkeypatch, solver):
    """Slopes of the wrong sign: no trial point is ever as low as they promise."""
    monkeypatch.setattr(module, "EVALUATIONS", 30)
    objective, W = pose(2)
    asked = []

    class Lying(type(objective)):
        def at(self, W):
            asked.append(W)
            point = super().at(W)
            point.gradient = -point.gradient
            return point

    lying = Lying(objective.rows, objective.loss, objective.penalty, objective.design)
    run(lying, W, solver, most=30)
    assert len(asked) <= 40 * 30


def test_products_without_an_iterate_are_ended(monkeypatch):
    monkeypatch.setattr(module, "PRODUCTS", 0)
    monkeypatch.setattr(module, "EVALUATIONS", 1)
    objective, W = pose(2)
    for solver in ("newton-cg", "trust-ncg", "trust-krylov"):
        points, stopped = run(objective, W, solver)
        assert not stopped
        assert len(points) <= 2


@pytest.mark.parametrize("solver", ["bfgs", "trust-exact"])
def test_a_dense_matrix_beyond_memory_is_refused_before_anything_is_read(monkeypatch, solver):
    monkeypatch.setattr(hessian, "MEMORY_LIMIT", 100)
    objective, W = pose(2)
    before = objective.rows.passes
    with pytest.raises(ValueError, match=rf"solver='{solver}' needs a dense matrix of 5 x 5 coefficients"):
        run(objective, W, solver)
    assert objective.rows.passes == before
    run(objective, W, "lbfgs", most=2)


def test_too_many_columns_for_a_factor_are_scaled_one_by_one(monkeypatch):
    monkeypatch.setattr("sklearn_xent.solvers.coordinates.FACTOR_LIMIT", 2)
    objective, W = pose(3, n=60)
    best = minimum(objective).value
    for solver in ("lbfgs", "newton-cg", "trust-exact"):
        points, stopped = run(objective, W, solver, enough=best * (1 + 1e-9))
        assert stopped
        assert len(points) < 300


def test_at_the_minimum_it_ends_by_itself_without_a_word():
    """Slopes of 0 divide a trust region's radius by 0: a warning would be an error here."""
    objective, _ = pose(2)
    best = minimum(objective).coefficients
    for solver in SCIPY_METHODS:
        points, _ = run(objective, best, solver, most=30)
        assert points[-1].value == pytest.approx(objective.at(best).value, rel=1e-12)
