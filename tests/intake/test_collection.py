"""Dask collections as X: columns that are checked, parts that are held or computed anew, lazy predictions."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import BaseEstimator

from sklearn_xent.intake import collection
from sklearn_xent.intake.collection import as_local_parts, check_columns, lazily

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")
dd = pytest.importorskip("dask.dataframe")
pd = pytest.importorskip("pandas")

X = np.random.default_rng(0).normal(size=(10, 3))
Y = np.array(list("aabbccabca"))


class Estimator(BaseEstimator):
    """Notes columns as any estimator of scikit-learn does."""


def frame(**columns):
    return dd.from_pandas(pd.DataFrame({"u": X[:, 0], "v": X[:, 1]} | columns), npartitions=2)


def test_columns_are_brought_together_and_noted():
    estimator = Estimator()
    array = check_columns(estimator, da.from_array(X, chunks=(4, 2)), reset=True)
    assert array.numblocks == (3, 1)
    np.testing.assert_array_equal(array.compute(scheduler="synchronous"), X)
    assert estimator.n_features_in_ == 3
    with pytest.raises(ValueError, match="X has 2 features, but Estimator is expecting 3 features"):
        check_columns(estimator, da.from_array(X[:, :2], chunks=4), reset=False)
    named = Estimator()
    check_columns(named, frame(), reset=True)
    assert named.feature_names_in_.tolist() == ["u", "v"]
    with pytest.raises(ValueError, match="feature names"):
        check_columns(named, frame(w=X[:, 2])[["u", "w"]], reset=False)


def test_what_is_no_table_of_numbers_is_refused():
    for wrong in (da.ones(5, chunks=2), da.ones((5, 2, 2), chunks=2)):
        with pytest.raises(ValueError, match=f"two dimensions; got a Dask collection of {wrong.ndim}"):
            check_columns(Estimator(), wrong, reset=True)
    with pytest.raises(TypeError, match=r"column 'word' of X holds .*, not numbers; encode it or leave it"):
        check_columns(Estimator(), frame(word=Y), reset=True)
    check_columns(Estimator(), frame(truth=Y == "a", number=np.arange(10)), reset=True)


def counted(times):
    """A collection whose blocks note when they are computed."""

    def note(block):
        times.append(len(block))
        return block

    return da.from_array(X, chunks=(4, 3)).map_blocks(note, dtype=float, meta=np.empty((0, 0)))


@pytest.mark.parametrize("memory", [1e9, 100.0])
def test_parts_are_held_where_there_is_memory_and_else_computed_for_every_reading(monkeypatch, memory):
    monkeypatch.setattr(collection, "_memory_at_hand", lambda: memory)
    times, weights = [], np.arange(10.0) + 1
    matrix, y, w, offset = as_local_parts(counted(times), Y, weights, None)
    assert matrix.shape == (10, 3)
    assert matrix.dtype == np.float64
    assert matrix.bytes == X.nbytes
    assert not matrix.sparse
    np.testing.assert_array_equal(y, Y)
    np.testing.assert_array_equal(w, weights)
    assert offset is None
    assert [part.name for part in matrix.parts] == ["partition 0", "partition 1", "partition 2"]
    before = len(times)
    assert before == 3  # each block once, to look at it or to hold it
    for columns in (None, np.array([2, 0])):
        found = np.concatenate([np.concatenate(list(part.read(columns))) for part in matrix.parts])
        np.testing.assert_array_equal(found, X if columns is None else X[:, columns])
    assert len(times) - before == (0 if memory > 1e3 else 6)


def test_of_frames_nothing_is_known_before_they_are_computed(monkeypatch):
    monkeypatch.setattr(collection, "_memory_at_hand", lambda: 1e9)
    labels = dd.from_pandas(pd.Series(np.arange(10) % 2), npartitions=2)
    matrix, y, w, offset = as_local_parts(frame(), labels, None, None)
    found = np.concatenate([next(iter(part.read(None))) for part in matrix.parts])
    np.testing.assert_array_equal(found, X[:, :2])
    assert y.tolist() == [0, 1] * 5
    assert w is offset is None


@pytest.mark.parametrize("memory", [1e9, 1.0])
def test_partitions_without_rows_are_left_out(monkeypatch, memory):
    monkeypatch.setattr(collection, "_memory_at_hand", lambda: memory)
    kept = da.from_array(X, chunks=(5, 3))[da.from_array(np.arange(10) >= 5, chunks=5)]
    matrix, y, _, _ = as_local_parts(kept, Y[5:], None, None)
    assert [part.name for part in matrix.parts] == ["partition 1"]
    np.testing.assert_array_equal(next(iter(matrix.parts[0].read(None))), X[5:])
    np.testing.assert_array_equal(y, Y[5:])


def test_sparse_blocks_stay_sparse(monkeypatch):
    monkeypatch.setattr(collection, "_memory_at_hand", lambda: 1e9)
    full = np.where(np.abs(X) > 0.5, X, 0.0)
    blocks = da.from_array(full, chunks=(4, 3)).map_blocks(sp.csr_array, meta=np.empty((0, 0)))
    matrix, *_ = as_local_parts(blocks, Y, None, None)
    assert matrix.sparse
    assert matrix.bytes == 12 * np.count_nonzero(full)
    np.testing.assert_array_equal(
        np.vstack([next(iter(part.read(None))).toarray() for part in matrix.parts]), full
    )


@pytest.mark.parametrize("columns", [None, 2])
@pytest.mark.parametrize("as_frame", [False, True])
def test_predictions_wait_and_are_those_of_the_blocks(as_frame, columns):
    asked = []

    def predict(block):
        values = np.asarray(block, float)
        asked.append(len(values))
        return values.sum(axis=1) if columns is None else values[:, :2]

    data = frame() if as_frame else da.from_array(X[:, :2], chunks=(4, 2))
    lazy = lazily(predict, data, columns, np.float64)
    assert not asked
    assert lazy.ndim == (1 if columns is None else 2)
    assert lazy.dtype == np.float64
    if not as_frame:
        assert lazy.shape == ((10,) if columns is None else (10, 2))
        assert lazy.chunks[0] == (4, 4, 2)
    found = lazy.compute(scheduler="synchronous")
    np.testing.assert_array_equal(found, predict(X[:, :2]))
    assert sum(asked) == 20


@pytest.mark.parametrize("columns", [None, 2])
def test_nothing_is_asked_of_a_block_without_rows(columns):
    def predict(block):
        assert len(block)
        return np.zeros(len(block)) if columns is None else np.zeros((len(block), columns))

    some = da.from_array(X, chunks=(5, 3))
    emptied = some[da.from_array(np.arange(10) < 5, chunks=5)]
    found = lazily(predict, emptied, columns, np.float64).compute(scheduler="synchronous")
    assert found.shape == ((5,) if columns is None else (5, 2))
