"""Problems that could take for ever end in few iterations, at the optimum or with a warning."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from sklearn_xent import CrossEntropyClassifier
from tests.problems import overlapping, reference_objective


def quietly(model, X, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y)


@pytest.mark.parametrize("C", [0.01, 1.0, 100.0])
@pytest.mark.parametrize("scales", [1.0, 1e3])
def test_orthant_newton_ends_on_three_classes(scales, C):
    X, y = overlapping(n=6000, d=5, K=3)
    X = X * np.geomspace(1, scales, 5)
    model = CrossEntropyClassifier(solver="orthant-newton", l1_ratio=1.0, C=C).fit(X, y)
    other = CrossEntropyClassifier(solver="proximal-newton", l1_ratio=1.0, C=C).fit(X, y)
    assert model.n_iter_ < 60
    assert reference_objective(model, X, y) <= reference_objective(other, X, y) * (1 + 1e-6)


def sorted_near_duplicates(n, dtype):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 40))
    X[:, 1] = X[:, 0] + 1e-4 * rng.normal(size=n)
    y = (X[:, :6] @ rng.normal(size=6) + rng.logistic(size=n) > 0).astype(int)
    order = np.argsort(y, kind="stable")
    return X[order].astype(dtype), y[order]


def test_near_duplicates_in_float32_take_no_longer_than_in_float64():
    X, y = sorted_near_duplicates(20_000, np.float32)
    model = CrossEntropyClassifier(C=np.inf).fit(X, y)
    double = CrossEntropyClassifier(C=np.inf).fit(X.astype(float), y)
    assert model.n_iter_ <= double.n_iter_ + 100
    X = X.astype(float)
    assert reference_objective(model, X, y) == pytest.approx(reference_objective(double, X, y), rel=1e-6)


@pytest.mark.slow
def test_many_near_duplicates_in_float32_end_at_the_optimum():
    X, y = sorted_near_duplicates(60_000, np.float32)
    model = CrossEntropyClassifier(C=np.inf).fit(X, y)
    double = CrossEntropyClassifier(C=np.inf, solver="newton-cholesky").fit(X.astype(float), y)
    X = X.astype(float)
    assert model.n_iter_ < 100
    assert reference_objective(model, X, y) <= reference_objective(double, X, y) * (1 + 1e-6)


def rare_classes(n, d, K, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    share = 0.7 ** np.arange(K)
    logits = np.log(share) + 0.5 * X @ rng.normal(size=(d, K)) / np.sqrt(d) * 3
    y = np.argmax(logits + rng.gumbel(size=(n, K)), axis=1)
    y[:K] = np.arange(K)
    return X, y


@pytest.mark.slow
def test_twenty_classes_some_rare_converge():
    X, y = rare_classes(5000, 80, 20)
    model = CrossEntropyClassifier(C=1e5).fit(X, y)
    assert model.converged_
    assert model.n_iter_ < 400
    newton = CrossEntropyClassifier(C=1e5, solver="newton-cholesky").fit(X, y)
    assert reference_objective(model, X, y) <= reference_objective(newton, X, y) * (1 + 1e-6)


@pytest.mark.parametrize("seed", range(12))
def test_tiny_adversarial_problems_end_soon(seed):
    # more classes than the rows can tell apart, scales over sixteen decades, a far offset
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(6, 3)) * 10.0 ** rng.uniform(-8, 8, 3) + 10.0 ** rng.uniform(0, 8, 3)
    for C in (1e-3, 1.0, 1e8, np.inf):
        for l1_ratio in (0.0, 1.0):
            model = quietly(CrossEntropyClassifier(C=C, l1_ratio=l1_ratio), X, np.arange(6))
            assert model.n_iter_ <= 350
            assert np.isfinite(model.coef_).all()


@pytest.mark.slow
def test_many_columns_without_a_penalty_need_no_linear_program():
    # the singular values of a design that rank tests of squares would cut: 1 to 6e-6
    rng = np.random.default_rng(0)
    n, d = 4000, 1000
    U = np.linalg.qr(rng.normal(size=(n, d)))[0] * np.sqrt(n)
    V = np.linalg.qr(rng.normal(size=(d, d)))[0]
    y = (U @ rng.normal(size=d) / np.sqrt(d) + rng.logistic(size=n) > 0).astype(int)
    model = CrossEntropyClassifier(C=np.inf).fit(U * np.geomspace(1, 6e-6, d) @ V.T, y)
    easy = CrossEntropyClassifier(C=np.inf).fit(U, y)
    assert model.history_["objective"][-1] <= easy.history_["objective"][-1] * (1 + 1e-6)
    assert reference_objective(model, U * np.geomspace(1, 6e-6, d) @ V.T, y) <= reference_objective(
        easy, U, y
    ) * (1 + 1e-6)
