"""Numbers that others have published, at default settings and without a warning."""

import numpy as np
import pytest

from sklearn_xent import CrossEntropyClassifier
from tests.problems import reference_objective

DOSE = np.array([1.6907, 1.7242, 1.7552, 1.7842, 1.8113, 1.8369, 1.8610, 1.8839])
BEETLES = np.array([59, 60, 62, 56, 63, 59, 62, 60])
KILLED = np.array([6, 13, 18, 28, 52, 53, 61, 60])


def _bliss(kind):
    if kind == "weighted":
        X, y = np.r_[DOSE, DOSE], np.r_[np.ones(8, int), np.zeros(8, int)]
        return X[:, None], y, np.r_[KILLED, BEETLES - KILLED]
    if kind == "soft":
        share = KILLED / BEETLES
        return DOSE[:, None], np.column_stack([1 - share, share]), BEETLES
    y = np.concatenate([np.arange(n) < k for n, k in zip(BEETLES, KILLED, strict=True)])
    return np.repeat(DOSE, BEETLES)[:, None], y, None


def _standard_errors(model, X, weights):
    p = model.predict_proba(X)[:, 1]
    A = np.column_stack([np.ones(len(X)), X])
    return np.sqrt(np.diag(np.linalg.inv((A * (weights * p * (1 - p))[:, None]).T @ A)))


@pytest.mark.parametrize("kind", ["weighted", "expanded", "soft"])
def test_bliss_beetles(kind):
    # Bliss (1935); Dobson and Barnett (2018), section 7.3.1, to more digits
    X, y, weights = _bliss(kind)
    model = CrossEntropyClassifier(C=np.inf).fit(X, y, sample_weight=weights)
    assert model.intercept_[0] == pytest.approx(-60.7174545616, abs=2e-10)
    assert model.coef_[0, 0] == pytest.approx(34.2703257341, abs=1e-10)
    se = _standard_errors(model, X, np.ones(len(X)) if weights is None else weights)
    np.testing.assert_allclose(se, [5.1807114633, 2.9121400706], rtol=1e-9)


@pytest.mark.parametrize("kind", ["weighted", "expanded", "soft"])
def test_bliss_deviance(kind):
    X, y, weights = _bliss(kind)
    model = CrossEntropyClassifier(C=np.inf).fit(X, y, sample_weight=weights)
    log_p = model.predict_log_proba(DOSE[:, None])
    counts = np.column_stack([BEETLES - KILLED, KILLED])
    with np.errstate(divide="ignore"):
        saturated = np.where(counts > 0, np.log(counts / BEETLES[:, None]), 0.0)
    assert 2 * (counts * (saturated - log_p)).sum() == pytest.approx(11.232231097419, abs=1e-10)


def test_spector_and_mazzeo():
    # Spector and Mazzeo (1980); Greene, Econometric Analysis, table 17.1
    data = pytest.importorskip("statsmodels.datasets").spector.load_pandas()
    X, y = data.exog[["GPA", "TUCE", "PSI"]].to_numpy(), data.endog.to_numpy(int)
    model = CrossEntropyClassifier(C=np.inf).fit(X, y)
    assert model.intercept_[0] == pytest.approx(-13.0213468581, abs=1e-9)
    np.testing.assert_allclose(model.coef_[0], [2.8261125949, 0.0951576613, 2.3786876551], atol=2e-10)
    se = _standard_errors(model, X, np.ones(len(X)))
    np.testing.assert_allclose(se, [4.93132, 1.26294, 0.14155, 1.06456], atol=5e-6)
    # statsmodels' converged log-likelihood
    log_likelihood = model.predict_log_proba(X)[np.arange(len(y)), y].sum()
    assert log_likelihood == pytest.approx(-12.889634222131, abs=1e-11)


@pytest.mark.parametrize(
    ("name", "scaled", "options", "expected"),
    [
        ("breast_cancer", True, {}, 37.758945961876),
        ("breast_cancer", False, {}, 53.794611230483),
        ("breast_cancer", True, {"C": 0.1, "l1_ratio": 1.0}, 116.450020477966),
        ("wine", True, {}, 12.090335773855),
        ("wine", True, {"C": 0.1, "l1_ratio": 1.0}, 88.1168337085),
        ("iris", False, {}, 28.886316604092),
    ],
)
def test_optimal_objective(raw, standardised, name, scaled, options, expected):
    X, y = (standardised if scaled else raw)(name)
    model = CrossEntropyClassifier(**options).fit(X, y)
    # what the fit says of itself, and what its attributes say by the formula
    assert model.history_["objective"][-1] * len(y) == pytest.approx(expected, abs=1e-10, rel=0)
    assert reference_objective(model, X, y) == pytest.approx(expected, abs=1e-9, rel=0)
    assert model.converged_


def test_l1_support(standardised):
    model = CrossEntropyClassifier(C=0.1, l1_ratio=1.0).fit(*standardised("breast_cancer"))
    assert set(np.flatnonzero(model.coef_[0])) == {7, 10, 20, 21, 24, 26, 27, 28}
    model = CrossEntropyClassifier(C=0.1, l1_ratio=1.0).fit(*standardised("wine"))
    assert np.count_nonzero(model.coef_) == 12


def test_l1_wakes_just_above_its_threshold(standardised):
    X, y = standardised("breast_cancer")
    threshold = 0.004580521223
    below = CrossEntropyClassifier(C=threshold * (1 - 1e-6), l1_ratio=1.0).fit(X, y)
    above = CrossEntropyClassifier(C=threshold * (1 + 1e-6), l1_ratio=1.0).fit(X, y)
    assert np.count_nonzero(below.coef_) == 0
    assert np.flatnonzero(above.coef_[0]).tolist() == [_steepest(X, y)]


def _steepest(X, y):
    """The column that correlates most with the residuals of the intercept alone."""
    return int(np.argmax(np.abs(X.T @ (y - y.mean()))))


def test_l1_threshold_is_the_largest_correlation_with_the_residuals(standardised):
    X, y = standardised("breast_cancer")
    assert 1 / np.abs(X.T @ (y - y.mean())).max() == pytest.approx(0.004580521223, abs=1e-12)
