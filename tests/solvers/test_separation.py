"""Directions along which the loss falls for ever, against a plain linear program over all margins."""

import numpy as np
import pytest
import scipy.optimize

from sklearn_xent.problem.penalties import ElasticNet, elastic_net
from sklearn_xent.solvers.newton import newton_cholesky
from sklearn_xent.solvers.proximal_newton import proximal_newton
from sklearn_xent.solvers.separation import (
    are_separated,
    recession_direction,
)
from sklearn_xent.solvers.solve import Stage, minimise
from tests.problem.test_derivatives import assemble


def margins(X, y, K, fit_intercept=True):
    """Matrix (m, N) whose products with a flat W are the margins of the labels over all other classes."""
    A, rows = np.column_stack([X, np.full(len(X), float(fit_intercept))]), []
    for a, label in zip(A, y, strict=True):
        for other in set(range(K)) - {label}:
            M = np.zeros((K, A.shape[1]))
            M[label], M[other] = a, -a
            rows.append((M[1] if K == 2 else M).ravel())
    return np.array(rows)


def grows(M, lower=-np.inf, upper=np.inf):
    """Whether some margin may grow where none falls: the largest sum of them in the unit box."""
    ends = np.broadcast_to(
        np.column_stack([np.where(np.isinf(lower), -1.0, 0.0), np.where(np.isinf(upper), 1.0, 0.0)]),
        (M.shape[1], 2),
    )
    found = scipy.optimize.linprog(-M.sum(axis=0), A_ub=-M, b_ub=np.zeros(len(M)), bounds=ends)
    return -found.fun > 1e-7


def solved(X, y, K, penalty=None, fit_intercept=True, method=newton_cholesky):
    """Where a method ends on these labels."""
    n = len(X)
    objective = assemble(
        X, np.eye(K)[y].T, np.full(n, 1 / n), None, strength=0.0, fit_intercept=fit_intercept
    )
    if penalty is not None:
        objective = objective.under(penalty(objective))
    start = np.clip(np.zeros(objective.shape), *objective.penalty.bounds)
    with np.errstate(all="ignore"):
        return minimise(objective, [Stage("", method)], start, tol=1e-10, max_iter=100)


def check_ray(ray, objective, M):
    """The ray in the units of X moves no margin down and some up."""
    coef, intercept = objective.design.to_original(ray)
    if not objective.design.fit_intercept:
        intercept = np.zeros(len(coef))
    change = M @ np.column_stack([coef, intercept]).ravel()
    assert change.max() > 0
    assert change.min() >= -1e-6 * change.max()


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("K", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_a_direction_is_found_where_the_program_has_one(K, fit_intercept):
    seen = set()
    for seed in range(25):
        rng = np.random.default_rng(seed)
        X = rng.integers(-2, 3, size=(rng.integers(5, 14), rng.integers(1, 4))).astype(float)
        y = np.append(np.arange(K), rng.integers(0, K, len(X) - K))
        M = margins(X, y, K, fit_intercept)
        exists = grows(M)
        end = solved(X, y, K, fit_intercept=fit_intercept)
        ray = recession_direction(end.point, end.gap.nats)
        assert (ray is not None) == exists, seed
        if exists:
            check_ray(ray, end.point.objective, M)
        seen.add(exists)
    assert seen == {True, False}


@pytest.mark.parametrize("K", [2, 3])
def test_a_bound_ends_a_direction_on_its_side(K):
    seen = set()
    for seed in range(20):
        rng = np.random.default_rng([seed, K])
        X = rng.integers(-2, 3, size=(8, 2)).astype(float)
        y = np.append(np.arange(K), rng.integers(0, K, 8 - K))
        lower, upper = np.array([0.0, -np.inf, -np.inf]), np.array([np.inf, 1.0, np.inf])
        M, n_logits = margins(X, y, K), 1 if K == 2 else K
        exists = grows(M, np.tile(lower, n_logits), np.tile(upper, n_logits))
        end = solved(
            X,
            y,
            K,
            penalty=lambda o, b=(lower, upper): ElasticNet(np.zeros(3), np.zeros(3), *b),
            method=proximal_newton,
        )
        ray = recession_direction(end.point, end.gap.nats)
        assert (ray is not None) == exists, seed
        if exists:
            check_ray(ray, end.point.objective, M)
            assert (ray[:, 0] >= -1e-9 * np.abs(ray).max()).all()
            assert (ray[:, 1] <= 1e-9 * np.abs(ray).max()).all()
        seen.add(exists)
    assert seen == {True, False}


@pytest.mark.parametrize("penalised", [0, 1])
def test_a_penalised_column_is_in_no_direction(penalised):
    X = np.column_stack([np.arange(8.0), np.arange(8.0) ** 2])
    y = (np.arange(8) > 3).astype(int)
    factors = np.zeros(2)
    factors[penalised] = 1.0
    end = solved(X, y, 2, penalty=lambda o: elastic_net(o.design, 0.1, 0.0, factors))
    ray = recession_direction(end.point, end.gap.nats)
    assert ray[0, penalised] == 0
    assert ray[0, 1 - penalised] != 0
    both = solved(X, y, 2, penalty=lambda o: elastic_net(o.design, 0.1, 0.0))
    assert recession_direction(both.point, both.gap.nats) is None


def test_of_all_directions_that_of_few_columns_is_taken():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 4))
    y = (X[:, 2] > 0).astype(int)
    X[:, 3] = X[:, 2] + 0.5 * X[:, 0]  # separates with another column, too
    end = solved(X, y, 2)
    ray = recession_direction(end.point, end.gap.nats)
    named = np.abs(ray[0, :-1]) > 1e-6 * np.abs(ray).max()
    np.testing.assert_array_equal(named, [False, False, True, False])


@pytest.mark.parametrize("K", [2, 3])
def test_classes_are_separated_where_every_margin_is_positive(K):
    rng = np.random.default_rng(K)
    X = rng.normal(size=(12, 3))
    W = rng.normal(size=(1 if K == 2 else K, 4))
    z = np.column_stack([X, np.ones(12)]) @ W.T
    y = (z[:, 0] > 0).astype(int) if K == 2 else z.argmax(axis=1)
    end = solved(X, y, K)
    o = end.point.objective
    assert are_separated(o.at(o.from_original(W[:, :-1], W[:, -1])))
    assert not are_separated(o.at(o.from_original(-W[:, :-1], -W[:, -1])))
    assert not are_separated(o.at(np.zeros(o.shape)))
