"""It lives where scikit-learn's classifiers live."""

import pathlib
import pickle
import textwrap

import numpy as np
import pytest
import sklearn
from joblib import Parallel, delayed
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.ensemble import StackingClassifier
from sklearn.feature_selection import SelectFromModel
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_xent import (
    CrossEntropyClassifier,
    CrossEntropyClassifierCV,
    MiniBatchCrossEntropyClassifier,
    neg_cross_entropy_scorer,
)
from tests.problems import overlapping

X, Y = overlapping(n=150, d=4, K=3)


def test_grid_search_over_solvers_and_strengths():
    grid = {"C": [0.1, 1.0], "solver": ["auto", "lbfgs"], "l1_ratio": [0.0, 1.0]}
    search = GridSearchCV(CrossEntropyClassifier(), grid, scoring=neg_cross_entropy_scorer, cv=3, n_jobs=2)
    search.fit(X, Y)
    by_setting = {}
    for params, score in zip(
        search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True
    ):
        by_setting.setdefault((params["C"], params["l1_ratio"]), []).append(score)
    for scores in by_setting.values():
        assert scores[0] == pytest.approx(scores[1], rel=1e-5)


def test_scores_are_those_of_logistic_regression():
    ours = cross_val_score(CrossEntropyClassifier(), X, Y, scoring="neg_log_loss")
    theirs = cross_val_score(LogisticRegression(tol=1e-10), X, Y, scoring="neg_log_loss")
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)


def test_columns_of_a_frame_through_a_pipeline():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=list("abcd")).assign(kind=np.array(["u", "v"])[(X[:, 0] > 0).astype(int)])
    columns = make_column_transformer(
        (StandardScaler(), list("abcd")), (OneHotEncoder(sparse_output=False), ["kind"])
    )
    pipeline = make_pipeline(columns, CrossEntropyClassifier()).set_output(transform="pandas").fit(frame, Y)
    assert pipeline.score(frame, Y) > 0.5
    assert "onehotencoder__kind_u" in pipeline[-1].feature_names_in_


def test_polars_frames_are_rows():
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame(X, schema=list("abcd"))
    model = CrossEntropyClassifier().fit(frame, pl.Series(Y))
    assert model.feature_names_in_.tolist() == list("abcd")
    np.testing.assert_allclose(model.coef_, CrossEntropyClassifier().fit(X, Y).coef_)
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame.rename({"a": "z"}))


def test_calibration_stacking_and_one_against_rest():
    calibrated = CalibratedClassifierCV(CrossEntropyClassifier(), cv=3).fit(X, Y)
    np.testing.assert_allclose(calibrated.predict_proba(X).sum(axis=1), 1)
    stack = StackingClassifier([("xent", CrossEntropyClassifier())], CrossEntropyClassifier(), cv=3).fit(X, Y)
    assert stack.score(X, Y) > 0.5
    rest = OneVsRestClassifier(CrossEntropyClassifier()).fit(X, Y)
    binary = CrossEntropyClassifier().fit(X, Y == 2)
    np.testing.assert_allclose(rest.estimators_[2].coef_, binary.coef_)


def test_weights_and_offsets_are_routed():
    weights = np.random.default_rng(0).integers(1, 4, len(Y)).astype(float)
    offset = np.random.default_rng(1).normal(size=(len(Y), 3))
    folds = [(np.arange(0, 100), np.arange(100, 150))]
    with sklearn.config_context(enable_metadata_routing=True):
        model = CrossEntropyClassifier().set_fit_request(sample_weight=True, offset=True)
        model.set_score_request(sample_weight=True)
        result = cross_validate(
            model, X, Y, cv=folds, params={"sample_weight": weights, "offset": offset}, return_estimator=True
        )
    expected = CrossEntropyClassifier().fit(
        X[:100], Y[:100], sample_weight=weights[:100], offset=offset[:100]
    )
    np.testing.assert_array_equal(result["estimator"][0].coef_, expected.coef_)
    assert result["test_score"][0] == expected.score(X[100:], Y[100:], sample_weight=weights[100:])


def test_pickle_and_skops_keep_a_model():
    model = CrossEntropyClassifier().fit(X, Y)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict_proba(X), model.predict_proba(X))
    io = pytest.importorskip("skops.io")
    dumped = io.dumps(model)
    untrusted = io.get_untrusted_types(data=dumped)
    assert all(name.startswith("sklearn_xent.") for name in untrusted)
    np.testing.assert_array_equal(io.loads(dumped, trusted=untrusted).coef_, model.coef_)
    assert io.get_untrusted_types(data=io.dumps(model.to_sklearn())) == []


