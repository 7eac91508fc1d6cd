"""Dask collections: to rows, their labels encoded where they lie, and to predictions not yet computed.

Dask is imported only once a collection of it is met.
"""

from __future__ import annotations

import os
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from sklearn.utils.validation import check_array, validate_data

from sklearn_xent.arrays import Array
from sklearn_xent.rows import Rows, as_rows
from sklearn_xent.rows.dask import ClusterRows, Group, groups_of
from sklearn_xent.rows.parts import Part, PartedMatrix
from sklearn_xent.targets import (
    Targets,
    check_mass,
    check_offset,
    check_sample_weight,
    check_several,
    class_factors,
    encode_targets,
    read_labels,
)

__all__ = ["as_local_parts", "check_columns", "client_of", "is_collection", "lazily", "rows_on_cluster"]

SHARE = 0.5  # of the memory at hand that a collection may take when it is held in this process


class Partition(NamedTuple):
    """Some rows, as arrays: X (m, d), labels as given, weights and offset or None."""

    X: Any
    y: Any
    sample_weight: Any
    offset: Any


class Summary(NamedTuple):
    """What must be known of a partition before any row of it is encoded."""

    shape: tuple[int, int]
    dtype: Any
    sparse: bool
    bytes: float
    labels: Array
    mass: Array  # of each label


def is_collection(X: Any) -> bool:
    """Whether it is a Dask array, frame or series; Dask is not imported to find out."""
    return type(X).__module__.split(".")[0] in ("dask", "dask_expr") and hasattr(X, "to_delayed")


def _is_frame(X: Any) -> bool:
    """Whether a collection is a frame or a series: what it has of chunks is not known."""
    return not hasattr(X, "chunks")


def client_of() -> Any:
    """The current client of a cluster, or None: then Dask's threads in this process do the work."""
    try:
        from distributed import get_client
    except ImportError:
        return None
    try:
        return get_client()
    except ValueError:
        return None


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
    if _is_frame(X):
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

    parts = _partitions(X, y, sample_weight, offset)
    known = np.nan if _is_frame(X) else X.nbytes
    held = None
    if known < SHARE * _memory_at_hand():
        held = list(dask.compute(*parts, scheduler="threads"))
    described: Any = held or dask.compute(*[dask.delayed(_described)(p) for p in parts], scheduler="threads")
    summaries = [p.X if isinstance(p.X, Summary) else _shape_of(p) for p in described]
    if held is None and sum(s.bytes for s in summaries) < SHARE * _memory_at_hand():
        held = list(dask.compute(*parts, scheduler="threads"))
    dtype, sparse = _agreement(summaries)
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
    rest = [_stacked([getattr(p, name) for p in described]) for name in Partition._fields[1:]]
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
    futures = client.compute(_partitions(X, y, sample_weight, offset))
    summaries: list[Summary] = client.gather(client.map(_summary, futures, range(len(futures)), pure=False))
    dtype, sparse = _agreement(summaries)
    classes, mass = _united(summaries)
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
        print(
            f"[dask] {len(client.nthreads())} workers, {len(kept)} partitions in {len(groups)} groups, "
            f"{n_bytes / 1e9:.2f} GB held",
            flush=True,
        )
    shape = {"n_features": summaries[0].shape[1], "dtype": dtype, "sparse": sparse, "n_bytes": n_bytes}
    rows = ClusterRows(client, groups, lengths, **shape)
    return rows, Targets(classes, np.empty((0, 0)), np.empty(0), weights, total)


def lazily(predict: Any, X: Any, n_columns: int | None, dtype: Any) -> Any:
    """What a method says of the blocks of a collection, as a Dask array that nothing is computed for yet."""
    import dask.array as da
    from dask import delayed

    of_block = partial(_predicted, predict, n_columns)
    columns = () if n_columns is None else (n_columns,)
    if not _is_frame(X):
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


def _partitions(X: Any, y: Any, sample_weight: Any, offset: Any) -> list[Any]:
    """One delayed Partition for each partition of X."""
    from dask import delayed

    pieces = list(np.ravel(X.to_delayed()))
    others = {"y": y, "sample_weight": sample_weight, "offset": offset}
    if y is None:
        raise ValueError("This estimator requires y to be passed, but the target y is None.")
    lengths = None
    if any(v is not None and not is_collection(v) for v in others.values()):
        lengths, pieces = _lengths(X, pieces)
    columns = [_cut(name, v, X, len(pieces), lengths) for name, v in others.items()]
    prepare = delayed(_prepared, pure=False)
    return [prepare(i, *row) for i, row in enumerate(zip(pieces, *columns, strict=True))]


def _lengths(X: Any, pieces: list[Any]) -> tuple[list[int], list[Any]]:
    """Rows of each partition, which may have to be computed; then a cluster keeps them."""
    import dask

    known = [] if _is_frame(X) else list(X.chunks[0])
    if known and not np.isnan(known).any():
        return known, pieces
    if client_of() is not None:
        pieces = list(dask.persist(*pieces))
    return list(dask.compute(*[dask.delayed(len)(piece) for piece in pieces])), pieces


