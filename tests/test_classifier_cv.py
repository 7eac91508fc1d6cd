"""Choosing the strength: leave-one-out against leaving one out, folds against fits of the folds."""

import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.linear_model import LogisticRegressionCV
from sklearn.model_selection import GroupKFold, KFold, LeaveOneOut, TimeSeriesSplit, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_xent import (
    CrossEntropyClassifier,
    CrossEntropyClassifierCV,
    cross_entropy_loss,
    neg_cross_entropy_scorer,
)
from tests.problems import overlapping


@parametrize_with_checks([CrossEntropyClassifierCV(Cs=3), CrossEntropyClassifierCV(Cs=3, cv=2)])
def test_estimator_checks(estimator, check):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The least populated class")
        check(estimator)


@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize(
    ("l1_ratio", "n", "d", "container"),
    [
        (0.0, 60, 5, np.asarray),
        pytest.param(0.0, 60, 5, sp.csr_array, marks=pytest.mark.slow),
        (0.0, 30, 900, np.asarray),
        (1.0, 60, 5, np.asarray),
        pytest.param(1.0, 80, 12, np.asarray, marks=pytest.mark.slow),
        pytest.param(0.5, 80, 12, sp.csc_array, marks=pytest.mark.slow),
    ],
)
def test_approximate_leave_one_out_is_within_a_hundredth_of_exact(l1_ratio, n, d, container, K):
    X, y = overlapping(n=n, d=d, K=K, seed=5)
    X = X / np.sqrt(d)
    Cs = np.array([0.1, 1.0, 10.0])
    approximate = CrossEntropyClassifierCV(Cs=Cs, l1_ratios=[l1_ratio]).fit(container(X), y)
    exact = CrossEntropyClassifierCV(Cs=Cs, l1_ratios=[l1_ratio], cv=LeaveOneOut()).fit(container(X), y)
    np.testing.assert_allclose(approximate.mean_score_, exact.mean_score_, rtol=0.01)
    np.testing.assert_allclose(approximate.std_error_, exact.std_error_, rtol=0.1)


def test_leave_one_out_with_weights_offset_and_free_columns():
    rng = np.random.default_rng(2)
    X, y = overlapping(n=70, d=4)
    weights, shifts = rng.integers(1, 4, 70).astype(float), rng.normal(size=70) * 0.5
    options = {"Cs": [0.3, 3.0], "penalty_factor": [0.0, 1.0, 1.0, 2.0]}
    approximate = CrossEntropyClassifierCV(**options).fit(X, y, sample_weight=weights, offset=shifts)
    losses = np.zeros((2, 70))
    for i in range(70):
        rest = np.arange(70) != i
        for j, C in enumerate(options["Cs"]):
            model = CrossEntropyClassifier(C=C, penalty_factor=options["penalty_factor"])
            model.fit(X[rest], y[rest], sample_weight=weights[rest], offset=shifts[rest])
            logs = model.predict_log_proba(X[[i]], offset=shifts[[i]])
            losses[j, i] = -logs[0, y[i]]
    exact = losses @ weights / weights.sum()
    np.testing.assert_allclose(-approximate.mean_score_[0], exact, rtol=0.01)


@pytest.mark.parametrize("l1_ratio", [0.0, 1.0])
@pytest.mark.parametrize("K", [2, 3])
def test_scores_of_folds_are_those_of_their_fits(K, l1_ratio):
    X, y = overlapping(n=120, d=5, K=K)
    weights = np.random.default_rng(0).random(120) + 0.5
    cv = KFold(4, shuffle=True, random_state=0)
    model = CrossEntropyClassifierCV(Cs=[0.05, 5.0], l1_ratios=[l1_ratio], cv=cv, tol=1e-10)
    model.fit(X, y, sample_weight=weights)
    for f, (train, test) in enumerate(cv.split(X)):
        for c, C in enumerate([0.05, 5.0]):
            one = CrossEntropyClassifier(C=C, l1_ratio=l1_ratio, tol=1e-10)
            one.fit(X[train], y[train], sample_weight=weights[train])
            logs = one.predict_log_proba(X[test])
            loss = cross_entropy_loss(y[test], logs, sample_weight=weights[test], from_logits=True)
            assert -model.scores_[0, f, c] == pytest.approx(loss, rel=1e-4)
    assert model.scores_.shape == (1, 4, 2)
    np.testing.assert_allclose(model.mean_score_, model.scores_.mean(axis=1))


