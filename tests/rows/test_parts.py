"""Data that are not in memory as a whole: memory maps, pyarrow datasets, and Dask's threads."""

import json
import os
import pickle
import subprocess
import sys
import textwrap
from itertools import pairwise

import numpy as np
import pytest
import scipy.sparse as sp

from sklearn_xent import CrossEntropyClassifier
from sklearn_xent.rows import as_rows
from sklearn_xent.rows.parts import Part, PartedMatrix

TIGHT = 1e-20  # of the objective: coefficients are then right to about its square root


def softmax_rows(n=6000, d=5, K=2, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d)) * np.geomspace(0.1, 100, d) + 3
    z = (X - 3) / np.geomspace(0.1, 100, d) @ rng.standard_normal((d, K))
    return X, np.argmax(z + rng.gumbel(size=z.shape), axis=1)


class Chunks:
    """Gives rows in chunks and counts how often it was asked."""

    def __init__(self, X, size):
        self.X, self.size, self.readings = X, size, 0

    def __call__(self, columns):
        self.readings += 1
        for start in range(0, self.X.shape[0], self.size):
            chunk = self.X[start : start + self.size]
            yield chunk if columns is None else chunk[:, columns]


def parted(X, cuts, size):
    readers = [Chunks(part, size) for part in np.split(X, cuts)] if not sp.issparse(X) else None
    if readers is None:
        edges = [0, *cuts, X.shape[0]]
        readers = [Chunks(X[a:b], size) for a, b in pairwise(edges)]
    parts = [Part(r.X.shape[0], size, r, f"part {i}") for i, r in enumerate(readers)]
    n_bytes = 12.0 * X.nnz if sp.issparse(X) else 8.0 * X.size
    return PartedMatrix(parts, X.shape, X.dtype, n_bytes, sp.issparse(X)), readers


SOLVED = [
    {},
    {"l1_ratio": 0.5, "C": 0.01},
    {"solver": "lbfgs"},
    {"solver": "progressive"},
    {"solver": "truncated-newton"},
    {"solver": "orthant-newton", "l1_ratio": 0.5, "C": 0.01},
    {"solver": "accelerated-gradient"},
    {"solver": "row-space"},
    {"C": np.inf},
]


def problems():
    """Every way to solve, for two classes and three; what takes a thousand steps is slow."""
    for options in SOLVED:
        for K in (2, 3):
            slow = K == 3 and options.get("solver") == "orthant-newton"
            yield pytest.param(K, options, marks=[pytest.mark.slow] * slow, id=f"{options} {K}")


@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
@pytest.mark.parametrize(("K", "options"), problems())
@pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning"
)  # TIGHT is as far as rounding lets
def test_a_fit_of_parts_is_that_of_the_whole(monkeypatch, sparse, K, options):
    X, y = softmax_rows(K=K)
    if sparse:
        X = sp.csr_array(np.where(np.abs(X - 3) > np.geomspace(0.05, 50, 5), X, 0.0))
    matrix, readers = parted(X, [1500, 1600, 4000], 700)
    monkeypatch.setattr("sklearn_xent.intake.read.validated", lambda *_, **__: matrix)
    # the slower ones go the same way, step by step
    slow = options.get("solver") in ("accelerated-gradient", "orthant-newton", "lbfgs")
    tol = {"tol": 1e-6 if slow else TIGHT}
    model = CrossEntropyClassifier(**options, **tol).fit(X, y)
    monkeypatch.undo()
    whole = CrossEntropyClassifier(**options, **tol).fit(X, y)
    np.testing.assert_allclose(model.coef_, whole.coef_, rtol=1e-8, atol=1e-8 * np.abs(whole.coef_).max())
    # every part is read once in a pass, and no more; a stand-in serves where X is not looked at
    if not sparse:
        assert {r.readings for r in readers} <= set(range(int(model.history_["passes"][-1]) + 6))


def test_a_sweep_that_reads_no_X_reads_no_part():
    X, _ = softmax_rows(100)
    matrix, readers = parted(X, [40], 30)
    rows = as_rows(matrix, np.zeros((1, 100)), np.full(100, 0.01))

    def kernel(block, values):
        return (block.weights @ values[0],), ()

    (total,), _ = rows.sweep(kernel, rows.split(np.arange(100.0)[None]), reads=False)
    assert total == pytest.approx(49.5)
    assert [r.readings for r in readers] == [0, 0]
    assert rows.passes == 0


