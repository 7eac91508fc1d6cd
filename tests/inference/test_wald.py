"""Inference beside statsmodels and published numbers."""

import numpy as np
import pytest
import scipy.sparse

from sklearn_xent import CrossEntropyClassifier, infer
from tests.fuzz.inference import information
from tests.problems import overlapping, unpenalised

sm = pytest.importorskip("statsmodels.api")


BEETLES = {
    "dose": [1.6907, 1.7242, 1.7552, 1.7842, 1.8113, 1.8369, 1.8610, 1.8839],
    "n": [59, 60, 62, 56, 63, 59, 62, 60],
    "killed": [6, 13, 18, 28, 52, 53, 61, 60],
}


def test_bliss_beetles():
    dose, n, killed = (np.array(BEETLES[k], dtype=float) for k in ("dose", "n", "killed"))
    X, share = dose[:, None], np.column_stack([1 - killed / n, killed / n])
    result = infer(unpenalised(X, share, sample_weight=n), X, share, sample_weight=n)
    np.testing.assert_allclose(result.estimate, [34.2703257341, -60.7174545616], rtol=1e-9)
    np.testing.assert_allclose(result.std_error, [2.9121400706, 5.1807114633], rtol=1e-8)
    assert result.n_observations == 481


def test_spector():
    data = sm.datasets.spector.load_pandas()
    X, y = data.exog, data.endog.astype(int)
    result = infer(unpenalised(X, y), X, y)
    peer = sm.Logit(y, sm.add_constant(X, prepend=False)).fit(disp=0, method="newton", tol=1e-12)
    np.testing.assert_allclose(result.std_error, [1.26294, 0.14155, 1.06456, 4.93132], atol=5e-6)
    assert result.log_likelihood == pytest.approx(-12.889634222131, rel=1e-10)
    np.testing.assert_allclose(result.std_error, peer.bse, rtol=1e-6)
    np.testing.assert_allclose(result.p_value, peer.pvalues, rtol=1e-6)
    np.testing.assert_allclose(result.interval(0.9), peer.conf_int(0.1), rtol=1e-6)
    test = result.likelihood_ratio_test()
    np.testing.assert_allclose(test, [peer.llr, peer.df_model, peer.llr_pvalue], rtol=1e-6)
    assert result.aic == pytest.approx(peer.aic, rel=1e-8)
    assert result.bic == pytest.approx(peer.bic, rel=1e-8)
    wald = peer.wald_test(np.eye(4)[[0, 2]], scalar=True)
    np.testing.assert_allclose(
        result.wald_test(["GPA", "PSI"])[::2], [wald.statistic, wald.pvalue], rtol=1e-6
    )
    effects = peer.get_margeff().summary_frame()
    ours = result.marginal_effects()
    np.testing.assert_allclose(ours["effect"], effects["dy/dx"], rtol=1e-6)
    np.testing.assert_allclose(ours["std_error"], effects["Std. Err."], rtol=1e-6)
    assert result.names == ["GPA", "TUCE", "PSI", "intercept"]


