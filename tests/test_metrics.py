import copy
import pickle

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression, Perceptron
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, PredefinedSplit, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_xent import (
    CrossEntropyClassifier,
    CrossEntropyLossDisplay,
    LossContributionDisplay,
    ReliabilityDisplay,
    compare_losses,
    cross_entropy_decomposition,
    cross_entropy_loss,
    cross_entropy_skill,
    cross_entropy_skill_scorer,
    expected_calibration_error,
    neg_cross_entropy_scorer,
)
from tests.problems import overlapping


@pytest.mark.parametrize("K", [2, 3])
def test_scorer_is_scikit_learns_where_nothing_is_clipped(K):
    X, y = overlapping(K=K)
    for model in (LogisticRegression().fit(X, y), CrossEntropyClassifier().fit(X, y)):
        expected = -log_loss(y, model.predict_proba(X))
        assert neg_cross_entropy_scorer(model, X, y) == pytest.approx(expected, rel=1e-12)


def test_scorer_does_not_clip_and_is_the_same_in_float32():
    model = CrossEntropyClassifier.from_coefficients([1e4], 0.0, [0, 1])
    for dtype in (np.float32, np.float64):
        X = np.array([[1.0], [-1.0]], dtype=dtype)
        assert neg_cross_entropy_scorer(model, X, [0, 0]) == -5000.0


def test_a_fold_without_a_class_is_scored():
    X, y = overlapping(K=3, n=90)
    fold = np.where(y == 2, 0, np.arange(len(y)) % 3)  # folds 1 and 2 lack class 2
    fold[np.flatnonzero(y == 2)[:3]] = -1
    scores = cross_val_score(
        CrossEntropyClassifier(), X, y, cv=PredefinedSplit(fold), scoring=neg_cross_entropy_scorer
    )
    assert np.isfinite(scores).all()


def test_skill_of_class_frequencies_is_zero_and_of_truth_is_one():
    X, y = overlapping(K=3)
    dummy = DummyClassifier(strategy="prior").fit(X, y)
    assert cross_entropy_skill_scorer(dummy, X, y) == pytest.approx(0.0, abs=1e-14)
    assert cross_entropy_skill([0, 1, 1], [0.0, 1.0, 1.0]) == 1.0
    weights = np.arange(1.0, len(y) + 1)
    weighted = DummyClassifier(strategy="prior").fit(X, y, sample_weight=weights)
    assert cross_entropy_skill_scorer(weighted, X, y, sample_weight=weights) == pytest.approx(0, abs=1e-12)


def test_a_rare_class_keeps_its_uncertainty():
    """Its entropy is r - r log r for a share r, of which 1 - r would keep the second term alone."""
    r = 1e-30
    null = r - r * np.log(r)
    soft = np.array([[1.0, r]])
    assert cross_entropy_decomposition(soft, [[0.5, 0.5]]).uncertainty == pytest.approx(null, rel=1e-12)
    loss = cross_entropy_loss([0, 1], [1e-40, 0.9], sample_weight=[1.0, r])
    skill = cross_entropy_skill([0, 1], [1e-40, 0.9], sample_weight=[1.0, r])
    assert skill == pytest.approx(1 - loss / null, rel=1e-12)


def test_skill_of_one_class_has_nothing_to_explain():
    assert cross_entropy_skill([1, 1], [1.0, 1.0], labels=[0, 1]) == 0.0
    assert cross_entropy_skill([1, 1], [0.9, 1.0], labels=[0, 1]) == -np.inf


def test_scorers_choose_in_a_grid_search_through_a_pipeline(raw):
    X, y = raw("wine")
    pipeline = make_pipeline(StandardScaler(), CrossEntropyClassifier())
    grid = {"crossentropyclassifier__C": [1e-3, 1.0]}
    for scorer in (neg_cross_entropy_scorer, cross_entropy_skill_scorer):
        search = GridSearchCV(pipeline, grid, scoring=scorer, cv=3).fit(X, y)
        assert search.best_params_["crossentropyclassifier__C"] == 1.0


