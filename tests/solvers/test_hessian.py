"""A root of the Hessian: it is one, and keeps the digits that squares lose."""

import warnings

import numpy as np
import pytest

from sklearn_xent import CrossEntropyClassifier
from sklearn_xent.problem.design import Design
from sklearn_xent.problem.losses import loss_for
from sklearn_xent.problem.moments import moments_of
from sklearn_xent.problem.objective import Objective
from sklearn_xent.problem.penalties import ElasticNet, elastic_net
from sklearn_xent.problem.scaling import design_for
from sklearn_xent.rows import as_rows
from sklearn_xent.solvers.hessian import affordable, curvature_at, hessian_among, hessian_root
from tests.problem.test_derivatives import CONTAINERS, PENALTIES, pose, somewhere


def without_gauge(mask):
    """Projection on what changes a logit: how one number added to all classes is pinned is arbitrary."""
    where = (np.cumsum(mask.ravel()) - 1).reshape(mask.shape)
    P, K = np.eye(np.count_nonzero(mask)), len(mask)
    for j in np.flatnonzero(mask.all(axis=0)) if K > 2 else ():
        P[np.ix_(where[:, j], where[:, j])] -= 1 / K
    return P


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("K", [2, 3, 5])
def test_the_square_of_the_root_is_the_hessian(K, fit_intercept, penalty, container):
    strength, l1_ratio = PENALTIES[penalty]
    objective, W = pose(K, container, l1_ratio=l1_ratio, fit_intercept=fit_intercept, strength=strength)
    point = objective.at(W)
    assert affordable(point)
    chosen = np.ones(W.shape, bool)
    chosen[0, 1] = chosen[-1, 2] = False
    for mask in (np.ones(W.shape, bool), chosen):
        R, H = hessian_root(point, mask), hessian_among(point, mask)
        np.testing.assert_array_equal(R, np.triu(R))
        kept, unit = without_gauge(mask), np.sqrt(np.diag(H))
        difference = kept @ (R.T @ R - H) @ kept
        assert np.abs(difference / np.outer(unit, unit)).max() < 1e-12
        if mask.all():
            V = somewhere(objective)
            V = V - V.mean(axis=0) * (K > 2)
            v = V[mask]
            assert (R @ v) @ (R @ v) == pytest.approx((V * point.hessian_product(V)).sum(), rel=1e-8)


def nearly_equal(distance, K, n=300):
    """x and x + distance * e as columns, at coefficients of the logits of e."""
    rng = np.random.default_rng(0)
    x, e = rng.normal(size=(2, n))
    X = np.column_stack([x, x + distance * e])
    targets = np.eye(K)[np.argmax(np.outer(e, np.arange(K)) + rng.gumbel(size=(n, K)), axis=1)].T
    rows = as_rows(X, targets[1:] if K == 2 else targets, np.full(n, 1 / n), None)
    design = design_for(rows, moments_of(rows), fit_intercept=True, strength=np.zeros(2), l1_ratio=0.0)
    objective = Objective(rows, loss_for(K), elastic_net(design, 0.0, 0.0), design)
    return objective.at(np.zeros(objective.shape)), (X[:, 1] - x)


@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize("distance", [1e-5, 1e-7, 1e-9])
def test_a_direction_that_squares_lose_keeps_its_digits(distance, K):
    point, difference = nearly_equal(distance, K)
    R = hessian_root(point, np.ones(point.coefficients.shape, bool))
    scale = point.objective.design.scale
    coef = np.zeros(point.coefficients.shape)
    coef[0, :2] = np.array([-1, 1]) / scale  # logits of the difference
    if K > 2:
        coef -= coef.mean(axis=0)
    centred = difference - difference.mean()
    along = R @ coef.ravel()
    curvature = (1 / 4 if K == 2 else (1 - 1 / K) / K) * (centred**2).mean()
    assert along @ along == pytest.approx(curvature, rel=1e-15 / distance * 1e2 + 1e-6)


