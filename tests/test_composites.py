"""Pipelines and searches where a fitted classifier is asked for: their last step, by its own names."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.compose import make_column_transformer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_xent import CoefficientDisplay, ConvergenceDisplay, CrossEntropyClassifier, infer
from sklearn_xent.composites import final_step


@pytest.fixture
def penguins():
    """A frame with a category, and labels of two classes that overlap."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"island": rng.choice(["Biscoe", "Dream"], 300), "mass": rng.normal(4200, 800, 300)})
    logits = (frame["mass"] - 4200) / 800 + (frame["island"] == "Dream")
    return frame, (logits + rng.logistic(size=300) > 0).astype(int)


def pipeline(**options):
    encode = make_column_transformer(
        (OneHotEncoder(drop="first"), ["island"]),
        (StandardScaler(), ["mass"]),
        verbose_feature_names_out=False,
    )
    return make_pipeline(encode, CrossEntropyClassifier(C=np.inf, **options))


@pytest.fixture(params=["pipeline", "search"])
def fitted(request, penguins):
    X, y = penguins
    if request.param == "pipeline":
        return pipeline().fit(X, y)
    return GridSearchCV(pipeline(), {"crossentropyclassifier__fit_intercept": [True]}, cv=3).fit(X, y)


def test_inference_is_that_of_the_last_step_on_what_it_sees(fitted, penguins):
    X, y = penguins
    result = infer(fitted, X, y)
    last, before = final_step(fitted)
    alone = infer(last, before.transform(X), y)
    assert result.names == ["island_Dream", "mass", "intercept"]
    assert_allclose(result.std_error, alone.std_error)


def test_intervals_of_probabilities_are_of_the_rows_that_the_pipeline_takes(fitted, penguins):
    X, y = penguins
    probability, low, high = infer(fitted, X, y).predict_interval(X[:7])
    assert_allclose(probability, fitted.predict_proba(X[:7]), rtol=1e-9)
    assert ((low < probability) & (probability < high)).all()


def test_pictures_are_those_of_the_last_step(fitted):
    display = CoefficientDisplay.from_estimator(fitted)
    assert list(display.names) == ["island_Dream", "mass"]
    last, _ = final_step(fitted)
    assert_allclose(display.estimate, last.coef_[0])
    histories = ConvergenceDisplay.from_estimator(fitted).histories
    assert_allclose(*(h["objective"] for h in (*histories.values(), last.history_)))
    plt.close("all")


def test_an_estimator_alone_is_its_own_last_step(penguins):
    model = CrossEntropyClassifier()
    assert final_step(model) == (model, None)
    assert final_step(make_pipeline("passthrough", model)) == (model, None)


@pytest.mark.parametrize("call", [CoefficientDisplay.from_estimator, ConvergenceDisplay.from_estimator])
def test_what_is_not_fitted_is_said_of_the_last_step(call):
    with pytest.raises(ValueError, match=r"CrossEntropyClassifier instance is not fitted"):
        call(pipeline())
