"""The coefficients of least norm with given logits, against the pseudo-inverse of the rows."""

import numpy as np
import pytest

from sklearn_xent.problem.penalties import ElasticNet, elastic_net
from sklearn_xent.solvers import minimum_norm as module
from sklearn_xent.solvers.minimum_norm import minimum_norm
from tests.problem.test_derivatives import CONTAINERS, assemble


def dependent(K, container="C", fit_intercept=True):
    """Columns of several units of which two are combinations of others and one is constant."""
    rng = np.random.default_rng(K)
    X = rng.normal(size=(40, 4)) * [1, 100, 0.01, 3]
    X = np.column_stack([X, X[:, 0] + X[:, 3], X[:, 1] - 50 * X[:, 0], np.full(40, 2.0)])
    X = X.astype(np.float32).astype(float) if container == "float32" else X
    targets = rng.dirichlet(np.ones(K), 40).T
    weights = rng.random(40) + 0.1
    objective = assemble(
        X, targets, weights / weights.sum(), None, container, strength=0.0, fit_intercept=fit_intercept
    )
    return objective, X, weights


@pytest.mark.parametrize("by_lsmr", [False, True])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("container", [c for c in CONTAINERS if c != "float32"])
@pytest.mark.parametrize("K", [2, 3])
def test_it_is_that_of_the_pseudo_inverse(monkeypatch, K, container, fit_intercept, by_lsmr):
    if by_lsmr:
        monkeypatch.setattr(module, "LARGEST_NULL_SPACE", 2)
    objective, X, weights = dependent(K, container, fit_intercept)
    W = np.random.default_rng(1).normal(size=objective.shape)
    if not fit_intercept:
        W[:, -1] = 0.0
    W[:, :-1] *= objective.design.scale > 0
    W = objective.symmetric(W)
    found = minimum_norm(objective, W)
    coef, _ = objective.design.to_original(W)
    least, _ = objective.design.to_original(found)
    A = X - (weights @ X) / weights.sum() if fit_intercept else X
    A = A[:, :6] if fit_intercept else A  # a constant column moves no logit beside an intercept
    wide = coef[:, : A.shape[1]]
    # columns of one size, lest their units decide what is null
    unit = np.sqrt((A**2).sum(axis=0))
    _, s, Vt = np.linalg.svd(A / unit)
    N = Vt[s < 1e-10 * s[0]] / unit
    assert len(N) == 2
    expected = wide - wide @ np.linalg.pinv(N) @ N
    np.testing.assert_allclose(least[:, : A.shape[1]], expected, atol=1e-6 * np.abs(expected).max())
    before, after = (np.concatenate(objective.logits(V).flat(), axis=1) for V in (W, found))
    np.testing.assert_allclose(after, before, atol=1e-8 * np.abs(before).max())


@pytest.mark.parametrize("K", [2, 3])
def test_what_a_penalty_or_a_bound_has_chosen_is_left_alone(K):
    objective, *_ = dependent(K)
    W = np.random.default_rng(1).normal(size=objective.shape)
    ridge = objective.under(elastic_net(objective.design, 0.1, 0.0))
    assert minimum_norm(ridge, W) is W
    low, high = np.full(8, -np.inf), np.full(8, np.inf)
    low[0] = 0.0
    bounded = objective.under(ElasticNet(objective.penalty.l1, objective.penalty.l2, low, high))
    assert minimum_norm(bounded, W) is W


@pytest.mark.parametrize("K", [2, 3])
def test_independent_columns_leave_nothing_to_choose(K):
    rng = np.random.default_rng(0)
    objective = assemble(
        rng.normal(size=(30, 3)), rng.dirichlet(np.ones(K), 30).T, np.full(30, 1 / 30), None, strength=0.0
    )
    W = objective.symmetric(rng.normal(size=objective.shape))
    np.testing.assert_allclose(minimum_norm(objective, W), W, rtol=1e-14)