@pytest.mark.parametrize("several", [False, True])
def test_weights_are_routed_to_the_scorer(several):
    X, y = overlapping()
    weights = np.random.default_rng(0).integers(1, 5, len(y)).astype(float)
    with sklearn.config_context(enable_metadata_routing=True):
        scorer = neg_cross_entropy_scorer.set_score_request(sample_weight=True)
        model = CrossEntropyClassifier().set_fit_request(sample_weight=True)
        result = cross_validate(
            model,
            X,
            y,
            cv=PredefinedSplit(np.arange(len(y)) % 2),
            scoring={"loss": scorer} if several else scorer,
            params={"sample_weight": weights},
        )
    scores = result["test_loss" if several else "test_score"]
    train = np.arange(len(y)) % 2 == 1
    fitted = CrossEntropyClassifier().fit(X[train], y[train], sample_weight=weights[train])
    expected = neg_cross_entropy_scorer(fitted, X[~train], y[~train], sample_weight=weights[~train])
    assert scores[0] == pytest.approx(expected, rel=1e-12)


def test_asking_for_weights_leaves_the_published_scorer_alone():
    with sklearn.config_context(enable_metadata_routing=True):
        other = neg_cross_entropy_scorer.set_score_request(sample_weight=True)
    assert other is not neg_cross_entropy_scorer
    assert neg_cross_entropy_scorer.get_metadata_routing().score.requests == {"sample_weight": None}


def test_scorers_copy_pickle_and_say_their_name():
    X, y = overlapping()
    model = LogisticRegression().fit(X, y)
    for scorer in (neg_cross_entropy_scorer, cross_entropy_skill_scorer):
        for other in (copy.deepcopy(scorer), pickle.loads(pickle.dumps(scorer))):
            assert other(model, X, y) == scorer(model, X, y)
    assert repr(neg_cross_entropy_scorer) == "neg_cross_entropy_scorer"


def test_an_estimator_without_probabilities_is_refused():
    X, y = overlapping()
    with pytest.raises(AttributeError, match="predict_proba"):
        neg_cross_entropy_scorer(Perceptron().fit(X, y), X, y)


FORECASTS = pd.DataFrame(
    [[0.7, 0.1, 0.2], [0.1, 0.6, 0.3], [0.2, 0.2, 0.6], [0.5, 0.2, 0.3]], columns=["c", "a", "b"]
)
OUTCOMES = ["c", "a", "b", "a"]


@pytest.mark.parametrize(
    "metric",
    [
        cross_entropy_loss,
        cross_entropy_skill,
        expected_calibration_error,
        lambda *args, **options: cross_entropy_decomposition(*args, **options).miscalibration,
        lambda y, P, **options: compare_losses(y, P, np.full((4, 3), 1 / 3), **options).difference,
    ],
)
def test_a_frame_of_forecasts_is_matched_by_its_columns(metric):
    assert metric(OUTCOMES, FORECASTS) == metric(OUTCOMES, FORECASTS[["a", "b", "c"]].to_numpy())
    labels = ["b", "c", "a"]
    expected = metric(OUTCOMES, FORECASTS[labels].to_numpy(), labels=labels)
    assert metric(OUTCOMES, FORECASTS, labels=labels) == expected
    with pytest.raises(ValueError, match=r"labels must be the columns of y_prob, \['c', 'a', 'b'\]"):
        metric(OUTCOMES, FORECASTS, labels=["a", "b", "d"])


def test_columns_that_name_no_class_of_the_outcomes_are_refused():
    with pytest.raises(ValueError, match=r"y_true holds 'a', which is not among"):
        cross_entropy_loss(["a", "b"], pd.DataFrame([[0.9, 0.1], [0.2, 0.8]], columns=["no", "yes"]))


def test_columns_that_are_numbered_have_no_names():
    P = [[0.9, 0.1], [0.2, 0.8]]
    assert cross_entropy_loss(["a", "b"], pd.DataFrame(P)) == cross_entropy_loss(["a", "b"], P)


@pytest.mark.parametrize(
    ("display", "numbers", "options"),
    [
        (LossContributionDisplay, "loss", {}),
        (CrossEntropyLossDisplay, "loss", {}),
        (ReliabilityDisplay, "forecast", {"target_class": "b"}),
    ],
)
def test_pictures_match_frames_by_their_columns(display, numbers, options):
    drawn = (
        display.from_predictions(OUTCOMES, P, **options) for P in (FORECASTS, FORECASTS[["a", "b", "c"]])
    )
    np.testing.assert_allclose(*(getattr(picture, numbers) for picture in drawn))
    plt.close("all")
