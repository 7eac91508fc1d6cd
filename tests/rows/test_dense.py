"""Rows in an array: blocks are views of it or float64, and what is made of them is what numpy makes."""

import numpy as np
import pytest

from sklearn_xent.rows import dense as module
from sklearn_xent.rows.dense import DenseRows

N, D = 30, 7
X = np.random.default_rng(0).normal(size=(N, D)).astype(np.float32).astype(float)
TARGETS, WEIGHTS = np.random.default_rng(1).random((2, N)), np.arange(1.0, N + 1) / 465
OFFSET = np.random.default_rng(2).normal(size=(2, N))
KINDS = {
    "C": np.ascontiguousarray,
    "Fortran": np.asfortranarray,
    "strided": lambda X: np.repeat(X, 3, axis=1)[:, ::3],
    "float32": lambda X: X.astype(np.float32),
    "big-endian": lambda X: X.astype(">f8"),
}


def made(kind="C", offset=OFFSET):
    return DenseRows(KINDS[kind](X), TARGETS, WEIGHTS, offset)


def blocks_of(rows):
    _, (blocks,) = rows.sweep(lambda block: ((), (block,)))
    return blocks.flat()


@pytest.mark.parametrize("kind", KINDS)
def test_blocks_are_views_of_native_float64_and_else_converted_in_use(monkeypatch, kind):
    monkeypatch.setattr("sklearn_xent.rows.blocks.BLOCK_BYTES", 800)
    rows = made(kind)
    blocks = blocks_of(rows)
    assert len(blocks) > 2
    np.testing.assert_array_equal(np.concatenate([b.X for b in blocks]), X)
    np.testing.assert_array_equal(np.concatenate([b.targets for b in blocks], axis=1), TARGETS)
    np.testing.assert_array_equal(np.concatenate([b.offset for b in blocks], axis=1), OFFSET)
    np.testing.assert_array_equal(np.concatenate([b.weights for b in blocks]), WEIGHTS)
    # equal is not enough for a dtype: that of other bytes is
    assert all(b.X.dtype == np.float64 and b.X.dtype.isnative for b in blocks)
    assert all(np.shares_memory(b.weights, WEIGHTS) for b in blocks)
    if kind == "float32":
        rows.single = True
        assert all(b.X.dtype == np.float32 for b in blocks_of(rows))
    assert rows.place(3) == ""


def test_what_is_split_is_as_the_blocks_are(monkeypatch):
    monkeypatch.setattr("sklearn_xent.rows.blocks.BLOCK_BYTES", 800)
    rows = made()
    R = np.random.default_rng(3).normal(size=(2, N))

    def product(block, part):
        return (part @ block.X,), ()

    (total,), _ = rows.sweep(product, rows.split(R))
    np.testing.assert_allclose(total, R @ X, atol=1e-13)
    before = rows.passes
    rows.sweep(lambda block: ((block.weights.sum(),), ()), reads=False)
    assert rows.passes == before


@pytest.mark.parametrize("block_bytes", [1 << 23, 8 * N * 2, 1])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("kind", KINDS)
def test_products_of_the_rows_with_one_another(monkeypatch, kind, dtype, block_bytes):
    monkeypatch.setattr(module, "BLOCK_BYTES", block_bytes)  # how many columns are taken at a time
    shift, scale = np.linspace(-1, 1, D), np.linspace(0, 2, D)
    rows = made(kind)
    G = rows.inner_products(shift, scale, dtype)
    A = (X - shift) * scale
    np.testing.assert_allclose(G, A @ A.T, atol=1e-12 if dtype == np.float64 else 2e-5)
    assert G.dtype == dtype
    assert rows.passes == 1


def test_products_of_fewer_columns_than_shares():
    rows = DenseRows(X[:, :2], TARGETS, WEIGHTS, None)
    G = rows.inner_products(np.zeros(2), np.ones(2), np.float64)
    np.testing.assert_allclose(G, X[:, :2] @ X[:, :2].T, atol=1e-13)


@pytest.mark.parametrize("offset", [OFFSET, None])
@pytest.mark.parametrize("kind", KINDS)
def test_rows_columns_and_what_is_mapped(kind, offset):
    rows = made(kind, offset)
    rows.passes = 5
    which, columns = np.array([2, 3, 17]), np.array([4, 0])
    block = rows.take(which)
    np.testing.assert_array_equal(block.X, X[which])
    np.testing.assert_array_equal(block.targets, TARGETS[:, which])
    np.testing.assert_array_equal(block.weights, WEIGHTS[which])
    assert (block.offset is None) == (offset is None)
    if offset is not None:
        np.testing.assert_array_equal(block.offset, offset[:, which])
    rows.single = kind == "float32"
    part = rows.columns(columns)
    assert part.single == rows.single
    assert part.team is rows.team
    np.testing.assert_array_equal(blocks_of(part)[0].X, X[:, columns])
    np.testing.assert_array_equal(blocks_of(part)[0].targets, TARGETS)
    mapped = rows.mapped(lambda A: np.asarray(A, float) ** 2)
    assert mapped.passes == 5
    assert mapped.team is rows.team
    np.testing.assert_array_equal(blocks_of(mapped)[0].X, X**2)
    assert rows.passes == 5


def test_a_sample_stands_for_all():
    many = np.random.default_rng(4).normal(size=(5000, 2)).astype(np.float32)
    weights = np.full(5000, 2e-4)
    rows = DenseRows(many, np.zeros((1, 5000)), weights, None)
    rows.single = True
    sample = rows.sample(500, np.random.RandomState(0), np.array([17]))
    assert sample.single
    assert sample.team is rows.team
    block = sample.take(np.arange(sample.n_rows))
    assert block.weights.sum() == pytest.approx(1.0, rel=1e-12)
    here = (many[17] == block.X).all(axis=1)
    assert block.weights[here].tolist() == [2e-4]
    np.testing.assert_allclose(block.weights[~here], 2e-4 * sample.stands_for)
