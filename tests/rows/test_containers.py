"""Rows of any kind and layout: the fit of a plain float64 array, without a copy of X where it is usable."""

import tracemalloc

import numpy as np
import pytest
import scipy.sparse as sp

from sklearn_xent import CrossEntropyClassifier
from sklearn_xent.problem.design import Design
from sklearn_xent.rows import as_rows
from sklearn_xent.rows.blocks import spread_rows
from tests.problems import overlapping

X, Y = overlapping(n=100, d=4)
X = np.round(X * 4) / 4  # exact in float16 and float32
X[np.abs(X) < 0.5] = 0.0
EXPECTED = CrossEntropyClassifier().fit(X, Y)


def read_only(X):
    X = X.copy()
    X.setflags(write=False)
    return X


def in_parts(X):
    """CSR with every entry stored as two halves, columns unsorted, and an explicit zero."""
    rows, columns = np.nonzero(X)
    values = X[rows, columns]
    indices, data, indptr = [], [], [0]
    for i in range(len(X)):
        mine = columns[rows == i][::-1]
        indices += [*mine, *mine, 0]
        data += [*(values[rows == i][::-1] / 2)] * 2 + [0.0]
        indptr.append(len(indices))
    return sp.csr_matrix((data, indices, indptr), shape=X.shape)


KINDS = {
    "read-only": read_only,
    "Fortran": np.asfortranarray,
    "strided": lambda X: np.repeat(np.repeat(X, 2, axis=0), 3, axis=1)[::2, ::3],
    "reversed": lambda X: X[:, ::-1][:, ::-1],
    "big-endian": lambda X: X.astype(">f8"),
    "float16": lambda X: X.astype(np.float16),
    "float32": lambda X: X.astype(np.float32),
    "list": lambda X: X.tolist(),
    "csr_matrix": sp.csr_matrix,
    "csc_array": sp.csc_array,
    "coo_array": sp.coo_array,
    "lil_matrix": sp.lil_matrix,
    "float32 csr": lambda X: sp.csr_array(X.astype(np.float32)),
    "int64 indices": lambda X: _wide_indices(sp.csr_array(X)),
    "duplicates": in_parts,
}


def _wide_indices(A):
    return sp.csr_array((A.data, A.indices.astype(np.int64), A.indptr.astype(np.int64)), shape=A.shape)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("l1_ratio", [0.0, 1.0])