def test_what_is_chosen_is_fitted_and_marked():
    X, y = overlapping(n=150, d=20, seed=6)
    model = CrossEntropyClassifierCV(Cs=np.geomspace(1e-3, 1e3, 13), l1_ratios=[0.0, 0.5, 1.0], cv=5)
    model.fit(X, y)
    i, j = np.unravel_index(np.argmax(model.mean_score_), model.mean_score_.shape)
    assert (model.C_, model.l1_ratio_) == (model.Cs_[j], [0.0, 0.5, 1.0][i])
    single = CrossEntropyClassifier(C=model.C_, l1_ratio=model.l1_ratio_).fit(X, y)
    np.testing.assert_array_equal(model.coef_, single.coef_)
    assert model.C_1se_ <= model.C_best_
    cautious = clone(model).set_params(one_standard_error=True).fit(X, y)
    assert model.C_1se_ == cautious.C_
    within = model.mean_score_[i] >= model.mean_score_[i, j] - model.std_error_[i, j]
    assert model.Cs_[within].min() == cautious.C_


def test_the_same_strength_as_logistic_regression_cv():
    X, y = overlapping(n=300, d=6, seed=3)
    ours = CrossEntropyClassifierCV(Cs=7, cv=5).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        theirs = LogisticRegressionCV(Cs=7, cv=5, scoring="neg_log_loss", tol=1e-8).fit(X, y)
    assert pytest.approx(np.ravel(theirs.C_)[0]) == ours.C_
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-3, atol=1e-5)


def test_a_fold_that_misses_a_class_tells_nothing_of_it():
    X, y = overlapping(n=90, d=3, K=3)
    order = np.argsort(y, kind="stable")
    X, y = X[order], y[order]
    model = CrossEntropyClassifierCV(
        Cs=[0.1, 1.0], cv=[(np.r_[0:70], np.r_[40:90]), (np.r_[20:90], np.r_[0:60])]
    )
    y_missing = y.copy()
    y_missing[:70] = np.minimum(y_missing[:70], 1)
    model.fit(X, y_missing)
    assert np.isfinite(model.scores_).all()
    assert len(model.paths_[0][0].classes) == 2
    assert len(model.paths_[0][1].classes) == 3
    assert model.coef_.shape == (3, 3)


def test_groups_and_time():
    X, y = overlapping(n=120, d=3)
    groups = np.repeat(np.arange(12), 10)
    grouped = CrossEntropyClassifierCV(Cs=3, cv=GroupKFold(4)).fit(X, y, groups=groups)
    assert grouped.scores_.shape == (1, 4, 3)
    in_time = CrossEntropyClassifierCV(Cs=3, cv=TimeSeriesSplit(3)).fit(X, y)
    assert in_time.scores_.shape == (1, 3, 3)


def test_other_scores_and_their_weights():
    X, y = overlapping(n=120, d=3)
    weights = np.random.default_rng(0).random(120)
    by_accuracy = CrossEntropyClassifierCV(Cs=4, cv=3, scoring="accuracy").fit(X, y)
    assert ((by_accuracy.scores_ >= 0) & (by_accuracy.scores_ <= 1)).all()
    import sklearn

    with sklearn.config_context(enable_metadata_routing=True):
        scorer = neg_cross_entropy_scorer.set_score_request(sample_weight=True)
        routed = CrossEntropyClassifierCV(Cs=4, cv=3, scoring=scorer).fit(X, y, sample_weight=weights)
        piped = make_pipeline(
            StandardScaler().set_fit_request(sample_weight=False),
            CrossEntropyClassifierCV(Cs=4, cv=3).set_fit_request(sample_weight=True),
        )
        found = cross_validate(
            piped, X, y, params={"sample_weight": weights}, scoring=scorer, error_score="raise"
        )
    plain = CrossEntropyClassifierCV(Cs=4, cv=3).fit(X, y, sample_weight=weights)
    np.testing.assert_allclose(routed.scores_, plain.scores_, rtol=1e-10)
    assert np.isfinite(found["test_score"]).all()


