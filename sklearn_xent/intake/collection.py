"""Dask collections as X: rows on this machine or on a cluster, and predictions that are not yet computed.

Dask is imported only once a collection of it is met.
"""

from __future__ import annotations

import os
from functools import partial
from typing import Any

import numpy as np
from sklearn.utils.validation import validate_data

from sklearn_xent.arrays import Array
from sklearn_xent.intake.partitions import (
    Partition,
    Summary,
    agreement,
    computed,
    described,
    is_frame,
    partitions_of,
    shape_of,
    summary_of,
    united,
)
from sklearn_xent.rows import Rows, as_rows
from sklearn_xent.rows.dask import ClusterRows, Group, groups_of
from sklearn_xent.rows.parts import Part, PartedMatrix
from sklearn_xent.targets import Targets, check_mass, check_offset, class_factors, encode_targets

__all__ = ["as_local_parts", "check_columns", "lazily", "rows_on_cluster"]

SHARE = 0.5  # of the memory at hand that a collection may take when it is held in this process


def check_columns(estimator: Any, X: Any, *, reset: bool) -> Any:
    """X with one block of columns; their number and names are noted in a fit, compared later.

    Raises
    ------
    ValueError
        If it has not two dimensions, or other columns than in the fit.
    TypeError
        If a column of a frame does not hold numbers: it names the first.
    """
    if X.ndim != 2:
        raise ValueError(f"X must have two dimensions; got a Dask collection of {X.ndim}.")
    if is_frame(X):
        for name, dtype in X.dtypes.items():
            if getattr(dtype, "kind", "O") not in "biuf":
                raise TypeError(
                    f"column {name!r} of X holds {dtype}, not numbers; encode it or leave it out."
                )
        stand_in = X._meta
    else:
        if X.numblocks[1] > 1:
            X = X.rechunk({1: -1})
        stand_in = np.empty((0, X.shape[1]))
    validate_data(estimator, stand_in, reset=reset, skip_check_array=True)
    return X


def as_local_parts(X: Any, y: Any, sample_weight: Any, offset: Any) -> tuple[PartedMatrix, Any, Any, Any]:
    """X in parts, held where they fit and else computed anew for every sweep; the rest as arrays.

    Raises
    ------
    ValueError
        For partitions that do not agree, and rows or labels that are not numbers, naming the partition.
    """
    import dask

    parts = partitions_of(X, y, sample_weight, offset)
    known = np.nan if is_frame(X) else X.nbytes
    held = None
    if known < SHARE * _memory_at_hand():
        held = list(computed(*parts))
    outlines: Any = held or computed(*[dask.delayed(described)(p) for p in parts])
    summaries = [p.X if isinstance(p.X, Summary) else shape_of(p) for p in outlines]
    if held is None and sum(s.bytes for s in summaries) < SHARE * _memory_at_hand():
        held = list(computed(*parts))
    dtype, sparse = agreement(summaries)
    matrix = PartedMatrix(
        [
            Part(s.shape[0], s.shape[0], _Held(held[i].X) if held else _Computed(parts[i]), f"partition {i}")
            for i, s in enumerate(summaries)
            if s.shape[0]
        ],
        (sum(s.shape[0] for s in summaries), summaries[0].shape[1]),
        dtype,
        sum(s.bytes for s in summaries),
        sparse,
    )
    rest = [_stacked([getattr(p, name) for p in outlines]) for name in Partition._fields[1:]]
    return matrix, *rest


