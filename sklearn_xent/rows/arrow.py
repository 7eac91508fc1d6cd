"""Rows in a pyarrow dataset: Parquet and other columnar files, read a few row groups at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
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


def column_of(dataset: Any, name: str, *, numbers: bool = False) -> Array:
    """One column of all rows, in their order; of numbers, where it must be.

    Raises
    ------
    ValueError
        If there is no such column, or two, it cannot be read, or lacks a value in some row.
    """
    import pyarrow as pa

    if name not in dataset.schema.names:
        raise ValueError(f"the dataset has no column {name!r}; it has {dataset.schema.names}.")
    _check_once(dataset)
    kind = dataset.schema.field(name).type
    if numbers and not _is_number(kind):
        raise ValueError(f"column {name!r} holds {kind}, not numbers.")
    schema, pieces = pa.schema([dataset.schema.field(name)]), [np.empty(0)]
    for group, _, place in _row_groups(dataset, [name]):
        with _located(group, [name], place):
            # as the dataset has it: a file may hold another type
            options = {"schema": schema} | _scan_options(group, buffered=False)
            column = group.to_table(columns=[name], **options).column(0)
            missing = np.asarray(column.is_null(nan_is_null=True)).any()
            pieces.append(np.asarray(column.to_numpy()))
        if missing:
            where = _named(group, place)
            raise ValueError(f"column {name!r} has rows without a value, first in {where}; drop them.")
    return np.concatenate([p for p in pieces if len(p)] or pieces[:1])


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
    _check_once(columns.dataset)
    if not columns.names:
        raise ValueError(f"X has no columns of numbers: the dataset has {columns.dataset.schema.names}.")
    for name in columns.names:
        if name not in columns.dataset.schema.names:
            raise ValueError(f"X has no column {name!r}, which was there in fit.")
        kind = columns.dataset.schema.field(name).type
        if not _is_number(kind):
            raise ValueError(f"column {name!r} of X holds {kind}, not numbers; encode it or leave it out.")


def _is_number(kind: Any) -> bool:
    import pyarrow.types as kinds

    return bool(kinds.is_integer(kind) or kinds.is_floating(kind) or kinds.is_boolean(kind))


def _check_once(dataset: Any) -> None:
    """Raise ValueError for a name that several columns have: pyarrow finds none of them."""
    names = dataset.schema.names
    if len(set(names)) < len(names):
        name = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"X has {names.count(name)} columns named {name!r}; rename them.")


def matrix_of(columns: DatasetColumns) -> PartedMatrix:
    """Columns of a dataset as X, in chunks of row groups.

    Raises
    ------
    ValueError
        If there are no rows, a file cannot be read, or a column is missing, there twice or holds no numbers.
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
            _RowGroup(group, n_rows, _schema(group, dataset, names), dtype, chunk, place),
            _named(group, place),
        )
        for group, n_rows, place in _row_groups(dataset, names)
        if n_rows
    ]
    n_rows = sum(part.n_rows for part in parts)
    if not n_rows:
        raise ValueError(f"the dataset X has no rows: {[str(f) for f in getattr(dataset, 'files', [])]}.")
    return PartedMatrix(parts, (n_rows, len(names)), dtype, 8.0 * n_rows * len(names), False)


def _row_groups(dataset: Any, names: list[str]) -> Iterator[tuple[Any, int, str]]:
    """The row groups of Parquet files, or files of other formats: with their rows, and where they are."""
    for fragment in dataset.get_fragments():
        with _located(fragment, [], ""):
            parquet = hasattr(fragment, "split_by_row_group")
            if parquet:
                _check_file(fragment, names)
            groups = fragment.split_by_row_group() if parquet else [fragment]
            found = [
                (group, group.row_groups[0].num_rows, f", row group {group.row_groups[0].id}")
                if parquet
                else (group, group.count_rows(), "")
                for group in groups
            ]
        yield from found


def _check_file(fragment: Any, names: list[str]) -> None:
    """Raise ValueError for a name that neither a file nor its folder has, or a file has twice."""
    from pyarrow.dataset import get_partition_keys

    theirs, folder = fragment.physical_schema.names, get_partition_keys(fragment.partition_expression)
    for name in names:
        if theirs.count(name) > 1 or (name not in theirs and name not in folder):
            what = "no column" if name not in theirs else "two columns named"
            raise ValueError(f"{_named(fragment)} has {what} {name!r}, unlike the dataset.")


def _schema(group: Any, dataset: Any, names: list[str]) -> Any:
    """Columns with the types that a file has, and those of its folder with the dataset's."""
    import pyarrow as pa

    theirs = group.physical_schema
    return pa.schema([(theirs if name in theirs.names else dataset.schema).field(name) for name in names])


