"""Datasets of pyarrow as X: chunks of any size hold the rows in order, whatever the format of the files."""

import datetime

import numpy as np
import pytest

from sklearn_xent.rows import arrow
from sklearn_xent.rows.arrow import DatasetColumns, column_of, is_dataset, matrix_of, numeric_columns

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")
ds = pytest.importorskip("pyarrow.dataset")
csv = pytest.importorskip("pyarrow.csv")

N = 250
RNG = np.random.default_rng(0)
COLUMNS = {
    "a": RNG.normal(size=N),
    "b": (RNG.integers(-99, 99, N) / 8).astype(np.float32),
    "c": RNG.integers(-9, 9, N),
    "d": RNG.random(N) < 0.5,
}
X = np.column_stack([np.asarray(v, float) for v in COLUMNS.values()])
TABLE = pa.table(COLUMNS | {"y": np.array(["no", "yes"])[RNG.integers(0, 2, N)]})


def in_memory(folder):
    return ds.dataset(TABLE)


def in_parquet(folder):
    pq.write_table(TABLE[:100], folder / "0.parquet", row_group_size=33)
    pq.write_table(TABLE[100:], folder / "1.parquet", row_group_size=70)
    return ds.dataset(folder)


def in_csv(folder):
    for i, part in enumerate((TABLE[:100], TABLE[100:])):
        csv.write_csv(part, folder / f"{i}.csv")
    # in blocks of some 40 rows, of which chunks are put together
    options = ds.CsvFragmentScanOptions(read_options=csv.ReadOptions(block_size=1500))
    return ds.dataset(folder, format=ds.CsvFileFormat(default_fragment_scan_options=options))


FORMATS = pytest.mark.parametrize("write", [in_memory, in_parquet, in_csv])


def read(matrix, columns=None):
    return [list(part.read(columns)) for part in matrix.parts]


def whole(parts):
    return np.concatenate([chunk for part in parts for chunk in part])


@pytest.mark.parametrize("rows", [7, 60, 10**6])
@FORMATS
def test_chunks_hold_the_rows_in_their_order(monkeypatch, tmp_path, write, rows):
    monkeypatch.setattr(arrow, "CHUNK_BYTES", rows * 8 * 4)
    matrix = matrix_of(numeric_columns(write(tmp_path), ["y"]))
    assert matrix.shape == (N, 4)
    assert matrix.bytes == 8 * N * 4
    assert not matrix.sparse
    assert matrix.dtype == np.float64
    chunks = read(matrix)
    for part, found in zip(matrix.parts, chunks, strict=True):
        sizes = [len(chunk) for chunk in found]
        assert sum(sizes) == part.n_rows
        assert set(sizes[:-1]) <= {rows}  # as the part says, so that targets are cut alike
        assert sizes[-1] <= rows == part.chunk
    np.testing.assert_allclose(whole(chunks), X, rtol=1e-15)
    # some columns in another order
    some = np.array([3, 0])
    np.testing.assert_allclose(whole(read(matrix, some)), X[:, some], rtol=1e-15)


def test_parts_are_row_groups_and_say_where_they_are(tmp_path):
    matrix = matrix_of(numeric_columns(in_parquet(tmp_path), ["y"]))
    assert [part.n_rows for part in matrix.parts] == [33, 33, 33, 1, 70, 70, 10]
    assert matrix.parts[4].name.endswith("1.parquet, row group 0")
    (one,) = matrix_of(numeric_columns(ds.dataset(TABLE), ["y"])).parts
    assert one.name == "a table"


def test_it_is_single_precision_only_where_every_column_is():
    for names, dtype in ((["b"], np.float32), (["b", "c"], np.float64), (["a", "b"], np.float64)):
        matrix = matrix_of(DatasetColumns(ds.dataset(TABLE), names))
        assert matrix.dtype == dtype
        ((chunk,),) = read(matrix)
        assert chunk.dtype == dtype
        np.testing.assert_array_equal(chunk, X[:, ["abcd".index(name) for name in names]])


def test_a_file_may_hold_another_type_of_number_than_the_dataset(tmp_path):
    pq.write_table(pa.table({"a": np.arange(3)}), tmp_path / "0.parquet")
    pq.write_table(pa.table({"a": [0.5, 1.5]}), tmp_path / "1.parquet")
    data = ds.dataset(tmp_path)
    matrix = matrix_of(DatasetColumns(data, ["a"]))
    assert whole(read(matrix)).ravel().tolist() == [0, 1, 2, 0.5, 1.5]


def test_missing_numbers_become_nan():
    holed = ds.dataset(pa.table({"a": pa.array([1.0, None, 3.0]), "d": pa.array([True, None, False])}))
    ((chunk,),) = read(matrix_of(DatasetColumns(holed, ["a", "d"])))
    np.testing.assert_array_equal(chunk, [[1, 1], [np.nan, np.nan], [3, 0]])


@FORMATS
def test_one_column_of_all_rows(tmp_path, write):
    data = write(tmp_path)
    np.testing.assert_array_equal(column_of(data, "y"), TABLE["y"].to_numpy())
    np.testing.assert_allclose(column_of(data, "a", numbers=True), COLUMNS["a"], rtol=1e-15)
    assert column_of(data, "c").dtype == np.int64  # labels stay what they are
    with pytest.raises(ValueError, match="column 'y' holds string, not numbers"):
        column_of(data, "y", numbers=True)
    with pytest.raises(ValueError, match=r"no column 'z'; it has \['a', 'b', 'c', 'd', 'y'\]"):
        column_of(data, "z")


def test_a_column_of_a_dictionary_or_of_no_rows():
    coded = ds.dataset(pa.table({"y": TABLE["y"].dictionary_encode()}))
    np.testing.assert_array_equal(column_of(coded, "y"), TABLE["y"].to_numpy())
    assert len(column_of(ds.dataset(TABLE[:0]), "a")) == 0
    with pytest.raises(ValueError, match="the dataset X has no rows"):
        matrix_of(numeric_columns(ds.dataset(TABLE[:0]), ["y"]))


@pytest.mark.parametrize(
    ("values", "kind"),
    [(["x", "y"], "string"), ([datetime.date(2020, 1, 1)] * 2, "date32"), ([[1.0], [2.0]], "list")],
)
def test_what_holds_no_numbers_is_named(values, kind):
    data = ds.dataset(pa.table({"a": [1.0, 2.0], "other": pa.array(values)}))
    with pytest.raises(ValueError, match=rf"column 'other' of X holds {kind}.*, not numbers; encode it or"):
        numeric_columns(data, [])
    assert numeric_columns(data, ["other"]).names == ["a"]
    with pytest.raises(ValueError, match=r"no columns of numbers: the dataset has \['a', 'other'\]"):
        numeric_columns(data, ["a", "other"])
    with pytest.raises(ValueError, match="X has no column 'gone', which was there in fit"):
        matrix_of(DatasetColumns(data, ["a", "gone"]))


def test_a_dataset_is_known_by_its_type():
    assert is_dataset(ds.dataset(TABLE))
    assert not is_dataset(TABLE)

    class Dataset:
        """Of the same name, and of another library."""

    assert not is_dataset(Dataset())
