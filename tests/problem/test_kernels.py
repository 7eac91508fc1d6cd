"""Kernels on one block: what each makes of X, targets, weights and an offset."""

import numpy as np
import pytest
import scipy.sparse as sp

from sklearn_xent.problem import kernels
from sklearn_xent.problem.design import AppliedDesign, Design
from sklearn_xent.problem.losses import loss_for
from sklearn_xent.rows import Block

N, D = 12, 3
SHIFT, SCALE = np.array([1.0, 0.0, -2.0]), np.array([2.0, 1.0, 0.5])
KINDS = {"array": np.asarray, "csr": sp.csr_array, "csc": sp.csc_array}
EVERY = pytest.mark.parametrize(("K", "kind"), [(K, kind) for K in (2, 3) for kind in KINDS])


def block_of(K, kind="array", offset=True):
    """A block with zeros in X and rows without weight, its design and its design matrix."""
    rng = np.random.default_rng(K)
    X = np.where(rng.random((N, D)) < 0.4, 0.0, rng.normal(size=(N, D)))
    targets = rng.dirichlet(np.ones(K), N).T[K == 2 :]
    weights = np.arange(N) % 4 / 18
    shifts = rng.normal(size=targets.shape) if offset else None
    design = Design(SHIFT, SCALE, np.ones(D), sparse=kind != "array")
    A = np.column_stack([(X - SHIFT) * SCALE, np.ones(N)])
    return Block(KINDS[kind](X), targets, weights, shifts), loss_for(K), design, A, rng


@EVERY
@pytest.mark.parametrize("offset", [True, False])
def test_at_no_coefficients_it_is_as_at_coefficients_of_zero(K, kind, offset):
    block, loss, design, A, _ = block_of(K, kind, offset)
    W = np.zeros((loss.n_logits, D + 1))
    (value, pulled), (logits, _) = kernels.at(block, None, loss, design, True)
    (expected, other), (theirs, _) = kernels.at(block, design.linear(W), loss, design, False)
    assert value == pytest.approx(expected, rel=1e-14)
    np.testing.assert_allclose(logits, theirs, atol=1e-15)
    np.testing.assert_array_equal(logits, 0.0 if block.offset is None else block.offset)
    np.testing.assert_allclose(design.gradient(pulled), design.gradient(other), atol=1e-14)
    residual = block.weights * loss.expand(logits, block.targets).residual
    np.testing.assert_allclose(design.gradient(pulled), residual @ A, atol=1e-14)


@EVERY
def test_no_array_of_the_block_is_changed(K, kind):
    block, loss, design, _, rng = block_of(K, kind)
    kept = [v.copy() for v in (block.targets, block.weights, block.offset)]
    linear = design.linear(rng.normal(size=(loss.n_logits, D + 1)))
    _, (logits, _) = kernels.at(block, linear, loss, design, False)
    before = logits.copy()
    kernels.along(block, logits, np.ones_like(logits), 0.3, loss, design, False)
    np.testing.assert_array_equal(logits, before)
    for value, was in zip((block.targets, block.weights, block.offset), kept, strict=True):
        np.testing.assert_array_equal(value, was)


@EVERY
def test_along_a_change_value_and_slope_are_those_of_first_order(K, kind):
    block, loss, design, A, rng = block_of(K, kind)
    W, V = rng.normal(size=(2, loss.n_logits, D + 1))
    _, (logits, _) = kernels.at(block, design.linear(W), loss, design, False)
    _, (change,) = kernels.change(block, design.linear(V), design)
    np.testing.assert_allclose(change, V @ A.T, atol=1e-13)
    value, slope = kernels.value_and_slope(block, logits, change, 0.3, loss)[0]
    (there, pulled), (end, _) = kernels.along(block, logits, change, 0.3, loss, design, False)
    assert value == pytest.approx(there, rel=1e-14)
    assert slope == pytest.approx((design.gradient(pulled) * V).sum(), rel=1e-11)
    _, (difference,) = kernels.difference(block, logits, end)
    np.testing.assert_allclose(difference, 0.3 * change, atol=1e-13)


@EVERY
def test_rows_without_weight_have_no_part_in_what_is_largest(K, kind):
    block, loss, design, A, rng = block_of(K, kind)
    V = rng.normal(size=(loss.n_logits, D + 1))
    _, (widest,) = kernels.widest_change(block, design.linear(V), design)
    moved = V @ A.T
    width = np.abs(moved[0]) if K == 2 else moved.max(axis=0) - moved.min(axis=0)
    assert widest == pytest.approx(width[block.weights > 0].max(), rel=1e-12)
    far = np.where(block.weights[:, None] > 0, A[:, :-1] / SCALE + SHIFT, 1e6)
    _, (same,) = kernels.widest_change(block._replace(X=KINDS[kind](far)), design.linear(V), design)
    assert same == pytest.approx(widest, rel=1e-10)


@pytest.mark.parametrize("kind", KINDS)
def test_shares_are_of_columns_that_vary(kind):
    block, _, design, A, _ = block_of(2, kind)
    variance = block.weights @ A[:, :-1] ** 2
    variance[1] = 0.0  # of a dropped column no share is taken
    design = Design(SHIFT, SCALE, variance, sparse=design.sparse)
    kept = [0, 2, 3]
    shares = block.weights[:, None] * A[:, kept] ** 2 / np.append(variance, 1.0)[kept]
    _, (largest,) = kernels.largest_share(block, design)
    assert largest == pytest.approx(shares.max(), rel=1e-12)


@pytest.mark.parametrize("kind", [*KINDS, "applied"])
def test_entries_that_are_not_zero_are_found_in_the_columns_of_X(kind):
    block, _, design, A, _ = block_of(2, "array" if kind == "applied" else kind)
    X = A[:, :-1] / SCALE + SHIFT
    present = np.abs(X) > 1e-12
    if kind == "applied":  # a zero of X is no zero there
        plain = np.where(present, X, 0.0)
        block = block._replace(X=design.matrix(plain))
        design = AppliedDesign(SHIFT, SCALE, np.ones(D))
    (counts,), _ = kernels.count_nonzero(block, design)
    np.testing.assert_array_equal(counts, present.sum(axis=0))
    for columns in (np.array([True, False, True]), np.zeros(D, bool)):
        _, (holds,) = kernels.holding(block, columns, design)
        np.testing.assert_array_equal(holds, present[:, columns].any(axis=1))


@EVERY
def test_design_rows_are_the_matrix_with_its_targets_and_weights(K, kind):
    block, _, design, A, _ = block_of(K, kind)
    _, ((rows, targets, weights),) = kernels.design_rows(block, design)
    np.testing.assert_allclose(rows, A.T, atol=1e-14)
    assert targets is block.targets
    assert weights is block.weights
