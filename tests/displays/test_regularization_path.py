"""The path's picture shows the path's numbers."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_xent import (
    CrossEntropyClassifier,
    CrossEntropyClassifierCV,
    RegularizationPathDisplay,
    cross_entropy_path,
)
from tests.problems import overlapping


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def test_lines_are_the_coefficients():
    X, y = overlapping(n=100, d=12)
    path = cross_entropy_path(X, y, Cs=[1.0, 0.01, 0.1])
    display = RegularizationPathDisplay.from_path(path)
    order = np.argsort(path.Cs)
    for j, line in enumerate(display.lines_):
        np.testing.assert_array_equal(line.get_xdata(), path.Cs[order])
        np.testing.assert_array_equal(line.get_ydata(), path.coefs[order, 0, j])
    assert len(display.ax_.get_legend().get_texts()) == 7
    assert display.ax_.get_legend().get_title().get_text() == "largest 7 of 12"
    assert display.loss_line_ is None


def test_the_loss_its_band_and_the_strengths_are_marked():
    X, y = overlapping(n=100, d=3, K=3)
    model = CrossEntropyClassifierCV(Cs=5, l1_ratios=[0.0, 1.0], cv=3).fit(X, y)
    display = RegularizationPathDisplay.from_estimator(model, target_class=2, feature_names=["a", "b", "c"])
    i = [0.0, 1.0].index(model.l1_ratio_)
    np.testing.assert_allclose(display.loss_line_.get_ydata(), -model.mean_score_[i])
    upper, lower = display.ax_
    np.testing.assert_array_equal(display.lines_[1].get_ydata(), model.paths_[i][0].coefs[:, 2, 1])
    marked = {
        round(float(line.get_xdata()[0]), 12) for line in lower.get_lines() if len(set(line.get_xdata())) == 1
    }
    assert marked == {round(model.C_best_, 12), round(model.C_1se_, 12)}
    frame = display.frame()
    assert frame.columns.tolist() == ["C", "loss", "std_error", "a", "b", "c"]
    np.testing.assert_array_equal(frame["std_error"], model.std_error_[i])
    assert [t.get_text() for t in upper.get_legend().get_texts()]


def test_given_axes_are_used():
    X, y = overlapping()
    model = CrossEntropyClassifierCV(Cs=4).fit(X, y)
    figure, both = plt.subplots(1, 2)
    display = RegularizationPathDisplay.from_estimator(model, ax=both, name="title")
    assert display.figure_ is figure
    assert both[0].get_title() == "title"
    assert both[1].get_lines()
    alone = RegularizationPathDisplay.from_estimator(model, ax=plt.figure().gca())
    assert alone.loss_line_ is None
    assert len(alone.figure_.axes) == 1


def test_coefficients_of_one_of_several_classes_say_which():
    X, y = overlapping(K=3)
    path = cross_entropy_path(X, np.array(["a", "b", "c"])[y], Cs=[0.1, 1.0])
    display = RegularizationPathDisplay.from_path(path, target_class="b")
    assert display.ax_.get_ylabel() == "Coefficient of class b"
    np.testing.assert_array_equal(display.coefs, path.coefs[:, 1])
    two = RegularizationPathDisplay.from_path(cross_entropy_path(X, y == 1, Cs=[0.1, 1.0]))
    assert two.ax_.get_ylabel() == "Coefficient"


def test_an_unknown_class_is_named():
    path = cross_entropy_path(*overlapping(K=3), Cs=[1.0])
    with pytest.raises(ValueError, match=r"target_class must be one of \[0, 1, 2\]; got 7"):
        RegularizationPathDisplay.from_path(path, target_class=7)


def test_the_last_step_of_a_pipeline_is_drawn_with_the_names_it_was_fitted_on():
    pd = pytest.importorskip("pandas")
    X, y = overlapping(n=60, d=2)
    frame = pd.DataFrame(X, columns=["a", "b"])
    pipe = make_pipeline(StandardScaler(), CrossEntropyClassifierCV(Cs=[0.1, 1.0, 10.0], cv=2)).fit(frame, y)
    display = RegularizationPathDisplay.from_estimator(pipe)
    assert list(display.feature_names) == ["a", "b"]
    np.testing.assert_array_equal(display.losses, -pipe[-1].mean_score_[0])


def test_a_model_without_a_path_is_refused_by_name():
    X, y = overlapping(n=60, d=2)
    with pytest.raises(TypeError, match="CrossEntropyClassifier, which has no path"):
        RegularizationPathDisplay.from_estimator(CrossEntropyClassifier().fit(X, y))
