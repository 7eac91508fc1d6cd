"""Corrections of an inverse Hessian, and the method made of them."""

import numpy as np

from sklearn_xent.solvers.quasi_newton import Corrections
from tests.problems import positive


def test_corrections_make_a_quadratic_exact():
    H, rng = positive(4), np.random.default_rng(0)
    corrections = Corrections(8)
    for _ in range(4):
        step = rng.normal(size=4)
        for s, c, k in corrections._pairs:
            step = step - (c @ step) / k * s  # conjugate directions
        corrections.add(step, H @ step)
    g = rng.normal(size=4)
    np.testing.assert_allclose(corrections.apply(g, lambda q: q), np.linalg.solve(H, g), rtol=1e-8)
