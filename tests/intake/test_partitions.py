"""Partitions of a collection as arrays: cut alike, and what they do not agree in is said."""

import numpy as np
import pytest
import scipy.sparse as sp

from sklearn_xent.intake.partitions import (
    Partition,
    agreement,
    described,
    is_collection,
    is_frame,
    partitions_of,
    shape_of,
    summary_of,
    united,
)

da = pytest.importorskip("dask.array")

X = np.random.default_rng(0).normal(size=(10, 3))
Y = np.array(list("aabbccabca"))


def values(parts):
    return [part.compute(scheduler="synchronous") for part in parts]


def test_a_collection_is_known_without_dask():
    assert is_collection(da.from_array(X))
    assert not is_frame(da.from_array(X))
    assert not is_collection(X)
    assert not is_collection("dask")


@pytest.mark.parametrize("as_collection", [False, True])
def test_all_that_belongs_to_rows_is_cut_as_they_are(as_collection):
    weights, offset = np.arange(10.0) + 1, np.random.default_rng(1).normal(size=(10, 3))
    rest = [Y, weights, offset]
    if as_collection:  # in other chunks than X
        rest = [da.from_array(v, chunks=(3, *v.shape[1:])) for v in rest]
    parts = values(partitions_of(da.from_array(X, chunks=(4, 2)).rechunk({1: -1}), *rest))
    assert [len(p.X) for p in parts] == [4, 4, 2]
    for name, whole in zip(Partition._fields, (X, Y, weights, offset), strict=True):
        np.testing.assert_array_equal(np.concatenate([getattr(p, name) for p in parts]), whole)


def test_rows_of_other_numbers_are_named():
    DX = da.from_array(X, chunks=(4, 3))
    with pytest.raises(ValueError, match="y has 9 rows, but X has 10"):
        partitions_of(DX, Y[:9], None, None)
    with pytest.raises(ValueError, match="sample_weight has 9 rows, but X has 10"):
        partitions_of(DX, Y, da.ones(9, chunks=3), None)
    with pytest.raises(ValueError, match="requires y"):
        partitions_of(DX, None, None, None)


def test_a_faulty_partition_is_named():
    words = np.array([["1.0", "x", "2"]] * 4, dtype=object)
    parts = partitions_of(
        da.from_array(np.vstack([X[:4].astype(object), words]), chunks=(4, 3)), Y[:8], None, None
    )
    parts[0].compute(scheduler="synchronous")
    with pytest.raises(ValueError, match=r"partition 1: .*could not convert"):
        parts[1].compute(scheduler="synchronous")


def partition(X, y=None, weights=None):
    return Partition(X, Y[: X.shape[0]] if y is None else np.asarray(y), weights, None)


def test_a_summary_is_of_shape_type_and_labels():
    summary = summary_of(partition(X[:4], weights=np.array([1.0, 2, 3, 4])), 0)
    assert summary.shape == (4, 3)
    assert summary.bytes == 96
    assert not summary.sparse
    assert dict(zip(summary.labels.tolist(), summary.mass.tolist(), strict=True)) == {"a": 3.0, "b": 7.0}
    sparse = shape_of(partition(sp.csr_array(np.eye(3))))
    assert sparse.sparse
    assert sparse.bytes == 36
    assert described(partition(X)).X.shape == (10, 3)
    empty = summary_of(partition(X[:0]), 0)
    assert not len(empty.labels)
    with pytest.raises(ValueError, match="partition 7: "):
        summary_of(partition(X[:2], y=[0.5, 1.5]), 7)


def test_partitions_agree_in_columns_and_kind():
    wide, single = summary_of(partition(X), 0), summary_of(partition(X.astype(np.float32)), 0)
    assert agreement([wide, single]) == (np.float64, False)
    assert agreement([single, single]) == (np.float32, False)
    narrow, sparse = shape_of(partition(X[:, :2])), shape_of(partition(sp.csr_array(X)))
    empty = shape_of(partition(X[:0, :1]))
    assert agreement([empty, wide]) == (np.float64, False)
    with pytest.raises(ValueError, match="3 columns in partition 1, but 2 in partition 2"):
        agreement([empty, wide, narrow])
    with pytest.raises(ValueError, match="dense in partition 0, but sparse in partition 1"):
        agreement([wide, sparse])
    with pytest.raises(ValueError, match="no rows in any of its 2 partitions"):
        agreement([empty, empty])


def test_classes_of_all_partitions_are_united():
    some = summary_of(partition(X[:2], y=[3, 1]), 0), summary_of(partition(X[:3], y=[2, 3, 3]), 1)
    classes, mass = united(list(some))
    assert classes.tolist() == [1, 2, 3]
    assert mass.tolist() == [1, 1, 3]
    with pytest.raises(ValueError, match="text in some partitions and numbers in others"):
        united([some[0], summary_of(partition(X[:4]), 1)])