@pytest.mark.parametrize("kind", ["model", "robust", "cluster"])
def test_weights_offset_and_covariances_beside_glm(kind):
    rng = np.random.default_rng(0)
    X, y = overlapping(n=150, d=3)
    weights, shift, groups = (
        rng.integers(1, 4, 150).astype(float),
        rng.normal(size=150),
        rng.integers(0, 20, 150),
    )
    model = unpenalised(X, y, sample_weight=weights, offset=shift)
    clustered = {"covariance": kind, "groups": groups} if kind == "cluster" else {"covariance": kind}
    result = infer(model, X, y, sample_weight=weights, offset=shift, **clustered)
    rows = np.repeat(np.arange(150), weights.astype(int))
    glm = sm.GLM(
        y[rows], sm.add_constant(X[rows], prepend=False), family=sm.families.Binomial(), offset=shift[rows]
    )
    options = {
        "model": {},
        "robust": {"cov_type": "HC0"},
        "cluster": {"cov_type": "cluster", "cov_kwds": {"groups": groups[rows], "use_correction": False}},
    }[kind]
    peer = glm.fit(tol=1e-14, **options)
    scale = np.sqrt(20 / 19) if kind == "cluster" else 1.0
    np.testing.assert_allclose(result.estimate, peer.params, rtol=1e-6)
    np.testing.assert_allclose(result.std_error, scale * peer.bse, rtol=1e-6)
    assert result.log_likelihood == pytest.approx(peer.llf, rel=1e-9)
    assert result.null_log_likelihood == pytest.approx(peer.llnull, rel=1e-6)
    p, low, high = result.predict_interval(X, offset=shift)
    np.testing.assert_allclose(p, model.predict_proba(X, offset=shift), rtol=1e-9)
    theirs = peer.get_prediction(sm.add_constant(X, prepend=False), offset=shift).linpred.conf_int()
    if kind != "cluster":
        np.testing.assert_allclose(low[:, 1], 1 / (1 + np.exp(-theirs[:, 0])), rtol=1e-5)
        np.testing.assert_allclose(high[:, 1], 1 / (1 + np.exp(-theirs[:, 1])), rtol=1e-5)
    np.testing.assert_allclose(low[:, 0], 1 - high[:, 1], rtol=1e-9)


