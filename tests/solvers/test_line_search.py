"""The line search against F evaluated along the line itself."""

import numpy as np
import pytest

from sklearn_xent import CrossEntropyClassifier
from sklearn_xent.problem.design import Design
from sklearn_xent.problem.losses import loss_for
from sklearn_xent.problem.objective import Objective
from sklearn_xent.problem.penalties import ElasticNet, elastic_net
from sklearn_xent.rows import as_rows
from sklearn_xent.solvers.line_search import STEEP, SUFFICIENT, line_search
from tests.problem.test_derivatives import pose


def objective_of(X, t, ridge=0.0, l1=0.0):
    n, d = X.shape
    rows = as_rows(X, np.asarray(t, float)[None, :], np.full(n, 1 / n))
    penalty = ElasticNet(np.append(np.full(d, l1), 0.0), np.full(d + 1, ridge))
    return Objective(rows, loss_for(2), penalty, Design(np.zeros(d), np.ones(d), np.ones(d), True))


def test_a_step_that_descends_enough_is_taken_whole():
    rng = np.random.default_rng(0)
    o = objective_of(rng.normal(size=(50, 2)), rng.random(50), ridge=0.1)
    point = o.at(np.zeros((1, 3)))
    target = point.coefficients - np.linalg.solve(point.hessian(), point.gradient.ravel()).reshape(1, 3)
    new, part = line_search(point, target)
    assert part == 1.0
    np.testing.assert_array_equal(new.coefficients, target)


def test_no_step_is_taken_uphill():
    rng = np.random.default_rng(1)
    point = objective_of(rng.normal(size=(50, 2)), rng.random(50)).at(np.ones((1, 3)))
    assert line_search(point, point.coefficients + point.gradient) == (None, 0.0)


@pytest.mark.parametrize("size", [1e2, 1e5, 1e8])
@pytest.mark.parametrize("length", [1e1, 1e4, 1e9])
def test_a_part_of_the_way_ends_where_the_slope_has_shrunk(size, length):
    # rows far out: F is linear along the line up to where one of them turns
    rng = np.random.default_rng(2)
    X = rng.normal(size=(60, 1)) * np.where(rng.random((60, 1)) < 0.5, size, 1.0)
    t = (X[:, 0] + 0.5 * np.abs(X[:, 0]) * rng.normal(size=60) > 0).astype(float)
    point = objective_of(X, t).at(np.array([[-1.0, 0.3]]))
    direction = -point.gradient
    slope = float((point.gradient * direction).sum()) * length
    new, part = line_search(point, point.coefficients + length * direction)
    at_the_end = float((new.gradient * direction).sum()) * length
    assert new.value < point.value
    assert new.value <= point.value + SUFFICIENT * part * slope or abs(at_the_end) <= 0.9 * abs(slope)
    if part < 1:
        assert STEEP * slope <= at_the_end <= -STEEP * slope


def test_with_an_l1_penalty_too_a_part_of_the_way_ends_where_the_slope_has_shrunk():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(60, 3)) * np.where(rng.random((60, 1)) < 0.5, 1e4, 1.0)
    point = objective_of(X, X[:, 0] > 0, l1=1e-3).at(np.array([[-1.0, 0.0, 0.5, 0.3]]))
    for length in (1e2, 1e5, 1e8):
        target = point.coefficients - length * point.stationarity
        promised = point.objective.penalty.change(point.coefficients, point.gradient, target)
        new, part = line_search(point, target)
        assert 0 < part < 1
        assert new.value <= point.value + SUFFICIENT * part * promised
        _, slope = point.line(target - point.coefficients).evaluate(part)
        assert slope >= STEEP * promised


@pytest.mark.parametrize("solver", ["auto", "truncated-newton"])
@pytest.mark.parametrize("seed", range(2))
def test_a_fit_whose_rows_are_mostly_far_out_ends_at_the_minimum(solver, seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(600, 8)) * (rng.random((600, 8)) < 0.5)
    far = rng.random(600) < 0.5
    X[far] *= 10 ** rng.uniform(1, 7, size=(far.sum(), 1))
    y = (X @ rng.normal(size=(8, 3)) + 0.3 * rng.gumbel(size=(600, 3))).argmax(axis=1)
    model = CrossEntropyClassifier(C=1e3, solver=solver).fit(X, y)
    reference = CrossEntropyClassifier(C=1e3, solver="newton-cholesky", tol=1e-10).fit(X, y)
    assert model.optimality_gap_ <= 1e-6 * model.history_["objective"][-1]
    np.testing.assert_allclose(
        model.history_["objective"][-1], reference.history_["objective"][-1], rtol=2e-6
    )


def test_line_search_never_goes_up_and_refuses_ascent():
    objective, W = pose(3)
    point = objective.at(W)
    for size in (1e-3, 1.0, 1e3, 1e8):
        new, part = line_search(point, W - size * point.gradient)
        assert new.value < point.value
        np.testing.assert_allclose(new.coefficients, W - part * size * point.gradient, rtol=1e-12)
    assert line_search(point, W + point.gradient) == (None, 0.0)


@pytest.mark.parametrize("K", [2, 3])
def test_with_kinks_a_line_search_takes_part_of_the_way_only_where_it_may(K):
    objective, W = pose(K)
    objective = objective.under(elastic_net(objective.design, 0.1, 1.0))
    point = objective.at(W)
    far = W - 1e6 * point.stationarity
    new, part = line_search(point, far)
    assert new.value < point.value
    assert 0 < part < 1
    assert line_search(point, far, part_of_the_way=False) == (None, 0.0)
    near, whole = line_search(point, W - 1e-3 * point.stationarity)
    assert near.value < point.value
    assert whole == 1.0
