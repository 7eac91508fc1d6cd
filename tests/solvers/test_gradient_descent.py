"""Gradient descent: each step is along the gradient, as long as it descends enough."""

import itertools

import numpy as np
import pytest

from sklearn_xent.solvers.gradient_descent import gradient_descent
from sklearn_xent.solvers.line_search import SUFFICIENT
from tests.problem.test_derivatives import pose
from tests.problems import iterates


@pytest.mark.parametrize("K", [2, 3])
def test_steps_are_along_the_gradient_and_at_most_twice_the_last(K):
    objective, W = pose(K, n=60)
    points, length = iterates(gradient_descent, objective, W, 30), 1.0
    for old, new in itertools.pairwise(points):
        g, move = old.gradient, new.coefficients - old.coefficients
        t = -(move * g).sum() / (g**2).sum()
        np.testing.assert_allclose(move, -t * g, atol=1e-10 * np.abs(move).max())
        assert 0 < t <= 2 * length * (1 + 1e-9)
        assert new.value <= old.value - SUFFICIENT * t * (g**2).sum() * (1 - 1e-9)
        length = t


def test_it_reaches_the_minimum_of_round_columns():
    objective, _ = pose(2, n=200)
    last = iterates(gradient_descent, objective, np.zeros(objective.shape), 300)[-1]
    assert last.steepness < 1e-6
