"""The objective in extended precision: the same numbers, and the digits that float64 loses."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sklearn_xent.problem.extended import ExtendedPoint, extended
from sklearn_xent.problem.point import Line
from tests.problem.test_derivatives import CONTAINERS, assemble, ingredients

LONGER = np.finfo(np.longdouble).eps < np.finfo(float).eps / 100


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_it_is_the_same_function(K, container, fit_intercept):
    plain = assemble(*ingredients(K), container, l1_ratio=0.5, fit_intercept=fit_intercept)
    precise = extended(plain)
    W = np.random.default_rng(1).normal(size=plain.shape)
    if not fit_intercept:
        W[:, -1] = 0.0
    here, there = plain.at(W), precise.at(W)
    assert isinstance(there, ExtendedPoint)
    assert there.value == pytest.approx(here.value, rel=1e-13)
    assert_allclose(there.gradient, here.gradient, atol=1e-13)
    assert there.gradient.dtype == np.float64
    chosen = W > 0
    assert_allclose(there.hessian(), here.hessian(), atol=1e-13)
    assert_allclose(there.hessian_among(chosen), here.hessian_among(chosen), atol=1e-13)
    assert_allclose(there.hessian_product(W), here.hessian_product(W), atol=1e-13)
    assert_allclose(there.hessian_diagonal(), here.hessian_diagonal(), atol=1e-13)
    assert_allclose(there.coupling(), here.coupling(), atol=1e-13)


def test_points_of_a_line_are_in_extended_precision_too():
    precise = extended(assemble(*ingredients(3)))
    start, end = np.zeros(precise.shape), np.ones(precise.shape)
    half = Line.through(precise.at(start), precise.at(end)).point(0.5)
    assert isinstance(half, ExtendedPoint)
    assert_allclose(half.gradient, precise.at(0.5 * end).gradient, atol=1e-15)


def test_columns_and_readings_are_those_of_the_plain_one():
    plain = assemble(*ingredients(3))
    plain.at(np.ones(plain.shape))
    precise = extended(plain)
    assert precise.rows.passes == plain.rows.passes
    part = precise.columns(np.array([0, 2]))
    W = np.ones(part.shape)
    assert part.at(W).value == pytest.approx(plain.columns(np.array([0, 2])).at(W).value, rel=1e-13)


@pytest.mark.skipif(not LONGER, reason="long double is float64 here")
def test_slopes_that_cancel_keep_their_digits():
    # two columns whose coefficients are 1e9 and all but opposite: each logit is a small difference
    X, targets, weights, offset = ingredients(2)
    X[:, 1] = X[:, 0] * (1 + 2.0**-20)
    plain = assemble(X, targets, weights, offset, strength=0.0)
    W = plain.from_original(np.array([[2.0**30 + 2.0**10, -(2.0**30), 0.5, 0.25]]), np.array([0.5]))
    true = np.longdouble(plain.design.scale) * W[:, :-1]
    A = X.astype(np.longdouble) - plain.design.shift
    z = (true * A).sum(axis=1) + W[0, -1] + offset[0]
    residual = weights * (1 / (1 + np.exp(-z)) - targets[1])
    expected = (residual[:, None] * A * plain.design.scale).sum(axis=0).astype(float)
    off = np.abs(extended(plain).at(W).loss_gradient[0, :-1] - expected).max()
    assert off < 1e-3 * np.abs(plain.at(W).loss_gradient[0, :-1] - expected).max()


@pytest.mark.skipif(not LONGER, reason="long double is float64 here")
def test_the_hessian_is_that_of_its_own_logits():
    # terms of 1e17: in float64 this logit is off by 16, and the row's curvature by a factor of 1e7
    X = np.array([[1e9, 1e9], [1.0, -1.0], [0.5, 1.0], [-1.0, 0.5]])
    targets, weights = np.array([[0.0, 1.0, 0.0, 1.0], [1.0, 0.0, 1.0, 0.0]]), np.full(4, 0.25)
    plain = assemble(X, targets, weights, None, strength=0.0)
    coef = np.array([[np.longdouble(1e8), -np.longdouble(1e8) + np.longdouble(2) ** -30]])
    point = extended(plain).at(extended(plain).from_original(coef, np.zeros(1, np.longdouble)))
    (logits,) = point.logits.flat()
    small = np.exp(-np.abs(logits[0]))
    variances = small / (1 + small) ** 2
    assert_allclose(point.mean_curvature(), [(weights * variances).sum()], rtol=1e-12)
    assert_allclose(point.loss_hessian()[-1, -1], (weights * variances).sum(), rtol=1e-12)


@pytest.mark.skipif(not LONGER, reason="long double is float64 here")
def test_targets_add_up_to_one_in_its_precision():
    X, _, weights, _ = ingredients(3)
    targets = np.random.default_rng(0).dirichlet(np.ones(3), len(X)).T
    block = next(iter(extended(assemble(X, targets, weights, None)).rows.take(np.arange(len(X)))[1:2]))
    assert np.abs(block.sum(axis=0) - 1).max() < 1e-18
