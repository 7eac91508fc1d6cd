"""Newton's method on a face: an optimum that others find, degenerate problems' vertices, and exact zeros."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sklearn_xent.problem.penalties import ElasticNet
from sklearn_xent.solvers.active_set import active_set
from sklearn_xent.solvers.proximal_newton import proximal_newton
from sklearn_xent.solvers.solve import Stage, minimise
from tests.problem.test_derivatives import assemble, ingredients

BOUNDS = {"none": (None, None), "nonnegative": (0.0, np.inf), "box": (-0.1, 0.2), "below": (-np.inf, -0.05)}


def solved(objective, method):
    start = np.clip(np.zeros(objective.shape), *objective.penalty.bounds)
    return minimise(objective, [Stage("", method)], start, tol=1e-13, max_iter=300)


def posed(K, l1_ratio, low, high, strength=0.02):
    objective = assemble(*ingredients(K, n=60, d=6), strength=strength, l1_ratio=l1_ratio)
    if low is None:
        return objective
    penalty = objective.penalty
    bounds = (np.append(np.full(6, b), end) for b, end in ((low, -np.inf), (high, np.inf)))
    object.__setattr__(objective, "penalty", ElasticNet(penalty.l1, penalty.l2, *bounds))
    return objective


@pytest.fixture(autouse=True)
def six_columns(monkeypatch):
    """Columns of six scales in place of four."""

    def more(K, n, d):
        rng = np.random.default_rng(K)
        X = rng.normal(size=(n, d)) * np.geomspace(0.1, 10, d)
        targets = np.eye(K)[rng.integers(0, K, n)].T
        return X, targets, np.full(n, 1 / n), None

    monkeypatch.setitem(globals(), "ingredients", more)


@pytest.mark.parametrize("bounds", BOUNDS)
@pytest.mark.parametrize("l1_ratio", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("K", [2, 3])
def test_it_finds_the_minimum_that_proximal_newton_finds(K, l1_ratio, bounds):
    objective = posed(K, l1_ratio, *BOUNDS[bounds])
    here, there = solved(objective, active_set), solved(objective, proximal_newton)
    assert here.gap.nats <= 1e-12 * here.point.value
    assert here.point.value == pytest.approx(there.point.value, rel=1e-12)
    assert_allclose(here.point.coefficients, there.point.coefficients, atol=1e-6)
    assert ((here.point.coefficients == 0) == (there.point.coefficients == 0)).all()
