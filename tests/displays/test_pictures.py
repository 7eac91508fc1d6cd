"""Pixels: the same data give the same picture, other data another one, and nothing is drawn outside of it."""

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
