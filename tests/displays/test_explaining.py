"""Reliability, contributions and coefficients: the pictures show their numbers."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict, cross_validate

from sklearn_xent import (
    CoefficientDisplay,
    CrossEntropyClassifier,
    LossContributionDisplay,
    ReliabilityDisplay,
    cross_entropy_decomposition,
    cross_entropy_loss,
    infer,
)
from tests.problems import overlapping


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def test_the_reliability_curve_is_isotonic_regression():
    X, y = overlapping(n=300)
    w = np.random.default_rng(0).random(300)
    model = CrossEntropyClassifier().fit(X, y)
    display = ReliabilityDisplay.from_estimator(model, X, y, sample_weight=w)
    p = model.predict_proba(X)[:, 1]
    x, curve = display.line_.get_data()
    expected = (
        IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(p, y, sample_weight=w).predict(x)
    )
    np.testing.assert_allclose(curve, expected, atol=1e-9)
    np.testing.assert_allclose(display.parts, cross_entropy_decomposition(y, p, sample_weight=w), rtol=1e-9)
    label = display.ax_.get_xlabel()
    assert label.startswith("Forecast probability of class 1")
    assert f"miscalibration {display.parts.miscalibration:.3f}" in label
    heights = [bar.get_height() for bar in display.histogram_]
    assert max(heights) == pytest.approx(0.12)
    assert display.frame().columns.tolist() == ["forecast", "outcome", "weight", "recalibrated"]


def test_the_band_holds_calibrated_forecasts_and_leaves_sure_ones_out():
    rng = np.random.default_rng(1)
    p = rng.random(800)
    y = (rng.random(800) < p).astype(int)
    for forecast, held in ((p, True), (1 / (1 + ((1 - p) / p) ** 3), False)):
        display = ReliabilityDisplay.from_predictions(y, forecast)
        path = display.band_.get_paths()[0].vertices
        x, curve = display.line_.get_data()
        low = np.array([path[np.abs(path[:, 0] - v) < 1e-12, 1].min() for v in x[50:-50:25]])
        high = np.array([path[np.abs(path[:, 0] - v) < 1e-12, 1].max() for v in x[50:-50:25]])
        inside = ((curve[50:-50:25] >= low) & (curve[50:-50:25] <= high)).mean()
        assert (inside > 0.75) == held
    assert ReliabilityDisplay.from_predictions(y, p, n_resamples=0).band_ is None


def test_more_classes_one_against_rest_or_the_top():
    X, y = overlapping(n=200, K=3)
    names = np.array(["ant", "bee", "cat"])
    model = CrossEntropyClassifier().fit(X, names[y])
    one = ReliabilityDisplay.from_estimator(model, X, names[y], target_class="bee")
    P = model.predict_proba(X)
    np.testing.assert_allclose(one.frame()["forecast"], P[:, 1])
    np.testing.assert_array_equal(one.frame()["outcome"], y == 1)
    top = ReliabilityDisplay.from_predictions(names[y], P)
    np.testing.assert_allclose(top.frame()["forecast"], P.max(axis=1))
    np.testing.assert_array_equal(top.frame()["outcome"], P.argmax(axis=1) == y)
    with pytest.raises(ValueError, match="target_class must be 'top' or one of"):
        ReliabilityDisplay.from_estimator(model, X, names[y], target_class="dog")


def test_contributions_sum_to_the_loss():
    X, y = overlapping(n=200, K=3)
    w = np.random.default_rng(0).random(200)
    frame = pd.DataFrame(X, index=[f"row {i}" for i in range(200)])
    model = CrossEntropyClassifier().fit(frame, y)
    display = LossContributionDisplay.from_estimator(model, frame, y, sample_weight=w)
    P = model.predict_proba(frame)
    widths = [bar.get_width() for bar in display.bars_]
    assert sum(widths) == pytest.approx(cross_entropy_loss(y, P, sample_weight=w))
    frequencies = np.bincount(y, w) / w.sum()
    null = [bar.get_width() for bar in display.null_bars_]
    np.testing.assert_allclose(null, -frequencies * np.log(frequencies))
    losses = cross_entropy_loss(y, P, reduction="none")
    table = display.frame()
    assert table["sample"][0] == f"row {losses.argmax()}"
    np.testing.assert_allclose(table["loss"], np.sort(losses)[::-1])
    shares = display.line_.get_ydata()
    assert shares[-1] == pytest.approx(1)
    assert (np.diff(shares) >= 0).all()
    assert f"row {losses.argmax()}" in display.ax_[1].texts[0].get_text()


def test_contributions_of_certain_and_wrong_forecasts_and_many_classes():
    display = LossContributionDisplay.from_predictions([0, 1, 1], [0.1, 0.9, 0.0], index=["a", "b", "c"])
    assert display.frame()["sample"][0] == "c"
    assert np.isinf(display.frame()["loss"][0])
    rng = np.random.default_rng(0)
    y = np.arange(200) % 40
    many = LossContributionDisplay.from_predictions(y, rng.dirichlet(np.ones(40), 200))
    assert len(many.bars_) == 12
    assert many.ax_[0].get_ylabel() == "Class (worst 12 of 40)"
    with pytest.raises(ValueError, match="ax must be two axes; got 1"):
        many.plot(ax=plt.figure().gca())


@pytest.mark.parametrize("size", [(11, 4.6), (6.4, 3.6)], ids=["wide", "narrow"])
@pytest.mark.parametrize("points", [7, 10, 20])
def test_the_title_stands_above_the_legend(size, points):
    with plt.rc_context({"font.size": points}):
        _, axes = plt.subplots(1, 2, figsize=size, layout="constrained")
        display = LossContributionDisplay.from_predictions([0, 1], [0.2, 0.7], name="A title", ax=axes)
        display.figure_.canvas.draw()
        title, legend = axes[0].title.get_window_extent(), axes[0].get_legend().get_window_extent()
        assert title.y0 > legend.y1 - 4  # whose box has an edge of its own
        assert legend.y0 > axes[0].bbox.y1
        assert title.y1 < display.figure_.bbox.y1


def test_coefficients_are_sorted_and_cut():
    X, y = overlapping(n=300, d=40)
    model = CrossEntropyClassifier(C=np.inf).fit(X, y)
    display = CoefficientDisplay.from_estimator(model, most=10)
    drawn = display.line_.get_xdata()
    assert len(drawn) == 10
    assert (np.diff(drawn) <= 0).all()
    assert set(np.abs(drawn)) == set(np.sort(np.abs(model.coef_[0]))[-10:])
    assert display.ax_.get_ylabel() == "10 of 40"
    theirs = CoefficientDisplay.from_estimator(
        LogisticRegression().fit(X, y), feature_names=list("abcd" * 10)
    )
    assert theirs.frame()["name"][0] in "abcd"


def test_odds_ratios_have_the_intervals_of_inference():
    X, y = overlapping(n=300, d=3, K=3)
    result = infer(CrossEntropyClassifier(C=np.inf).fit(X, y), X, y)
    display = CoefficientDisplay.from_inference(result, confidence=0.9, odds_ratios=True)
    assert len(display.shown_) == 6
    assert display.ax_.get_xscale() == "log"
    assert display.ax_.get_xlabel() == "Odds ratio (90 % confidence)"
    table = display.frame().set_index("name")
    np.testing.assert_allclose(table.loc["2: x1", ["low", "high"]].astype(float), result.interval(0.9)[5])


def test_coefficients_of_one_of_several_classes_say_which():
    X, y = overlapping(n=300, d=3, K=3)
    model = CrossEntropyClassifier().fit(X, np.array(["no", "may_be$", "yes"])[y])
    first = CoefficientDisplay.from_estimator(model)
    assert first.ax_.get_xlabel() == r"Coefficient of class may_be\$ (log odds, nats per unit)"
    np.testing.assert_array_equal(first.estimate, model.coef_[0])
    last = CoefficientDisplay.from_estimator(model, target_class="yes", odds_ratios=True)
    assert last.ax_.get_xlabel() == "Odds ratio of class yes"
    np.testing.assert_array_equal(last.estimate, model.coef_[2])
    two = CoefficientDisplay.from_estimator(CrossEntropyClassifier().fit(X, y == 1))
    assert two.ax_.get_xlabel() == "Coefficient (log odds, nats per unit)"
    with pytest.raises(ValueError, match="target_class must be one of"):
        CoefficientDisplay.from_estimator(model, target_class=9)


def test_folds_are_drawn_together():
    X, y = overlapping(n=120, K=3)
    frame = pd.DataFrame(X, index=[f"row {i}" for i in range(120)])
    results = cross_validate(
        CrossEntropyClassifier(), frame, y, cv=4, return_estimator=True, return_indices=True
    )
    P = cross_val_predict(CrossEntropyClassifier(), frame, y, cv=4, method="predict_proba")
    reliability = ReliabilityDisplay.from_cv_results(results, frame, y)
    np.testing.assert_allclose(np.sort(reliability.frame()["forecast"]), np.sort(P.max(axis=1)))
    contribution = LossContributionDisplay.from_cv_results(results, frame, y)
    losses = cross_entropy_loss(y, P, reduction="none")
    table = contribution.frame()
    assert table["sample"][0] == f"row {losses.argmax()}"
    np.testing.assert_allclose(table["loss"], np.sort(losses)[::-1], rtol=1e-9)
    with pytest.raises(ValueError, match=r"cv_results lacks \['estimator', 'indices'\]"):
        ReliabilityDisplay.from_cv_results({}, frame, y)


def test_a_fold_that_lacks_a_class_gives_it_no_chance():
    X, y = overlapping(n=60, K=3)
    y = np.where(np.arange(60) < 40, np.minimum(y, 1), y)
    folds = [(np.arange(40), np.arange(40, 60)), (np.arange(20, 60), np.arange(20))]
    results = cross_validate(
        CrossEntropyClassifier(),
        X,
        y,
        cv=folds,
        return_estimator=True,
        return_indices=True,
        scoring="accuracy",
    )
    display = LossContributionDisplay.from_cv_results(results, X, y)
    assert np.isinf(display.frame()["loss"]).sum() == (y[40:] == 2).sum()


@pytest.mark.parametrize("scale", [1e308, 1e-308])
def test_pictures_depend_on_ratios_of_weights_alone(scale):
    X, y = overlapping(n=60)
    w = np.random.default_rng(0).integers(1, 4, 60) / 4
    P = CrossEntropyClassifier().fit(X, y).predict_proba(X)
    one, other = (
        LossContributionDisplay.from_predictions(y, P, sample_weight=weights) for weights in (w, scale * w)
    )
    np.testing.assert_allclose(other.contributions(), one.contributions(), rtol=1e-12)
    np.testing.assert_allclose(other.line_.get_ydata(), one.line_.get_ydata(), rtol=1e-12)
    one, other = (
        ReliabilityDisplay.from_predictions(y, P, sample_weight=weights) for weights in (w, scale * w)
    )
    np.testing.assert_allclose(other.line_.get_ydata(), one.line_.get_ydata(), rtol=1e-12)
    heights = [[bar.get_height() for bar in display.histogram_] for display in (one, other)]
    np.testing.assert_allclose(*heights, rtol=1e-12)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("K", [2, 3])
def test_a_column_that_is_called_intercept_is_drawn(K, fit_intercept):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2))
    y = np.argmax(0.5 * X @ rng.normal(size=(2, K)) + rng.gumbel(size=(200, K)), axis=1)
    frame = pd.DataFrame(X, columns=["age", "intercept"])
    model = CrossEntropyClassifier(C=np.inf, fit_intercept=fit_intercept).fit(frame, y)
    display = CoefficientDisplay.from_inference(infer(model, frame, y))
    of_class = ["age", "intercept"]
    expected = of_class if K == 2 else [f"{label}: {name}" for label in (1, 2) for name in of_class]
    assert list(display.names) == expected
    plt.close("all")