@pytest.mark.parametrize("K", [2, 3])
def test_a_newton_step_finds_the_direction_that_squares_lose(K):
    point, difference = nearly_equal(1e-9, K)
    step = curvature_at(point).solve(point.gradient)
    coef, _ = point.objective.to_original(step)
    assert np.abs(coef).max() > 0.1 / difference.std()
    assert point.objective.at(-step).value < point.value - 0.05


def test_a_root_is_not_made_where_it_would_take_long():
    class Wide:
        class objective:
            class rows:
                n_rows = 10_000

        coefficients = np.zeros((1, 3000))

    assert not affordable(Wide)


@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize("far", [1e6, 1e9, 1e12])
def test_an_outlying_row_hides_no_direction_from_a_fit_without_a_penalty(far, K):
    # the row's label is uncertain, so that it has most of the curvature; it leaves the difference free
    rng = np.random.default_rng(K)
    x, e = rng.normal(size=(2, 90))
    X = np.column_stack([x, x + e])
    X[0] = far
    Y = np.eye(K)[np.argmax(np.outer(e, np.arange(K)) + rng.gumbel(size=(90, K)), axis=1)]
    Y[0] = 1 / K
    model = CrossEntropyClassifier(C=np.inf).fit(X, Y)
    difference = CrossEntropyClassifier(C=np.inf).fit(e[1:, None], Y[1:])
    lowest = difference.history_["objective"][-1] * 89 + np.log(K)
    assert model.history_["objective"][-1] * 90 == pytest.approx(lowest, rel=1e-7)


@pytest.mark.parametrize("K", [2, 3])
def test_directions_that_a_hessian_takes_for_null_are_measured_row_by_row(K):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 3))
    X[:, 1] = X[:, 0] + X[:, 2] * 2.0**-12
    X[0] = 2.0**50, 2.0**50, 0.0
    rows = as_rows(X, rng.dirichlet(np.ones(K), 40).T[K == 2 :], np.full(40, 1 / 40))
    design = Design(np.zeros(3), np.ones(3), np.ones(3))
    objective = Objective(rows, loss_for(K), ElasticNet(np.zeros(4), np.zeros(4)), design)
    point = objective.at(np.zeros(objective.shape))
    basis = np.zeros((len(point.coefficients), 4, 1))
    basis[0, :3, 0] = 1.0, -1.0, 0.0
    exact = np.mean(np.append(0.0, X[1:, 0] - X[1:, 1]) ** 2) * (1 / K) * (1 - 1 / K)
    assert point.curvature_along(basis, np.zeros(basis.shape[:2])).item() == pytest.approx(exact, rel=1e-12)
    dependent = np.zeros_like(basis)
    dependent[0, :, 0] = 1.0, -1.0, 2.0**-12, 0.0
    assert point.curvature_along(dependent, np.zeros(basis.shape[:2])).item() == 0.0


@pytest.mark.parametrize("K", [2, 4])
def test_dependent_columns_show_no_curvature(K):
    rng = np.random.default_rng(1)
    for d in (2, 5, 12):
        X = rng.normal(size=(300, d)) * 10.0 ** rng.integers(-6, 7, d)
        X = np.column_stack([X, X @ rng.normal(size=(d, 2)), np.full(300, 0.1)])
        y = np.append(np.arange(K), rng.integers(0, K, 300 - K))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            model = CrossEntropyClassifier(C=np.inf).fit(X, y)
        assert model.solver_ == "newton-cholesky"
        assert model.n_iter_ < 12


@pytest.mark.parametrize("K", [2, 3])
def test_a_newton_step_does_not_change_what_all_classes_share(K):
    objective, W = pose(K)
    W = objective.symmetric(W)
    point = objective.at(W)
    step = curvature_at(point).solve(point.gradient)
    if K == 3:
        np.testing.assert_allclose(step.sum(axis=0), 0.0, atol=1e-10 * np.abs(step).max())
