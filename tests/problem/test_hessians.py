"""Kernels of the second order: every way to form a Hessian gives the same one, and bounds hold."""

import numpy as np
import pytest

from sklearn_xent.problem import hessians
from tests.problem.dense import posed
from tests.problem.test_derivatives import CONTAINERS

EVERY = pytest.mark.parametrize(("K", "container"), [(K, c) for K in (2, 3) for c in CONTAINERS])


def the_block(objective):
    """All rows in one block, as a sweep hands them to a kernel."""
    _, (blocks,) = objective.rows.sweep(lambda block: ((), (block,)))
    (block,) = blocks.flat()
    return block


# numbers that a temporary may hold: of all classes, of the design alone, of none
@pytest.mark.parametrize("cached", [1 << 17, 300, 0])
@EVERY
def test_every_way_to_a_hessian_leads_to_that_of_dense_algebra(monkeypatch, K, container, cached):
    o, W, dense = posed(K, container, n=60)
    monkeypatch.setattr(hessians, "CACHED", cached)
    point = o.at(W)
    np.testing.assert_allclose(point.loss_hessian(), dense.hessian(), atol=1e-13)
    chosen = np.random.default_rng(0).random(W.shape) < 0.5
    flat = chosen.ravel()
    among = dense.hessian()[np.ix_(flat, flat)] + np.diag(np.tile(o.penalty.hessian_diagonal, len(W))[flat])
    np.testing.assert_allclose(point.hessian_among(chosen), among, atol=1e-13)


@pytest.mark.parametrize("cached", [1 << 17, 300])
@pytest.mark.parametrize("K", [2, 3])
def test_products_in_single_precision_are_right_to_their_digits(monkeypatch, K, cached):
    o, W, dense = posed(K, n=60)
    monkeypatch.setattr(hessians, "CACHED", cached)
    H = o.at(W).loss_hessian(np.float32)
    assert H.dtype == np.float64
    np.testing.assert_allclose(H, dense.hessian(), atol=3e-6)


@pytest.mark.parametrize("copies", [1, 4])
@pytest.mark.parametrize("container", ["C", "csr", "csc"])
def test_slices_hold_every_row_once_in_the_columns_asked_for(monkeypatch, container, copies):
    o, _, dense = posed(3, container, n=50)
    monkeypatch.setattr(hessians, "CACHED", 60)
    chosen = np.zeros((3, 5), bool)
    chosen[0, 1] = chosen[2, 3] = chosen[2, 1] = True
    for least in (1, 20):
        at, found = 0, []
        for part, A, among in hessians.chosen_rows(the_block(o), o.design, chosen, copies, least=least):
            assert part.start == at
            at = part.stop
            found.append(A)
            np.testing.assert_array_equal(among, chosen[:, [1, 3, 4]])
            if copies > 1 or container != "C":
                assert len(A) <= max(60 // (copies * 9), least)
        assert at >= 50
        np.testing.assert_allclose(np.concatenate(found), dense.A[:, [1, 3, 4]], atol=1e-14)
        assert len(found) == 1 or least < 50


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_outer_products_are_right_off_the_diagonal_blocks(dtype):
    rng = np.random.default_rng(0)
    A, p, w = rng.normal(size=(40, 3)).astype(dtype), rng.dirichlet(np.ones(4), 40).T, rng.random(40)
    H = np.full((4, 3, 4, 3), np.nan)
    hessians.subtract_outer(H, A, p, w)
    expected = -np.einsum("n,kn,ni,ln,nj->kilj", w, p, A, p, A)
    off = ~np.eye(4, dtype=bool)
    ours, theirs = (np.swapaxes(M, 1, 2)[off] for M in (H, expected))
    np.testing.assert_allclose(ours, theirs, atol=1e-13 if dtype == np.float64 else 1e-5)


@pytest.mark.parametrize("container", ["C", "csr"])
@pytest.mark.parametrize("K", [2, 3])
def test_the_reach_of_rows_is_bounded(K, container):
    """Largest squared norm in the inverse Hessian of a row, or of a difference of two classes' rows."""
    o, W, dense = posed(K, container, n=12)
    point = o.at(W)
    M = np.linalg.inv(point.hessian() + 1e-4 * np.eye(W.size))
    root = np.linalg.cholesky(M).T
    B = np.einsum("nka,ab,nlb->nkl", dense.rows, M, dense.rows)[dense.weights > 0]
    d = np.einsum("nkk->nk", B)
    true = d.max() if K == 2 else (d[:, :, None] + d[:, None, :] - 2 * B).max()

    def reach(enough):
        _, (found,) = o.rows.sweep(hessians.reach, point.expansion, root, o.design, enough)
        return max(found.flat())

    # |e_k - e_l|^2 <= 2 (|e_k|^2 + |e_l|^2)
    assert true * (1 - 1e-9) <= reach(0.0) <= (1 if K == 2 else 4) * d.max() * (1 + 1e-9)
    # where less is enough no row is measured whose own curvature shows it
    assert reach(1e9 * true) == 1e9 * true
    for share in (0.5, 0.9, 0.99):
        assert reach(share * true) >= true * (1 - 1e-9)


@pytest.mark.parametrize("K", [2, 3])
def test_along_null_directions_classes_that_hold_next_to_nothing_are_left_out(K):
    o, W, dense = posed(K)
    targets = np.zeros_like(dense.targets)
    targets[-1] = 1.0  # the last class in every row: of the others only their loss counts
    block = the_block(o)._replace(targets=targets)
    e = o.loss.expand(dense.z, targets)
    basis, off = np.random.default_rng(0).normal(size=(*W.shape, 2)), np.zeros(W.shape)
    basis -= basis.mean(axis=0) * (K > 2)
    held = dense.weights * (1 - dense.p if K == 2 else dense.p)
    least = np.median(held[0][held[0] > 0])
    (H,), _ = hessians.curvature_along(block, e, o.design, basis, off, least)
    moved = np.einsum("nj,kjm->knm", dense.A, basis)
    counted = (held > least) | ((targets > 0) & (K > 2))
    if K == 3:
        moved = moved - np.einsum("kn,knm->nm", dense.p, moved)
    weighted = dense.weights * np.where(counted, dense.p * (1 - dense.p if K == 2 else 1.0), 0.0)
    np.testing.assert_allclose(H, np.einsum("kn,kna,knb->ab", weighted, moved, moved), atol=1e-13)
    assert not counted[:, dense.weights > 0].all()


def test_a_change_that_rounding_makes_is_no_curvature():
    """Of equal columns the difference is nothing: with coefficients of 1e6 rounding makes 1e-9 of it."""
    o, W, dense = posed(2, fit_intercept=False, strength=0.0)
    block = the_block(o)
    block.X[:, 1] = block.X[:, 0] / o.design.scale[1] * o.design.scale[0]
    assert np.abs(o.design.matrix(block.X) @ [1e6, -1e6, 0, 0, 0]).max() > 1e-11
    basis = np.zeros((1, 5, 1))
    basis[0, :2, 0] = 1e6, -1e6
    e = o.loss.expand(dense.z, dense.targets)
    (H,), _ = hessians.curvature_along(block, e, o.design, basis, np.zeros(W.shape), 0.0)
    assert H.item() == 0.0
