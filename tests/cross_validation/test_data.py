"""Rows of a fold: taken with all that belongs to them, and encoded by what they hold."""

import numpy as np
import pytest
import scipy.sparse as sp

from sklearn_xent import CrossEntropyClassifierCV
from sklearn_xent.cross_validation.data import Data, encoded, points_along
from sklearn_xent.path import cross_entropy_path
from tests.problems import overlapping


@pytest.mark.parametrize("container", [np.asarray, sp.csr_array])
def test_rows_are_taken_with_what_belongs_to_them(container):
    X, y = overlapping(n=20)
    offset, weights = np.arange(20.0)[:, None], np.arange(20.0)
    rows = np.array([3, 17, 4])
    some = Data(container(X), y, weights, offset).take(rows)
    there = some.X.toarray() if sp.issparse(some.X) else some.X
    np.testing.assert_array_equal(there, X[rows])
    np.testing.assert_array_equal(some.y, y[rows])
    np.testing.assert_array_equal(some.weights, rows)
    np.testing.assert_array_equal(some.offset[:, 0], rows)
    assert Data(X, y, weights, None).take(rows).offset is None


def test_labels_in_a_series_are_taken_by_place():
    pd = pytest.importorskip("pandas")
    y = pd.Series(list("abcd"), index=[9, 8, 7, 6])
    assert Data(np.eye(4), y, np.ones(4), None).take(np.array([0, 3])).y.tolist() == ["a", "d"]


def test_weights_of_classes_that_a_fold_lacks_are_ignored():
    model = CrossEntropyClassifierCV(class_weight={"a": 2.0, "b": 3.0, "c": 5.0}, label_smoothing=0.2)
    targets = encoded(model, Data(np.eye(4), np.array(list("abba")), np.ones(4), None))
    assert targets.classes.tolist() == ["a", "b"]
    np.testing.assert_allclose(targets.weights, [2, 3, 3, 2])
    np.testing.assert_allclose(targets.values, [[0.1, 0.9, 0.9, 0.1]])


def test_points_along_a_grid_are_those_of_a_path():
    X, y = overlapping(n=60, K=3)
    grid = np.array([0.1, 1.0, 10.0])
    model = CrossEntropyClassifierCV(tol=1e-10)
    points, targets = points_along(model, Data(X, y, np.ones(60), None), grid, 0.5)
    path = cross_entropy_path(X, y, Cs=grid, l1_ratio=0.5, tol=1e-10)
    assert targets.classes.tolist() == [0, 1, 2]
    by_C = {point.C: point for point in points}
    for C, coef in zip(path.Cs, path.coefs, strict=True):
        np.testing.assert_allclose(by_C[C].coef, coef, atol=1e-7)