def test_frames_keep_their_names_and_processes_agree_with_one():
    X, y = overlapping(n=100, d=3)
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    alone = CrossEntropyClassifierCV(Cs=3, cv=3).fit(frame, pd.Series(y))
    assert alone.feature_names_in_.tolist() == ["a", "b", "c"]
    together = CrossEntropyClassifierCV(Cs=3, cv=3, n_jobs=2).fit(frame, pd.Series(y))
    np.testing.assert_array_equal(alone.scores_, together.scores_)
    np.testing.assert_array_equal(alone.predict(frame), together.predict(frame))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scoring": "accuracy"}, "scoring needs folds"),
        ({"l1_ratios": [2.0]}, r"l1_ratios must be in \[0, 1\]; got 2.0"),
        ({"l1_ratios": []}, "l1_ratios must be one or more"),
        ({"Cs": [-1.0]}, "got -1.0 at entry 0"),
        ({"tol": 0.0}, "tol must be positive"),
    ],
)
def test_wrong_parameters_are_named_and_nothing_is_learnt(options, message):
    model = CrossEntropyClassifierCV(**options)
    with pytest.raises(ValueError, match=message):
        model.fit(*overlapping())
    assert not [name for name in vars(model) if name.endswith("_")]


def test_too_many_coefficients_for_leave_one_out_have_folds():
    X = sp.random(3000, 5000, density=0.001, random_state=0, format="csr")
    y = np.random.default_rng(0).integers(0, 2, 3000)
    grid = {"Cs": [0.01, 1.0], "solver": "truncated-newton"}
    with pytest.warns(UserWarning, match="Hessian of 5001 coefficients; the limit is 4000: cv=5 is used"):
        model = CrossEntropyClassifierCV(**grid).fit(X, y)
    folds = CrossEntropyClassifierCV(**grid, cv=5).fit(X, y)
    np.testing.assert_allclose(model.scores_, folds.scores_)
    assert model.C_ == folds.C_


@pytest.mark.parametrize("K", [2, 3])
def test_prior_correction_gives_the_frequencies_back(K):
    rng = np.random.default_rng(1)
    X, y = overlapping(n=40_000, d=3, K=K, seed=4)
    keep = (y > 0) | (rng.random(len(y)) < 0.2)
    X, y = X[keep], y[keep]
    plain = CrossEntropyClassifier(C=np.inf).fit(X, y)
    weighted = CrossEntropyClassifier(C=np.inf, class_weight="balanced").fit(X, y)
    corrected = CrossEntropyClassifier(C=np.inf, class_weight="balanced", prior_correction=True).fit(X, y)
    frequencies = np.bincount(y) / len(y)
    np.testing.assert_allclose(corrected.predict_proba(X).mean(axis=0), frequencies, atol=5e-3)
    assert np.abs(weighted.predict_proba(X).mean(axis=0) - frequencies).max() > 0.05
    np.testing.assert_allclose(corrected.predict_proba(X), plain.predict_proba(X), atol=0.03)
    factors = len(y) / (K * np.bincount(y))
    odds = np.log(weighted.predict_proba(X) / corrected.predict_proba(X))
    added = np.log(factors) - odds
    np.testing.assert_allclose(added - added.mean(axis=1, keepdims=True), 0, atol=1e-8)


def test_verbose_prints_the_optima_of_each_fold_and_the_last_fit(capsys):
    X, y = overlapping(n=80)
    model = CrossEntropyClassifierCV(Cs=[0.1, 1.0, 10.0], cv=2, verbose=1).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert sum("l1_ratio" in line for line in lines) == 2 * 3
    assert 1 < sum("digits" in line for line in lines) <= model.n_iter_ + 1
