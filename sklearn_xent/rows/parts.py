"""Rows in parts that are held in this process, or read anew for every sweep because they do not fit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, Self

import numpy as np
import scipy.sparse as sp

from sklearn_xent.arrays import Array
from sklearn_xent.rows import Block, Kernel, PerRow, Rows, as_rows
from sklearn_xent.rows.blocks import added, sample_rows
from sklearn_xent.rows.threads import Team

__all__ = ["Part", "PartedMatrix", "PartedRows", "between", "row_runs"]


class Part(NamedTuple):
    """Some rows of X, in chunks of ``chunk`` rows, the last one shorter.

    ``read(columns)`` gives the chunks one after the other, each an array or a CSR; of some columns, or all.
    """

    n_rows: int
    chunk: int
    read: Callable[[Array | None], Iterator[Any]]
    name: str  # for messages, such as "partition 3"


class PartedMatrix(NamedTuple):
    """X of which only a few parts need be in memory at a time."""

    parts: list[Part]
    shape: tuple[int, int]
    dtype: Any
    bytes: float  # of X as float64 values, with indices where sparse
    sparse: bool


class PartedRows:
    """Parts side by side on the threads of a team; each is read within a sweep and let go."""

    def __init__(self, X: PartedMatrix, targets: Array, weights: Array, offset: Array | None) -> None:
        self.n_rows, self.n_features = X.shape
        self.passes = 0
        self.sparse, self.dtype, self.bytes = X.sparse, X.dtype, X.bytes
        self.single = self.local = False
        self.stands_for = 1.0
        self._X, self._targets, self._weights, self._offset = X, targets, weights, offset
        self._runs = row_runs([part.n_rows for part in X.parts])
        self.team = Team(self.bytes)

    def __enter__(self) -> Self:
        self.team.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.team.__exit__(*error)

    def _slices(self, i: int) -> list[slice]:
        """Where in all rows the chunks of a part are."""
        run, size = self._runs[i], self._X.parts[i].chunk
        return [slice(at, min(at + size, run.stop)) for at in range(run.start, run.stop, size)]

    def _chunks(self, i: int, *, reads: bool = True) -> Iterator[Rows]:
        """Rows of the chunks of a part; where X is not looked at, a stand-in of no size takes its place."""
        slices = self._slices(i)
        # how a sparse chunk is cut into blocks, only it can tell
        if reads or self.sparse:
            matrices = self._X.parts[i].read(None)
        else:
            matrices = (np.broadcast_to(0.0, (s.stop - s.start, self.n_features)) for s in slices)
        for X, s in zip(matrices, slices, strict=True):
            offset = None if self._offset is None else self._offset[:, s]
            rows = as_rows(X, self._targets[:, s], self._weights[s], offset)
            rows.single = self.single
            yield rows

    def sweep(self, kernel: Kernel, *args: Any, reads: bool = True) -> tuple[Any, Any]:
        """See ``Rows.sweep``."""
        self.passes += reads

        def part(i: int) -> tuple[Any, Any]:
            mine = [a[i] if isinstance(a, PerRow) else a for a in args]
            return _in_turn(
                rows.sweep(kernel, *[a[j] if isinstance(a, PerRow) else a for a in mine])
                for j, rows in enumerate(self._chunks(i, reads=reads))
            )

        return _in_turn(self.team.map(part, len(self._runs)))

    def split(self, R: Array) -> PerRow:
        """See ``Rows.split``."""
        return PerRow(
            PerRow(
                rows.split(R[:, s])
                for rows, s in zip(self._chunks(i, reads=False), self._slices(i), strict=True)
            )
            for i in range(len(self._runs))
        )

    def columns(self, which: Array) -> PartedRows:
        """See ``Rows.columns``; each reading of them will be of no more than them."""
        parts = [part._replace(read=_Columns(part.read, which)) for part in self._X.parts]
        share = len(which) / max(self.n_features, 1)
        X = self._X._replace(parts=parts, shape=(self.n_rows, len(which)), bytes=self.bytes * share)
        rows = PartedRows(X, self._targets, self._weights, self._offset)
        rows.team, rows.single = self.team, self.single
        return rows

    def take(self, rows: Array) -> Block:
        """See ``Rows.take``; one reading, of the parts that hold any."""
        self.passes += 1
        offset = None if self._offset is None else self._offset[:, rows]
        targets, weights = self._targets[:, rows], self._weights[rows]
        # filled in place: parts put together afterwards would be held twice
        out = None if self.sparse else np.empty((len(rows), self.n_features), dtype=self.dtype)

        def part(i: int) -> list[Any]:
            if not between(rows, self._runs[i]).size:
                return []
            pieces = []
            for X, s in zip(self._X.parts[i].read(None), self._slices(i), strict=True):
                begin, end = np.searchsorted(rows, [s.start, s.stop])
                piece = X[rows[begin:end] - s.start]
                if out is None:
                    pieces.append(piece)
                else:
                    out[begin:end] = piece
            return pieces

        pieces = [piece for of_part in self.team.map(part, len(self._runs)) for piece in of_part]
        return Block(sp.vstack(pieces).tocsr() if out is None else out, targets, weights, offset)

    def sample(self, n_rows: int, rng: np.random.RandomState, always: Array) -> Rows:
        """See ``Rows.sample``; the sample is in memory."""
        block, stands_for = sample_rows(self, n_rows, rng, always, float(self._weights.sum()))
        rows = as_rows(*block)
        rows.stands_for = stands_for
        rows.team, rows.single = self.team, self.single
        return rows

    def place(self, row: int) -> str:
        """See ``Rows.place``."""
        return next(
            f", first in {part.name}"
            for part, run in zip(self._X.parts, self._runs, strict=True)
            if row < run.stop
        )


class _Columns:
    """Reads some columns of a part; a class, so that it can be pickled."""

    def __init__(self, read: Callable[[Array | None], Iterator[Any]], which: Array) -> None:
        self._read, self._which = read, which

    def __call__(self, columns: Array | None) -> Iterator[Any]:
        return self._read(self._which if columns is None else self._which[columns])


def _in_turn(results: Iterable[tuple[Any, Any]]) -> tuple[Any, Any]:
    """Add the sums of sweeps in their order, and put what each kept side by side."""
    sums: list[Any] = []
    kept: list[tuple[Any, ...]] = []
    for of_part, stays in results:
        sums = added(sums, of_part)
        kept.append(stays)
    return tuple(sums), tuple(PerRow(column) for column in zip(*kept, strict=True))


def between(rows: Array, run: slice) -> Array:
    """Those of sorted indices that lie in a run, counted from its start."""
    begin, end = np.searchsorted(rows, [run.start, run.stop])
    return np.asarray(rows[begin:end] - run.start)


def row_runs(lengths: list[int]) -> list[slice]:
    """Where in all rows the parts of some lengths are."""
    stops = np.cumsum(lengths).tolist()
    return [slice(stop - n, stop) for n, stop in zip(lengths, stops, strict=True)]