def test_a_sample_of_parts_is_that_of_the_whole():
    X, _ = softmax_rows(3000)
    matrix, _ = parted(X, [700, 701, 2500], 256)
    targets, weights = np.zeros((1, 3000)), np.full(3000, 1 / 3000)
    always = np.array([3, 2999])
    parts = as_rows(matrix, targets, weights).sample(200, np.random.RandomState(0), always)
    whole = as_rows(X, targets, weights).sample(200, np.random.RandomState(0), always)
    for mine, theirs in zip(
        parts.take(np.arange(parts.n_rows)), whole.take(np.arange(whole.n_rows)), strict=True
    ):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_memory_map_is_fitted_as_an_array(tmp_path, order):
    X, y = softmax_rows(40_000, 8)
    mapped = np.memmap(tmp_path / "X", dtype=np.float64, mode="w+", shape=X.shape, order=order)
    mapped[:] = X
    mapped.flush()
    again = np.memmap(tmp_path / "X", dtype=np.float64, mode="r", shape=X.shape, order=order)
    expected = CrossEntropyClassifier(tol=TIGHT).fit(X, y)
    model = CrossEntropyClassifier(tol=TIGHT).fit(again, y)
    np.testing.assert_allclose(model.coef_, expected.coef_, rtol=1e-8)


@pytest.fixture
def dataset(tmp_path):
    """A dataset of two Parquet files with several row groups, and what is in it."""
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    ds = pytest.importorskip("pyarrow.dataset")
    X, y = softmax_rows(9000)
    w = np.random.default_rng(1).random(9000)
    table = pa.table(
        {
            "a": X[:, 0],
            "label": np.array(["no", "yes"])[y],
            **{name: X[:, j] for j, name in enumerate("bcde", 1)},
            "w": w,
        }
    )
    pq.write_table(table[:5000], tmp_path / "0.parquet", row_group_size=1300)
    pq.write_table(table[5000:], tmp_path / "1.parquet", row_group_size=4000)
    return ds.dataset(tmp_path), X, np.array(["no", "yes"])[y], w


@pytest.mark.parametrize("chunk_bytes", [1 << 24, 8 * 5 * 999], ids=["whole groups", "slices"])
@pytest.mark.parametrize("options", [{}, {"l1_ratio": 1.0, "C": 0.01}], ids=str)
def test_parquet_files_are_fitted_as_the_array_in_them(monkeypatch, dataset, chunk_bytes, options):
    monkeypatch.setattr("sklearn_xent.rows.arrow.CHUNK_BYTES", chunk_bytes)
    data, X, y, w = dataset
    model = CrossEntropyClassifier(tol=TIGHT, **options).fit(data, "label", sample_weight="w")
    expected = CrossEntropyClassifier(tol=TIGHT, **options).fit(X, y, sample_weight=w)
    np.testing.assert_allclose(model.coef_, expected.coef_, rtol=1e-8, atol=1e-12)
    assert model.feature_names_in_.tolist() == ["a", "b", "c", "d", "e"]
    assert model.classes_.tolist() == ["no", "yes"]
    np.testing.assert_allclose(model.predict_proba(data), expected.predict_proba(X), atol=1e-9)
    assert model.predict(data).tolist() == expected.predict(X).tolist()


def test_labels_of_parquet_rows_may_be_an_array(dataset):
    data, X, y, _ = dataset
    features = data.to_table(columns=["a", "b"])
    import pyarrow.dataset as ds

    model = CrossEntropyClassifier(tol=TIGHT).fit(ds.dataset(features), y)
    expected = CrossEntropyClassifier(tol=TIGHT).fit(X[:, :2], y)
    np.testing.assert_allclose(model.coef_, expected.coef_, rtol=1e-8)


