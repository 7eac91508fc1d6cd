"""What was estimated, as a frame and as text."""

import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from sklearn_xent import CoefficientDisplay, infer
from tests.inference.test_tables import inferred
from tests.problems import overlapping, unpenalised


def test_a_frame_and_its_texts_hold_the_estimates():
    X, y = overlapping(n=200, d=2)
    frame = pd.DataFrame(X, columns=["height", "weight"])
    result = infer(unpenalised(frame, y), frame, y)
    table = result.frame()
    assert table["term"].tolist() == ["height", "weight", "intercept"]
    np.testing.assert_allclose(table["odds_ratio"], np.exp(result.estimate))
    np.testing.assert_allclose(result.odds_ratios()[:, 1:], np.exp(result.interval()))
    assert "height" in result.summary()
    assert "<table" in result._repr_html_()


def test_odds_ratios_that_overflow_are_said_to_and_drawn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = inferred(scale=[-1e-4, 1.0, 1.0])
        assert result.odds_ratios()[0, 0] == np.inf
        assert np.isfinite(result.interval()[0]).all()
        for text in (result.summary(), result.to_html(), result.to_markdown(), result.to_latex()):
            assert "odds ratios beyond 1.8e308 are shown as inf" in text
        display = CoefficientDisplay.from_inference(result, odds_ratios=True)
        display.figure_.canvas.draw()
    drawn = display.line_.get_xdata()
    assert np.isfinite(drawn).all()
    assert drawn.max() == pytest.approx(1e100)
    assert "odds ratios beyond" not in inferred().summary()
    plt.close("all")