def test_kind_of_rows_does_not_matter(kind, l1_ratio):
    Z = KINDS[kind](X)
    model = CrossEntropyClassifier(l1_ratio=l1_ratio).fit(Z, Y)
    expected = EXPECTED if not l1_ratio else CrossEntropyClassifier(l1_ratio=1.0).fit(X, Y)
    np.testing.assert_allclose(model.coef_, expected.coef_, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(model.predict_proba(Z), expected.predict_proba(X), rtol=1e-9)


def test_integers_and_booleans_are_numbers():
    Z = (X > 0).astype(int) * 3
    expected = CrossEntropyClassifier().fit(Z.astype(float), Y).coef_
    np.testing.assert_allclose(CrossEntropyClassifier().fit(Z, Y).coef_, expected)
    np.testing.assert_allclose(
        CrossEntropyClassifier().fit(Z > 0, Y).coef_,
        3 * CrossEntropyClassifier(C=1 / 9).fit(Z.astype(float), Y).coef_,
        rtol=1e-8,
    )


def test_memory_mapped(tmp_path):
    Z = np.memmap(tmp_path / "X", dtype=np.float64, mode="w+", shape=X.shape)
    Z[:] = X
    Z.flush()
    Z = np.memmap(tmp_path / "X", dtype=np.float64, mode="r", shape=X.shape)
    np.testing.assert_allclose(CrossEntropyClassifier().fit(Z, Y).coef_, EXPECTED.coef_)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("container", [np.asarray, sp.csr_array, np.float32])
def test_what_is_not_finite_is_named(bad, container):
    Z = X.copy()
    Z[7, 2] = bad
    with pytest.raises(ValueError, match="Input X contains NaN or infinity in column 2"):
        CrossEntropyClassifier().fit(container(Z), Y, sample_weight=np.arange(len(Y)) != 7)
    with pytest.raises(ValueError, match="X contains"):
        EXPECTED.predict(container(Z))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("order", ["C", "F"])
def test_tall_rows_are_not_copied(dtype, order):
    rng = np.random.default_rng(0)
    Z = np.asarray(rng.normal(size=(400_000, 40)), dtype=dtype, order=order)
    y = (Z[:, 0] + rng.normal(size=len(Z)) > 0).astype(int)
    tracemalloc.start()
    CrossEntropyClassifier().fit(Z, y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    blocks_and_rows = 60e6  # the buffers of two threads, and a few numbers for each row
    assert peak < blocks_and_rows + 0.15 * Z.nbytes


@pytest.mark.parametrize("container", [np.asarray, sp.csr_array])
def test_threads_change_nothing(monkeypatch, container):
    rng = np.random.default_rng(0)
    Z = container(rng.normal(size=(60_000, 20)))
    y = rng.integers(0, 2, 60_000)
    fits = []
    for cores in (1, 2, 3):
        monkeypatch.setattr("sklearn_xent.rows.threads.usable_cores", lambda cores=cores: cores)
        fits.append(CrossEntropyClassifier(solver="lbfgs").fit(Z, y))
    for fitted in fits[1:]:
        np.testing.assert_array_equal(fitted.coef_, fits[0].coef_)


def test_a_sample_is_spread_over_all_rows():
    assert (spread_rows(5, 2, np.random.RandomState(0)) == np.arange(5)).all()
    rows = spread_rows(10_000, 1000, np.random.RandomState(0))
    assert 900 <= len(rows) <= 1000
    assert len(np.unique(rows)) == len(rows)
    assert np.histogram(rows, bins=10, range=(0, 10_000))[0].min() >= 50


@pytest.mark.parametrize("container", [np.asarray, sp.csr_array, sp.csc_array])
def test_blocks_hold_every_row_once(monkeypatch, container):
    monkeypatch.setattr("sklearn_xent.rows.blocks.BLOCK_BYTES", 500)
    rows = as_rows(container(X), np.ones((1, 100)), np.full(100, 0.01))
    (total, mass), (sizes,) = rows.sweep(lambda b: ((b.X.sum(), b.weights.sum()), (b.X.shape[0],)))
    assert total == pytest.approx(X.sum())
    assert mass == pytest.approx(1.0)
    assert sum(sizes) == 100
    assert rows.passes == 1


@pytest.mark.parametrize("density", [0.02, 0.3, 1.0])
@pytest.mark.parametrize("centred", [False, True])
def test_the_gram_matrix_of_sparse_rows_is_that_of_dense_ones(density, centred):
    rng = np.random.default_rng(0)
    X = np.where(rng.random((500, 40)) < density, rng.normal(size=(500, 40)), 0.0)
    shift, scale = (rng.normal(size=40) if centred else np.zeros(40)), rng.random(40) + 0.5
    h = rng.normal(size=500)
    design = Design(shift, scale, np.ones(40), True)
    np.testing.assert_allclose(design.gram(sp.csr_array(X), h), design.gram(X, h), atol=1e-11)


def test_a_large_sparse_matrix_that_is_full_is_taken_as_dense_rows():
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(4000, 300))
    y = (Z[:, 0] + rng.normal(size=4000) > 0).astype(int)
    targets, weights = y[None, :].astype(float), np.full(4000, 1 / 4000)
    for kind in (sp.csr_array, sp.csc_array):
        assert not as_rows(kind(Z), targets, weights).sparse
        assert as_rows(kind(Z[:100]), targets[:, :100], weights[:100]).sparse
        assert as_rows(kind(np.where(Z > 0, Z, 0.0)), targets, weights).sparse
        for l1_ratio in (0.0, 1.0):
            fits = [CrossEntropyClassifier(C=0.1, l1_ratio=l1_ratio).fit(A, y) for A in (Z, kind(Z))]
            np.testing.assert_allclose(fits[0].coef_, fits[1].coef_, rtol=1e-9, atol=1e-12)
