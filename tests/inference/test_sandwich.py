"""Sandwich covariances of rows, also corrected for leverage, and of groups: definitions, what they keep."""

import numpy as np
import pytest
import scipy.linalg

from sklearn_xent import CrossEntropyClassifier, infer
from tests.problems import overlapping, unpenalised

KINDS = ["HC0", "HC1", "HC2", "HC3"]


def inferred(X, y, covariance="model", fit_intercept=True, C=np.inf, **data):
    model = CrossEntropyClassifier(C=C, tol=1e-13, fit_intercept=fit_intercept).fit(X, y, **data)
    return infer(model, X, y, covariance=covariance, penalized=True, **data)


@pytest.mark.parametrize("kind", KINDS)
def test_two_classes_have_the_definition_of_generalised_linear_models(kind):
    # the R package sandwich, vcovHC.glm: omega = (y - p)^2 times n / (n - k), 1 / (1 - h), 1 / (1 - h)^2,
    # h the hat values, here those of statsmodels; its own HC1 to HC3 of GLM and Logit are HC0 (in 0.15.0)
    sm = pytest.importorskip("statsmodels.api")
    X, y = overlapping(n=40, d=3)
    A = np.column_stack([X, np.ones(40)])
    peer = sm.GLM(y, A, family=sm.families.Binomial()).fit(tol=1e-14)
    h = peer.get_hat_matrix_diag()
    omega = (y - peer.mu) ** 2 * {"HC0": 1, "HC1": 40 / 36, "HC2": 1 / (1 - h), "HC3": (1 - h) ** -2}[kind]
    V = peer.cov_params()
    np.testing.assert_allclose(inferred(X, y, kind).covariance, V @ (A * omega[:, None]).T @ A @ V, rtol=1e-6)


