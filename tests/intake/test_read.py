"""The one table of containers: whatever X is, the same rows, targets and names."""

import numpy as np
import pytest
import scipy.sparse as sp

from sklearn_xent import CrossEntropyClassifier
from sklearn_xent.intake.read import answered, dense, refuse_what_is_elsewhere, training_rows, validated

RNG = np.random.default_rng(0)
X = np.round(RNG.normal(size=(12, 3)), 2)
Y = np.tile(["a", "b", "c"], 4)
WEIGHTS = RNG.random(12) + 0.5


def frame(X):
    pd = pytest.importorskip("pandas")
    return pd.DataFrame(X, columns=["x", "y", "z"])


def in_parts(X):
    """Every entry stored as two halves."""
    S = sp.csr_array(X)
    return sp.csr_array((np.repeat(S.data / 2, 2), np.repeat(S.indices, 2), 2 * S.indptr), shape=X.shape)


CONTAINERS = {
    "array": np.asarray,
    "list": lambda X: X.tolist(),
    "frame": frame,
    "csr": sp.csr_array,
    "csc": sp.csc_matrix,
    "duplicates": in_parts,
}


def contents(rows):
    """X, targets, weights and offset of all blocks."""
    _, kept = rows.sweep(lambda b: ((), (np.asarray(dense(b.X)), b.targets, b.weights)))
    return tuple(np.concatenate(part.flat(), axis=axis) for part, axis in zip(kept, (0, 1, 0), strict=True))


@pytest.mark.parametrize("container", CONTAINERS)
def test_rows_targets_and_weights_are_the_same_from_any_container(container):
    model = CrossEntropyClassifier()
    rows, targets, names = training_rows(model, CONTAINERS[container](X), Y, WEIGHTS, None)
    there, T, weights = contents(rows)
    np.testing.assert_allclose(there, X)
    np.testing.assert_array_equal(T, np.eye(3)[np.tile([0, 1, 2], 4)].T)
    np.testing.assert_allclose(weights, WEIGHTS / WEIGHTS.sum())
    assert targets.classes.tolist() == ["a", "b", "c"]
    assert targets.total == pytest.approx(WEIGHTS.sum())
    assert model.n_features_in_ == 3
    assert (names is None) == (container != "frame")
    if container == "frame":
        assert names.tolist() == model.feature_names_in_.tolist() == ["x", "y", "z"]


def test_class_weights_and_smoothing_are_those_of_the_estimator():
    model = CrossEntropyClassifier(class_weight={"a": 2.0}, label_smoothing=0.3)
    rows, targets, _ = training_rows(model, X, Y, None, None)
    _, T, weights = contents(rows)
    np.testing.assert_allclose(T, 0.7 * np.eye(3)[np.tile([0, 1, 2], 4)].T + 0.1)
    np.testing.assert_allclose(weights, np.tile([2, 1, 1], 4) / 16)
    assert targets.total == 16


def test_a_fit_takes_X_as_it_is():
    F = np.asfortranarray(X)
    assert validated(CrossEntropyClassifier(), F, reset=True) is F
    S = sp.csr_array(X)
    assert validated(CrossEntropyClassifier(), S, reset=True) is S
    given = in_parts(X)
    stored = given.nnz
    assert validated(CrossEntropyClassifier(), given, reset=True).nnz < stored
    assert given.nnz == stored  # what was given is not changed


def test_other_columns_than_in_the_fit_are_refused():
    model = CrossEntropyClassifier().fit(X, Y)
    with pytest.raises(ValueError, match=r"2 features.* expecting 3"):
        validated(model, X[:, :2], reset=False)


def test_values_that_are_not_finite_are_refused_where_no_sweep_finds_them():
    bad = X.copy()
    bad[1, 1] = np.nan
    model = CrossEntropyClassifier().fit(X, Y)
    with pytest.raises(ValueError, match="NaN"):
        validated(model, bad, reset=False)
    assert validated(CrossEntropyClassifier(), bad, reset=True) is bad


def test_rows_that_are_elsewhere_are_refused_by_those_who_cannot_go_there():
    da = pytest.importorskip("dask.array")
    refuse_what_is_elsewhere(X, "Somebody")
    with pytest.raises(TypeError, match="X is a Dask collection, which Somebody does not take: load it"):
        refuse_what_is_elsewhere(da.from_array(X), "Somebody")
    with pytest.raises(TypeError, match="does not take: do without"):
        refuse_what_is_elsewhere(da.from_array(X), "Somebody", "do without")


def test_an_answer_is_where_X_is():
    da = pytest.importorskip("dask.array")
    model = CrossEntropyClassifier().fit(X, Y)
    here = answered(model, "predict_proba", X, None, lambda: np.ones((12, 3)), 3)
    np.testing.assert_array_equal(here, np.ones((12, 3)))
    lazy = answered(model, "predict_proba", da.from_array(X, chunks=(5, 3)), None, None, 3)
    assert isinstance(lazy, da.Array)
    assert lazy.shape == (12, 3)
    np.testing.assert_allclose(lazy.compute(scheduler="synchronous"), model.predict_proba(X))
    with pytest.raises(ValueError, match="offset must be None"):
        answered(model, "predict_proba", da.from_array(X), np.zeros(12), None, 3)


def test_coefficients_are_dense_whatever_they_were():
    for container in (np.asarray, sp.csr_array, sp.csc_matrix):
        np.testing.assert_array_equal(dense(container(X)), X)
