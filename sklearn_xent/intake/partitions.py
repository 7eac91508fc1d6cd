"""The partitions of a Dask collection, as arrays: cut alike, checked, and summed up."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from threading import Thread
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from sklearn.utils.validation import check_array

from sklearn_xent.arrays import Array
from sklearn_xent.targets import check_sample_weight, check_several, read_labels

__all__ = [
    "Partition",
    "Summary",
    "agreement",
    "client_of",
    "computed",
    "described",
    "is_collection",
    "is_frame",
    "partitions_of",
    "shape_of",
    "summary_of",
    "united",
]


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


def is_frame(X: Any) -> bool:
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


def partitions_of(X: Any, y: Any, sample_weight: Any, offset: Any) -> list[Any]:
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


def computed(*collections: Any) -> Any:
    """Values of collections, by threads of their own that are asked from a thread of its own.

    Only the main thread is interrupted: in the midst of a lock of the pool that Dask keeps, Ctrl-C would
    leave it locked for ever, and every later call waiting.
    """
    import dask
    from dask.system import CPU_COUNT  # what its own pool has

    future: Future[Any] = Future()

    def compute() -> None:
        try:
            with ThreadPoolExecutor(CPU_COUNT) as pool:
                future.set_result(dask.compute(*collections, scheduler="threads", pool=pool))
        except BaseException as error:
            future.set_exception(error)

    Thread(target=copy_context().run, args=(compute,), daemon=True).start()
    return future.result()


def _lengths(X: Any, pieces: list[Any]) -> tuple[list[int], list[Any]]:
    """Rows of each partition, which may have to be computed; then a cluster keeps them."""
    import dask

    known = [] if is_frame(X) else list(X.chunks[0])
    if known and not np.isnan(known).any():
        return known, pieces
    on_cluster = client_of() is not None
    if on_cluster:
        pieces = list(dask.persist(*pieces))
    compute = dask.compute if on_cluster else computed
    return list(compute(*[dask.delayed(len)(piece) for piece in pieces])), pieces


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
    if not is_frame(values) and values.ndim == 2 and values.numblocks[1] > 1:
        values = values.rechunk({1: -1})
    theirs, ours = ((np.nan,) if is_frame(v) else v.chunks[0] for v in (values, X))
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


def shape_of(part: Partition) -> Summary:
    """Summary of a partition whose labels are not looked at."""
    X = part.X
    sparse = sp.issparse(X)
    n_bytes = 12.0 * X.nnz if sparse else 8.0 * X.shape[0] * X.shape[1]
    return Summary(X.shape, X.dtype, sparse, n_bytes, np.empty(0), np.empty(0))


def summary_of(part: Partition, number: int) -> Summary:
    """Shape and labels of a partition."""
    summary = shape_of(part)
    if not summary.shape[0]:
        return summary
    try:
        labels, values = read_labels(part.y)
    except ValueError as error:
        raise ValueError(f"partition {number}: {error}") from error
    weights = check_sample_weight(part.sample_weight, summary.shape[0], may_vanish=True)
    return summary._replace(labels=labels, mass=values @ weights)


def described(part: Partition) -> Partition:
    """The partition with a summary in place of X."""
    return part._replace(X=shape_of(part))


def agreement(summaries: list[Summary]) -> tuple[Any, bool]:
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


def united(summaries: list[Summary]) -> tuple[Array, Array]:
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
