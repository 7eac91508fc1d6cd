"""Where the columns of a stream lie and how far they spread, whatever a few rows say."""

from dataclasses import replace

import numpy as np
import pytest

from sklearn_xent.problem.design import Design
from sklearn_xent.rows import Block
from sklearn_xent.solvers.stream_columns import Columns
from tests.solvers.test_stream import block


def columns_of(X, size):
    columns = Columns()
    for start in range(0, len(X), size):
        part = X[start : start + size]
        columns = columns.with_batch(Block(part, np.zeros((1, len(part))), np.ones(len(part)), None))
    return columns.centre_and_spread()


@pytest.mark.parametrize("row", [0, 20, 500, 990])
@pytest.mark.parametrize("size", [50, 1000])
def test_an_outlier_moves_no_centre(row, size):
    X = np.random.default_rng(0).standard_normal((1000, 1)) + 5
    X[row] = 1e12
    centre, spread = columns_of(X, size)
    assert 4 < centre < 6
    assert 0.5 < spread < 2


def test_centres_are_those_of_the_whole_stream():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((5000, 3))
    X[:50, 0] = 7.0  # constant in the first batch
    X[:, 1] = rng.random(5000) < 0.01  # rare
    X[:, 2] += np.linspace(0, 100, 5000)  # adrift
    centre, spread = columns_of(X, 50)
    assert abs(centre[0]) < 0.5
    assert 0.5 < spread[0] < 4
    assert abs(centre[1] - 0.01) < 0.05
    assert 0.05 < spread[1] < 0.5
    assert 25 < centre[2] < 75
    assert 15 < spread[2] < 60


def test_groups_of_a_long_stream_are_few():
    columns = Columns()
    for seed in range(300):
        columns = columns.with_batch(block(10, 2, 2, seed))
    assert len(columns.means) <= 16
    assert columns.batches == 300


def test_columns_that_are_nearly_in_place_keep_their_design():
    X = np.random.default_rng(0).standard_normal((1000, 3)) * [1, 10, 1]
    columns = Columns().with_batch(Block(X, np.zeros((1, 1000)), np.ones(1000), None))
    centre, spread = columns.centre_and_spread()
    design = Design(centre + 0.2 * spread, 1.5 / spread, np.ones(3), True)
    near = columns.improved(design, first=False)
    np.testing.assert_array_equal(near.shift, design.shift)
    np.testing.assert_array_equal(near.scale, design.scale)
    far = columns.improved(replace(design, shift=np.append(design.shift[:2], 100.0)), first=False)
    np.testing.assert_array_equal(far.shift[:2], design.shift[:2])
    assert far.shift[2] == centre[2]
    first = columns.improved(design, first=True)
    np.testing.assert_array_equal(first.shift, centre)


def test_it_is_looked_again_after_each_doubling():
    columns, due = Columns(), []
    for seed in range(17):
        columns = columns.with_batch(block(20, 2, 2, seed))
        due.append(columns.due)
    assert [i + 1 for i, is_due in enumerate(due) if is_due] == [1, 2, 4, 8, 16]
