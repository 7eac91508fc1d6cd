"""Rows that are at hand, in one call or in passes: when these end, which is chosen, what it has come to."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from sklearn_xent.arrays import Array
from sklearn_xent.batches import Batches, attributes_of, batches_of, checked_rows, known_classes
from sklearn_xent.callbacks import Task, with_callbacks
from sklearn_xent.formulas import cross_entropy_loss, entropy
from sklearn_xent.isolation import warn_caller
from sklearn_xent.solvers.stream import Stream
from sklearn_xent.targets import Targets

__all__ = ["learnt_in_a_call", "learnt_in_passes"]

History = dict[str, list[float]]


@with_callbacks
def learnt_in_a_call(estimator: Any, X: Any, y: Any, classes: Any, sample_weight: Any) -> dict[str, Any]:
    """The attributes after one reading of more rows; ``estimator`` is a copy to write on."""
    known, begun = known_classes(estimator, classes), hasattr(estimator, "_stream")
    batches = batches_of(estimator, X, y, sample_weight, known, reset=not begun)
    stream = estimator._stream if begun else batches.begin(estimator)
    task = Task.root(estimator, X, y, sample_weight, batches.count(stream), "partial_fit")
    n_rows, began = batches.X.shape[0], time.perf_counter()
    stream, loss = batches.learn(stream, np.arange(n_rows), task)
    row = {"loss": loss, "validation_loss": np.nan, "seconds": time.perf_counter() - began}
    before = {name: list(estimator.history_[name]) if begun else [] for name in row}
    history = {name: [*before[name], value] for name, value in row.items()}
    n_rows += estimator.n_samples_seen_ if begun else 0
    fitted = _attributes(estimator, stream, known, history, 1, n_rows)
    task.end(lambda: fitted)
    return fitted


@with_callbacks
def learnt_in_passes(
    estimator: Any, X: Any, y: Any, sample_weight: Any, X_val: Any, y_val: Any
) -> dict[str, Any]:
    """The attributes after passes over the rows; ``estimator`` is a copy to write on."""
    estimator.__dict__.pop("_stream", None)
    batches = batches_of(estimator, X, y, sample_weight, reset=True)
    if X_val is not None:
        X_val = checked_rows(estimator, X_val, reset=False)
    task = Task.root(estimator, X, y, sample_weight, estimator.max_iter)
    stream, history = _best_pass(estimator, batches, X_val, y_val, task)
    n_iter = len(history["loss"])
    n_rows = n_iter * batches.X.shape[0]
    fitted = _attributes(estimator, stream, batches.targets.classes, history, n_iter, n_rows)
    task.end(lambda: fitted)
    return fitted


def _attributes(
    estimator: Any, stream: Stream, classes: Array, history: History, n_iter: int, n_rows: int
) -> dict[str, Any]:
    """What has been learnt, with what the estimator knows of the columns of X."""
    columns = ("n_features_in_", "feature_names_in_")
    known = {name: value for name, value in vars(estimator).items() if name in columns}
    return (
        known
        | attributes_of(stream, classes)
        | {
            "_stream": replace(stream, previous=None),
            "history_": {name: np.asarray(values, dtype=np.float64) for name, values in history.items()},
            "n_iter_": n_iter,
            "n_samples_seen_": n_rows,
        }
    )


def _best_pass(
    estimator: Any, batches: Batches, X_val: Any, y_val: Any, task: Task
) -> tuple[Stream, History]:
    """Learn in passes until the loss improves no more; the stream of the pass chosen, and the history.

    The last pass is chosen, or with validation rows that of the lowest loss there. ``estimator``, which has
    the parameters, is set to each pass's coefficients to forecast those rows. Each pass is a subtask of the
    task.
    """
    targets = batches.targets
    history: History = {"loss": [], "validation_loss": [], "seconds": []}
    began, best, waited = time.perf_counter(), np.inf, 0
    for stream, loss, stop in _passes(estimator, batches, task):
        validation = np.nan
        if X_val is not None:
            estimator.__dict__.update(attributes_of(stream, targets.classes))
            logits = estimator.decision_function(X_val)
            validation = cross_entropy_loss(y_val, logits, labels=targets.classes, from_logits=True)
        for name, value in zip(history, (loss, validation, time.perf_counter() - began), strict=True):
            history[name].append(value)
        judged = loss if X_val is None else validation
        if estimator.verbose:
            print(f"pass {len(history['loss']):3d}  log loss {judged:.6g}", flush=True)
        waited = 0 if judged < best - estimator.tol else waited + 1
        if judged < best or X_val is None:
            chosen = stream
        best = min(best, judged)
        if stop or waited == estimator.n_iter_no_change:
            break
    else:
        if estimator.max_iter > 1:
            warn_caller(_unfinished(estimator.max_iter))
    loss, null = batches.loss(chosen), _null_loss(targets, estimator.fit_intercept)
    if not loss <= null + estimator.tol:
        warn_caller(_worse(loss, null))
    return chosen, history


def _passes(estimator: Any, batches: Batches, task: Task) -> Iterator[tuple[Stream, float, bool]]:
    """The stream and the mean loss of its batches after each pass over the rows.

    Also whether a callback asks to stop.
    """
    rng = check_random_state(0 if estimator.random_state is None else estimator.random_state)
    order = np.arange(batches.X.shape[0])
    stream = None
    for _ in range(estimator.max_iter):
        if estimator.shuffle:
            rng.shuffle(order)
        stream = batches.begin(estimator) if stream is None else stream.again()
        of_pass = task.start("pass", batches.count(stream))
        stream, loss = batches.learn(stream, order, of_pass)
        stream = stream.settled()
        stop = of_pass.end(partial(attributes_of, stream, batches.targets.classes))
        yield stream, loss, stop


def _null_loss(targets: Targets, fit_intercept: bool) -> float:
    """Least mean loss of a model without columns: the frequencies of the classes, or none are known."""
    if not fit_intercept:
        return float(np.log(len(targets.classes)))
    p = targets.values @ targets.weights / targets.weights.sum()
    p = p if len(p) > 1 else np.array([1 - p[0], p[0]])
    return float(entropy(np.maximum(p, 0.0) / np.maximum(p, 0.0).sum()))


def _unfinished(max_iter: int) -> ConvergenceWarning:
    return ConvergenceWarning(
        f"the log loss still improved after max_iter={max_iter} passes: raise max_iter, or fit a "
        "CrossEntropyClassifier."
    )


def _worse(loss: float, null: float) -> ConvergenceWarning:
    return ConvergenceWarning(
        f"the log loss of the rows, {loss:.6g}, is above {null:.6g}, that of a model that knows no "
        "column of X: the passes did not converge. Raise max_iter or batch_size, look for outliers in X, "
        "or fit a CrossEntropyClassifier."
    )
