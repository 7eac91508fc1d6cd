"""What is computed from entries: the same for every container, as plain numpy has it."""

import numpy as np
import pytest
import scipy.sparse as sp

from sklearn_xent.rows import entries
from sklearn_xent.rows.array_api import DeviceBlock, Placement
from tests.rows.test_containers import in_parts

RNG = np.random.default_rng(0)
N, D = 40, 5
X = np.round(np.where(RNG.random((N, D)) < 0.5, 0.0, RNG.normal(size=(N, D))) * 8) / 8
W = np.arange(N) % 4 / 60  # some rows without weight


def on_a_device(X):
    xp = pytest.importorskip("array_api_strict")
    X = xp.asarray(X)
    return DeviceBlock(X, Placement(X))


def with_stored_zeros(kind):
    def make(X):
        A = kind(np.where(X == 0, 99.0, X))
        A.data[A.data == 99.0] = 0.0
        return A

    return make


PLAIN = {
    "C": np.ascontiguousarray,
    "F": np.asfortranarray,
    "float32": lambda X: X.astype(np.float32),
    "csr": sp.csr_array,
    "csc": sp.csc_matrix,
    "stored zeros": with_stored_zeros(sp.csr_array),
}
EVERY = pytest.mark.parametrize("make", [*PLAIN.values(), on_a_device], ids=[*PLAIN, "device"])
AT_HAND = pytest.mark.parametrize("make", PLAIN.values(), ids=PLAIN)
SHIFT, SCALE = np.array([0.5, 0, -1, 2, 0]), np.array([1.0, 2, 0.5, 1, 0])


@EVERY
def test_products(make):
    V, R = np.random.default_rng(1).normal(size=(3, D)), np.random.default_rng(2).normal(size=(3, N))
    tol = {"atol": 1e-5 if make is PLAIN["float32"] else 1e-13}
    Z = entries.right_product(V, make(X))
    np.testing.assert_allclose(Z, V @ X.T, **tol)
    assert Z.dtype == np.float64
    assert Z.flags.c_contiguous
    G = entries.left_product(R, make(X))
    np.testing.assert_allclose(G, R @ X, **tol)
    assert G.dtype == np.float64


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("size", [40, 601, 650, 1234, 5003])
@pytest.mark.parametrize("K", [1, 3])
def test_products_of_a_long_inner_dimension_are_cut_without_a_loss(K, size, order):
    """Stacks of shorter products, and what is left over."""
    rng = np.random.default_rng(size)
    long, V = np.asarray(rng.normal(size=(7, size)), order=order), rng.normal(size=(K, size))
    np.testing.assert_allclose(entries.right_product(V, long), V @ long.T, atol=1e-11)
    tall = np.asarray(long.T, order=order)
    np.testing.assert_allclose(entries.left_product(V, tall), V @ tall, atol=1e-11)


@EVERY
def test_squares(make):
    h = np.random.default_rng(1).normal(size=(2, N))
    np.testing.assert_allclose(entries.weighted_squares(W, make(X)), W @ X**2, rtol=1e-6)
    np.testing.assert_allclose(
        entries.weighted_squares(np.full(N, 0.3), make(X)), 0.3 * (X**2).sum(axis=0), rtol=1e-6
    )
    tol = 1e-4 if make is PLAIN["float32"] else 1e-12
    np.testing.assert_allclose(entries.squares(h, make(X), SHIFT), h @ (X - SHIFT) ** 2, atol=tol)
    assert entries.weighted_squares(W[:0], make(X[:0])).tolist() == [0.0] * D


@pytest.mark.parametrize("last", [0.0, 1.0])
@pytest.mark.parametrize("density", [0.02, 0.5])
@EVERY
def test_gram_matrices(monkeypatch, make, density, last):
    monkeypatch.setattr(entries, "CACHED", 4)  # slices of 12 rows
    Z = np.where(np.random.default_rng(3).random((N, D)) < density, X + 1.0, 0.0)
    h = np.random.default_rng(1).normal(size=N)
    A = np.column_stack([(Z - SHIFT) * SCALE, np.full(N, last)])
    G = entries.gram(make(Z), h, SHIFT, SCALE, last)
    if sp.issparse(make(Z)) or make is on_a_device:
        np.testing.assert_allclose(G, A.T @ (A * h[:, None]), atol=1e-12)
    else:
        assert G is None
        np.testing.assert_allclose(entries.design_matrix(make(Z), SHIFT, SCALE, last), A, atol=1e-6)


@EVERY
def test_an_array_of_them(make):
    block = make(X)
    np.testing.assert_array_equal(entries.dense(block), X)
    np.testing.assert_array_equal(entries.rows_of(block, slice(3, 9)), X[3:9])
    np.testing.assert_array_equal(entries.rows_of(block, slice(35, 99), np.array([3, 0])), X[35:, [3, 0]])
    assert entries.is_at_hand(block) == (make is not on_a_device)
    assert entries.is_whole(block) == (not sp.issparse(block))
    array = entries.array_of(block)
    if sp.issparse(block):
        assert array is None
        np.testing.assert_array_equal(entries.array_of(block, at_most=N * D), X)
        assert entries.array_of(block, at_most=N * D - 1) is None
    else:
        assert (array is None) == (make is on_a_device)


