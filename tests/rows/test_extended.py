"""Rows in extended precision: the entries, targets, weights and offsets, and results of kernels too."""

import numpy as np
import pytest
import scipy.sparse as sp

from sklearn_xent.rows import as_rows
from sklearn_xent.rows.extended import extended_rows

RNG = np.random.default_rng(0)
X = np.where(RNG.random((20, 4)) < 0.3, 0.0, RNG.normal(size=(20, 4)))
WEIGHTS, OFFSET = RNG.random(20), RNG.normal(size=(3, 20))
KINDS = {"array": np.asarray, "float32": np.float32, "csr": sp.csr_array, "csc": sp.csc_array}


def made(kind, K=3, offset=True):
    targets = RNG.dirichlet(np.ones(max(K, 2)), 20).T[-K:]
    return as_rows(KINDS[kind](X), targets, WEIGHTS, OFFSET[:K] if offset else None), targets


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("offset", [True, False])
@pytest.mark.parametrize("K", [1, 3])
def test_everything_is_in_extended_precision_and_the_same(K, kind, offset):
    rows, targets = made(kind, K, offset)
    rows.passes = 7
    longer = extended_rows(rows)
    assert longer.passes == 7
    assert longer.team is rows.team
    _, (blocks,) = longer.sweep(lambda block: ((), (block,)))
    (block,) = blocks.flat()
    entries = X.astype(np.float32) if kind == "float32" else X
    for value, whole in zip(block, (entries, targets, WEIGHTS, OFFSET[:K]), strict=True):
        if value is None:
            assert not offset
            continue
        assert value.dtype == np.longdouble
        np.testing.assert_allclose(value.astype(float), whole, rtol=1e-15)
    if K == 1:  # one target has nothing to add up to
        np.testing.assert_array_equal(block.targets, targets)
    else:
        eps = np.finfo(np.longdouble).eps
        assert np.abs(block.targets.sum(axis=0) - 1).max() <= 4 * eps


@pytest.mark.skipif(np.finfo(np.longdouble).eps > 1e-18, reason="long double is float64 here")
@pytest.mark.parametrize("part", [False, True])
def test_sums_keep_what_float64_loses(part):
    """1e9 + 1e-9 - 1e9 is 1e-9 to 8 digits; in float64 it is 0."""
    A = np.array([[1e9, 5.0], [1e-9, 5.0], [-1e9, 5.0]])
    rows = extended_rows(as_rows(A, np.zeros((1, 3)), np.ones(3)))
    if part:
        rows = rows.columns(np.array([0]))
        assert rows.n_features == 1
    (total,), _ = rows.sweep(lambda block: ((block.X.sum(axis=0),), ()))
    assert float(total[0]) == pytest.approx(1e-9, rel=0.2, abs=0.0)
    assert total.dtype == np.longdouble


def test_the_original_is_left_alone():
    rows, targets = made("array")
    before = targets.copy()
    extended_rows(rows)
    np.testing.assert_array_equal(targets, before)
