"""The same minimum as other packages find, and never a worse one."""

import warnings

import numpy as np
import pytest
import sklearn
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from sklearn_xent import CrossEntropyClassifier
from sklearn_xent.solvers.methods import METHODS
from tests.problems import overlapping, reference_objective

sklearn_version = tuple(int(part) for part in sklearn.__version__.split(".")[:2])


@pytest.mark.parametrize("C", [0.01, 1.0, 100.0])
@pytest.mark.parametrize("name", ["breast_cancer", "wine", "iris"])
def test_coefficients_are_those_of_logistic_regression(standardised, name, C):
    X, y = standardised(name)
    peer = LogisticRegression(C=C, solver="newton-cholesky", tol=1e-12, max_iter=1000).fit(X, y)
    model = CrossEntropyClassifier(C=C).fit(X, y)
    np.testing.assert_allclose(model.coef_, peer.coef_, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(model.decision_function(X), peer.decision_function(X), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("options", [{"fit_intercept": False}, {"class_weight": "balanced"}])
@pytest.mark.parametrize("solver", ["newton-cholesky", "lbfgs"])
@pytest.mark.parametrize("name", ["breast_cancer", "wine"])
def test_coefficients_are_those_of_logistic_regression_with_options(standardised, name, solver, options):
    X, y = standardised(name)
    weights = np.random.default_rng(0).integers(1, 4, len(y)).astype(float)
    peer = LogisticRegression(C=0.5, solver=solver, tol=1e-12, max_iter=10_000, **options)
    with warnings.catch_warnings():
        # theirs stops where it can go no further, and says so
        warnings.simplefilter("ignore", ConvergenceWarning)
        peer.fit(X, y, sample_weight=weights)
    model = CrossEntropyClassifier(C=0.5, **options).fit(X, y, sample_weight=weights)
    np.testing.assert_allclose(model.coef_, peer.coef_, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(model.intercept_, peer.intercept_, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("C", [0.05, 1.0])
def test_sparse_coefficients_without_intercept_are_those_of_liblinear(standardised, C):
    X, y = standardised("breast_cancer")
    l1 = {"penalty": "l1"} if sklearn_version < (1, 8) else {"l1_ratio": 1.0}
    peer = LogisticRegression(
        C=C, solver="liblinear", fit_intercept=False, tol=1e-10, max_iter=100_000, random_state=0, **l1
    ).fit(X, y)
    model = CrossEntropyClassifier(C=C, l1_ratio=1.0, fit_intercept=False).fit(X, y)
    np.testing.assert_allclose(model.coef_, peer.coef_, atol=1e-5)
    np.testing.assert_array_equal(model.coef_ == 0, np.abs(peer.coef_) < 1e-6)
    peer_objective = reference_objective(_as_ours(peer, l1_ratio=1.0), X, y)
    assert reference_objective(model, X, y) <= peer_objective * (1 + 1e-12)


@pytest.mark.parametrize("name", ["breast_cancer", "wine", "iris"])
@pytest.mark.parametrize("solver", ["lbfgs", "newton-cholesky"])
def test_objective_is_no_worse_than_a_peer_at_its_tightest(standardised, name, solver):
    X, y = standardised(name)
    for C in (1e-3, 1.0, 1e3):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            peer = LogisticRegression(C=C, solver=solver, tol=1e-12, max_iter=10_000).fit(X, y)
        ours = reference_objective(CrossEntropyClassifier(C=C).fit(X, y), X, y)
        assert ours <= reference_objective(_as_ours(peer), X, y) * (1 + 1e-6)


@pytest.mark.parametrize("l1_ratio", [0.5, 1.0])
@pytest.mark.parametrize("K", [2, 3])
def test_sparse_coefficients_are_those_of_saga(l1_ratio, K):
    X, y = overlapping(K=K, d=6)
    penalty = {"penalty": "elasticnet"} if sklearn_version < (1, 8) else {}
    peer = LogisticRegression(C=0.3, l1_ratio=l1_ratio, solver="saga", tol=1e-10, max_iter=100_000, **penalty)
    peer.fit(X, y)
    model = CrossEntropyClassifier(C=0.3, l1_ratio=l1_ratio).fit(X, y)
    np.testing.assert_allclose(model.coef_, peer.coef_, atol=1e-6)
    assert reference_objective(model, X, y) <= reference_objective(_as_ours(peer), X, y) * (1 + 1e-12)


def _as_ours(peer, l1_ratio=None):
    ratio = peer.l1_ratio if l1_ratio is None else l1_ratio
    model = CrossEntropyClassifier(C=peer.C, l1_ratio=ratio or 0.0)  # None in scikit-learn 1.7
    model.coef_, model.intercept_ = peer.coef_, peer.intercept_
    return model


@pytest.mark.parametrize("K", [2, 3])
def test_unpenalised_coefficients_are_those_of_statsmodels(K):
    api = pytest.importorskip("statsmodels.discrete.discrete_model")
    X, y = overlapping(n=200, K=K)
    A = np.column_stack([np.ones(len(X)), X])
    peer = (api.Logit if K == 2 else api.MNLogit)(y, A).fit(disp=0, method="newton", tol=1e-14, maxiter=100)
    model = CrossEntropyClassifier(C=np.inf).fit(X, y)
    W = np.column_stack([model.intercept_, model.coef_])
    ours = W[0] if K == 2 else (W[1:] - W[0]).T
    np.testing.assert_allclose(ours, peer.params, rtol=1e-7, atol=1e-9)
    assert -reference_objective(model, X, y) == pytest.approx(peer.llf, rel=1e-12)


DIGITS = pytest.param("digits", marks=pytest.mark.slow)


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer", DIGITS])
@pytest.mark.parametrize("l1_ratio", [0.0, 0.5, 1.0])
def test_every_solver_finds_the_minimum_or_warns(raw, name, l1_ratio):
    X, y = raw(name)
    exact = CrossEntropyClassifier(l1_ratio=l1_ratio, solver="proximal-newton", tol=1e-12).fit(X, y)
    best = exact.history_["objective"][-1]
    default = CrossEntropyClassifier(l1_ratio=l1_ratio).fit(X, y)  # must not warn
    assert default.history_["objective"][-1] <= best * (1 + 1e-6)
    for solver in sorted(METHODS):
        if l1_ratio and not METHODS[solver].l1:
            continue
        model = CrossEntropyClassifier(solver=solver, l1_ratio=l1_ratio, max_iter=120)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model.fit(X, y)
        assert [w.category for w in caught] == [ConvergenceWarning] * (not model.converged_), solver
        reached = model.history_["objective"][-1]
        assert reached >= best * (1 - 1e-12), solver
        if model.converged_:
            assert reached <= best * (1 + 1e-6), solver


@pytest.mark.parametrize("name", ["breast_cancer", "wine", "iris"])
def test_objective_is_no_worse_than_any_solver_of_scikit_learn(raw, name):
    X, y = raw(name)
    ours = reference_objective(CrossEntropyClassifier().fit(X, y), X, y)
    for solver in ("lbfgs", "newton-cg", "newton-cholesky", "sag"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            peer = LogisticRegression(solver=solver, max_iter=300).fit(X, y)
        assert ours <= reference_objective(_as_ours(peer), X, y) * (1 + 1e-12)