def _cut(name: str, values: Any, X: Any, n_partitions: int, lengths: list[int] | None) -> list[Any]:
    """Labels, weights or offsets in the partitions of X."""
    if values is None:
        return [None] * n_partitions
    if not is_collection(values):
        assert lengths is not None
        stops = np.cumsum(lengths).tolist()
        if len(values) != stops[-1]:
            raise ValueError(f"{name} has {len(values)} rows, but X has {stops[-1]}.")
        rows = values.iloc if hasattr(values, "iloc") else np.asarray(values)
        return [rows[stop - n : stop] for n, stop in zip(lengths, stops, strict=True)]
    if not _is_frame(values) and values.ndim == 2 and values.numblocks[1] > 1:
        values = values.rechunk({1: -1})
    theirs, ours = ((np.nan,) if _is_frame(v) else v.chunks[0] for v in (values, X))
    if not (np.isnan(theirs).any() or np.isnan(ours).any()) and theirs != ours:
        if sum(theirs) != sum(ours):
            raise ValueError(f"{name} has {sum(theirs)} rows, but X has {sum(ours)}.")
        values = values.rechunk({0: ours})
    pieces = list(np.ravel(values.to_delayed()))
    if len(pieces) != n_partitions:
        raise ValueError(
            f"{name} has {len(pieces)} partitions, but X has {n_partitions}: they must match one to one; "
            "rechunk or repartition one of them."
        )
    return pieces


def _prepared(number: int, X: Any, y: Any, sample_weight: Any, offset: Any) -> Partition:
    """A partition as arrays; what is wrong with it is said with its number."""
    try:
        X = X.to_numpy() if hasattr(X, "to_numpy") else X
        X = X.to_scipy_sparse() if hasattr(X, "to_scipy_sparse") else X
        X = check_array(
            X,
            accept_sparse=("csr", "csc"),
            dtype=[np.float64, np.float32],
            ensure_all_finite=False,
            ensure_min_samples=0,
            input_name="X",
        )
        if sp.issparse(X) and not X.has_canonical_format:
            X = X.copy()
            X.sum_duplicates()
        n = X.shape[0]
        for name, values in (("y", y), ("sample_weight", sample_weight), ("offset", offset)):
            if values is not None and len(values) != n:
                raise ValueError(f"{name} has {len(values)} rows, but X has {n}.")
        if n and sample_weight is not None:
            sample_weight = check_sample_weight(sample_weight, n, may_vanish=True)
    except (ValueError, TypeError) as error:
        raise type(error)(f"partition {number}: {error}") from error
    return Partition(X, y, sample_weight, offset)


def _shape_of(part: Partition) -> Summary:
    X = part.X
    sparse = sp.issparse(X)
    n_bytes = 12.0 * X.nnz if sparse else 8.0 * X.shape[0] * X.shape[1]
    return Summary(X.shape, X.dtype, sparse, n_bytes, np.empty(0), np.empty(0))


def _summary(part: Partition, number: int) -> Summary:
    """Shape and labels of a partition."""
    summary = _shape_of(part)
    if not summary.shape[0]:
        return summary
    try:
        labels, values = read_labels(part.y)
    except ValueError as error:
        raise ValueError(f"partition {number}: {error}") from error
    weights = check_sample_weight(part.sample_weight, summary.shape[0], may_vanish=True)
    return summary._replace(labels=labels, mass=values @ weights)


def _described(part: Partition) -> Partition:
    """The partition with a summary in place of X."""
    return part._replace(X=_shape_of(part))


def _agreement(summaries: list[Summary]) -> tuple[Any, bool]:
    """Type of X, and whether it is sparse, as all partitions with rows have it."""
    filled = [(i, s) for i, s in enumerate(summaries) if s.shape[0]]
    if not filled:
        raise ValueError(f"X has no rows in any of its {len(summaries)} partitions.")
    first, model = filled[0]
    for i, s in filled:
        if s.shape[1] != model.shape[1]:
            raise ValueError(
                f"X has {model.shape[1]} columns in partition {first}, but {s.shape[1]} in partition {i}."
            )
        if s.sparse != model.sparse:
            kinds = ("dense", "sparse")
            raise ValueError(
                f"X is {kinds[model.sparse]} in partition {first}, but {kinds[s.sparse]} in partition {i}."
            )
    single = all(s.dtype == np.float32 for _, s in filled)
    return np.dtype(np.float32 if single else np.float64), model.sparse


def _united(summaries: list[Summary]) -> tuple[Array, Array]:
    """Classes of all partitions and their weights."""
    found = [s.labels for s in summaries if len(s.labels)]
    if len({labels.dtype.kind in "OUS" for labels in found}) > 1:
        raise ValueError("y holds text in some partitions and numbers in others.")
    classes = np.unique(np.concatenate(found))
    check_several(classes)
    mass = np.zeros(len(classes))
    for s in summaries:
        mass[np.searchsorted(classes, s.labels)] += s.mass
    return classes, mass


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
