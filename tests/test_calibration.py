"""One temperature for all logits: of least loss, beside the package's own fit and scikit-learn's."""

import numpy as np
import pytest
import sklearn
from scipy.optimize import minimize_scalar
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.fixes import parse_version

from sklearn_xent import (
    CrossEntropyClassifier,
    cross_entropy_loss,
    fit_temperature,
    sigmoid,
    softmax,
)


def _logits(K, n=200, seed=0):
    rng = np.random.default_rng(seed)
    z = 3 * rng.normal(size=(n, K))
    y = np.array([rng.choice(K, p=row) for row in softmax(z / 2.5, axis=1)])
    return (z[:, 1] - z[:, 0] if K == 2 else z), y


def test_of_two_classes_it_is_the_coefficient_of_a_fit_without_intercept():
    z, y = _logits(2)
    weights = np.random.default_rng(1).random(len(y))
    model = CrossEntropyClassifier(C=np.inf, fit_intercept=False, tol=1e-14)
    model.fit(z[:, None], y, sample_weight=weights)
    expected = 1 / model.coef_[0, 0]
    assert fit_temperature(y, z, sample_weight=weights) == pytest.approx(expected, rel=1e-7)
    assert fit_temperature(y, np.column_stack([0 * z, z]), sample_weight=weights) == pytest.approx(
        expected, rel=1e-7
    )


@pytest.mark.parametrize("scale", [1e-150, 1.0, 1e150])
def test_it_is_the_minimum_in_any_unit(scale):
    z, y = _logits(4)
    T = fit_temperature(y, scale * z) / scale
    found = minimize_scalar(lambda t: cross_entropy_loss(y, z / t, from_logits=True), bounds=(0.1, 20))
    assert pytest.approx(found.x, rel=1e-4) == T
    assert cross_entropy_loss(y, z / T, from_logits=True) <= found.fun + 1e-15
    assert fit_temperature(y, 2 * z) == pytest.approx(2 * fit_temperature(y, z), rel=1e-13)


def test_weights_are_repetition_and_a_shift_of_a_row_is_nothing():
    z, y = _logits(3)
    weights = np.arange(len(y)) % 3
    expected = fit_temperature(np.repeat(y, weights), np.repeat(z, weights, axis=0))
    assert fit_temperature(y, z, sample_weight=weights) == pytest.approx(expected, rel=1e-13)
    shifted = z + np.arange(len(z))[:, None]
    assert fit_temperature(y, shifted, sample_weight=weights) == pytest.approx(expected, rel=1e-12)


def test_soft_labels_of_a_temperature_give_it_back():
    z, _ = _logits(3)
    assert fit_temperature(softmax(z / 1.7, axis=1), z) == pytest.approx(1.7, rel=1e-12)


def test_columns_of_a_frame_are_matched_by_name():
    pd = pytest.importorskip("pandas")
    z, y = _logits(3)
    labels = np.array(["a", "b", "c"])[y]
    frame = pd.DataFrame(z, columns=["a", "b", "c"])[["c", "a", "b"]]
    assert fit_temperature(labels, frame) == fit_temperature(labels, z)


@pytest.mark.skipif(
    parse_version(sklearn.__version__) < parse_version("1.8"),
    reason="scikit-learn has temperatures since 1.8",
)
@pytest.mark.parametrize("load", [load_breast_cancer, load_digits])
def test_a_calibrated_linear_model_is_linear_and_scikit_learns(load):
    from sklearn.frozen import FrozenEstimator

    X, y = load(return_X_y=True)
    model = CrossEntropyClassifier(C=100).fit(X[::2], y[::2])
    T = fit_temperature(y[1::2], model.decision_function(X[1::2]))
    ours = CrossEntropyClassifier.from_coefficients(model.coef_ / T, model.intercept_ / T, model.classes_)
    theirs = CalibratedClassifierCV(FrozenEstimator(model), method="temperature").fit(X[1::2], y[1::2])
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-7)


def test_rows_that_are_all_right_end_near_the_least_loss_with_a_warning():
    z, y = np.array([-1.0, 2.0, 1.0]), np.array([0, 1, 1])
    with pytest.warns(ConvergenceWarning, match="most probable class happened in every row"):
        T = fit_temperature(y, z)
    assert cross_entropy_loss(y, sigmoid(z / T)) == pytest.approx(1e-3, rel=1e-9)
    # a tie costs log 2 at every temperature
    z = np.array([[1.0, 1.0, 0.0], [0.0, 3.0, 0.0]])
    with pytest.warns(ConvergenceWarning, match="in every row"):
        T = fit_temperature([0, 1], z, labels=[0, 1, 2])
    loss = cross_entropy_loss([0, 1], z / T, labels=[0, 1, 2], from_logits=True)
    assert loss == pytest.approx(np.log(2) / 2 + 1e-3, rel=1e-9)


@pytest.mark.parametrize("z", [[1.0, -1.0], [0.0, 0.0]])
def test_forecasts_worse_than_a_constant_are_of_no_temperature(z):
    with pytest.warns(ConvergenceWarning, match="constant forecast has a lower loss"):
        assert fit_temperature([0, 1], z) == np.inf


def test_a_class_ruled_out_costs_nothing_until_it_happens():
    z, y = _logits(3)
    without = np.column_stack([z, np.full(len(z), -np.inf)])
    assert fit_temperature(y, without, labels=range(4)) == pytest.approx(fit_temperature(y, z), rel=1e-13)
    with pytest.raises(ValueError, match="got -inf in row 0"):
        fit_temperature([3, *y[1:]], without, labels=range(4))


@pytest.mark.parametrize(
    ("y", "z", "options", "message"),
    [
        ([0, 1], [[0.0], [1.0]], {}, "logits must have shape"),
        ([], [], {}, "logits must have shape"),
        ([0, 1], [np.nan, 0.0], {}, "logits must be finite"),
        ([0, 1], [np.inf, 0.0], {}, "logits must be finite"),
        ([0, 1, 1], [0.0, 1.0], {}, "y_true must have 2 samples"),
        ([0, 2], [0.0, 1.0], {"labels": [0, 1]}, "not among"),
        ([0, 1], [0.0, 1.0], {"sample_weight": [1.0]}, "sample_weight must have shape"),
    ],
)
def test_what_is_out_of_range_is_refused(y, z, options, message):
    with pytest.raises(ValueError, match=message):
        fit_temperature(y, z, **options)
