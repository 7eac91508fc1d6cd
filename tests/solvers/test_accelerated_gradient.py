"""Proximal gradient steps with momentum: the step by definition, and the rate that momentum promises."""

import numpy as np
import pytest

from sklearn_xent.problem.penalties import ElasticNet, GroupLasso, elastic_net
from sklearn_xent.solvers.accelerated_gradient import accelerated_gradient, proximal_step
from sklearn_xent.solvers.proximal_newton import proximal_newton
from tests.problem.test_derivatives import pose
from tests.problems import iterates

INF = np.inf


def under(objective, name):
    net = elastic_net(objective.design, 0.1, 0.0 if name == "ridge" else 0.7)
    if name == "bounds":
        net = ElasticNet(
            net.l1, net.l2, np.array([-0.1, 0, -INF, -INF, -INF]), np.array([0.2, INF, 1, 1, INF])
        )
    if name == "groups":
        index, weight = np.array([0, 1, 0, 1, -1]), np.array([0.05, 0.3])
        net = GroupLasso(np.zeros(5), np.zeros(5), index=index, weight=weight)
    return objective.under(net)


NAMES = ["ridge", "elastic net", "bounds", "groups"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("K", [2, 3])
def test_a_step_is_a_prox_of_a_gradient_step_below_its_quadratic_bound(K, name):
    objective, W = pose(K, n=60)
    objective = under(objective, name)
    point = objective.at(np.clip(W, *objective.penalty.bounds))
    for first in (1e-3, 1.0, 1e3):
        new, t = proximal_step(point, first)
        halvings = np.log2(first / t)
        assert halvings == pytest.approx(round(halvings), abs=1e-9)
        expected = objective.penalty.prox(point.coefficients - t * point.gradient, t)
        np.testing.assert_array_equal(new.coefficients, expected)
        move = new.coefficients - point.coefficients
        bound = (point.gradient * move).sum() + (move**2).sum() / (2 * t)
        assert new.smooth_value - point.smooth_value <= bound * (1 - 1e-12) + 1e-12
        # and so does the composite value fall
        assert new.value <= point.value
        if t < first:  # twice the length was refused: one of its two bounds is broken
            V = objective.penalty.prox(point.coefficients - 2 * t * point.gradient, 2 * t)
            other, move = objective.at(V), V - point.coefficients
            value = other.smooth_value - point.smooth_value - (point.gradient * move).sum()
            bend = ((other.gradient - point.gradient) * move).sum()
            assert value > (move**2).sum() / (4 * t) or bend > (move**2).sum() / t


def test_at_a_minimum_there_is_no_step():
    objective, W = pose(2, n=60)
    objective = objective.under(elastic_net(objective.design, 10.0, 1.0))
    W = np.zeros_like(W)
    for _ in range(50):  # of the intercept alone
        point = objective.at(W)
        H, g = point.hessian()[-1, -1], point.gradient[0, -1]
        W = W - np.array([[0, 0, 0, 0, g / H]])
    point = objective.at(W)
    new, _ = proximal_step(point, 1.0)
    assert new is None or new.steepness <= 1e-14


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("K", [2, 3])
def test_the_gap_falls_as_the_square_of_the_iterations(K, name):
    # Beck and Teboulle (2009), theorem 4.4: 2 L |W0 - W*|^2 / (k + 1)^2
    objective, _ = pose(K, n=60)
    objective = under(objective, name)
    start = np.clip(np.zeros(objective.shape), *objective.penalty.bounds)
    best = iterates(proximal_newton, objective, start, 100)[-1]
    points = iterates(accelerated_gradient, objective, start, 60)
    L = np.linalg.eigvalsh(sum(p.hessian() for p in (best, objective.at(start)))).max()
    apart = ((start - best.coefficients) ** 2).sum()
    for k, point in enumerate(points[1:], 1):
        assert point.value - best.value <= 2 * L * apart / (k + 1) ** 2 + 1e-13


@pytest.mark.parametrize("name", NAMES)
def test_it_ends_where_proximal_newton_ends(name):
    objective, _ = pose(2, n=60)
    objective = under(objective, name)
    here, there = (
        iterates(method, objective, np.zeros(objective.shape), 1500)[-1]
        for method in (accelerated_gradient, proximal_newton)
    )
    assert here.value == pytest.approx(there.value, rel=1e-12)
    np.testing.assert_allclose(here.coefficients, there.coefficients, atol=1e-5)
