"""Methods that are the same in exact arithmetic take the same iterates on small data."""

import numpy as np
import pytest

from sklearn_xent.problem.penalties import elastic_net
from sklearn_xent.solvers import newton, orthant_newton
from sklearn_xent.solvers.active_set import active_set
from sklearn_xent.solvers.newton import newton_cholesky, truncated_newton
from sklearn_xent.solvers.path import follow
from sklearn_xent.solvers.progressive import progressive
from sklearn_xent.solvers.proximal_newton import proximal_newton
from tests.problem.test_derivatives import CONTAINERS, pose
from tests.problems import iterates


@pytest.fixture
def to_the_end(monkeypatch):
    """Conjugate gradients that solve each Newton system to its last digits."""
    monkeypatch.setattr(newton, "LOOSEST", 1e-14)
    monkeypatch.setattr(orthant_newton, "LOOSEST", 1e-14)
    monkeypatch.setattr(orthant_newton, "TIGHTEST", 1e-14)


def without_gauge(point):
    """Coefficients less what the intercepts of several classes share: it changes no probability."""
    W = point.coefficients.copy()
    W[:, -1] -= W[:, -1].mean() * point.objective.loss.shift_invariant
    return W


def same_course(points, others, accuracy):
    for point, other in zip(points, others, strict=True):
        scale = max(np.abs(other.coefficients).max(), 1.0)
        np.testing.assert_allclose(without_gauge(point), without_gauge(other), atol=accuracy * scale)
        assert point.value == pytest.approx(other.value, rel=accuracy)


NEWTONS = {
    "truncated": truncated_newton,
    "orthant": orthant_newton.orthant_newton,
    "proximal": proximal_newton,
    "active set": active_set,
}


@pytest.mark.parametrize("name", NEWTONS)
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("K", [2, 3])
def test_with_a_ridge_all_are_newton_s_method(to_the_end, K, fit_intercept, name):
    objective, W = pose(K, n=60, fit_intercept=fit_intercept)
    start = objective.symmetric(0.3 * W)
    reference = iterates(newton_cholesky, objective, start, 5)
    same_course(iterates(NEWTONS[name], objective, start, 5), reference, 1e-7)


@pytest.mark.parametrize("name", ["orthant", "active set"])
@pytest.mark.parametrize("K", [2, 3])
def test_near_a_minimum_all_are_newton_s_method_on_its_face(to_the_end, K, name):
    # one step of each from a point of the minimum's face: all minimise one quadratic in what moves there
    objective, W = pose(K, n=60)
    objective = objective.under(elastic_net(objective.design, 0.3, 0.8))
    best = iterates(proximal_newton, objective, W, 40)[-1]
    free = objective.penalty.movable(best.coefficients)
    assert not free.all()
    # a change that the classes do not share: along what they do an intercept has no curvature
    change = 1e-4 * np.random.default_rng(0).normal(size=W.shape) * (W[:, -1:] != W)
    start = best.coefficients + np.where(free, change, 0.0)
    reference = iterates(proximal_newton, objective, start, 2)
    same_course(iterates(NEWTONS[name], objective, start, 2), reference, 1e-8)


@pytest.mark.parametrize("K", [2, 3])
def test_rows_too_few_to_sample_leave_progressive_newton_s_method(K):
    objective, W = pose(K, n=60)
    points, others = (iterates(method, objective, W, 6) for method in (progressive, newton_cholesky))
    assert len(points) == len(others)
    for point, other in zip(points, others, strict=True):
        np.testing.assert_array_equal(point.coefficients, other.coefficients)


@pytest.mark.parametrize("method", [newton_cholesky, truncated_newton, proximal_newton])
@pytest.mark.parametrize("K", [2, 3])
def test_containers_have_one_course(K, method):
    courses = []
    for container in CONTAINERS:
        objective, W = pose(K, container, n=60)
        courses.append(iterates(method, objective, objective.symmetric(W), 4))
    for course in courses[1:]:
        same_course(course, courses[0], 1e-6)


@pytest.mark.parametrize("l1_ratio", [0.0, 0.7])
@pytest.mark.parametrize("K", [2, 3])
def test_points_of_a_path_are_those_of_fits_one_by_one(K, l1_ratio):
    objective, _ = pose(K, n=60)
    penalties = [elastic_net(objective.design, strength, l1_ratio) for strength in (0.5, 0.2, 0.05, 0.2)]
    options = {"solver": "auto", "tol": 1e-12, "max_iter": 200}
    path = list(follow(objective, penalties, **options))
    for found, penalty in zip(path, penalties, strict=True):
        (alone,) = follow(objective, [penalty], **options)
        np.testing.assert_allclose(found.coef, alone.coef, atol=1e-9)
        np.testing.assert_allclose(found.intercept, alone.intercept, atol=1e-9)
        np.testing.assert_array_equal(found.coef == 0, alone.coef == 0)
        assert found.solution.gap.kind is alone.solution.gap.kind
    # each starts where the last ended: the first iterate of the second is the last of the first
    first, second = path[0].solution, path[1].solution
    assert second.history.objective[0] == pytest.approx(
        objective.under(penalties[1]).at(first.point.coefficients).value, rel=1e-13
    )
