"""A factored Hessian against dense linear algebra, of full rank and of less."""

import numpy as np
import pytest

from sklearn_xent.solvers.curvature import Curvature
from tests.problems import positive


@pytest.mark.parametrize("scale", [1.0, 1e8])
def test_a_singular_hessian_gives_the_step_of_least_norm(scale):
    H, g = positive(6, rank=4), np.random.default_rng(2).normal(size=6)
    g = H @ g
    np.testing.assert_allclose(H @ Curvature(H * scale).solve(g * scale), g, rtol=1e-8)
    assert Curvature(H).gap(g) == pytest.approx(g @ np.linalg.pinv(H) @ g / 2, rel=1e-8)


def test_curvature_on_an_active_set_is_zero_elsewhere():
    H, g, active = positive(5), np.arange(1.0, 6.0), np.array([1, 0, 1, 1, 0], bool)
    x = Curvature(H, active).solve(g)
    assert not x[~active].any()
    np.testing.assert_allclose((H @ x)[active], g[active], rtol=1e-10)
    assert Curvature(H, np.zeros(5, bool)).gap(g) == 0.0
