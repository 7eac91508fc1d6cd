"""Functions, predictions and scores mean underflow and overflow, whatever numpy is told to do about them."""

import numpy as np
import pytest

import sklearn_xent as package
from sklearn_xent import CrossEntropyClassifier

FAR = [[1e4, 0.0, -1e4], [1e308, -1e308, 0.0], [-800.0, 1e-310, 40.0], [0.0, 0.0, 0.0]]
LABELS = [0, 1, 2, 0]
SOFT = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [1e-310, 1.0, 0.0], [0.5, 0.5, 0.0]])


@pytest.fixture(autouse=True)
def raising():
    with np.errstate(all="raise"):
        yield


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_functions_of_logits(dtype):
    most = 3e38 if dtype is np.float32 else np.inf
    with np.errstate(under="ignore"):
        z = np.clip(FAR, -most, most).astype(dtype)
    np.testing.assert_array_equal(package.softmax(z)[:2], [[1, 0, 0], [1, 0, 0]])
    assert package.log_softmax(z)[0].tolist() == [0, -1e4, -2e4]
    assert np.isfinite(package.sigmoid(z)).all()
    assert np.isfinite(package.log_sigmoid(z)).all()


@pytest.mark.parametrize("y", [LABELS, SOFT], ids=["labels", "soft"])
@pytest.mark.parametrize("scale", [1e308, 1.0, 1e-310])
@pytest.mark.parametrize(
    "name",
    [
        "cross_entropy_loss",
        "cross_entropy_skill",
        "cross_entropy_decomposition",
        "expected_calibration_error",
    ],
)
def test_scores(name, scale, y):
    with np.errstate(under="ignore"):
        weights = scale * np.array([1.0, 0.5, 0.25, 0.0])
    score = getattr(package, name)
    for forecast, from_logits in ((FAR, True), (package.softmax(FAR), False)):
        assert not np.isnan(score(y, forecast, sample_weight=weights, from_logits=from_logits)).any()


def test_functions_of_distributions_and_comparisons():
    p = np.array([1.0, 1e-310, 0.0])
    assert package.entropy(p) == pytest.approx(7.138e-308, rel=1e-3)
    assert package.kl_divergence(p, [1.0, 1e-300, 1e-320]) == pytest.approx(1e-300)
    first, second = [[0.5, 0.25, 0.25]] * 4, [[1e-300, 1.0, 1e-310]] * 4
    result = package.compare_losses(LABELS, first, second, sample_weight=[1e308, 1e308, 1.0, 1e-310])
    assert result.difference < 0
    folds = package.compare_cv_scores([-1e300, -2e300], [-1e-300, -2e-300], n_train=80, n_test=20)
    assert folds.std_error == pytest.approx(0.75**0.5 * 0.5**0.5 * 1e300)


@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize("scale", [1e4, 1e150])
def test_predictions_and_scorers(K, scale):
    coef = np.array([[1.0], [0.0], [-1.0]]) if K == 3 else np.array([[1.0]])
    model = CrossEntropyClassifier.from_coefficients(coef, np.zeros(len(coef)), np.arange(K))
    X = scale * np.array([[1.0], [-2.0], [1e-5], [0.0]])
    for offset in (None, np.full((4, K), 1e-308)):
        for method in ("decision_function", "predict", "predict_proba", "predict_log_proba"):
            assert np.isfinite(getattr(model, method)(X, offset)).all()
    y = np.array([0, 1, 1, 0])
    for name in (n for n in package.__all__ if n.endswith("_scorer")):
        assert np.isfinite(getattr(package, name)(model, X, y, sample_weight=[1e308, 1e292, 0, 1]))
