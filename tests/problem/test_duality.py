"""Dual points: what they bound, and what a small step more costs them."""

import numpy as np
import pytest

from sklearn_xent.problem.duality import DualPoint
from sklearn_xent.problem.losses import loss_for
from sklearn_xent.problem.moments import moments_of
from sklearn_xent.problem.objective import Objective
from sklearn_xent.problem.penalties import elastic_net
from sklearn_xent.problem.scaling import design_for
from sklearn_xent.rows import as_rows


def pose(K, strength=0.0, l1_ratio=0.0, n=40, d=3, seed=0):
    rng = np.random.default_rng([seed, K])
    X = rng.normal(size=(n, d))
    targets = np.eye(K)[rng.integers(0, K, n)].T
    rows = as_rows(X, targets[1:] if K == 2 else targets, np.full(n, 1 / n), None)
    strengths = np.full(d, strength)
    design = design_for(rows, moments_of(rows), fit_intercept=True, strength=strengths, l1_ratio=l1_ratio)
    objective = Objective(rows, loss_for(K), elastic_net(design, strength, l1_ratio), design)
    return objective, rng


def probabilities(objective, W):
    e = objective.at(W).expansion[0]
    return e.of_classes()[0], e


def divergence(q, p):
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(q > 0, q * np.log(q / p), 0.0).sum(axis=0).mean()


@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize("size", [1e-3, 0.1, 0.3])
def test_a_small_step_more_costs_no_more_than_it_says_whatever_its_sign(K, size):
    for seed in range(20):
        objective, rng = pose(K, seed=seed)
        W = rng.normal(size=objective.shape)
        point = objective.at(W)
        solved = np.ones(objective.shape, bool)
        first, more = 0.3 * rng.normal(size=W.shape), size * rng.normal(size=W.shape)
        dual = DualPoint(point, solved, direction=first)
        cost = dual.cost_of(more)
        p, e = probabilities(objective, W)

        def change(V, e=e, objective=objective):
            logits = np.concatenate(objective.logits(V).flat(), axis=1)
            return e.curvature_product(logits)

        q, r = change(first), change(more)
        if K == 2:
            q, r = (np.vstack([-v, v]) for v in (q, r))
        q = p + q
        if not np.isfinite(cost):
            assert (np.abs(r) > 0.5 * q).any()
            continue
        for sign in (1, -1):
            assert (q + sign * r >= 0).all()
            assert divergence(q + sign * r, p) <= divergence(q, p) + cost + 1e-15


def test_a_step_that_may_leave_the_simplex_has_no_bound():
    objective, rng = pose(3)
    W = rng.normal(size=objective.shape)
    dual = DualPoint(objective.at(W), np.ones(objective.shape, bool))
    assert dual.cost_of(10 * rng.normal(size=W.shape)) == np.inf


@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize(("strength", "l1_ratio"), [(0.05, 0.0), (0.02, 1.0), (0.02, 0.5)])
def test_what_penalties_pay_is_no_less_than_the_gap_for_any_noise(K, strength, l1_ratio):
    objective, rng = pose(K, strength, l1_ratio)
    zero = objective.design.zeros(objective.shape[0])
    W = 0.1 * rng.normal(size=objective.shape)
    for _ in range(200):  # nothing pays for slopes of the intercept
        W[:, -1] -= 2 * objective.at(W).gradient[:, -1]
    dual = DualPoint(objective.at(W), np.ones(objective.shape, bool))
    others = [objective.at(zero).value] + [
        objective.at(W + s * rng.normal(size=W.shape)).value for s in (0.01, 0.1) for _ in range(50)
    ]
    least = objective.at(W).value - min(others)
    paid = [dual.paid(np.full(W.shape[1], noise)) for noise in (1e-15, 1e-12, 1e-6)]
    assert least > 0
    assert all(least - 1e-12 <= a < np.inf for a in paid)
    assert paid == sorted(paid)


def test_penalties_do_not_pay_for_columns_that_they_leave_free():
    objective, rng = pose(2)
    dual = DualPoint(objective.at(rng.normal(size=objective.shape)), np.ones(objective.shape, bool))
    assert dual.paid(np.full(objective.shape[1], 1e-12)) == np.inf
