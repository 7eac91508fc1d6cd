"""Files that are damaged, gone, or not what the dataset says: the error names file, row group and column."""

import numpy as np
import pytest

from sklearn_xent import CrossEntropyClassifier

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")
ds = pytest.importorskip("pyarrow.dataset")

ROWS, GROUP = 600, 100  # six row groups in two files


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    label = np.where(rng.random(ROWS) < 0.5, "no", "yes")
    return pa.table(
        {"a": rng.standard_normal(ROWS), "b": rng.standard_normal(ROWS), "y": label, "w": rng.random(ROWS)}
    )


@pytest.fixture
def write(tmp_path):
    def write(first, second=None, **options):
        half = len(first) // 2
        parts = (first[:half], first[half:]) if second is None else (first, second)
        for i, part in enumerate(parts):
            pq.write_table(part, tmp_path / f"{i}.parquet", row_group_size=GROUP, **options)
        return ds.dataset(tmp_path)

    return write


def fit(dataset):
    return CrossEntropyClassifier().fit(dataset, "y", sample_weight="w")


def with_null(table, name, row, dtype=None):
    values = table[name].to_pylist()
    values[row] = None
    return table.set_column(table.schema.names.index(name), name, pa.array(values, dtype))


def test_a_file_that_is_gone_or_cut_short_is_named(table, write, tmp_path):
    data = write(table)
    model = fit(data)
    features = data.replace_schema(pa.schema([("a", pa.float64()), ("b", pa.float64())]))
    second = tmp_path / "1.parquet"
    whole = second.read_bytes()
    second.unlink()
    for call in (lambda: fit(data), lambda: model.predict(features)):
        with pytest.raises(ValueError, match=r"1\.parquet.* cannot be read"):
            call()
    for left in (whole[: len(whole) // 2], b""):
        second.write_bytes(left)
        with pytest.raises(ValueError, match=r"1\.parquet.* cannot be read"):
            fit(data)


@pytest.mark.parametrize("column", ["a", "b", "y", "w"])
def test_a_page_that_fails_its_checksum_is_named(table, write, tmp_path, column):
    write(table, write_page_checksum=True, use_dictionary=["y"])
    path = tmp_path / "1.parquet"
    group = pq.ParquetFile(path).metadata.row_group(2)
    chunk = group.column(table.schema.names.index(column))
    damaged = bytearray(path.read_bytes())
    damaged[chunk.data_page_offset + chunk.total_compressed_size // 2] ^= 1
    path.write_bytes(bytes(damaged))
    with pytest.raises(ValueError, match=rf"1\.parquet, row group 2, column '{column}' cannot be read"):
        fit(ds.dataset(tmp_path))


@pytest.mark.parametrize(("value", "message"), [(1e300, "values beyond"), (np.inf, "NaN or infinity")])
def test_a_value_out_of_range_is_placed(table, write, value, message):
    column = table["b"].to_numpy().copy()
    column[450] = value
    data = write(table.set_column(1, "b", pa.array(column)))
    with pytest.raises(ValueError, match=rf"{message}.* in column 'b', first in .*1\.parquet, row group 1"):
        fit(data)


@pytest.mark.parametrize("name", ["y", "w"])
def test_a_label_or_weight_that_is_missing_is_placed(table, write, name):
    with pytest.raises(ValueError, match=rf"column '{name}' has rows without .*1\.parquet, row group 1"):
        fit(write(with_null(table, name, 450)))
    numbers = table.set_column(2, "y", pa.array(np.arange(ROWS) % 2))
    with pytest.raises(ValueError, match=rf"column '{name}' has rows without .*0\.parquet, row group 0"):
        fit(write(with_null(numbers, name, 1)))


def test_a_missing_feature_is_placed_whatever_its_type(table, write):
    truth = table.set_column(0, "a", pa.array(np.arange(ROWS) % 3 == 0))
    for data in (table, truth):
        with pytest.raises(ValueError, match=r"NaN or infinity in column 'a', first in .*1\.parquet, row gr"):
            fit(write(with_null(data, "a", 450)))


def test_a_name_that_two_columns_have_is_refused(table, write, tmp_path):
    model = fit(write(table))
    twice = table.append_column("a", table["b"])
    for call in (lambda: fit(ds.dataset(twice)), lambda: model.predict(ds.dataset(twice))):
        with pytest.raises(ValueError, match="2 columns named 'a'"):
            call()
    with pytest.raises(ValueError, match="2 columns named 'y'"):
        fit(ds.dataset(table.append_column("y", table["y"])))
    pq.write_table(twice, tmp_path / "0.parquet")
    with pytest.raises(ValueError, match=r"0\.parquet has two columns named 'a'"):
        fit(ds.dataset(tmp_path, schema=table.schema))


def test_a_file_whose_columns_differ_is_named(table, write):
    first, second = table[:300], table[300:]
    for name in ("a", "y"):
        with pytest.raises(ValueError, match=rf"1\.parquet has no column '{name}'"):
            fit(write(first, second.drop_columns([name])))
    with pytest.raises(ValueError, match=r"column 'a' .* string, not numbers, in .*1\.parquet, row group 0"):
        fit(write(first, second.set_column(0, "a", second["y"])))
    with pytest.raises(ValueError, match=r"1\.parquet, row group 0, column 'w' cannot be read: .*'(yes|no)'"):
        fit(write(first, second.set_column(3, "w", second["y"])))
    with pytest.raises(ValueError, match="column 'w' holds string, not numbers"):
        fit(write(table.set_column(3, "w", table["y"])))
    with pytest.raises(ValueError, match="no columns of numbers"):
        CrossEntropyClassifier().fit(write(table.select(["y"])), "y")


def test_folders_may_hold_a_column(table, tmp_path):
    """A partition's value is in no file."""
    coded = table.append_column("c", pa.array(np.arange(ROWS) % 2))
    ds.write_dataset(coded, tmp_path, format="parquet", partitioning=["c"], partitioning_flavor="hive")
    data = ds.dataset(tmp_path, partitioning="hive")
    order = np.argsort(np.arange(ROWS) % 2, kind="stable")
    rows = table.take(order)
    X = np.column_stack([rows["a"], rows["b"], np.sort(np.arange(ROWS) % 2)])
    expected = CrossEntropyClassifier(tol=1e-20).fit(X, rows["y"], sample_weight=rows["w"])
    model = CrossEntropyClassifier(tol=1e-20).fit(data, "y", sample_weight="w")
    assert model.feature_names_in_.tolist() == ["a", "b", "c"]
    np.testing.assert_allclose(model.coef_, expected.coef_, rtol=1e-6)


def test_a_file_whose_rows_have_become_more_or_fewer_is_named(table, write, tmp_path):
    from sklearn_xent.rows.arrow import matrix_of, numeric_columns

    for change in (slice(0, 250), slice(0, 300)):
        data = write(table)
        matrix = matrix_of(numeric_columns(data, ["y", "w"]))
        # the last group of the file, of another length than it had
        grown = table[change] if change.stop < 300 else pa.concat_tables([table[:300], table[:40]])
        pq.write_table(grown, tmp_path / "0.parquet", row_group_size=GROUP if change.stop < 300 else 120)
        with pytest.raises(ValueError, match=r"0\.parquet, row group \d (does not have the|cannot be read)"):
            for part in matrix.parts[:3]:
                list(part.read(None))