def by_hand(X, K, P, Y, kind):
    """Covariance of contrasts with the first class, row by row with matrices of the general definition."""
    A = np.column_stack([X, np.ones(len(X))])
    J = [np.kron(np.eye(K - 1), a) for a in A]
    W = [np.diag(p) - np.outer(p, p) for p in P[:, 1:]]
    V = np.linalg.inv(sum(j.T @ w @ j for j, w in zip(J, W, strict=True)))
    total = np.zeros_like(V)
    for j, w, r in zip(J, W, (P - Y)[:, 1:], strict=True):
        H = w @ j @ V @ j.T
        if kind == "HC2":
            r = np.linalg.inv(scipy.linalg.sqrtm(np.eye(K - 1) - H)) @ r
        elif kind == "HC3":  # Newton's step without the row, for all coefficients
            step = np.linalg.solve(np.linalg.inv(V) - j.T @ w @ j, j.T @ r)
            total += np.outer(step, step)
            continue
        total += V @ j.T @ np.outer(r, r) @ j @ V
    return total * (len(X) / (len(X) - len(V)) if kind == "HC1" else 1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("K", [2, 3, 4])
def test_more_classes_have_leverages_that_are_matrices(K, kind, monkeypatch):
    monkeypatch.setattr("sklearn_xent.inference.sandwich.BLOCK", 400)  # several blocks of rows
    X, y = overlapping(n=120, d=2, K=K)
    model = CrossEntropyClassifier(C=np.inf, tol=1e-13).fit(X, y)
    expected = by_hand(X, K, model.predict_proba(X), np.eye(K)[y], kind)
    np.testing.assert_allclose(
        infer(model, X, y, covariance=kind).covariance, expected, rtol=1e-6, atol=1e-9 * expected.max()
    )


@pytest.mark.parametrize("kind", KINDS)
def test_the_class_that_comes_first_does_not_matter(kind):
    X, y = overlapping(n=100, d=2, K=3)
    turned = inferred(X, (y + 1) % 3, kind)  # its classes 0, 1, 2 are 2, 0, 1 of y
    of_y = inferred(X, y, kind).linear_hypotheses("1: x0 - 2: x0, 2: x0, 2: intercept")
    same = turned.linear_hypotheses("2: x0, 1: x0, 1: intercept")
    # 1 less 2 is 2 less 0 in the other's names; 2 less 0 is 0 less 1
    np.testing.assert_allclose(of_y["estimate"], same["estimate"] * [1, -1, -1], rtol=1e-6)
    np.testing.assert_allclose(of_y["std_error"], same["std_error"], rtol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("K", [2, 3])
def test_weights_are_repeated_rows(K, kind):
    X, y = overlapping(n=60, d=2, K=K)
    weights = np.random.default_rng(0).integers(0, 4, 60)
    rows = np.repeat(np.arange(60), weights)
    weighted = inferred(X, y, kind, sample_weight=weights.astype(float))
    np.testing.assert_allclose(weighted.std_error, inferred(X[rows], y[rows], kind).std_error, rtol=1e-6)


@pytest.mark.parametrize("kind", ["HC2", "HC3"])
def test_of_a_weight_below_one_there_is_only_that_much_of_a_row(kind):
    X, y = overlapping(n=60, d=2)
    weights = np.random.default_rng(0).uniform(0.05, 1.0, 60)
    weights[3] = 0.0
    result = inferred(X, y, kind, sample_weight=weights)
    A = np.column_stack([X, np.ones(60)])
    p = 1 / (1 + np.exp(-A @ result.estimate))
    V = np.linalg.inv((A * (weights * p * (1 - p))[:, None]).T @ A)
    h = weights * p * (1 - p) * ((A @ V) * A).sum(axis=1)
    omega = weights * (y - p) ** 2 / (1 - h) ** {"HC2": 1, "HC3": 2}[kind]
    np.testing.assert_allclose(result.covariance, V @ (A * omega[:, None]).T @ A @ V, rtol=1e-6)


@pytest.mark.parametrize("K", [2, 3])
def test_corrections_grow_and_vanish_with_many_rows(K):
    few, many = (overlapping(n=n, d=2, K=K) for n in (40, 4000))
    errors = [inferred(*few, kind).std_error for kind in KINDS]
    assert (errors[0] < errors[2]).all()
    assert (errors[2] < errors[3]).all()
    plain = inferred(*many, "robust").std_error
    for kind in KINDS:
        np.testing.assert_allclose(inferred(*many, kind).std_error, plain, rtol=0.01)


def test_robust_is_hc0():
    X, y = overlapping(n=60, d=2)
    np.testing.assert_array_equal(inferred(X, y, "HC0").covariance, inferred(X, y, "robust").covariance)


@pytest.mark.slow
def test_the_jackknife_of_real_fits_is_near():
    X, y = overlapping(n=300, d=2)
    result = inferred(X, y, "HC3")
    left_out = np.array([inferred(np.delete(X, i, 0), np.delete(y, i)).estimate for i in range(300)])
    step = left_out - result.estimate
    np.testing.assert_allclose(np.sqrt((step**2).sum(axis=0)), result.std_error, rtol=0.02)


@pytest.mark.parametrize("kind", ["HC2", "HC3"])
def test_a_row_that_determines_a_coefficient_has_no_correction(kind):
    X, y = overlapping(n=60, d=2)
    own = np.column_stack([X, np.arange(60) == 17])
    soft = np.eye(2)[y]
    soft[17] = 0.3, 0.7  # its own column fits it, with a finite coefficient
    with pytest.raises(ValueError, match=rf"covariance='{kind}' divides by 1 - leverage.* 0 for row 17"):
        inferred(own, soft, kind)
    assert np.isfinite(inferred(own, soft, "HC1").std_error).all()


def test_hc1_needs_more_rows_than_coefficients():
    rng = np.random.default_rng(0)
    X, soft = rng.normal(size=(4, 3)), rng.dirichlet([5, 5], 4)
    with pytest.raises(ValueError, match="more observations than coefficients; got 4 observations and 4 coe"):
        inferred(X, soft, "HC1")


def test_groups_of_rows_without_weight_do_not_count():
    rng = np.random.default_rng(0)
    X, y = overlapping(n=150, d=2)
    groups = rng.integers(0, 12, 150)
    weights = np.where(groups < 9, 1.0, 0.0)
    used = weights > 0
    given = {"sample_weight": weights}
    all_rows = infer(unpenalised(X, y, **given), X, y, covariance="cluster", groups=groups, **given)
    model = unpenalised(X[used], y[used])
    only = infer(model, X[used], y[used], covariance="cluster", groups=groups[used])
    np.testing.assert_allclose(all_rows.std_error, only.std_error, rtol=1e-7)
    with pytest.raises(ValueError, match="lower rank"):
        infer(model, X[used], y[used], covariance="cluster", groups=groups[used] % 2).wald_test([0, 1, 2])
    with pytest.raises(ValueError, match=r"groups must have shape \(150,\)"):
        infer(unpenalised(X, y), X, y, covariance="cluster", groups=groups[:-1])