def _named(group: Any, place: str = "") -> str:
    return f"{getattr(group, 'path', 'a table')}{place}"


@contextmanager
def _located(group: Any, names: list[str], place: str) -> Iterator[None]:
    """Say in which file, row group and column reading has failed."""
    import pyarrow as pa

    try:
        yield
    except (MemoryError, pa.lib.ArrowCancelled):
        raise
    except (OSError, UnicodeDecodeError, pa.ArrowException) as error:
        column = _broken_column(group, names)
        where = f"{_named(group, place)}, column {column!r}" if column else _named(group, place)
        raise ValueError(f"{where} cannot be read: {error}") from error


def _broken_column(group: Any, names: list[str]) -> str:
    """The first column that cannot be read where others can, or an empty string."""
    if len(names) == 1:
        return names[0]
    broken = [name for name in names if not _readable(group, name)]
    return broken[0] if 0 < len(broken) < len(names) else ""


def _readable(group: Any, name: str) -> bool:
    import pyarrow as pa

    try:
        for batch in group.to_batches(columns=[name], **_scan_options(group)):
            batch.column(0).to_numpy(zero_copy_only=False)
    except (OSError, UnicodeDecodeError, pa.ArrowException):
        return False
    return True


def _scan_options(group: Any, *, buffered: bool = True) -> dict[str, Any]:
    """Options that verify the checksums that pages may have, and keep little in memory."""
    if not hasattr(group, "row_groups"):
        return {}
    from pyarrow.dataset import ParquetFragmentScanOptions

    options: dict[str, Any] = {}
    if buffered:
        options |= {"pre_buffer": False, "use_buffered_stream": True, "buffer_size": READ_BYTES}
    if hasattr(ParquetFragmentScanOptions, "page_checksum_verification"):
        options["page_checksum_verification"] = True
    return {"fragment_scan_options": ParquetFragmentScanOptions(**options)}


class _RowGroup:
    """Reads a row group in chunks; a class, so that it can be pickled."""

    def __init__(self, group: Any, n_rows: int, schema: Any, dtype: Any, chunk: int, place: str) -> None:
        self._group, self._n_rows, self._schema, self._dtype = group, n_rows, schema, dtype
        self._chunk, self._place = chunk, place

    def __call__(self, columns: Array | None) -> Iterator[Array]:
        names = self._schema.names if columns is None else [self._schema.names[j] for j in columns]
        left, at, X = self._n_rows, 0, np.empty((0, len(names)))
        for batch in self._batches(names):
            begin = 0
            self._check(batch, left - at)
            while begin < batch.num_rows:
                if at == 0:
                    # column by column, as the file has it: by rows, each column would touch all of memory
                    X = np.empty((min(self._chunk, left), len(names)), dtype=self._dtype, order="F")
                count = min(len(X) - at, batch.num_rows - begin)
                for j, column in enumerate(batch.slice(begin, count).columns):
                    X[at : at + count, j] = _numbers(column)
                begin, at = begin + count, at + count
                if at == len(X):
                    left, at = left - at, 0
                    yield X
        if left:
            raise ValueError(self._changed())

    def _check(self, batch: Any, left: int) -> None:
        """Raise ValueError for more rows than there were, or a column that holds no numbers in this file."""
        if batch.num_rows > left:
            raise ValueError(self._changed())
        for name, kind in zip(batch.schema.names, batch.schema.types, strict=True):
            if not _is_number(kind):
                where = _named(self._group, self._place)
                raise ValueError(f"column {name!r} of X holds {kind}, not numbers, in {where}.")

    def _changed(self) -> str:
        where = _named(self._group, self._place)
        return f"{where} does not have the {self._n_rows} rows that it had: the file has changed."

    def _batches(self, names: list[str]) -> Iterator[Any]:
        """Batches with nothing read ahead: every thread would hold it."""
        options: dict[str, Any] = {"batch_readahead": 0, "fragment_readahead": 0, "use_threads": False}
        options["schema"] = self._schema
        with _located(self._group, names, self._place):
            yield from self._group.to_batches(
                columns=names, batch_size=self._chunk, **options, **_scan_options(self._group)
            )


def _numbers(column: Any) -> Array:
    """An array of pyarrow as one of numpy; what is missing becomes NaN."""
    import pyarrow.types as kinds

    if kinds.is_boolean(column.type):
        column = column.cast("uint8")
    return np.asarray(column.to_numpy(zero_copy_only=False))
