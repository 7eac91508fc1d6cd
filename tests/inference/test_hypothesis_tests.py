"""Tests of linear hypotheses about coefficients: beside statsmodels, and for several classes."""

import numpy as np
import pandas as pd
import pytest

from sklearn_xent import CrossEntropyClassifier, infer
from tests.problems import overlapping


def inferred(K=2, n=300, **options):
    X, y = overlapping(n=n, d=3, K=K)
    frame = pd.DataFrame(X, columns=["GPA", "mean score", "PSI"])
    return infer(CrossEntropyClassifier(C=np.inf, tol=1e-12).fit(frame, y), frame, y, **options), frame, y


@pytest.mark.parametrize("covariance", ["model", "robust"])
def test_hypotheses_beside_statsmodels(covariance):
    sm = pytest.importorskip("statsmodels.api")
    result, X, y = inferred(covariance=covariance)
    options = {"cov_type": "HC0"} if covariance == "robust" else {}
    peer = sm.Logit(y, sm.add_constant(X, prepend=False)).fit(disp=0, method="newton", tol=1e-13, **options)
    R, q = np.array([[1.0, -2.0, 0.0, 0.0], [0.0, 1.0, 1.0, 0.5]]), np.array([0.3, -1.0])
    one_by_one = peer.t_test((R, q))
    text = "GPA - 2 * mean score = 0.3, mean score + PSI + intercept / 2 = -1"
    for given in ((text,), (R, q), (pd.DataFrame(R, columns=result.names).iloc[:, ::-1], q)):
        frame = result.linear_hypotheses(*given, confidence=0.9)
        np.testing.assert_allclose(frame["estimate"], one_by_one.effect, rtol=1e-6)
        np.testing.assert_allclose(frame["value"], q)
        np.testing.assert_allclose(frame["std_error"], one_by_one.sd.ravel(), rtol=1e-6)
        np.testing.assert_allclose(frame["z"], one_by_one.statistic.ravel(), rtol=1e-6)
        np.testing.assert_allclose(frame["p_value"], one_by_one.pvalue, rtol=1e-6)
        np.testing.assert_allclose(frame[["low", "high"]], one_by_one.conf_int(0.1), rtol=1e-6)
        both = peer.wald_test((R, q), scalar=True)
        np.testing.assert_allclose(result.wald_test(*given)[::2], [both.statistic, both.pvalue], rtol=1e-6)
    np.testing.assert_allclose(result.conf_int(0.1), peer.conf_int(0.1), rtol=1e-6)
    np.testing.assert_allclose(result.params, peer.params, rtol=1e-6)
    with pytest.raises(ValueError, match="alpha must be between 0 and 1; got 5"):
        result.conf_int(5)


def test_a_name_alone_is_one_term_of_a_wald_test():
    result, *_ = inferred()
    assert result.wald_test("GPA") == result.wald_test(["GPA"]) == result.wald_test(np.eye(4)[:1])
    assert result.wald_test("GPA").statistic == pytest.approx(result.z[0] ** 2)
    with pytest.raises(ValueError, match="one is named twice or follows from others"):
        result.wald_test("GPA = 1, mean score = 0, GPA - mean score = 1")


def test_of_several_classes_a_column_is_meant_of_each():
    result, *_ = inferred(K=3)
    frame = result.linear_hypotheses("GPA - mean score = 1, 1: PSI = 2: PSI")
    assert frame["hypothesis"].tolist() == [
        "1: GPA - mean score = 1",
        "2: GPA - mean score = 1",
        "1: PSI = 2: PSI",
    ]
    b = result.estimate.reshape(2, 4)
    np.testing.assert_allclose(frame["estimate"], [*(b[:, 0] - b[:, 1]), b[0, 2] - b[1, 2]])
    V = result.covariance
    np.testing.assert_allclose(frame["std_error"][2] ** 2, V[2, 2] + V[6, 6] - 2 * V[2, 6])
    assert result.wald_test("GPA = mean score").df == 2


def test_of_an_estimate_without_an_error_nothing_is_left_to_chance():
    X, y = overlapping(n=40, d=2)
    groups = np.arange(40) % 2  # whose scores sum to 0 between them: a covariance of rank one
    result = infer(
        CrossEntropyClassifier(C=np.inf, tol=1e-12).fit(X, y), X, y, covariance="cluster", groups=groups
    )
    V = result.covariance
    frame = result.linear_hypotheses([[1.0, -V[0, 0] / V[0, 1], 0.0]])
    assert frame["std_error"][0] < 1e-6
    assert np.isfinite(frame["p_value"][0])
