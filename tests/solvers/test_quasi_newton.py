"""Corrections of an inverse Hessian, and the method made of them."""

import numpy as np
import pytest

from sklearn_xent.solvers.newton import newton_cholesky
from sklearn_xent.solvers.quasi_newton import Corrections, quasi_newton
from tests.problem.test_derivatives import pose
from tests.problems import iterates, positive


def test_corrections_make_a_quadratic_exact():
    H, rng = positive(4), np.random.default_rng(0)
    corrections, steps = Corrections(8), []
    for _ in range(4):
        step = rng.normal(size=4)
        for s in steps:
            step = step - (s @ H @ step) / (s @ H @ s) * s  # conjugate directions
        steps.append(step)
        corrections.add(step, H @ step)
    g = rng.normal(size=4)
    np.testing.assert_allclose(corrections.apply(g, lambda q: q), np.linalg.solve(H, g), rtol=1e-8)


def bfgs_inverse(B, step, change):
    """The inverse Hessian after a pair: Nocedal and Wright (2006), (6.17)."""
    rho = 1 / (step @ change)
    P = np.eye(len(B)) - rho * np.outer(step, change)
    return P @ B @ P.T + rho * np.outer(step, step)


@pytest.mark.parametrize("memory", [2, 10])
def test_corrections_are_those_of_bfgs_in_turn(memory):
    H, rng = positive(5), np.random.default_rng(1)
    first = np.diag(rng.random(5) + 0.5)
    corrections, pairs = Corrections(memory), []
    for _ in range(6):
        step = rng.normal(size=5)
        change = H @ step + 0.1 * rng.normal(size=5)
        corrections.add(step, change)
        if step @ change > 0:
            pairs.append((step, change))
    B = first
    for pair in pairs[-memory:]:
        B = bfgs_inverse(B, *pair)
    g = rng.normal(size=5)
    np.testing.assert_allclose(corrections.apply(g, lambda q: first @ q), B @ g, rtol=1e-9)


def test_a_pair_without_curvature_is_not_learnt():
    corrections = Corrections(3)
    corrections.add(np.array([1.0, 0.0]), np.array([-1.0, 0.0]))
    corrections.add(np.array([0.0, 1.0]), np.array([1.0, 0.0]))
    g = np.array([2.0, 3.0])
    np.testing.assert_array_equal(corrections.apply(g, lambda q: q, rescale=True), g)


def test_a_rescaled_inverse_has_the_size_of_the_last_pair():
    step, change = np.array([[1.0, 2.0]]), np.array([[4.0, 2.0]])
    corrections = Corrections(3)
    corrections.add(step, change)
    size = (step * change).sum() / (change**2).sum()
    g = np.array([[0.3, -0.7]])
    B = bfgs_inverse(size * np.eye(2), step[0], change[0])
    np.testing.assert_allclose(corrections.apply(g, lambda q: 9 * q, rescale=True)[0], B @ g[0], rtol=1e-12)
    np.testing.assert_allclose(corrections.apply(change, lambda q: 9 * q, rescale=True), step)


def test_the_first_step_of_two_classes_is_newton_s_where_all_rows_have_one_curvature():
    objective, _ = pose(2, offset=False, n=60)
    start = np.zeros(objective.shape)
    ours, theirs = (iterates(method, objective, start, 2)[1] for method in (quasi_newton, newton_cholesky))
    np.testing.assert_allclose(ours.coefficients, theirs.coefficients, rtol=1e-8)


@pytest.mark.parametrize("K", [2, 3, 5])
def test_it_ends_at_the_minimum_by_steps_that_descend(K):
    objective, W = pose(K, n=60)
    points = iterates(quasi_newton, objective, W, 200, tol=1e-13)
    values = np.array([p.value for p in points])
    assert (np.diff(values) <= 1e-14 * values[:-1]).all()
    assert points[-1].steepness < 1e-6
