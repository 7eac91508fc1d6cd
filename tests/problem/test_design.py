"""The change of variables: its products are those of the dense design matrix, and it leads there and back."""

import numpy as np
import pytest
import scipy.sparse as sp

from sklearn_xent.problem.design import AppliedDesign, Design, logits_of
from sklearn_xent.rows import as_rows

SHIFT, SCALE = np.array([3.0, -1.0, 0.0, 2.0]), np.array([0.5, 2.0, 1.0, 0.0])
CONTAINERS = [np.asarray, np.asfortranarray, sp.csr_array, sp.csc_array]


def entries():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20, 4)) + np.array([3, 0, 0, 5])
    return np.where(rng.random(X.shape) < 0.3, 0.0, X)


EVERY = pytest.mark.parametrize(
    ("container", "centred", "fit_intercept"),
    [(c, centred, i) for c in CONTAINERS for centred in (False, True) for i in (True, False)],
)


def made(container, centred, fit_intercept):
    X = entries()
    sparse = sp.issparse(container(X))
    shift = SHIFT * fit_intercept
    design = Design(shift, SCALE, np.ones(4), fit_intercept, centred=centred and not sparse, sparse=sparse)
    A = np.column_stack([(X - shift) * SCALE, np.full(len(X), float(fit_intercept))])
    return design, container(X), A


@EVERY
def test_products_are_those_of_the_dense_matrix(container, centred, fit_intercept):
    design, X, A = made(container, centred, fit_intercept)
    rng = np.random.default_rng(1)
    W, R, h = rng.normal(size=(3, 5)), rng.normal(size=(3, 20)), rng.normal(size=20)
    if not fit_intercept:
        W[:, -1] = 0.0
    np.testing.assert_allclose(design.logits(X, design.linear(W)), W @ A.T, atol=1e-12)
    np.testing.assert_allclose(design.gradient(design.pull(X, R)), R @ A, atol=1e-12)
    for weights in (h, np.abs(h)):
        np.testing.assert_allclose(design.gram(X, weights), A.T @ (weights[:, None] * A), atol=1e-12)
    np.testing.assert_allclose(design.squares(X, np.abs(R)), np.abs(R) @ A**2, atol=1e-12)


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_rows_that_are_the_design_matrix_are_only_multiplied(fit_intercept):
    plain, _, A = made(np.asarray, False, fit_intercept)
    design = AppliedDesign(plain.shift, plain.scale, plain.variance, fit_intercept)
    rng = np.random.default_rng(1)
    W, R, h = rng.normal(size=(3, 5)), rng.normal(size=(3, 20)), rng.random(20)
    np.testing.assert_allclose(design.logits(A, design.linear(W)), W @ A.T)
    np.testing.assert_allclose(design.gradient(design.pull(A, R)), R @ A)
    np.testing.assert_allclose(design.gram(A, h), A.T @ (h[:, None] * A))
    np.testing.assert_allclose(design.squares(A, np.abs(R)), np.abs(R) @ A**2)
    features, zero = design.features(A)
    np.testing.assert_array_equal(features, A[:, :-1])
    np.testing.assert_array_equal(zero, -plain.shift * plain.scale)


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_coefficients_lead_there_and_back(fit_intercept):
    design, X, A = made(np.asarray, False, fit_intercept)
    rng = np.random.default_rng(1)
    W = rng.normal(size=(3, 5))
    W[:, 3] = 0.0  # a dropped column's
    if not fit_intercept:
        W[:, -1] = 0.0
    coef, intercept = design.to_original(W)
    np.testing.assert_allclose(coef @ X.T + intercept[:, None], W @ A.T, atol=1e-12)
    np.testing.assert_allclose(design.from_original(coef, intercept), W, atol=1e-14)
    rows = as_rows(X, np.zeros((3, 20)), np.full(20, 0.05), None)
    (logits,) = logits_of(rows, coef, intercept)
    np.testing.assert_allclose(logits, W @ A.T, atol=1e-12)


def test_an_intercept_far_away_keeps_the_digits_that_float64_has():
    design = Design(np.array([1e8 + 0.25, -1e8]), np.ones(2), np.ones(2))
    W = np.array([[0.1, 0.1, 0.7]])
    _, intercept = design.to_original(W)
    exact = np.longdouble(0.7) - (np.longdouble(0.1) * (1e8 + 0.25) - np.longdouble(0.1) * 1e8)
    assert float(intercept[0]) == float(exact)


def test_some_columns_are_a_design_of_their_own():
    design, X, A = made(np.asarray, False, True)
    which = np.array([0, 2])
    part, taken = design.columns(which)
    np.testing.assert_array_equal(taken, which)
    W = np.random.default_rng(1).normal(size=(2, 3))
    expected = W @ A[:, [0, 2, 4]].T
    np.testing.assert_allclose(part.logits(X[:, which], part.linear(W)), expected, atol=1e-12)