def test_an_offset_is_routed_to_a_prediction_through_a_pipeline():
    offset = np.random.default_rng(1).normal(size=(len(Y), 3))
    with sklearn.config_context(enable_metadata_routing=True):
        model = CrossEntropyClassifier().set_fit_request(offset=True).set_predict_proba_request(offset=True)
        pipeline = make_pipeline(StandardScaler(), model).fit(X, Y, offset=offset)
        p = pipeline.predict_proba(X, offset=offset)
    Z = StandardScaler().fit_transform(X)
    expected = CrossEntropyClassifier().fit(Z, Y, offset=offset)
    np.testing.assert_array_equal(p, expected.predict_proba(Z, offset=offset))
    assert np.abs(p - expected.predict_proba(Z)).max() > 0.01


def test_weights_nobody_asked_for_are_refused():
    with (
        sklearn.config_context(enable_metadata_routing=True),
        pytest.raises(sklearn.exceptions.UnsetMetadataPassedError),
    ):
        cross_validate(CrossEntropyClassifier(), X, Y, params={"sample_weight": np.ones(len(Y))})


def test_grid_search_passes_weights_to_every_fit():
    weights = np.random.default_rng(0).integers(1, 4, len(Y)).astype(float)
    search = GridSearchCV(CrossEntropyClassifier(), {"C": [0.5]}, cv=3).fit(X, Y, sample_weight=weights)
    expected = CrossEntropyClassifier(C=0.5).fit(X, Y, sample_weight=weights)
    np.testing.assert_array_equal(search.best_estimator_.coef_, expected.coef_)
    np.testing.assert_array_equal(search.classes_, expected.classes_)


def test_fits_in_two_processes_are_the_fit_in_this_one():
    fitted = Parallel(n_jobs=2)(delayed(CrossEntropyClassifier(C=C).fit)(X, Y) for C in (0.1, 1.0, 10.0))
    for C, model in zip((0.1, 1.0, 10.0), fitted, strict=True):
        np.testing.assert_array_equal(model.coef_, CrossEntropyClassifier(C=C).fit(X, Y).coef_)


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_calibration_weighs_its_rows(method):
    weights = np.where(Y == 2, 5.0, 1.0)
    plain = CalibratedClassifierCV(CrossEntropyClassifier(), method=method, cv=3).fit(X, Y)
    heavy = CalibratedClassifierCV(CrossEntropyClassifier(), method=method, cv=3)
    heavy.fit(X, Y, sample_weight=weights)
    assert heavy.predict_proba(X)[:, 2].mean() > plain.predict_proba(X)[:, 2].mean() + 0.05


def test_columns_are_transformed_and_selected_by_an_l1_fit():
    columns = make_column_transformer((StandardScaler(), [0, 1]), remainder="passthrough")
    pipeline = make_pipeline(
        columns,
        SelectFromModel(CrossEntropyClassifier(l1_ratio=1.0, C=0.05), threshold=1e-5),
        CrossEntropyClassifier(),
    ).fit(X, Y)
    kept = pipeline[1].get_support()
    assert 0 < kept.sum() < 4
    np.testing.assert_array_equal(kept, (pipeline[1].estimator_.coef_ != 0).any(axis=0))


@pytest.mark.parametrize(
    "kind", [CrossEntropyClassifier, CrossEntropyClassifierCV, MiniBatchCrossEntropyClassifier]
)
@pytest.mark.parametrize("piped", [False, True])
def test_the_line_of_the_deploy_page_loads_a_skops_file(kind, piped, tmp_path, monkeypatch):
    pytest.importorskip("skops.io")
    model = make_pipeline(StandardScaler(), kind()) if piped else kind()
    page = (pathlib.Path(__file__).parents[2] / "docs" / "deploy.rst").read_text()
    code = textwrap.dedent(page.split("and no other::")[1].split("It does so")[0])
    expected, names = model.fit(X, Y).predict_proba(X), {"model": model}
    monkeypatch.chdir(tmp_path)
    exec(code, names)  # the page's own lines
    assert names["model"] is not model
    np.testing.assert_array_equal(names["model"].predict_proba(X), expected)
