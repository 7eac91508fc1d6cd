"""The n x n problem stands for the large one: its values, optimum and Newton steps by dense algebra."""

import numpy as np
import pytest

from sklearn_xent.problem.penalties import elastic_net
from sklearn_xent.solvers.newton import newton_cholesky
from sklearn_xent.solvers.row_space import RowSpace, row_space, suits_row_space
from tests.problem.test_derivatives import assemble
from tests.problems import iterates, overlapping


def wide(K, *, n=18, d=30, fit_intercept=True, strength=0.05, soft=True):
    rng = np.random.default_rng(K)
    X, y = overlapping(n=n, d=d, K=K)
    X[:, 3] = 2.0  # does not vary
    targets = rng.dirichlet(np.ones(K), n).T if soft else np.eye(K)[y].T
    weights = rng.random(n) + 0.5
    shifts = rng.normal(size=(1 if K == 2 else K, n))
    return assemble(
        X, targets, weights / weights.sum(), shifts, strength=strength, fit_intercept=fit_intercept
    )


ALL = pytest.mark.parametrize(("K", "fit_intercept"), [(2, True), (2, False), (3, True), (3, False)])


def apart(W, other, objective):
    """Largest difference, but for one number added to the intercepts of all classes."""
    D = W - other
    D[:, -1] -= D[:, -1].mean() * objective.loss.shift_invariant
    return np.abs(D).max()


@ALL
def test_the_optimum_of_the_small_problem_is_that_of_the_large(K, fit_intercept):
    objective = wide(K, fit_intercept=fit_intercept)
    space = RowSpace(objective, np.float64, {})
    W = space.optimum(lambda point: 1e-13)
    best = iterates(newton_cholesky, objective, np.zeros(objective.shape), 10)[-1]
    assert apart(W, best.coefficients, objective) < 1e-6
    assert objective.at(W).value == pytest.approx(best.value, rel=1e-11)
    assert W[:, 3].any() == (not fit_intercept)  # else the constant column is none


@ALL
def test_a_point_in_the_span_of_the_rows_has_one_value_in_both(K, fit_intercept):
    objective = wide(K, fit_intercept=fit_intercept)
    space = RowSpace(objective, np.float64, {})
    rng = np.random.default_rng(1)
    n_logits = objective.shape[0]
    W = objective.adjoint(objective.rows.split(rng.normal(size=(n_logits, 18))))
    W[:, :-1] /= objective.penalty.hessian_diagonal[:-1]
    W[:, :-1] /= np.abs(W[:, :-1]).max()
    W[:, -1] = rng.normal(size=n_logits) if fit_intercept else 0.0
    large, small = objective.at(W), space.seen_from_rows(objective.at(W))
    assert small.value == pytest.approx(large.value, rel=1e-9)
    assert small.loss == pytest.approx(large.loss, rel=1e-9)


@ALL
def test_a_newton_step_is_that_of_the_dense_hessian(K, fit_intercept):
    objective = wide(K, fit_intercept=fit_intercept)
    space = RowSpace(objective, np.float64, {})
    at = objective.at(space.optimum(lambda point: 1e-14))
    H = at.hessian()
    for seed in range(3):
        gradient = np.random.default_rng(seed).normal(size=objective.shape)
        gradient[:, 3 if fit_intercept else -1] = 0.0  # what moves no logit has no slope
        if objective.loss.shift_invariant:
            gradient[:, -1] -= gradient[:, -1].mean()
        step = space.step(gradient)
        dense = (np.linalg.pinv(H, rcond=1e-13) @ gradient.ravel()).reshape(gradient.shape)
        assert apart(step, dense, objective) < 1e-6 * np.abs(dense).max()


@pytest.mark.parametrize("K", [2, 3])
def test_a_memory_serves_another_strength(K):
    objective, memory = wide(K), {}
    for strength in (0.05, 0.02, 0.5):
        here = objective.under(elastic_net(objective.design, strength, 0.0))
        kept, fresh = (RowSpace(here, np.float64, m).optimum(lambda point: 1e-13) for m in (memory, {}))
        assert apart(kept, fresh, here) < 1e-5
    # under other factors of the columns it would be another matrix
    factors = np.linspace(0.5, 2, 30)
    here = objective.under(elastic_net(objective.design, 0.05, 0.0, factors))
    kept, fresh = (RowSpace(here, np.float64, m).optimum(lambda point: 1e-13) for m in (memory, {}))
    assert apart(kept, fresh, here) < 1e-5


@pytest.mark.parametrize("K", [2, 3])
def test_the_method_visits_points_of_the_large_problem_and_ends_at_its_minimum(K):
    objective = wide(K)
    points = iterates(row_space, objective, np.zeros(objective.shape), 30, tol=1e-6)
    assert all(point.coefficients.shape == objective.shape for point in points)
    best = iterates(newton_cholesky, objective, np.zeros(objective.shape), 10)[-1]
    assert points[-1].value - best.value <= 1e-6 * best.value
    assert len(points) <= 3


def test_it_suits_fewer_rows_than_columns_that_are_all_penalised():
    assert suits_row_space(wide(2))
    assert not suits_row_space(wide(2, n=31))
    assert not suits_row_space(wide(2, strength=0.0))
    objective = wide(2)
    assert not suits_row_space(objective.under(elastic_net(objective.design, 0.05, 0.5)))
    free = np.ones(30)
    free[5] = 0.0
    assert not suits_row_space(objective.under(elastic_net(objective.design, 0.05, 0.0, free)))
    assert not suits_row_space(wide(2, n=1501, d=1600))


def test_penalties_too_far_apart_for_float32_are_multiplied_in_float64():
    objective = wide(2)
    far = elastic_net(objective.design, 0.05, 0.0, np.append(np.full(29, 1.0), 1e-80))
    objective = objective.under(far)
    assert suits_row_space(objective)
    with np.errstate(all="ignore"):  # as in a fit
        single, double = (RowSpace(objective, dtype, {}) for dtype in (np.float32, np.float64))
    W = single.optimum(lambda point: 1e-13)
    assert np.isfinite(W).all()
    np.testing.assert_array_equal(W, double.optimum(lambda point: 1e-13))
