"""Rows in a sparse container: blocks share its memory, and all that is made of them is as of an array."""

import numpy as np
import pytest
import scipy.sparse as sp

from sklearn_xent.rows.dense import DenseRows
from sklearn_xent.rows.sparse import SparseRows
from tests.rows.test_containers import in_parts

N, D = 60, 9
RNG = np.random.default_rng(0)
X = np.where(RNG.random((N, D)) < 0.3, np.round(RNG.normal(size=(N, D)) * 8) / 8, 0.0)
X[7] = 0.0  # a row without entries
TARGETS, WEIGHTS = RNG.random((2, N)), np.arange(1.0, N + 1) / 1830
OFFSET = RNG.normal(size=(2, N))
KINDS = {"csr": sp.csr_array, "csr_matrix": sp.csr_matrix, "csc": sp.csc_array, "in parts": in_parts}
EVERY = pytest.mark.parametrize("kind", KINDS)


def made(kind="csr", offset=OFFSET):
    return SparseRows(KINDS[kind](X), TARGETS, WEIGHTS, offset)


def blocks_of(rows):
    _, (blocks,) = rows.sweep(lambda block: ((), (block,)))
    return blocks.flat()


@EVERY
def test_blocks_share_the_memory_of_the_container(monkeypatch, kind):
    monkeypatch.setattr("sklearn_xent.rows.blocks.BLOCK_BYTES", 1000)
    A = KINDS[kind](X)
    rows = SparseRows(A, TARGETS, WEIGHTS, OFFSET)
    blocks = blocks_of(rows)
    assert (len(blocks) == 1) == (kind == "csc")  # columns are not cut by rows
    np.testing.assert_array_equal(np.vstack([b.X.toarray() for b in blocks]), X)
    np.testing.assert_array_equal(np.concatenate([b.targets for b in blocks], axis=1), TARGETS)
    np.testing.assert_array_equal(np.concatenate([b.offset for b in blocks], axis=1), OFFSET)
    np.testing.assert_array_equal(np.concatenate([b.weights for b in blocks]), WEIGHTS)
    for block in blocks:
        assert block.X.nnz == 0 or np.shares_memory(block.X.data, A.data)
        assert block.X.nnz == 0 or np.shares_memory(block.X.indices, A.indices)
        assert block.X.shape == (len(block.weights), D)
    assert rows.bytes == 12 * A.nnz
    assert rows.place(3) == ""
    R = np.random.default_rng(3).normal(size=(2, N))
    parts = rows.split(R)
    assert [part.shape[1] for part in parts] == [len(b.weights) for b in blocks]
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), R)


@EVERY
def test_products_of_the_rows_with_one_another(kind):
    shift, scale = np.linspace(-1, 1, D), np.linspace(0, 2, D)
    rows = made(kind)
    G = rows.inner_products(shift, scale, np.float64)
    A = (X - shift) * scale
    np.testing.assert_allclose(G, A @ A.T, atol=1e-13)
    assert rows.passes == 1


@pytest.mark.parametrize("offset", [OFFSET, None])
@EVERY
def test_rows_and_columns_are_those_of_an_array(kind, offset):
    rows, whole = made(kind, offset), DenseRows(X, TARGETS, WEIGHTS, offset)
    which, columns = np.array([2, 7, 17, 59]), np.array([4, 0, 8])
    for ours, theirs in zip(rows.take(which), whole.take(which), strict=True):
        ours = ours.toarray() if sp.issparse(ours) else ours
        np.testing.assert_array_equal(ours, theirs)
    for _ in range(2):  # columns are sorted once
        part = rows.columns(columns)
        (block,) = blocks_of(part)
        np.testing.assert_array_equal(block.X.toarray(), X[:, columns])
        np.testing.assert_array_equal(block.targets, TARGETS)
        assert part.team is rows.team
        assert part.sparse
    for args in ((0, []), (0, [5, 11])):
        always = np.array(args[1], dtype=np.intp)
        ours, theirs = (r.sample(40, np.random.RandomState(0), always) for r in (rows, whole))
        assert ours.stands_for == theirs.stands_for
        np.testing.assert_array_equal(blocks_of(ours)[0].X.toarray(), blocks_of(theirs)[0].X)
        np.testing.assert_array_equal(blocks_of(ours)[0].weights, blocks_of(theirs)[0].weights)
        assert ours.team is rows.team


def test_what_is_mapped_may_be_of_another_kind():
    rows = made()
    rows.passes = 3
    doubled = rows.mapped(lambda A: A * 2)
    assert isinstance(doubled, SparseRows)
    array = rows.mapped(lambda A: A.toarray() + 1)
    assert isinstance(array, DenseRows)
    for other, expected in ((doubled, 2 * X), (array, X + 1)):
        assert other.passes == 3
        assert other.team is rows.team
        (block,) = blocks_of(other)
        found = block.X.toarray() if sp.issparse(block.X) else block.X
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(block.weights, WEIGHTS)
        np.testing.assert_array_equal(block.offset, OFFSET)


def test_long_indices_are_kept():
    A = sp.csr_array(X)
    wide = sp.csr_array((A.data, A.indices.astype(np.int64), A.indptr.astype(np.int64)), shape=A.shape)
    (block,) = blocks_of(SparseRows(wide, TARGETS, WEIGHTS, None))
    assert block.X.indices.dtype == np.int64
    np.testing.assert_array_equal(block.X.toarray(), X)
