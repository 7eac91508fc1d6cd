"""Many rows: a sample is solved, and corrected by gradients of all rows."""

import numpy as np
import pytest

from sklearn_xent.solvers.monitor import Monitor
from sklearn_xent.solvers.newton import newton_cholesky
from sklearn_xent.solvers.optimality_gap import Kind
from sklearn_xent.solvers.progressive import progressive
from sklearn_xent.solvers.visit import Status, Stop
from tests.problem.test_derivatives import assemble
from tests.problems import iterates, overlapping


def many(K, n=20_000):
    X, y = overlapping(n=n, d=4, K=K)
    return assemble(X, np.eye(K)[y].T, np.full(n, 1 / n), None, strength=1e-5)


@pytest.mark.parametrize("K", [2, 3])
def test_points_on_all_rows_start_near_the_minimum_and_contract(K):
    objective = many(K)
    best = iterates(newton_cholesky, objective, np.zeros(objective.shape), 8)[-1]
    points = iterates(progressive, objective, np.zeros(objective.shape), 20, tol=1e-10)
    assert all(point.objective is objective for point in points)
    gaps = np.array([point.value - best.value for point in points])
    # a sample of m rows is within about N / (2 m) nats; here m is 1000
    assert gaps[0] < 10 * objective.shape[0] * objective.shape[1] / 2000
    visible = gaps[gaps > 1e-12]
    assert (visible[1:] < 0.25 * visible[:-1]).all()
    assert gaps[-1] < 1e-9


@pytest.mark.parametrize("K", [2, 3])
def test_what_it_says_of_the_gap_on_all_rows_bounds_it(K):
    objective = many(K)
    best = iterates(newton_cholesky, objective, np.zeros(objective.shape), 8)[-1]
    told = []

    class Listens:
        tol = 1e-6

        def goal(self, point):
            return 1e-6 * point.value

        def inside(self, point, gap):
            pass

        def __call__(self, point, *, gap=None, **known):
            told.append((point, gap))
            if gap is not None and gap.kind is Kind.BOUND and gap.nats <= self.goal(point):
                raise Stop(Status.CONVERGED)

    with pytest.raises(Stop):
        progressive(objective, np.zeros(objective.shape), Listens())
    bounds = [(point, gap) for point, gap in told if gap is not None and gap.kind is Kind.BOUND]
    assert bounds
    for point, gap in bounds:
        assert gap.nats >= point.value - best.value - 1e-15
    assert len(told) < 6


def test_a_seed_draws_the_same_rows():
    objective = many(2)
    first, again, other = (
        iterates(progressive, objective, np.zeros(objective.shape), 2, seed=seed)[0].coefficients
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_sample_that_misleads_is_not_followed():
    # its rows are told apart without error, those of all are not: what it says is worse than nothing
    n, rng = 40_000, np.random.default_rng(0)
    X = rng.normal(size=(n, 4))
    y = (X[:, 0] > 0).astype(int)
    wrong = rng.choice(n, 40, replace=False)
    X[wrong] *= 1000.0
    y[wrong] = 1 - y[wrong]
    objective = assemble(X, np.eye(2)[y].T, np.full(n, 1 / n), None, strength=1e-9)
    monitor = Monitor(1e-6, 100)
    with np.errstate(all="ignore"), pytest.raises(Stop) as stop:
        progressive(objective, np.zeros(objective.shape), monitor)
    assert stop.value.status is Status.CONVERGED
