"""Rows in a pyarrow dataset: Parquet and other columnar files, read a few row groups at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.rows.parts import Part, PartedMatrix

__all__ = ["DatasetColumns", "column_of", "is_dataset", "matrix_of", "numeric_columns"]

READ_BYTES = 64 << 10  # of a column's compressed bytes at a time
CHUNK_BYTES = 16 << 20  # of rows as float64; each thread holds one chunk, and pyarrow's own copy of it


class DatasetColumns(NamedTuple):
    """Some columns of a dataset, in an order."""

    dataset: Any
    names: list[str]


def is_dataset(X: Any) -> bool:
    """Whether it is a ``pyarrow.dataset.Dataset``; pyarrow is not imported to find out."""
    return any(
        kind.__name__ == "Dataset" and kind.__module__.split(".")[0] == "pyarrow" for kind in type(X).__mro__
    )


def column_of(dataset: Any, name: str) -> Array:
    """One column of all rows, in their order.

    Raises
    ------
    ValueError
        If there is no such column.
    """
    if name not in dataset.schema.names:
        raise ValueError(f"the dataset has no column {name!r}; it has {dataset.schema.names}.")
    return np.asarray(dataset.to_table(columns=[name]).column(0).to_numpy())


def numeric_columns(dataset: Any, without: list[Any]) -> DatasetColumns:
    """All columns but some, which must hold numbers.

    Raises
    ------
    ValueError
        If one does not: it names the first.
    """
    columns = DatasetColumns(dataset, [name for name in dataset.schema.names if name not in without])
    _check_numeric(columns)
    return columns


def _check_numeric(columns: DatasetColumns) -> None:
    import pyarrow.types as kinds

    for name in columns.names:
        if name not in columns.dataset.schema.names:
            raise ValueError(f"X has no column {name!r}, which was there in fit.")
        kind = columns.dataset.schema.field(name).type
        if not (kinds.is_integer(kind) or kinds.is_floating(kind) or kinds.is_boolean(kind)):
            raise ValueError(f"column {name!r} of X holds {kind}, not numbers; encode it or leave it out.")


def matrix_of(columns: DatasetColumns) -> PartedMatrix:
    """Columns of a dataset as X, in chunks of row groups.

    Raises
    ------
    ValueError
        If there are no rows, or a column is missing or holds no numbers.
    """
    _check_numeric(columns)
    dataset, names = columns
    single = all(str(dataset.schema.field(name).type) in ("float", "halffloat") for name in names)
    dtype = np.dtype(np.float32 if single else np.float64)
    chunk = max(1, CHUNK_BYTES // (8 * max(len(names), 1)))
    parts = [
        Part(
            n_rows,
            chunk,
            _RowGroup(group, n_rows, names, dtype, chunk),
            f"{getattr(group, 'path', 'a table')}{place}",
        )
        for group, n_rows, place in _row_groups(dataset)
        if n_rows
    ]
    n_rows = sum(part.n_rows for part in parts)
    if not n_rows:
        raise ValueError(f"the dataset X has no rows: {[str(f) for f in getattr(dataset, 'files', [])]}.")
    return PartedMatrix(parts, (n_rows, len(names)), dtype, 8.0 * n_rows * len(names), False)


def _row_groups(dataset: Any) -> Iterator[tuple[Any, int, str]]:
    """The row groups of Parquet files, or files of other formats: with their rows, and where they are."""
    for fragment in dataset.get_fragments():
        if hasattr(fragment, "split_by_row_group"):
            for group in fragment.split_by_row_group():
                yield group, group.row_groups[0].num_rows, f", row group {group.row_groups[0].id}"
        else:
            yield fragment, fragment.count_rows(), ""


class _RowGroup:
    """Reads a row group in chunks; a class, so that it can be pickled."""

    def __init__(self, group: Any, n_rows: int, names: list[str], dtype: Any, chunk: int) -> None:
        self._group, self._n_rows, self._names, self._dtype = group, n_rows, names, dtype
        self._chunk = chunk

    def __call__(self, columns: Array | None) -> Iterator[Array]:
        names = self._names if columns is None else [self._names[j] for j in columns]
        left, at, X = self._n_rows, 0, np.empty((0, len(names)))
        for batch in self._batches(names):
            begin = 0
            while begin < batch.num_rows:
                if at == 0:
                    # column by column, as the file has it: by rows, each column would touch all of memory
                    X = np.empty((min(self._chunk, left), len(names)), dtype=self._dtype, order="F")
                count = min(len(X) - at, batch.num_rows - begin)
                for j, column in enumerate(batch.slice(begin, count).columns):
                    X[at : at + count, j] = column.to_numpy(zero_copy_only=False)
                begin, at = begin + count, at + count
                if at == len(X):
                    left, at = left - at, 0
                    yield X

    def _batches(self, names: list[str]) -> Iterator[Any]:
        """Batches with nothing read ahead: every thread would hold it."""
        options: dict[str, Any] = {"batch_readahead": 0, "fragment_readahead": 0, "use_threads": False}
        if hasattr(self._group, "row_groups"):
            from pyarrow.dataset import ParquetFragmentScanOptions

            options["fragment_scan_options"] = ParquetFragmentScanOptions(
                pre_buffer=False, use_buffered_stream=True, buffer_size=READ_BYTES
            )
        batches: Iterator[Any] = self._group.to_batches(columns=names, batch_size=self._chunk, **options)
        return batches
