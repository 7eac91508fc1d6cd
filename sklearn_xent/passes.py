"""Passes over rows that are at hand: when they end, which is chosen, and what it has come to."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from sklearn_xent.batches import Batches, attributes_of
from sklearn_xent.formulas import cross_entropy_loss, entropy
from sklearn_xent.isolation import warn_caller
from sklearn_xent.solvers.stream import Stream
from sklearn_xent.targets import Targets

__all__ = ["best_pass"]


def best_pass(
    estimator: Any, batches: Batches, X_val: Any, y_val: Any
) -> tuple[Stream, dict[str, list[float]]]:
    """Learn in passes until the loss improves no more; the stream of the pass chosen, and the history.

    The last pass is chosen, or with validation rows that of the lowest loss there. ``estimator``, which has
    the parameters, is set to each pass's coefficients to forecast those rows.
    """
    targets = batches.targets
    history: dict[str, list[float]] = {"loss": [], "validation_loss": [], "seconds": []}
    began, best, waited = time.perf_counter(), np.inf, 0
    for stream, loss in _passes(estimator, batches):
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
        if waited == estimator.n_iter_no_change:
            break
    else:
        if estimator.max_iter > 1:
            warn_caller(_unfinished(estimator.max_iter))
    loss, null = batches.loss(chosen), _null_loss(targets, estimator.fit_intercept)
    if not loss <= null + estimator.tol:
        warn_caller(_worse(loss, null))
    return chosen, history


def _passes(estimator: Any, batches: Batches) -> Iterator[tuple[Stream, float]]:
    """The stream and the mean loss of its batches after each pass over the rows."""
    rng = check_random_state(0 if estimator.random_state is None else estimator.random_state)
    order = np.arange(batches.X.shape[0])
    stream = None
    for _ in range(estimator.max_iter):
        if estimator.shuffle:
            rng.shuffle(order)
        stream = batches.begin(estimator) if stream is None else stream.again()
        stream, loss = batches.learn(stream, order)
        stream = stream.settled()
        yield stream, loss


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
