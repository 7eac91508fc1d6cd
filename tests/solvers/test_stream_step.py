"""One step for a batch: the minimum of the model where it is right, a search where it is not."""

import numpy as np
import pytest

from sklearn_xent.problem.penalties import elastic_net
from sklearn_xent.solvers.stream_quadratic import FullQuadratic
from sklearn_xent.solvers.stream_step import step_of
from tests.problem.test_derivatives import pose


def batch(K, size=0.1, l1_ratio=0.0):
    """A point of a batch, its own quadratic, and none of what was known before."""
    objective, W = pose(K, weighted=False, offset=False, n=80)
    objective = objective.under(elastic_net(objective.design, 0.3, l1_ratio))
    point = objective.at(objective.symmetric(size * W))
    own, _ = FullQuadratic.of(point, None)
    past = own.scaled(0.0)
    own_linear = own.times(point.coefficients) - point.loss_gradient
    return point, past, np.zeros(W.shape), own, own_linear


@pytest.mark.parametrize("K", [2, 3])
def test_where_the_model_is_right_it_is_newton_s_step(K):
    point, *model = batch(K, 0.01)
    step = step_of(point, *model, 1e-4)
    H, g = point.hessian(), point.gradient.ravel()
    newton = -np.linalg.pinv(H, rcond=1e-12) @ g
    np.testing.assert_allclose((step.W - point.coefficients).ravel(), newton, atol=1e-9)
    assert step.sound
    assert step.promised == pytest.approx(0.5 * newton @ H @ newton, rel=1e-6)


@pytest.mark.parametrize("l1_ratio", [0.0, 0.7])
@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize("size", [0.1, 1.0, 10.0, 100.0])
def test_no_step_raises_the_objective(size, K, l1_ratio):
    point, *model = batch(K, size, l1_ratio)
    step = step_of(point, *model, 1e-4)
    assert point.objective.at(step.W).value < point.value


def test_at_the_minimum_nothing_is_promised():
    point, *_ = batch(2)
    objective = point.objective
    for _ in range(20):
        g = point.gradient.ravel()
        W = point.coefficients - np.linalg.solve(point.hessian(), g).reshape(point.coefficients.shape)
        point = objective.at(W)
    own, _ = FullQuadratic.of(point, None)
    linear = own.times(point.coefficients) - point.loss_gradient
    step = step_of(point, own.scaled(0.0), 0 * linear, own, linear, 1e-4)
    assert step.sound
    assert step.promised < 1e-15
    np.testing.assert_allclose(step.W, point.coefficients, atol=1e-7)


@pytest.mark.parametrize("K", [2, 3])
def test_what_was_known_before_holds_it_back(K):
    point, past, linear, own, own_linear = batch(K)
    free = step_of(point, past, linear, own, own_linear, 1e-4).W - point.coefficients
    known = FullQuadratic(1e6 * np.eye(len(own.A)))
    held = step_of(point, known, known.times(point.coefficients), own, own_linear, 1e-4)
    assert np.abs(held.W - point.coefficients).max() < 1e-4 * np.abs(free).max()
