"""Nothing raw comes out of a fit: no LinAlgError, no RuntimeWarning, no number that is none."""

import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.exceptions import ConvergenceWarning

from sklearn_xent import CrossEntropyClassifier
from sklearn_xent.solvers.methods import METHODS
from tests.problems import overlapping


def fitted(model, X, y, **options):
    """The model, and the only warnings there may be."""
    with (
        warnings.catch_warnings(record=True) as caught,
        np.errstate(divide="raise", over="raise", invalid="raise"),
    ):
        warnings.simplefilter("always")
        model.fit(X, y, **options)
    assert all(issubclass(w.category, ConvergenceWarning) for w in caught), [str(w.message) for w in caught]
    assert np.isfinite(model.coef_).all()
    assert np.isfinite(model.intercept_).all()
    return model, [str(w.message) for w in caught]


@pytest.mark.parametrize("solver", ["auto", *sorted(METHODS)])
@pytest.mark.parametrize("K", [2, 3])
def test_three_rows_without_a_penalty(K, solver):
    for seed in range(8):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(3, 2)) * 10.0 ** rng.uniform(-4, 4, 2)
        fitted(CrossEntropyClassifier(C=np.inf, solver=solver, max_iter=100), X, np.arange(3) % K)


@pytest.mark.parametrize("value", [0.00386, 1e-5, 1e-160, 1e150, 3.0])
@pytest.mark.parametrize("container", [sp.csr_array, sp.csc_array, np.asarray])
def test_a_column_with_one_entry_is_no_overflow(container, value):
    X, y = overlapping(n=60)
    lone = np.zeros(60)
    lone[7] = value
    for C in (1.0, 1e8):
        model, caught = fitted(CrossEntropyClassifier(C=C), container(np.column_stack([X, lone])), y)
        assert not caught
        assert model.converged_


@pytest.mark.parametrize("K", [2, 3, 5])
@pytest.mark.parametrize("size", [1.0, 1e2, 1e4, 1e300])
def test_probabilities_under_an_error_state_that_raises(size, K):
    n_logits = 1 if K == 2 else K
    coef = size * np.random.default_rng(0).normal(size=(n_logits, 3))
    model = CrossEntropyClassifier.from_coefficients(coef, np.zeros(n_logits), np.arange(K))
    X = np.random.default_rng(1).normal(size=(50, 3))
    with np.errstate(all="raise"):
        proba, log_proba = model.predict_proba(X), model.predict_log_proba(X)
        model.predict(X)
    np.testing.assert_allclose(proba.sum(axis=1), 1.0)
    assert (log_proba <= 0).all()


@pytest.mark.parametrize("l1_ratio", [0.0, 1.0])
@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize("size", [1e3, 1e15, 1e100])
def test_large_offsets_leak_nothing(size, K, l1_ratio):
    X, y = overlapping(n=60, K=K)
    offset = size * np.random.default_rng(0).normal(size=60 if K == 2 else (60, K))
    for C in (1.0, np.inf):
        fitted(CrossEntropyClassifier(C=C, l1_ratio=l1_ratio, max_iter=50), X, y, offset=offset)


@pytest.mark.parametrize("C", [1e-8, 1.0, 1e12, np.inf])
@pytest.mark.parametrize("bounds", [(0, None), (None, 0), (-1, 1), (0, 1e-300), (-1e300, 1e300)])
def test_bounds_leak_nothing(bounds, C):
    for K in (2, 3):
        X, y = overlapping(n=60, K=K)
        X = np.column_stack([X, X[:, 0] + X[:, 1], np.full(60, 0.1)]) * [1e-6, 1, 1e6, 1, 1, 1]
        bounded = [bounds] * 5 + [(None, None)]
        fitted(CrossEntropyClassifier(C=C, coef_bounds=bounded, max_iter=100), X, y)


@pytest.mark.parametrize("max_iter", [0, 1, 2])
@pytest.mark.parametrize("C", [1e-12, 1.0, 1e12, np.inf])
def test_a_gap_that_is_not_known_is_not_printed_as_a_number(C, max_iter):
    X, y = overlapping(n=60)
    X = X * [1e-6, 1, 1e6, 1]
    factor = [1, 0, 1, 1]
    for options in ({}, {"l1_ratio": 1.0, "penalty_factor": factor}, {"coef_bounds": (0, None)}):
        model, caught = fitted(CrossEntropyClassifier(C=C, max_iter=max_iter, tol=1e-12, **options), X, y)
        value = model.history_["objective"][-1]
        for message in caught:
            assert "inf nats" not in message
            bounded = model.optimality_gap_kind_ == "bound" and model.optimality_gap_ < value
            assert ("unknown distance" in message) != bounded


@pytest.mark.slow
@pytest.mark.parametrize("case", ["free column", "bounds"])
def test_wide_problems_without_a_false_alarm(case):
    # beyond what is factored unasked, a column that nothing penalises, or bounds alone
    rng = np.random.default_rng(0)
    n, d = 3500, 1600
    X = rng.normal(size=(n, d))
    y = (X[:, :10] @ rng.normal(size=10) + 2 * rng.logistic(size=n) > 0).astype(int)
    if case == "free column":
        options = {"C": 0.05, "l1_ratio": 1.0, "penalty_factor": np.append(0.0, np.ones(d - 1))}
    else:
        options = {"C": np.inf, "coef_bounds": [(0, None) if j % 2 else (None, 0) for j in range(d)]}
    model, caught = fitted(CrossEntropyClassifier(**options), X, y)
    assert not caught
    assert model.optimality_gap_ <= 1e-6 * model.history_["objective"][-1]
