"""Inference beside statsmodels and published numbers."""

import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.exceptions import ConvergenceWarning

from sklearn_xent import CrossEntropyClassifier, CrossEntropyClassifierCV, infer
from tests.fuzz.inference import Reference, information
from tests.problems import overlapping

sm = pytest.importorskip("statsmodels.api")

BEETLES = {
    "dose": [1.6907, 1.7242, 1.7552, 1.7842, 1.8113, 1.8369, 1.8610, 1.8839],
    "n": [59, 60, 62, 56, 63, 59, 62, 60],
    "killed": [6, 13, 18, 28, 52, 53, 61, 60],
}


def unpenalised(X, y, **options):
    return CrossEntropyClassifier(C=np.inf, tol=1e-12).fit(X, y, **options)


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


def test_multinomial_intervals_cover_by_simulation():
    X, y = overlapping(n=400, d=2, K=3)
    result = infer(unpenalised(X, y), X, y)
    p, low, high = result.predict_interval(X[:5], confidence=0.9)
    draws = np.random.default_rng(0).multivariate_normal(result.estimate, result.covariance, 20_000)
    A = np.column_stack([X[:5], np.ones(5)])
    z = np.einsum("sjm,im->sij", draws.reshape(-1, 2, 3), A)
    e = np.exp(np.concatenate([np.zeros((len(z), 5, 1)), z], axis=2))
    simulated = np.quantile(e / e.sum(axis=2, keepdims=True), [0.05, 0.95], axis=0)
    np.testing.assert_allclose([low, high], simulated, atol=0.01)
    assert ((low < p) & (p < high)).all()


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


def test_what_has_no_distribution_is_refused():
    X, y = overlapping()
    with pytest.raises(ValueError, match="l1 penalty"):
        infer(CrossEntropyClassifier(l1_ratio=1.0).fit(X, y), X, y, penalized=True)
    with pytest.raises(ValueError, match="coef_bounds"):
        infer(CrossEntropyClassifier(C=np.inf, coef_bounds=(0, None)).fit(X, y), X, y)
    twice = np.hstack([X, X])
    with pytest.raises(ValueError, match="collinear"):
        infer(unpenalised(twice, y), twice, y)
    with pytest.raises(ValueError, match="ridge penalty"):
        infer(CrossEntropyClassifierCV(Cs=3).fit(X, y), X, y)
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


def test_tables():
    X, y = overlapping(n=200, d=2)
    frame = pd.DataFrame(X, columns=["height", "weight"])
    result = infer(unpenalised(frame, y), frame, y)
    table = result.frame()
    assert table["term"].tolist() == ["height", "weight", "intercept"]
    np.testing.assert_allclose(table["odds_ratio"], np.exp(result.estimate))
    np.testing.assert_allclose(result.odds_ratios()[:, 1:], np.exp(result.interval()))
    assert "height" in result.summary()
    assert "<table" in result._repr_html_()


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


