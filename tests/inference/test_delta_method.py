"""Effects of columns and intervals of probabilities: beside statsmodels, differences and simulation."""

import numpy as np
import pytest

from sklearn_xent import CrossEntropyClassifier, infer
from tests.problems import overlapping, unpenalised


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
def test_effects_at_means_beside_statsmodels(K):
    sm = pytest.importorskip("statsmodels.api")
    X, y = overlapping(n=300, d=3, K=K)
    X += [1.0, -0.5, 0.2]
    result = infer(CrossEntropyClassifier(C=np.inf, tol=1e-12).fit(X, y), X, y)
    kind = sm.Logit if K == 2 else sm.MNLogit
    peer = kind(y, sm.add_constant(X, prepend=False)).fit(disp=0, method="newton", tol=1e-13)
    theirs = peer.get_margeff(at="mean")
    ours = result.marginal_effects(at="mean")
    shape = (3,) if K == 2 else (K, 3)
    np.testing.assert_allclose(ours["effect"].to_numpy().reshape(shape).T, theirs.margeff, rtol=1e-6)
    np.testing.assert_allclose(ours["std_error"].to_numpy().reshape(shape).T, theirs.margeff_se, rtol=1e-5)


@pytest.mark.parametrize("K", [2, 3])
def test_the_mean_row_is_that_of_weights_and_offset(K):
    rng = np.random.default_rng(0)
    weights, shift = rng.uniform(0.5, 2, 200), rng.normal(size=200 if K == 2 else (200, K))
    X, y = overlapping(n=200, d=3, K=K)
    data = {"sample_weight": weights, "offset": shift}
    model = CrossEntropyClassifier(C=np.inf, tol=1e-12).fit(X, y, **data)
    effects = infer(model, X, y, **data).marginal_effects(at="mean")
    share = weights / weights.sum()
    at, offset = (share @ X)[None, :], (share @ shift)[None]
    for j in range(3):
        step = 1e-5 * np.eye(3)[j]
        up, down = (model.predict_proba(at + s * step, offset=offset)[0] for s in (1, -1))
        slope = (up - down) / 2e-5
        mine = effects["effect"][effects["column"] == f"x{j}"]
        np.testing.assert_allclose(mine, slope[1:] if K == 2 else slope, rtol=1e-6, atol=1e-9)


def test_effects_are_overall_or_at_the_mean():
    X, y = overlapping()
    with pytest.raises(ValueError, match="at must be 'overall' or 'mean'; got 'median'"):
        infer(unpenalised(X, y), X, y).marginal_effects(at="median")
