"""The likelihood of a fit: its digits, its null model, and whether the fit is its maximum."""

import numpy as np
import pytest

from sklearn_xent import CrossEntropyClassifier, infer
from tests.fuzz.inference import Reference
from tests.problems import overlapping, unpenalised


@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize("kind", ["model", "robust"])
@pytest.mark.parametrize("far", [2e5, -1e6])
def test_columns_far_from_zero_lose_no_digits(K, kind, far):
    Z, y = overlapping(n=200, d=3, K=K)
    X = Z * [1.0, 1e-3, 1e4] + far * np.array([1.0, 1e-3, 0.0])
    result = infer(unpenalised(X, y), X, y, covariance=kind)
    exact = Reference(X, np.eye(K)[y], np.ones(200), np.zeros((200, K)), True)
    errors, V = exact.errors(kind)
    np.testing.assert_allclose(result.std_error, errors, rtol=1e-8)
    np.testing.assert_allclose(result.covariance, V, rtol=1e-8)
    assert result.log_likelihood == pytest.approx(float(exact.value), rel=1e-10)
    effects = exact.effects(exact.root(kind, None)).astype(float)
    ours = result.marginal_effects()
    np.testing.assert_allclose(ours["effect"], effects[:, 0], rtol=1e-7)
    np.testing.assert_allclose(ours["std_error"], effects[:, 1], rtol=1e-7)
    near = infer(unpenalised(Z, y), Z, y, covariance=kind)
    # the columns differ from those near zero by the rounding of X only
    for got, plain in zip(result.predict_interval(X), near.predict_interval(Z), strict=True):
        np.testing.assert_allclose(got, plain, rtol=1e-6)
    names = [name for name in result.names if "intercept" not in name]
    np.testing.assert_allclose(result.wald_test(names), near.wald_test(names), rtol=1e-6)


@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize("apart", [1e-3, 1e-6])
def test_a_difference_of_columns_is_as_good_as_a_column(K, apart, monkeypatch):
    monkeypatch.setattr("sklearn_xent.inference.likelihood.BLOCK", 1000)  # several blocks of rows
    rng = np.random.default_rng(0)
    x, e = rng.normal(size=(2, 300))
    X = np.column_stack([x, x + apart * e])
    y = (x + e + rng.logistic(size=300) > 0).astype(int) + (K == 3) * rng.integers(0, 2, 300)
    result = infer(unpenalised(X, y), X, y)
    exact = Reference(X, np.eye(K)[y], np.ones(300), np.zeros((300, K)), True)
    # the long doubles invert a matrix of squares
    np.testing.assert_allclose(result.std_error, exact.errors()[0], rtol=1e-7 + 1e-17 / apart**2)
    names = [name for name in result.names if "intercept" not in name]
    assert result.wald_test(names).p_value < 1e-6


@pytest.mark.parametrize(
    "options",
    [
        {"class_weight": "balanced"},
        {"label_smoothing": 0.1},
        {"class_weight": {0: 3.0}, "prior_correction": True},
    ],
)
def test_a_fit_of_anything_else_than_these_rows_is_refused(options):
    X, y = overlapping(n=300, d=3)
    y[:150] = 0
    with pytest.raises(ValueError, match="not at an optimum of these rows"):
        infer(unpenalised(X, y).set_params(**options).fit(X, y), X, y)
    model = unpenalised(X, y)
    with pytest.raises(ValueError, match="not at an optimum of these rows"):
        infer(model, X[:200], y[:200])
    with pytest.raises(ValueError, match="not at an optimum of these rows"):
        infer(model, X, y, sample_weight=np.arange(1.0, 301))
    assert infer(CrossEntropyClassifier(C=np.inf).fit(X, y), X, y).kind == "model"  # the default tol will do


def test_without_an_intercept_the_null_model_has_none():
    sm = pytest.importorskip("statsmodels.api")
    X, y = overlapping(n=150, d=2)
    model = CrossEntropyClassifier(C=np.inf, tol=1e-12, fit_intercept=False).fit(X, y)
    result = infer(model, X, y)
    peer = sm.Logit(y, X).fit(disp=0, method="newton", tol=1e-12)
    np.testing.assert_allclose(result.estimate, peer.params, rtol=1e-6)
    np.testing.assert_allclose(result.std_error, peer.bse, rtol=1e-6)
    assert result.null_log_likelihood == pytest.approx(-150 * np.log(2))
    test = result.likelihood_ratio_test()
    assert test.df == 2
    assert test.statistic == pytest.approx(2 * (peer.llf + 150 * np.log(2)), rel=1e-9)