def quietly(X, y, **options):
    """A fit without a penalty whose warnings, of separation, are not the matter."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return CrossEntropyClassifier(C=np.inf).fit(X, y, **options)


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


@pytest.mark.parametrize("overlap", [False, True])
def test_a_fit_that_was_stopped_is_told_from_separation(overlap):
    X, y = overlapping(n=300, d=3)
    if not overlap:
        y = (X[:, 0] > 0).astype(int)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = CrossEntropyClassifier(C=np.inf, max_iter=1).fit(X, y)
    with pytest.raises(ValueError, match="not at an optimum" if overlap else SEPARATED):
        infer(model, X, y)


SEPARATED = "are separated, wholly or partly, by column"


def separable(kind):
    """Rows (n, 3) and labels that column 1 separates, and what fits them otherwise."""
    rng = np.random.default_rng(1)
    X, options = rng.normal(size=(120, 3)), {}
    y = (X[:, 0] + rng.logistic(size=120) > 0).astype(int)
    if kind == "wholly":
        y = (X[:, 1] > 0).astype(int)
        X[:, 1] += np.where(y, 0.2, -0.2)
    elif kind == "a level of one class":
        X[:, 1] = 0.0
        X[np.flatnonzero(y == 1)[:7], 1] = 1.0
    elif kind == "touching":
        X[:, 1] = rng.integers(1, 5, 120) * (2 * y - 1.0)
        X[:10, 1] = 0.0
    elif kind == "three classes":
        y = np.where(X[:, 1] > 0.5, 2, y)
    elif kind == "weights":
        y = (X[:, 1] > 0).astype(int)
        X[:, 1] += np.where(y, 0.2, -0.2)
        y[:5] = 1 - y[:5]
        options["sample_weight"] = np.where(np.arange(120) < 5, 0.0, 2.5)
    elif kind == "far from zero":
        X[:, 1] = 1e6 + (X[:, 1] > 1.5)
        y[X[:, 1] > 1e6] = 0
    return X, y, options


@pytest.mark.parametrize(
    "kind",
    ["wholly", "a level of one class", "touching", "three classes", "weights", "far from zero"],
)
@pytest.mark.parametrize("covariance", ["model", "robust"])
def test_separated_classes_are_refused_by_the_name_of_their_columns(kind, covariance):
    X, y, options = separable(kind)
    frame = pd.DataFrame(X, columns=["age", "level", "size"])
    model = quietly(frame, y, **options)
    with pytest.raises(ValueError, match=rf"{SEPARATED} 'level': .* finite C .*penalized=True"):
        infer(model, frame, y, covariance=covariance, **options)
    ridge = CrossEntropyClassifier(C=1.0, tol=1e-12).fit(frame, y, **options)
    assert np.isfinite(infer(ridge, frame, y, penalized=True, **options).std_error).all()


@pytest.mark.parametrize("far", [20.0, 30.0, 50.0, 90.0, 1e3, 1e9])
def test_separated_rows_are_found_however_certain_the_fit_is_of_them(far):
    X, y, _ = separable("far from zero")
    model = quietly(X, y)
    model.intercept_ += 1e6 * (model.coef_[0, 1] + far)
    model.coef_[0, 1] = -far
    with pytest.raises(ValueError, match=SEPARATED):
        infer(model, X, y)


def test_a_rare_level_of_one_class_is_found_whatever_the_fit_said():
    rng = np.random.default_rng(0)
    n = 20_000
    level = rng.choice(["common", "rare", "rarer", "other"], n, p=[0.7, 0.0007, 0.0003, 0.299])
    y = (rng.random(n) < 0.2).astype(int)
    y[np.char.startswith(level, "rare")] = 0
    X = pd.get_dummies(pd.Series(level)).drop(columns="common").astype(float)
    model = quietly(X, y)
    with pytest.raises(ValueError, match=rf"{SEPARATED}s '(rare|rarer)', '(rare|rarer)': "):
        infer(model, X, y)
    kept = X[["other"]]
    assert infer(unpenalised(kept, y), kept, y).std_error.max() < 0.1


def test_separation_of_soft_labels_needs_certain_ones():
    X, y, _ = separable("wholly")
    certain = np.eye(2)[y]
    with pytest.raises(ValueError, match=SEPARATED):
        infer(quietly(X, certain), X, certain)
    soft = 0.98 * certain + 0.01
    assert np.isfinite(infer(unpenalised(X, soft), X, soft).std_error).all()


def test_rows_of_large_leverage_are_not_taken_for_separation():
    rng = np.random.default_rng(2)
    X = rng.normal(size=(300, 2))
    y = (X[:, 0] + rng.logistic(size=300) > 0).astype(int)
    X[0], y[0] = [300.0, 0.0], 1
    result = infer(unpenalised(X, y), X, y)
    exact = Reference(X, np.eye(2)[y], np.ones(300), np.zeros((300, 2)), True)
    np.testing.assert_allclose(result.std_error, exact.errors()[0], rtol=1e-8)


def test_collinear_and_constant_columns_are_named():
    X, y = overlapping(n=200, d=3)
    frame = pd.DataFrame(X, columns=["a", "b", "c"]).assign(total=X[:, 0] + X[:, 2], d=X[:, 1] ** 2)
    with pytest.raises(ValueError, match=r"column 'total' is a linear combination .*Drop"):
        infer(unpenalised(frame, y), frame, y)
    fixed = frame[["a", "b"]].assign(one=7.0)
    with pytest.raises(ValueError, match=r"constant columns: drop column 'one', or fit"):
        infer(unpenalised(fixed, y), fixed, y)
    wide = np.random.default_rng(0).normal(size=(6, 9))
    labels = np.array([0, 1, 0, 1, 0, 1])
    with pytest.raises(ValueError, match=r"collinear"):
        infer(quietly(wide, labels), wide, labels)
    ridge = CrossEntropyClassifier(C=4.0, tol=1e-12).fit(fixed, y)
    result = infer(ridge, fixed, y, penalized=True)
    # of what the rows say nothing about, the posterior is the prior
    assert result.std_error[2] == pytest.approx(2.0, rel=1e-9)
    assert result.effective_df < 3


def test_without_an_intercept_the_null_model_has_none():
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
