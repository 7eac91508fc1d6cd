"""Classes that a plane separates, and no penalty: no optimum, and a warning that says which columns do it."""

import warnings

import numpy as np
import pytest

from sklearn_xent import CrossEntropyClassifier, SeparationWarning
from sklearn_xent.solvers.methods import METHODS
from tests.problems import overlapping


def separable(K=2):
    X, _ = overlapping(n=90, d=4, K=K)
    y = np.digitize(X[:, 2], np.quantile(X[:, 2], np.linspace(0, 1, K + 1)[1:-1]))
    return X, y


@pytest.mark.parametrize("K", [2, 3])
def test_separation_is_finite_right_and_named(K):
    pd = pytest.importorskip("pandas")
    X, y = separable(K)
    frame = pd.DataFrame(X, columns=["age", "height", "income", "weight"])
    with pytest.warns(SeparationWarning, match="'income'"):
        model = CrossEntropyClassifier(C=np.inf).fit(frame, y)
    assert not model.converged_
    assert np.isfinite(model.coef_).all()
    if K == 2:  # three ordered classes on one column are separated by halves, not wholly
        np.testing.assert_array_equal(model.predict(frame), y)
        np.testing.assert_allclose(model.predict_proba(frame).max(axis=1).min(), 1, atol=0.5)


def test_quasi_separation_is_named():
    X, y = overlapping(n=90)
    rare = (np.arange(90) < 12).astype(float)
    y[rare == 1] = 1
    with pytest.warns(SeparationWarning, match="quasi-separation.* column 4"):
        CrossEntropyClassifier(C=np.inf).fit(np.column_stack([X, rare]), y)


def test_raw_iris_without_penalty(raw):
    with pytest.warns(SeparationWarning):
        CrossEntropyClassifier(C=np.inf).fit(*raw("iris"))


@pytest.mark.parametrize("solver", sorted(set(METHODS) - {"proximal-newton"}))
def test_every_solver_ends_on_separable_classes(solver):
    X, y = separable()
    with pytest.warns(SeparationWarning):
        model = CrossEntropyClassifier(C=np.inf, solver=solver, max_iter=200).fit(X, y)
    assert np.isfinite(model.coef_).all()
    assert model.score(X, y) == 1.0


@pytest.mark.parametrize("C", [1.0, 1e4, 1e10, 1e20])
def test_a_finite_C_has_an_optimum(C):
    model = CrossEntropyClassifier(C=C).fit(*separable())
    assert model.converged_


@pytest.mark.parametrize("K", [2, 3])
def test_classes_that_overlap_do_not_warn(K):
    assert CrossEntropyClassifier(C=np.inf).fit(*overlapping(K=K)).converged_
    # nearly separable: one row on the wrong side
    X, y = separable()
    y[np.argmin(X[:, 2])] = 1
    assert CrossEntropyClassifier(C=np.inf).fit(X, y).converged_


def test_soft_labels_never_separate():
    X, y = separable()
    soft = 0.98 * np.eye(2)[y] + 0.01
    model = CrossEntropyClassifier(C=np.inf).fit(X, soft)
    assert model.converged_
    smooth = CrossEntropyClassifier(C=np.inf, label_smoothing=0.02).fit(X, y)
    np.testing.assert_allclose(smooth.coef_, model.coef_, rtol=1e-9)


def test_an_offset_does_not_hide_or_make_separation():
    X, y = overlapping()
    offset = np.where(y == 1, 50.0, -50.0)  # every row is already right
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        CrossEntropyClassifier(C=np.inf, max_iter=300).fit(X, y, offset=offset)
    assert not any("are separated by" in str(w.message) and "Some" not in str(w.message) for w in caught)
