"""Every fast way to the minimum against Newton's method at machine precision, on data meant to mislead it."""

import warnings

import numpy as np
import pytest
import scipy.sparse as sp

from sklearn_xent import CrossEntropyClassifier
from tests.problems import overlapping, reference_objective

TALL, WIDE = ("progressive", "quasi-newton", "truncated-newton"), ("row-space", "truncated-newton")


def sorted_rows(X, y, rng):
    order = np.argsort(y, kind="stable")
    return X[order], y[order], None


def sorted_by_a_column(X, y, rng):
    order = np.argsort(X[:, 0])
    return X[order], y[order], None


def rare_columns(X, y, rng):
    rare = (rng.random((len(X), 3)) < [2e-3, 5e-4, 1e-4]) * 1.0
    rare[0] = 1.0
    return np.hstack([X, rare]), y, None


def a_heavy_row(X, y, rng):
    X = X.copy()
    X[17] *= 1e4
    return X, y, None


def a_heavy_weight(X, y, rng):
    weights = np.ones(len(X))
    weights[23] = len(X)
    return X, y, weights


def duplicated_columns(X, y, rng):
    return np.hstack([X, X[:, :2], np.ones((len(X), 1))]), y, None


def badly_scaled(X, y, rng):
    return X * np.geomspace(1e-6, 1e6, X.shape[1]) + np.geomspace(1e-3, 1e5, X.shape[1]), y, None


def separable(X, y, rng):
    return np.hstack([X, 3.0 * np.eye(y.max() + 1)[y]]), y, None


ADVERSE = [
    sorted_rows,
    sorted_by_a_column,
    rare_columns,
    a_heavy_row,
    a_heavy_weight,
    duplicated_columns,
    badly_scaled,
    separable,
]


def assert_as_low_as_newton(solver, X, y, weights, *, C, reached=1e-6, **options):
    best = CrossEntropyClassifier(C=C, solver="newton-cholesky", tol=1e-13, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # rounding may keep the reference from 1e-13
        best.fit(np.asarray(X, dtype=np.float64) if not sp.issparse(X) else X, y, sample_weight=weights)
    lowest = reference_objective(best, X, y, weights)
    model = CrossEntropyClassifier(C=C, solver=solver, **options).fit(X, y, sample_weight=weights)
    assert model.converged_
    assert reference_objective(model, X, y, weights) <= lowest * (1 + 1e-6)  # the promise


@pytest.mark.parametrize("K", [2, 4])
@pytest.mark.parametrize("adverse", ADVERSE)
@pytest.mark.parametrize("solver", TALL)
def test_tall_data(solver, adverse, K):
    rng = np.random.default_rng(3)
    X, y, weights = adverse(*overlapping(n=20_000, d=8, K=K, seed=3), rng)
    assert_as_low_as_newton(solver, X, y, weights, C=1.0)


@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize("C", [1e-3, 1.0, 1e4])
@pytest.mark.parametrize("adverse", [sorted_rows, a_heavy_row, a_heavy_weight, duplicated_columns, separable])
@pytest.mark.parametrize("solver", WIDE)
def test_wide_data(solver, adverse, C, K):
    X, y, weights = adverse(*overlapping(n=40, d=90, K=K, seed=4), np.random.default_rng(4))
    assert_as_low_as_newton(solver, X, y, weights, C=C)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize(
    "container",
    [np.asfortranarray, lambda X: np.repeat(X, 2, axis=1)[:, ::2], sp.csr_array, sp.csc_array, np.float32],
    ids=["fortran", "strided", "csr", "csc", "float32"],
)
def test_wide_data_in_any_container(container, fit_intercept):
    rng = np.random.default_rng(5)
    X, y = overlapping(n=60, d=3000, K=2, seed=5)
    X = np.round(np.where(rng.random(X.shape) < 0.3, X, 0.0), 3).astype(np.float32).astype(np.float64) + 0.0
    reference = CrossEntropyClassifier(solver="truncated-newton", tol=1e-12, fit_intercept=fit_intercept)
    reference.fit(X, y)
    model = CrossEntropyClassifier(solver="row-space", tol=1e-12, fit_intercept=fit_intercept)
    model.fit(container(X), y)
    assert model.n_iter_ <= 5  # and no method went on in its place
    np.testing.assert_allclose(model.coef_, reference.coef_, atol=1e-5 * np.abs(reference.coef_).max())


@pytest.mark.slow
def test_wide_data_with_soft_labels_and_offset():
    rng = np.random.default_rng(6)
    X, _ = overlapping(n=50, d=2000, K=3, seed=6)
    Y, offset = rng.dirichlet(np.ones(3), 50), rng.normal(size=(50, 3))
    fits = [
        CrossEntropyClassifier(solver=solver, tol=1e-12).fit(X, Y, offset=offset)
        for solver in ("row-space", "truncated-newton")
    ]
    lowest = reference_objective(fits[1], X, Y, offset=offset)
    assert reference_objective(fits[0], X, Y, offset=offset) <= lowest * (1 + 1e-11)


def test_the_way_through_the_rows_leaves_unpenalised_columns_to_others():
    X, y = overlapping(n=80, d=4)
    free, auto = (
        CrossEntropyClassifier(solver=solver, C=np.inf).fit(X, y) for solver in ("row-space", "auto")
    )
    assert free.solver_ == auto.solver_
    np.testing.assert_array_equal(free.coef_, auto.coef_)


@pytest.mark.parametrize("K", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_large_float32_rows_are_multiplied_as_they_are_and_end_at_the_minimum(K):
    X, y = overlapping(n=90_000, d=50, K=K, seed=7)
    X = X.astype(np.float32) + np.float32(3)
    X[:, 0] *= 100
    for solver in ("auto", "progressive", "quasi-newton"):
        assert_as_low_as_newton(solver, X, y, None, C=1.0)
