"""The parts of a loss sum to it, are what recalibration says, and do not depend on how rows are written."""

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression
from sklearn.model_selection import cross_val_score

from sklearn_xent import (
    CrossEntropyClassifier,
    compare_cv_scores,
    compare_losses,
    cross_entropy_decomposition,
    cross_entropy_loss,
    discrimination_scorer,
    entropy,
    expected_calibration_error,
    neg_miscalibration_scorer,
    uncertainty_scorer,
)
from tests.problems import overlapping


def forecasts(K, n=400, seed=0):
    rng = np.random.default_rng(seed)
    P = rng.dirichlet(np.ones(K), n)
    y = np.array([rng.choice(K, p=p) for p in P])
    Q = P**1.7  # too sure
    return y, Q / Q.sum(axis=1, keepdims=True), rng.integers(0, 4, n).astype(float)


@pytest.mark.parametrize("K", [2, 3, 5])
@pytest.mark.parametrize("weighted", [False, True])
def test_parts_sum_to_the_loss(K, weighted):
    y, P, weights = forecasts(K)
    w = weights if weighted else None
    parts = cross_entropy_decomposition(y, P, sample_weight=w)
    total = parts.miscalibration - parts.discrimination + parts.uncertainty
    assert total == pytest.approx(parts.loss, abs=1e-12)
    assert parts.loss == pytest.approx(cross_entropy_loss(y, P, sample_weight=w), abs=1e-12)
    mass = np.bincount(y, w, K)
    assert parts.uncertainty == pytest.approx(float(entropy(mass / mass.sum())), abs=1e-12)
    assert parts.miscalibration > 0.01
    assert parts.discrimination > 0.01
    repeated = np.repeat(np.arange(len(y)), weights.astype(int)) if weighted else np.arange(len(y))
    np.testing.assert_allclose(cross_entropy_decomposition(y[repeated], P[repeated]), parts, rtol=1e-9)


@pytest.mark.filterwarnings("ignore:y_prob")
@pytest.mark.parametrize("K", [2, 3, 5])
def test_the_loss_is_that_of_the_numbers_as_they_are(K):
    y, P, _ = forecasts(K)
    parts = cross_entropy_decomposition(y, 0.9 * P)
    assert parts.loss == pytest.approx(cross_entropy_loss(y, 0.9 * P), rel=1e-12)


def test_two_classes_are_recalibrated_by_isotonic_regression():
    y, P, w = forecasts(2)
    parts = cross_entropy_decomposition(y, P[:, 1], sample_weight=w)
    q = IsotonicRegression(y_min=0, y_max=1).fit_transform(P[:, 1], y, sample_weight=w)
    after = cross_entropy_loss(y, q, sample_weight=w)
    assert parts.loss - parts.miscalibration == pytest.approx(after, abs=1e-12)


def test_calibrated_and_constant_forecasts():
    y = np.array([0, 1, 1, 0, 1, 1])
    constant = cross_entropy_decomposition(y, np.full(6, 4 / 6))
    np.testing.assert_allclose(constant[1:3], 0, atol=1e-12)
    perfect = cross_entropy_decomposition(y, y.astype(float))
    np.testing.assert_allclose(perfect, [0, 0, perfect.uncertainty, perfect.uncertainty], atol=1e-12)
    wrong = cross_entropy_decomposition(y, 1.0 - y)
    assert wrong.loss == wrong.miscalibration == np.inf
    assert wrong.discrimination == pytest.approx(0, abs=1e-12)


def test_logits_beyond_the_digits_of_probabilities_and_unused_classes():
    y = np.array([0, 1, 0, 1])
    parts = cross_entropy_decomposition(y, [-800.0, 900.0, -850.0, 700.0], from_logits=True)
    np.testing.assert_allclose(parts, [0, 0, np.log(2), np.log(2)], atol=1e-12)
    P = np.array([[0.5, 0.5, 0.0], [0.2, 0.8, 0.0], [0.9, 0.1, 0.0], [0.3, 0.7, 0.0]])
    three = cross_entropy_decomposition(y, P, labels=[0, 1, 2])
    np.testing.assert_allclose(three, cross_entropy_decomposition(y, P[:, 1]), atol=1e-12)