def test_multinomial_beside_mnlogit():
    X, y = overlapping(n=300, d=3, K=3)
    result = infer(unpenalised(X, y), X, y)
    peer = sm.MNLogit(y, sm.add_constant(X, prepend=False)).fit(disp=0, method="newton", tol=1e-13)
    np.testing.assert_allclose(result.estimate, np.asarray(peer.params).T.ravel(), rtol=1e-6)
    np.testing.assert_allclose(result.std_error, np.asarray(peer.bse).T.ravel(), rtol=1e-6)
    np.testing.assert_allclose(result.covariance, peer.cov_params(), rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose(result.likelihood_ratio_test()[:2], [peer.llr, peer.df_model], rtol=1e-8)
    effects = peer.get_margeff()
    ours = result.marginal_effects()
    np.testing.assert_allclose(ours["effect"].to_numpy().reshape(3, 3).T, effects.margeff, rtol=1e-6)
    np.testing.assert_allclose(ours["std_error"].to_numpy().reshape(3, 3).T, effects.margeff_se, rtol=1e-5)
    assert result.names[4] == "2: x0"
    assert result.wald_test(["x1"]).df == 2


@pytest.mark.parametrize("K", [2, 3])
def test_a_ridge_gives_posterior_errors_only_if_asked_for(K):
    X, y = overlapping(n=120, d=3, K=K)
    model = CrossEntropyClassifier(C=0.5, tol=1e-12).fit(X, y)
    with pytest.raises(ValueError, match=r"ridge penalty \(C=0.5\).*penalized=True"):
        infer(model, X, y)
    result = infer(model, X, y, penalized=True)
    plain = infer(unpenalised(X, y), X, y)
    assert (result.std_error < plain.std_error).all()
    assert 1 < result.effective_df < plain.effective_df
    assert plain.effective_df == pytest.approx((K - 1) * 4)
    assert "ridge penalty: estimates are shrunk" in result.summary()
    with pytest.raises(ValueError, match="likelihood-ratio test"):
        result.likelihood_ratio_test()
    # the curvature of the penalised objective, by finite differences of its gradient
    p = model.predict_proba(X)
    if K == 2:
        A = np.column_stack([X, np.ones(len(X))])
        H = (A * (p[:, :1] * p[:, 1:])).T @ A + np.diag([2.0, 2.0, 2.0, 0.0])
        np.testing.assert_allclose(result.covariance, np.linalg.inv(H), rtol=1e-6)


@pytest.mark.parametrize("kind", ["model", "robust"])
def test_weights_are_repeated_rows_for_more_classes_too(kind):
    rng = np.random.default_rng(3)
    X, y = overlapping(n=120, d=2, K=3)
    weights, shift = rng.integers(1, 4, 120).astype(float), rng.normal(size=(120, 3)) * 0.5
    rows = np.repeat(np.arange(120), weights.astype(int))
    weighted = infer(
        unpenalised(X, y, sample_weight=weights, offset=shift),
        X,
        y,
        sample_weight=weights,
        offset=shift,
        covariance=kind,
    )
    repeated = infer(
        unpenalised(X[rows], y[rows], offset=shift[rows]),
        X[rows],
        y[rows],
        offset=shift[rows],
        covariance=kind,
    )
    np.testing.assert_allclose(weighted.estimate, repeated.estimate, rtol=1e-7)
    np.testing.assert_allclose(weighted.covariance, repeated.covariance, rtol=1e-6)
    assert weighted.null_log_likelihood == pytest.approx(repeated.null_log_likelihood, rel=1e-9)
    frames = weighted.marginal_effects(), repeated.marginal_effects()
    np.testing.assert_allclose(frames[0]["std_error"], frames[1]["std_error"], rtol=1e-6)


def test_containers_give_the_same_numbers():
    X, y = overlapping(n=200, d=4, K=3)
    X[np.abs(X) < 0.7] = 0.0
    dense = infer(unpenalised(X, y), X, y, covariance="robust")
    for other in (scipy.sparse.csr_array(X), scipy.sparse.csc_matrix(X), np.asfortranarray(X)):
        result = infer(unpenalised(other, y), other, y, covariance="robust")
        np.testing.assert_allclose(result.covariance, dense.covariance, rtol=1e-7)
        np.testing.assert_allclose(result.predict_interval(other), dense.predict_interval(X), rtol=1e-7)


@pytest.mark.parametrize("far", [0.0, 1e5])
def test_posterior_errors_of_several_classes(far):
    Z, y = overlapping(n=150, d=2, K=3)
    X = Z + far
    factors = [1.0, 0.25]
    model = CrossEntropyClassifier(C=0.5, tol=1e-12, penalty_factor=factors).fit(X, y)
    result = infer(model, X, y, penalized=True)
    A = np.column_stack([Z, np.ones(150)]).astype(np.longdouble)
    P = model.predict_proba(X).astype(np.longdouble)
    prior = np.kron(np.eye(3)[1:, 1:] - 1 / 3, np.diag([*np.divide(factors, 0.5), 0.0]))
    V = np.linalg.inv((information(A, P, np.ones(150)) + prior).astype(float))
    columns = [0, 1, 3, 4]
    np.testing.assert_allclose(
        result.covariance[np.ix_(columns, columns)], V[np.ix_(columns, columns)], rtol=1e-6
    )
    assert result.effective_df == pytest.approx(6 - np.trace(V @ prior), rel=1e-6)


def test_rows_elsewhere_are_refused():
    dataset = pytest.importorskip("pyarrow.dataset")
    table = pytest.importorskip("pyarrow").table({"a": [0.0, 1.0, 2.0, 3.0], "b": [1.0, 0.0, 1.0, 0.5]})
    model = CrossEntropyClassifier.from_coefficients([1.0, 2.0], 0.5, [0, 1]).set_params(C=np.inf)
    with pytest.raises(TypeError, match=r"X is a pyarrow dataset, which infer\(\) does not take"):
        infer(model, dataset.dataset(table), [0, 1, 0, 1])


def test_arguments_that_do_not_agree_are_refused():
    X, y = overlapping()
    model = unpenalised(X, y)
    with pytest.raises(ValueError, match="covariance must be one of"):
        infer(model, X, y, covariance="magic")
    with pytest.raises(ValueError, match=r"covariance='cluster' needs groups.*got groups=None"):
        infer(model, X, y, covariance="cluster")
    with pytest.raises(ValueError, match="groups go with covariance='cluster'; got covariance='model'"):
        infer(model, X, y, groups=y)
    with pytest.raises(ValueError, match="y holds the classes"):
        infer(model, X, y + 1)
    with pytest.raises(ValueError, match="terms must be among"):
        infer(model, X, y).wald_test(["nobody"])
