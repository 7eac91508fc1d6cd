"""Which rows a grid is scored by: each by itself, or folds where that is too large or groups are tied."""

import numpy as np
import pytest

from sklearn_xent import CrossEntropyClassifierCV
from sklearn_xent.cross_validation.data import Data
from sklearn_xent.cross_validation.scores import scores_of
from sklearn_xent.solvers import leave_one_out
from tests.problems import overlapping

GRID, RATIOS = np.array([0.1, 1.0]), np.array([0.0])


def data():
    X, y = overlapping(n=30, d=3)
    return Data(X, y, np.ones(30), None)


def test_without_folds_each_row_is_scored_by_itself():
    results = scores_of(CrossEntropyClassifierCV(), data(), GRID, RATIOS, None)
    assert results.scores.shape == (1, 1, 2)


def test_folds_are_taken_where_they_are_asked_for():
    assert scores_of(CrossEntropyClassifierCV(cv=4), data(), GRID, RATIOS, None).scores.shape == (1, 4, 2)


def test_too_many_coefficients_are_scored_by_folds_with_a_warning(monkeypatch):
    monkeypatch.setattr(leave_one_out, "CERTIFIED_LIMIT", 2)
    with pytest.warns(UserWarning, match="limit is 2: cv=5 is used in its place"):
        results = scores_of(CrossEntropyClassifierCV(), data(), GRID, RATIOS, None)
    assert results.scores.shape == (1, 5, 2)
