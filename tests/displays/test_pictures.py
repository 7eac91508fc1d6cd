"""Pixels: the same data give the same picture, other data another one, and nothing is drawn outside of it."""

from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pytest

from sklearn_xent import (
    CoefficientDisplay,
    ConvergenceDisplay,
    CrossEntropyClassifier,
    CrossEntropyLossDisplay,
    LossContributionDisplay,
    RegularizationPathDisplay,
    ReliabilityDisplay,
    cross_entropy_path,
)
from tests.problems import overlapping

X, Y = overlapping(n=150, d=4)
MODEL, OTHER = (CrossEntropyClassifier(C=C).fit(X, Y) for C in (1.0, 0.01))


def pixels(display):
    figure = display.figure_
    figure.set_dpi(60)
    figure.canvas.draw()
    image = np.asarray(figure.canvas.buffer_rgba())[..., :3].copy()
    plt.close(figure)
    return image


@pytest.mark.parametrize("display", [CrossEntropyLossDisplay, ReliabilityDisplay, LossContributionDisplay])
def test_estimators_and_their_predictions_give_one_picture(display):
    P = MODEL.predict_proba(X)
    drawn = pixels(display.from_estimator(MODEL, X, Y, name="one"))
    np.testing.assert_array_equal(drawn, pixels(display.from_predictions(Y, P, name="one")))
    assert (drawn != pixels(display.from_estimator(OTHER, X, Y, name="one"))).any()


PICTURES = {
    "loss": lambda: CrossEntropyLossDisplay.from_estimator(MODEL, X, Y),
    "convergence": lambda: ConvergenceDisplay.from_estimator(MODEL, name="a title"),
    "reliability": lambda: ReliabilityDisplay.from_estimator(MODEL, X, Y),
    "contribution": lambda: LossContributionDisplay.from_estimator(MODEL, X, Y),
    "coefficients": lambda: CoefficientDisplay.from_estimator(MODEL, name="a title"),
    "path": lambda: RegularizationPathDisplay.from_path(cross_entropy_path(X, Y, Cs=6), name="a title"),
}


@pytest.mark.parametrize("picture", PICTURES)
def test_nothing_is_cut_off(picture):
    image = pixels(PICTURES[picture]())
    edge = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    assert (edge == 255).all()
    assert (image < 128).any()


@pytest.mark.parametrize("width", [3.5, 6.4, 12.0])
@pytest.mark.parametrize("ratio", [1.2, 4.0, 40.0, 3e3, 1e9, 1e80])
def test_the_ticks_of_odds_ratios_are_plain_numbers_that_do_not_overlap(ratio, width):
    _, axes = plt.subplots(figsize=(width, 3), layout="constrained")
    estimate = np.array([0.0, np.log(ratio)])
    display = CoefficientDisplay(names=["a", "b"], estimate=estimate).plot(ax=axes, odds_ratios=True)
    display.figure_.canvas.draw()
    low, high = axes.get_xlim()
    at = [*axes.xaxis.get_major_ticks(), *axes.xaxis.get_minor_ticks()]
    labels = [tick.label1 for tick in at if low <= tick.get_loc() <= high and tick.label1.get_text()]
    assert len(labels) > 1
    assert not any("$" in label.get_text() for label in labels)
    boxes = sorted((box.x0, box.x1) for box in (label.get_window_extent() for label in labels))
    assert all(right < left for (_, right), (left, _) in pairwise(boxes))
    plt.close("all")
