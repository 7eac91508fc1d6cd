"""Scores by folds: those of fits on the other folds, one by one."""

import numpy as np
import pytest
from sklearn.model_selection import KFold

from sklearn_xent import CrossEntropyClassifier, CrossEntropyClassifierCV
from sklearn_xent.cross_validation.data import Data
from sklearn_xent.cross_validation.folds import by_folds
from tests.problems import overlapping

GRID, RATIOS = np.array([0.1, 1.0]), np.array([0.0, 0.5])


def estimator(**options):
    return CrossEntropyClassifierCV(**({"cv": KFold(3), "Cs": 2, "tol": 1e-10} | options))


def expected(X, y, weights, C, ratio, train, test):
    model = CrossEntropyClassifier(C=C, l1_ratio=ratio, tol=1e-10).fit(
        X[train], y[train], sample_weight=weights[train]
    )
    known = np.isin(y[test], model.classes_)
    logs = model.predict_log_proba(X[test][known])
    losses = -logs[np.arange(len(logs)), np.searchsorted(model.classes_, y[test][known])]
    return -np.average(losses, weights=weights[test][known])


@pytest.mark.parametrize("lacks", [False, True])
@pytest.mark.parametrize("K", [2, 3])
def test_scores_are_those_of_fits_one_by_one(K, lacks):
    X, y = overlapping(n=45, d=3, K=K)
    if lacks:  # the first fold has all rows of another class
        y[:2] = K
    weights = np.random.default_rng(0).random(45) + 0.5
    results = by_folds(estimator(), Data(X, y, weights, None), GRID, RATIOS, None)
    assert results.scores.shape == (2, 3, 2)
    for f, (train, test) in enumerate(KFold(3).split(X)):
        for r, ratio in enumerate(RATIOS):
            for c, C in enumerate(GRID):
                score = expected(X, y, weights, C, ratio, train, test)
                assert results.scores[r, f, c] == pytest.approx(score, rel=1e-6)
    np.testing.assert_allclose(results.errors, results.scores.std(axis=1, ddof=1) / np.sqrt(3))
    assert not results.refitted.any()
    assert len(results.paths) == 2
    assert len(results.paths[0]) == 3


def test_another_score_is_that_of_its_scorer():
    X, y = overlapping(n=45, d=3)
    results = by_folds(estimator(scoring="accuracy"), Data(X, y, np.ones(45), None), GRID, RATIOS[:1], None)
    for f, (train, test) in enumerate(KFold(3).split(X)):
        model = CrossEntropyClassifier(C=1.0, tol=1e-10).fit(X[train], y[train])
        assert results.scores[0, f, 1] == pytest.approx(model.score(X[test], y[test]))