@pytest.mark.parametrize("make", [PLAIN["C"], PLAIN["float32"], PLAIN["csr"], PLAIN["csc"]])
def test_distances_are_no_less_than_those_from_the_shift(make):
    sizes, more = entries.distances(make(X), SHIFT)
    bound = entries.dense(sizes) + more
    assert (bound >= np.abs(X - SHIFT) * (1 - 1e-6)).all()
    assert (bound <= np.abs(X) + np.abs(SHIFT) + 1e-6).all()
    if not sp.issparse(make(X)):
        np.testing.assert_allclose(bound, np.abs(X - SHIFT), atol=1e-6)


@EVERY
def test_centred_sums(make):
    mean, unit = SHIFT + 0.25, np.array([1.0, 2, 3, 4, 5])
    U = (X - mean) / unit
    first, second = entries.centred_sums(W, make(X), mean, unit)
    np.testing.assert_allclose(first, W @ U, atol=1e-15)
    np.testing.assert_allclose(second, W @ U**2, rtol=1e-12)


@pytest.mark.parametrize("make", [PLAIN["C"], PLAIN["csr"], PLAIN["csc"]])
def test_centred_sums_leave_out_what_has_no_weight_and_rows_that_do_not_exist(make):
    far = X.copy()
    far[0] = 1e200  # no weight: its square, which is infinite, counts for nothing
    assert W[0] == 0
    first, second = entries.centred_sums(W, make(far), np.zeros(D), np.ones(D))
    np.testing.assert_allclose(first, W @ X, atol=1e-15)
    np.testing.assert_allclose(second, W @ X**2, rtol=1e-12)
    # every row has an entry: the weight of those without one is a difference that rounding leaves
    full = np.full((N, 1), 1.0)
    for seed in range(10):
        w = np.random.default_rng(seed).random(N)
        _, second = entries.centred_sums(w, make(full), np.array([1.0]), np.array([1e-12]))
        assert second[0] == 0.0
    w = np.full(N, 0.1)
    # one row has none, of a weight that is lost in the sum of the others
    full[3], w[3] = 0.0, 1e-20
    _, second = entries.centred_sums(w, make(full), np.array([1.0]), np.array([1.0]))
    assert second[0] == pytest.approx(1e-20, rel=1e-12, abs=0.0)


@EVERY
def test_entries_that_a_test_marks(make):
    counts, rows = entries.marked(make(X), lambda x: x > 0.5)
    np.testing.assert_array_equal(counts, (X > 0.5).sum(axis=0))
    np.testing.assert_array_equal(rows, (X > 0.5).any(axis=1))
    assert rows.dtype == bool


@EVERY
def test_largest_sizes_are_those_of_some_rows(make):
    rows = np.arange(N) % 3 == 0
    np.testing.assert_array_equal(entries.largest_sizes(make(X), rows), np.abs(X[rows]).max(axis=0))
    np.testing.assert_array_equal(entries.largest_sizes(make(X), np.zeros(N, bool)), np.zeros(D))


@AT_HAND
def test_what_is_not_zero(make):
    np.testing.assert_array_equal(entries.nonzero_counts(make(X)), np.count_nonzero(X, axis=0))
    for columns in ([0, 3], [], range(D)):
        mask = np.isin(np.arange(D), columns)
        np.testing.assert_array_equal(entries.rows_with(make(X), mask), (X[:, mask] != 0).any(axis=1))
    if not sp.issparse(make(X)):  # of a design matrix
        zero = np.array([0.5, 0, 0, 1, 0])
        np.testing.assert_array_equal(entries.nonzero_counts(make(X), zero), (zero != X).sum(axis=0))
        mask = np.array([True, False, False, True, False])
        np.testing.assert_array_equal(
            entries.rows_with(make(X), mask, zero), (zero != X)[:, mask].any(axis=1)
        )


def test_entries_of_opposite_sign_do_not_hide_each_other():
    one = sp.csr_array(np.array([[1.0, -1.0], [0.0, 0.0]]))
    assert entries.rows_with(one, np.array([True, True])).tolist() == [True, False]


@pytest.mark.parametrize("kind", [sp.csr_array, sp.csc_array, sp.csr_matrix, sp.csc_matrix])
def test_other_entries_in_the_same_pattern_share_it(kind):
    A = kind(X)
    B = entries.with_entries(A, A.data**2)
    np.testing.assert_array_equal(B.toarray(), X**2)
    assert B.indices is A.indices
    np.testing.assert_array_equal(A.toarray(), X)


def test_entries_in_parts_add_up_in_products():
    A = in_parts(X)
    V = np.random.default_rng(1).normal(size=(2, D))
    np.testing.assert_allclose(entries.right_product(V, A), V @ X.T, atol=1e-13)
    np.testing.assert_allclose(entries.left_product(V[:, :1] * np.ones(N), A), V[:, :1] * X.sum(axis=0))
