"""Newton's method by a factored Hessian and by products with it, against dense solutions of its system."""

import itertools

import numpy as np
import pytest

from sklearn_xent import CrossEntropyClassifier
from sklearn_xent.solvers.newton import (
    LOOSEST,
    DiagonalInverse,
    guessed_diagonal,
    newton_cholesky,
    truncated_newton,
)
from tests.problem.test_derivatives import CONTAINERS, PENALTIES, assemble, pose
from tests.problems import iterates, overlapping


def newton_target(point):
    """Where the least-norm Newton step leads, by the dense Hessian."""
    H, g = point.hessian(), point.gradient.ravel()
    return point.coefficients - (np.linalg.pinv(H, rcond=1e-12) @ g).reshape(point.coefficients.shape)


@pytest.mark.parametrize("penalty", ["none", "ridge"])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("K", [2, 3, 4])
def test_a_step_solves_the_dense_system(K, container, fit_intercept, penalty):
    strength, _ = PENALTIES[penalty]
    objective, _ = pose(K, container, fit_intercept=fit_intercept, strength=strength, n=60)
    points = iterates(newton_cholesky, objective, np.zeros(objective.shape), 4)
    assert len(points) == 4
    for old, new in itertools.pairwise(points):
        target = newton_target(old)
        scale = np.abs(target - old.coefficients).max()
        np.testing.assert_allclose(new.coefficients, target, atol=1e-7 * scale)


def test_a_step_that_overshoots_is_shortened_along_itself():
    objective, W = pose(2, n=60)
    far = 10 * W
    old, new = iterates(newton_cholesky, objective, far, 2)
    step, taken = newton_target(old) - far, new.coefficients - far
    part = (taken * step).sum() / (step**2).sum()
    assert 0 < part < 1
    np.testing.assert_allclose(taken, part * step, atol=1e-9 * np.abs(step).max())
    assert new.value < old.value


@pytest.mark.parametrize("K", [2, 3])
def test_a_rough_hessian_has_the_same_step_but_for_float32(K):
    X, y = overlapping(n=300, d=120, K=K)
    objective = assemble(X, np.eye(K)[y].T, np.full(300, 1 / 300), None, strength=1.0)
    start = np.zeros(objective.shape)
    exact, rough = (iterates(newton_cholesky, objective, start, 2, rough=rough)[1] for rough in (False, True))
    assert not np.array_equal(rough.coefficients, exact.coefficients)
    step = np.abs(exact.coefficients).max()
    np.testing.assert_allclose(rough.coefficients, exact.coefficients, atol=1e-3 * step)


def test_what_all_classes_share_at_the_start_is_left_behind():
    objective, W = pose(3, strength=0.0)
    points = iterates(newton_cholesky, objective, W + 5.0, 2)
    for point in points:
        np.testing.assert_allclose(point.coefficients.sum(axis=0), 0.0, atol=1e-10)


@pytest.mark.parametrize("K", [2, 3])
def test_products_solve_the_system_as_far_as_is_asked(K):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 1)) + 0.3 * rng.normal(size=(60, 6))  # columns alike: one product is not enough
    objective = assemble(X, rng.dirichlet(np.ones(K), 60).T, np.full(60, 1 / 60), None, strength=1e-3)
    old, new = iterates(truncated_newton, objective, np.zeros(objective.shape), 2)
    step = -new.coefficients
    inverse = DiagonalInverse(guessed_diagonal)
    inverse.refresh(old)

    def norm(residual):
        return np.sqrt((residual * inverse.solve(residual)).sum())

    left = norm(old.gradient - old.hessian_product(step)) / norm(old.gradient)
    assert 1e-3 < left <= LOOSEST


@pytest.mark.parametrize("K", [2, 3])
def test_steps_by_products_contract_faster_and_faster(K):
    objective, _ = pose(K, n=60)
    points = iterates(truncated_newton, objective, np.zeros(objective.shape), 12)
    slopes = np.array([p.steepness for p in points])
    ratios = slopes[1:] / slopes[:-1]
    assert slopes[-1] < 1e-10
    assert ratios[ratios > 0].min() < 1e-2


@pytest.mark.parametrize("K", [2, 3])
def test_the_guess_of_the_diagonal_is_exact_where_all_rows_have_one_curvature(K):
    objective, _ = pose(K, offset=False, n=50)
    point = objective.at(np.zeros(objective.shape))
    np.testing.assert_allclose(guessed_diagonal(point), point.hessian_diagonal(), rtol=1e-9)


def test_no_entry_of_a_diagonal_is_below_a_hundredth_of_the_largest():
    objective, W = pose(2)
    inverse = DiagonalInverse(lambda point: np.array([[1.0, 1e-30, 0.0, 0.5, 1e-3]]))
    inverse.refresh(objective.at(W))
    np.testing.assert_allclose(
        1 / inverse.solve(np.ones((1, 5)))[0], [1.0, 0.0099, 0.0099, 0.5049, 0.01089], rtol=0.02
    )


@pytest.mark.slow
def test_products_with_a_hessian_factored_before_take_over_and_end_at_the_minimum():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2500, 70))
    logits = 0.3 * X @ rng.normal(size=(70, 24)) + np.log(np.geomspace(1, 1e-3, 24))
    y = np.argmax(logits + rng.gumbel(size=logits.shape), axis=1)
    default = CrossEntropyClassifier(C=1e4).fit(X, y)
    named = CrossEntropyClassifier(C=1e4, solver="truncated-newton").fit(X, y)
    assert default.solver_ == "quasi-newton, truncated-newton"
    assert named.n_iter_ <= 50
    values = []
    for model in (default, named):
        assert model.converged_
        assert model.optimality_gap_kind_ == "bound"
        values.append(model.history_["objective"][-1])
    np.testing.assert_allclose(*values, rtol=1e-6)


def test_products_end_where_the_hessian_of_the_point_itself_does_not_make_them_few():
    rng, n, K = np.random.default_rng(0), 300, 6
    centres, at = np.linspace(0, 1, 100), rng.uniform(size=(n, 1))
    X = np.exp(-0.5 * ((at - centres) / 0.05) ** 2)
    X[:3] *= 1e12  # what the other rows show is rounding beside these
    objective = assemble(X, rng.dirichlet(np.ones(K), n).T, np.full(n, 1 / n), None, strength=1e-3 / n)
    assert len(iterates(truncated_newton, objective, np.zeros(objective.shape), 60)) < 30
