"""How rows are cut into blocks and drawn for a sample, and how sweeps add up."""

import itertools

import numpy as np
import pytest

from sklearn_xent.rows import Block, as_rows, joined
from sklearn_xent.rows.blocks import BLOCK_BYTES, SHARED_BY, added, row_slices, sample_rows


@pytest.mark.parametrize(
    ("n", "width"), [(1, 8), (1000, 8), (10**6, 8), (10**6, 800), (3, 10**8), (10**5, 4000)]
)
def test_slices_are_equal_and_cover_all_rows(n, width):
    parts = row_slices(n, width)
    assert parts[0].start == 0
    assert parts[-1].stop == n
    assert all(a.stop == b.start for a, b in itertools.pairwise(parts))
    sizes = [part.stop - part.start for part in parts]
    assert max(sizes[:-1] or sizes) == min(sizes[:-1] or sizes) >= sizes[-1]
    assert sizes[0] * width <= max(BLOCK_BYTES, width)
    if 1 < len(parts) < n:
        assert len(parts) % SHARED_BY == 0
    assert len(row_slices(n, width, alone=True)) >= len(parts)


def test_blocks_are_no_smaller_than_their_result_but_two():
    assert len(row_slices(10**6, 800, 10**12)) == 2
    few = len(row_slices(10**6, 800, 10 * BLOCK_BYTES))
    assert 2 <= few < len(row_slices(10**6, 800))


def test_sums_are_added_in_place():
    total = added([], (np.ones(2), 1.0))
    total = added(total, (np.full(2, 3.0), 2.0))
    np.testing.assert_array_equal(total[0], [4, 4])
    assert total[1] == 3.0


@pytest.mark.parametrize("always", [[], [3, 77, 500]])
def test_weights_of_a_sample_sum_to_those_of_all(always):
    rng = np.random.default_rng(0)
    X, weights = rng.normal(size=(1000, 2)), rng.random(1000)
    weights /= weights.sum()
    rows = as_rows(X, np.zeros((1, 1000)), weights, None)
    always = np.array(always, dtype=np.intp)
    block, stands_for = sample_rows(rows, 200, np.random.RandomState(0), always, 1.0)
    assert block.weights.sum() == pytest.approx(1.0, rel=1e-12)
    assert 150 <= len(block.weights) <= 210
    where = np.array([int(np.flatnonzero((x == X).all(axis=1))[0]) for x in block.X])
    assert (np.diff(where) > 0).all()
    factor = block.weights / weights[where]
    kept = np.isin(where, always)
    assert kept.sum() == len(always)
    np.testing.assert_allclose(factor[kept], 1.0)
    np.testing.assert_allclose(factor[~kept], stands_for)


def test_blocks_are_joined_in_their_order():
    blocks = [
        Block(np.full((n, 2), n), np.full((1, n), n), np.full(n, 1.0), offset)
        for n, offset in ((2, np.zeros((1, 2))), (3, np.ones((1, 3))))
    ]
    one = joined(blocks)
    assert one.X[:, 0].tolist() == one.targets[0].tolist() == [2, 2, 3, 3, 3]
    assert one.offset.tolist() == [[0, 0, 1, 1, 1]]
    assert joined([b._replace(offset=None) for b in blocks]).offset is None
