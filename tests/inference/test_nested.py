"""The likelihood-ratio test of nested fits: its numbers, and what it refuses to compare."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2

from sklearn_xent import CrossEntropyClassifier, compare_nested, infer
from tests.problems import overlapping


def inferred(X, y, C=np.inf, fit_intercept=True, covariance="model", **data):
    model = CrossEntropyClassifier(C=C, tol=1e-13, fit_intercept=fit_intercept).fit(X, y, **data)
    return infer(model, X, y, penalized=True, covariance=covariance, **data)


def framed(n=200, K=2):
    X, y = overlapping(n=n, d=4, K=K)
    return pd.DataFrame(X, columns=list("abcd")), y


@pytest.mark.parametrize("K", [2, 3])
def test_the_statistic_is_that_of_statsmodels(K):
    sm = pytest.importorskip("statsmodels.api")
    X, y = framed(K=K)
    small, large = X[["a", "b"]], X
    test = compare_nested(inferred(small, y), inferred(large, y))
    kind = sm.Logit if K == 2 else sm.MNLogit
    peers = [kind(y, sm.add_constant(Z)).fit(disp=0, method="newton", tol=1e-13) for Z in (small, large)]
    assert test.statistic == pytest.approx(2 * (peers[1].llf - peers[0].llf), rel=1e-8)
    assert test.df == 2 * (K - 1)
    assert test.p_value == pytest.approx(chi2.sf(test.statistic, test.df), rel=1e-12)


def test_spaces_are_compared_and_not_columns():
    X, y = framed()
    small = pd.DataFrame({"sum": X["a"] + 1e3 * X["b"] + 1e5})
    assert compare_nested(inferred(small, y), inferred(X, y)).df == 3
    # without an intercept, where a column is as good as one
    levels = pd.get_dummies(pd.Series(np.arange(200) % 3)).astype(float)
    small = inferred(X[["a"]], y)
    large = inferred(pd.concat([X[["a"]], levels], axis=1).rename(columns=str), y, fit_intercept=False)
    assert compare_nested(small, large).df == 2


def test_a_coefficient_is_held_by_an_offset():
    X, y = framed()
    held = inferred(X[["b", "c", "d"]], y, offset=0.5 * X["a"].to_numpy())
    full = inferred(X, y)
    test = compare_nested(held, full)
    wald = full.wald_test("a = 0.5")
    assert test.df == wald.df == 1
    assert test.statistic == pytest.approx(wald.statistic, rel=0.2)
    sm = pytest.importorskip("statsmodels.api")
    small, large = (sm.add_constant(Z) for Z in (X[["b", "c", "d"]], X))
    newton = {"disp": 0, "method": "newton", "tol": 1e-13}
    gain = sm.Logit(y, large).fit(**newton).llf - sm.Logit(y, small, offset=0.5 * X["a"]).fit(**newton).llf
    assert test.statistic == pytest.approx(2 * gain, rel=1e-8)
    with pytest.raises(ValueError, match="their offsets differ by what is no linear combination"):
        compare_nested(inferred(X[["b"]], y, offset=np.square(X["a"].to_numpy())), full)


@pytest.mark.parametrize("K", [2, 3])
def test_offsets_of_both_and_weights_count(K):
    X, y = framed(K=K)
    rng = np.random.default_rng(0)
    weights, shift = rng.integers(0, 3, 200).astype(float), rng.normal(size=200 if K == 2 else (200, K))
    both = {"sample_weight": weights, "offset": shift}
    test = compare_nested(inferred(X[["a"]], y, **both), inferred(X, y, **both))
    rows = np.repeat(np.arange(200), weights.astype(int))
    again = compare_nested(
        inferred(X[["a"]].iloc[rows], y[rows], offset=shift[rows]),
        inferred(X.iloc[rows], y[rows], offset=shift[rows]),
    )
    assert test.statistic == pytest.approx(again.statistic, rel=1e-8)
    assert test.df == 3 * (K - 1)


def test_what_is_not_nested_is_refused_by_its_columns():
    X, y = framed()
    ab, bc, full = (inferred(X[list(names)], y) for names in ("ab", "bc", "abcd"))
    with pytest.raises(
        ValueError, match=r"special case of full, but column 'a' of restricted is no linear.*l\.$"
    ):
        compare_nested(ab, bc)
    with pytest.raises(ValueError, match=r"column 'c', column 'd' of .* pass the smaller model first"):
        compare_nested(full, ab)
    with pytest.raises(ValueError, match="the same model"):
        compare_nested(ab, inferred(X[["b", "a"]] * 2 + 1, y))
    with pytest.raises(ValueError, match="but the intercept of restricted"):
        compare_nested(ab, inferred(X, y, fit_intercept=False))
    with pytest.raises(ValueError, match="but column 'a', the intercept of restricted"):
        compare_nested(ab, inferred(X[["b", "c"]], y, fit_intercept=False))


def test_other_rows_are_refused():
    X, y = framed()
    full = inferred(X, y)
    small = X[["a"]]
    other = y.copy()
    other[0] = 1 - other[0]
    for one, name in (
        (inferred(small[:150], y[:150]), "numbers of rows"),
        (inferred(small, other), "labels"),
        (inferred(small, y + 1), "classes"),
        (inferred(small, y, sample_weight=np.linspace(1, 2, 200)), "weights"),
    ):
        with pytest.raises(ValueError, match=f"must be fitted to the same rows; their {name} differ"):
            compare_nested(one, full)


def test_penalties_and_estimators_are_refused():
    X, y = framed()
    full, shrunk = inferred(X, y), inferred(X[["a"]], y, C=1.0)
    with pytest.raises(ValueError, match=r"without a penalty \(C=np.inf\); restricted has one"):
        compare_nested(shrunk, full)
    with pytest.raises(TypeError, match=r"full must be what infer\(model, X, y\) returns; got CrossEntropyC"):
        compare_nested(full, CrossEntropyClassifier())


@pytest.mark.slow
def test_of_a_true_restriction_p_values_are_uniform():
    rng = np.random.default_rng(0)
    values = []
    for _ in range(150):
        X = rng.normal(size=(200, 3))
        y = (X[:, 0] + rng.logistic(size=200) > 0).astype(int)
        values.append(compare_nested(inferred(X[:, :1], y), inferred(X, y)).p_value)
    # a Kolmogorov-Smirnov distance beyond 0.133 has a chance of 1 in 100
    at = np.sort(values)
    assert np.abs(at - (np.arange(150) + 0.5) / 150).max() < 0.133