def test_parts_are_scorers():
    X, y = overlapping(n=200, K=3)
    model = CrossEntropyClassifier()
    fitted = model.fit(X, y)
    parts = cross_entropy_decomposition(y, fitted.predict_log_proba(X), from_logits=True)
    assert -neg_miscalibration_scorer(fitted, X, y) == pytest.approx(parts.miscalibration)
    assert discrimination_scorer(fitted, X, y) == pytest.approx(parts.discrimination)
    assert uncertainty_scorer(fitted, X, y) == pytest.approx(parts.uncertainty)
    assert np.isfinite(cross_val_score(model, X, y, scoring=discrimination_scorer, cv=3)).all()


def test_expected_calibration_error_by_hand():
    p, y = [0.9, 0.8, 0.7, 0.4], [1, 0, 1, 0]
    # sorted by confidence in the predicted class: 0.6 (right), 0.7 (right), 0.8 (wrong), 0.9 (right)
    assert expected_calibration_error(y, p, n_bins=2) == pytest.approx((abs(1.3 - 2) + abs(1.7 - 1)) / 4)
    with pytest.raises(ValueError, match="n_bins must be a positive integer; got 0"):
        expected_calibration_error(y, p, n_bins=0)


def test_paired_comparison_is_a_t_interval():
    y, P, _ = forecasts(3)
    other = P**0.5 / (P**0.5).sum(axis=1, keepdims=True)
    d = cross_entropy_loss(y, P, reduction="none") - cross_entropy_loss(y, other, reduction="none")
    import scipy.stats

    test = scipy.stats.ttest_1samp(d, 0.0)
    low, high = test.confidence_interval(0.9)
    found = compare_losses(y, P, other, confidence=0.9)
    expected = [d.mean(), d.std(ddof=1) / np.sqrt(len(d)), low, high, test.pvalue]
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    alone = compare_losses(y, P, other, confidence=0.9, groups=np.arange(len(y)))
    np.testing.assert_allclose(alone, found, rtol=1e-12)


def test_rows_repeated_in_a_group_are_one():
    y, P, _ = forecasts(2, n=60)
    other = np.full_like(P, 0.5)
    once = compare_losses(y, P, other)
    twice = np.repeat(np.arange(60), 2)
    naive = compare_losses(y[twice], P[twice], other[twice])
    grouped = compare_losses(y[twice], P[twice], other[twice], groups=twice)
    assert grouped.std_error == pytest.approx(once.std_error)
    assert naive.std_error < 0.75 * once.std_error
    same = compare_losses(y, P, P)
    assert (same.difference, same.p_value) == (0.0, 1.0)


def test_folds_have_the_corrected_variance():
    first, second = np.array([-0.30, -0.31, -0.29, -0.33, -0.32]), np.full(5, -0.35)
    found = compare_cv_scores(first, second, n_train=80, n_test=20)
    d = second - first
    assert found.difference == pytest.approx(d.mean())
    assert found.std_error == pytest.approx(np.sqrt((1 / 5 + 20 / 80) * d.var(ddof=1)))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: compare_losses([0, 1], [0.1, 0.9], [0.2, 0.8], confidence=1.0),
            "confidence must be between",
        ),
        (
            lambda: compare_losses([0, 1], [0.1, 0.9], [0.2, 0.8], groups=[1, 1]),
            "needs two rows or groups; got 1",
        ),
        (lambda: compare_losses([0, 1], [0.1, 0.9], [0.2, 0.8], groups=[1]), "groups must have shape"),
        (lambda: compare_cv_scores([1.0], [1.0], n_train=1, n_test=1), "two or more scores"),
        (
            lambda: compare_cv_scores([1.0, 2], [1.0, 2], n_train=0, n_test=1),
            "n_train and n_test must be positive",
        ),
        (lambda: cross_entropy_decomposition([0, 1], [0.1, 1.2]), "probabilities in"),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