def rows_on_cluster(
    client: Any,
    X: Any,
    y: Any,
    sample_weight: Any,
    offset: Any,
    *,
    class_weight: Any,
    smoothing: float,
    verbose: int,
) -> tuple[Rows, Targets]:
    """Rows on the workers of a client's cluster, and what there is to know of their classes.

    Raises
    ------
    ValueError
        As ``as_local_parts`` and ``encode_targets`` do, naming the partition.
    """
    futures = client.compute(partitions_of(X, y, sample_weight, offset))
    summaries: list[Summary] = client.gather(client.map(summary_of, futures, range(len(futures)), pure=False))
    dtype, sparse = agreement(summaries)
    classes, mass = united(summaries)
    factors = class_factors(class_weight, classes, mass)
    weights = np.ones(len(classes)) if factors is None else factors
    check_mass(classes, mass * weights)
    total = float(mass @ weights)
    encode = partial(
        encode_targets,
        classes=classes,
        smoothing=smoothing,
        class_weight=None if factors is None else dict(zip(classes.tolist(), weights, strict=True)),
    )
    lengths = {i: s.shape[0] for i, s in enumerate(summaries) if s.shape[0]}
    kept = {i: futures[i] for i in lengths}
    groups = [
        client.submit(
            _encoded, [kept[i] for i in group], group, encode, total=total, n_classes=len(classes), pure=False
        )
        for group in groups_of(client, kept)
    ]
    n_bytes = sum(s.bytes for s in summaries)
    if verbose:
        what = f"{len(kept)} partitions in {len(groups)} groups, {n_bytes / 1e9:.2f} GB held"
        print(f"[dask] {len(client.nthreads())} workers, {what}", flush=True)
    shape = {"n_features": summaries[0].shape[1], "dtype": dtype, "sparse": sparse, "n_bytes": n_bytes}
    rows = ClusterRows(client, groups, lengths, **shape)
    return rows, Targets(classes, np.empty((0, 0)), np.empty(0), weights, total)


def lazily(predict: Any, X: Any, n_columns: int | None, dtype: Any) -> Any:
    """What a method says of the blocks of a collection, as a Dask array that nothing is computed for yet."""
    import dask.array as da
    from dask import delayed

    of_block = partial(_predicted, predict, n_columns)
    columns = () if n_columns is None else (n_columns,)
    if not is_frame(X):
        chunks = (X.chunks[0], *((n,) for n in columns))
        drop = None if columns else 1
        meta = np.empty((0,) * (1 + len(columns)), dtype=dtype)
        return X.map_blocks(of_block, dtype=dtype, chunks=chunks, drop_axis=drop, meta=meta)
    parts = [
        da.from_delayed(delayed(of_block)(part), shape=(np.nan, *columns), dtype=dtype)
        for part in X.to_delayed()
    ]
    return da.concatenate(parts, allow_unknown_chunksizes=True)


def _predicted(predict: Any, n_columns: int | None, X: Any) -> Array:
    if len(X) if hasattr(X, "iloc") else X.shape[0]:
        return np.asarray(predict(X))
    return np.empty((0,) if n_columns is None else (0, n_columns))


def _encoded(
    parts: list[Partition], numbers: list[int], encode: Any, *, total: float, n_classes: int
) -> Group:
    """Rows of some partitions, by number; their weights are shares of the total."""
    members = []
    for number, part in zip(numbers, parts, strict=True):
        n = part.X.shape[0]
        try:
            targets = encode(part.y, n, sample_weight=part.sample_weight)
            shifts = check_offset(part.offset, n, n_classes)
        except ValueError as error:
            raise ValueError(f"partition {number}: {error}") from error
        weights = targets.weights / total
        members.append((number, as_rows(part.X, targets.values, weights, shifts, alone=True)))
    return Group(members, sum(rows.bytes for _, rows in members))


def _stacked(values: list[Any]) -> Any:
    """All rows of labels, weights or offsets; None where there are none."""
    filled = [v for v in values if v is not None and len(v)]
    if not filled:
        return None
    if hasattr(filled[0], "iloc"):
        import pandas as pd

        return pd.concat(filled)
    return np.concatenate(filled)


def _memory_at_hand() -> float:
    """Bytes that this process may still take, as far as the system says."""
    try:
        import psutil

        free = float(psutil.virtual_memory().available)
    except ImportError:
        free = float(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    try:
        import resource
        from pathlib import Path

        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        if limit != resource.RLIM_INFINITY:
            taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            free = min(free, float(limit - taken))
    except (ImportError, OSError):
        pass
    return free


class _Held:
    """Gives a partition that is in memory as the only chunk of its part."""

    def __init__(self, X: Any) -> None:
        self._X = X

    def __call__(self, columns: Array | None) -> Any:
        yield self._X if columns is None else self._X[:, columns]


class _Computed:
    """Computes a partition anew, on the thread that asks for it."""

    def __init__(self, part: Any) -> None:
        self._part = part

    def __call__(self, columns: Array | None) -> Any:
        X = self._part.compute(scheduler="synchronous").X
        yield X if columns is None else X[:, columns]
