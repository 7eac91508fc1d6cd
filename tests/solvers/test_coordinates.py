"""Changes of variables: there and back, and the gradient and Hessian that they carry."""

import numpy as np
import pytest

from sklearn_xent.solvers.coordinates import Diagonal, SignSplit, triangular_factor
from tests.problem.test_derivatives import pose


@pytest.mark.parametrize("K", [2, 3])
def test_triangular_coordinates_make_the_hessian_round(K):
    objective, _ = pose(K, n=200, offset=False, weighted=False)
    point = objective.at(np.zeros(objective.shape))
    factor = triangular_factor(point)
    values = np.linalg.eigvalsh(factor.hessian(point))
    size = objective.shape[1]
    relevant = values[-(K - 1) * size :]  # adding one vector to all classes moves nothing but the penalty
    assert relevant.max() / relevant.min() < (1.5 if K == 2 else 3)
    W = np.random.default_rng(0).normal(size=objective.shape)
    u = factor.from_coefficients(W)
    np.testing.assert_allclose(factor.to_coefficients(u), W, rtol=1e-10)


def test_a_singular_design_has_a_factor():
    objective, _ = pose(2, n=200, strength=1e-30)
    objective.design.scale[1] = 0.0
    point = objective.at(np.zeros(objective.shape))
    factor = triangular_factor(point)
    G = point.gradient
    assert np.isfinite(factor.solve(G)).all()


@pytest.mark.parametrize("make", [lambda o: Diagonal(np.arange(1.0, 6.0), 3), lambda o: SignSplit(3, 5)])
def test_coordinates_carry_the_gradient(make):
    objective, W = pose(3, l1_ratio=0.5)
    c = make(objective)
    u = c.from_coefficients(W)
    np.testing.assert_allclose(c.to_coefficients(u), W)
    point, v = objective.at(W), np.random.default_rng(0).normal(size=len(u))
    h = 1e-6

    def value(u):
        point = objective.at(c.to_coefficients(u))
        return c.value(point, u) if isinstance(c, SignSplit) else point.smooth_value

    slope = (value(u + h * v) - value(u - h * v)) / (2 * h)
    assert slope == pytest.approx(c.gradient(point) @ v, rel=1e-6)