def test_what_is_wrong_with_a_dataset_is_named(dataset, tmp_path):
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    ds = pytest.importorskip("pyarrow.dataset")
    data, X, _, _ = dataset
    model = CrossEntropyClassifier()
    with pytest.raises(ValueError, match="no column 'target'"):
        model.fit(ds.dataset(data.to_table(columns=["a", "w"])), "target")
    with pytest.raises(ValueError, match="column 'label' of X holds string"):
        model.fit(data, "w")
    X = X.copy()
    X[7000, 2] = np.nan
    table = pa.table({name: X[:, j] for j, name in enumerate("abcde")} | {"y": np.arange(9000) % 2})
    pq.write_table(table, tmp_path / "nan.parquet", row_group_size=2000)
    with pytest.raises(
        ValueError, match=r"NaN or infinity in column 'c', first in .*nan.parquet, row group 3"
    ):
        model.fit(ds.dataset(tmp_path / "nan.parquet"), "y")
    pq.write_table(table[:0], tmp_path / "empty.parquet")
    with pytest.raises(ValueError, match=r"no rows: .*empty.parquet"):
        model.fit(ds.dataset(tmp_path / "empty.parquet"), "y")
    assert not hasattr(model, "coef_")
    model.fit(data, "label", sample_weight="w")
    with pytest.raises(ValueError, match="no column 'c'"):
        model.predict(ds.dataset(data.to_table(columns=["a", "b"])))


def test_integers_floats_and_nulls_in_a_dataset(tmp_path):
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    ds = pytest.importorskip("pyarrow.dataset")
    rng = np.random.default_rng(0)
    columns = {
        "f": rng.standard_normal(500).astype(np.float32),
        "i": rng.integers(0, 9, 500).astype(np.int16),
        "b": rng.random(500) < 0.5,
    }
    y = np.arange(500) % 2
    pq.write_table(pa.table(columns | {"y": y}), tmp_path / "t.parquet")
    model = CrossEntropyClassifier(tol=TIGHT).fit(ds.dataset(tmp_path / "t.parquet"), "y")
    expected = CrossEntropyClassifier(tol=TIGHT).fit(np.column_stack([*columns.values()]).astype(float), y)
    np.testing.assert_allclose(model.coef_, expected.coef_, rtol=1e-7)
    holed = pa.table({"i": pa.array([1, None, 3, 4]), "y": [0, 1, 0, 1]})
    with pytest.raises(ValueError, match="NaN or infinity in column 'i'"):
        CrossEntropyClassifier().fit(ds.dataset(holed), "y")


LIMITED = """
    import json, resource, sys
    import numpy as np
    from pathlib import Path
    from sklearn_xent import CrossEntropyClassifier

    kind, folder = sys.argv[1:]
    model = CrossEntropyClassifier().fit(np.random.default_rng(0).random((9, 2)), np.arange(9) % 2)
    if kind == "parquet":
        import pyarrow.dataset as ds
        ds.dataset(folder + "/tiny.parquet").to_table()
        X, y = ds.dataset(folder + "/X.parquet"), "y"
    else:
        X, y = np.load(folder + "/X.npy", mmap_mode="r"), np.load(folder + "/y.npy")
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    limit = taken + (280 << 20)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    try:
        np.ones(90_000_000)
    except MemoryError:
        refused = True
    model.fit(X, y)
    passes = model.history_["passes"][-1]
    print(json.dumps({"coef": model.coef_.tolist(), "passes": passes, "refused": refused}))
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="RLIMIT_AS and /proc are Linux's")
@pytest.mark.parametrize("kind", ["memmap", "parquet"])
def test_a_file_larger_than_the_memory_allowed_is_fitted(tmp_path, kind):
    """720 MB of rows where 280 MB may be allocated; a copy of the rows is seen to be refused."""
    X, y = softmax_rows(900_000, 100)
    if kind == "parquet":
        pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        table = pa.table({f"x{j:03d}": X[:, j] for j in range(100)} | {"y": y.astype(np.int8)})
        pq.write_table(table, tmp_path / "X.parquet", row_group_size=10_000)
        pq.write_table(table[:10], tmp_path / "tiny.parquet")
    else:
        np.save(tmp_path / "X.npy", X)
        np.save(tmp_path / "y.npy", y)
    # allocators that reserve address space they never use would be refused it
    frugal = {"ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "2", "OMP_NUM_THREADS": "2"}
    command = [sys.executable, "-c", textwrap.dedent(LIMITED), kind, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | frugal, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["refused"]
    assert found["passes"] < 12
    expected = CrossEntropyClassifier().fit(X, y)
    np.testing.assert_allclose(found["coef"], expected.coef_, rtol=1e-4, atol=1e-6)


def test_a_parted_matrix_can_be_pickled(dataset):
    from sklearn_xent.rows.arrow import matrix_of, numeric_columns

    data, X, _, _ = dataset
    matrix = pickle.loads(pickle.dumps(matrix_of(numeric_columns(data, ["label", "w"]))))
    first = next(matrix.parts[0].read(np.array([1])))
    np.testing.assert_array_equal(first[:, 0], X[:1300, 1])
