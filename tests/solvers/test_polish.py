"""The end of a fit: steps of one Hessian to machine precision, and the bound of the last."""

import itertools

import numpy as np
import pytest

from sklearn_xent.problem.penalties import elastic_net
from sklearn_xent.solvers.curvature import Curvature
from sklearn_xent.solvers.hessian import curvature_at, hessian_at
from sklearn_xent.solvers.newton import newton_cholesky
from sklearn_xent.solvers.optimality_gap import Kind
from sklearn_xent.solvers.polish import STEPS, certify_polished
from sklearn_xent.solvers.proximal_newton import proximal_newton
from tests.problem.test_derivatives import pose
from tests.problems import iterates


def near(K, l1_ratio=0.0, size=1e-4, n=60):
    """A point near a minimum, on its face, and the minimum."""
    objective, _ = pose(K, n=n)
    objective = objective.under(elastic_net(objective.design, 0.1, l1_ratio))
    method = proximal_newton if l1_ratio else newton_cholesky
    best = iterates(method, objective, np.zeros(objective.shape), 40)[-1]
    change = size * np.random.default_rng(0).normal(size=objective.shape)
    return objective.at(objective.symmetric(best.coefficients * (1 + change))), best


@pytest.mark.parametrize("l1_ratio", [0.0, 0.7])
@pytest.mark.parametrize("K", [2, 3])
def test_a_small_problem_is_taken_to_machine_precision(K, l1_ratio):
    point, best = near(K, l1_ratio)
    steps, gap, _ = certify_polished(point, 1e-8 * point.value, at_most=20)
    assert 0 < len(steps) <= STEPS
    end, last = steps[-1]
    assert gap.kind is Kind.BOUND
    assert last == gap.nats <= 1e-15 * best.value
    assert end.value == pytest.approx(best.value, rel=1e-14)
    assert end.steepness < 1e-9
    np.testing.assert_array_equal(np.sign(end.coefficients), np.sign(point.coefficients))
    # each step takes what is thought to be left down by a factor of 4 at least
    left = [curvature_at(point).gap(point.stationarity), *(nats for _, nats in steps[:-1])]
    assert all(after < before / 4 for before, after in itertools.pairwise(left))


def test_no_more_steps_than_iterations_are_left():
    point, _ = near(2, size=1e-2)
    goal = 0.1 * point.value
    assert len(certify_polished(point, goal, at_most=20)[0]) > 2
    assert len(certify_polished(point, goal, at_most=1)[0]) == 1
    steps, gap, _ = certify_polished(point, goal, at_most=0)
    assert steps == []
    assert gap.kind is Kind.BOUND


def test_steps_that_do_not_reach_the_goal_are_dropped_and_the_point_is_judged():
    point, best = near(2, size=10.0)
    steps, gap, _ = certify_polished(point, 0.0, at_most=1)
    assert steps == []
    assert gap.nats >= point.value - best.value


@pytest.mark.parametrize("K", [2, 3])
def test_a_large_problem_is_only_judged(K):
    point, _ = near(K, n=105_000 if K == 2 else 35_000)  # times the coefficients: half a million
    steps, gap, _ = certify_polished(point, 1e-6 * point.value, at_most=20)
    assert steps == []
    assert gap.kind is Kind.BOUND
    assert gap.nats < 1e-6 * point.value


def test_a_step_that_would_wake_or_silence_a_coefficient_is_not_taken():
    point, _ = near(2, 0.7)
    W = point.coefficients.copy()
    zero = np.argwhere(W == 0)
    assert len(zero)
    W[tuple(zero[0])] = 1e-9  # Newton's step would take it to the other side
    other = point.objective.at(W)
    steps, *_ = certify_polished(other, 1e-3 * point.value, at_most=20)
    for end, _ in steps:
        np.testing.assert_array_equal(np.sign(end.coefficients), np.sign(W))


@pytest.mark.parametrize("K", [2, 3])
def test_steps_end_where_they_no_longer_pay(K):
    """With s times the Hessian each step takes what is left down by (1 - 1 / s)^2: 0.44 at 3, 0.11 at 1.5."""
    point, _ = near(K)
    H, goal = hessian_at(point), 0.1 * point.value
    steps, *_ = certify_polished(point, goal, curvature=Curvature(1.5 * H), at_most=20)
    left = [nats for _, nats in steps[:-1]]  # of the last one the bound is told
    assert len(left) > 3
    assert all(after == pytest.approx(before / 9, rel=0.1) for before, after in itertools.pairwise(left))
    steps, gap, _ = certify_polished(point, goal, curvature=Curvature(3 * H), at_most=20)
    assert steps == []
    assert gap.kind is Kind.BOUND
