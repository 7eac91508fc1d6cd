"""Rows that a stream learns from batch by batch, and what it has learnt as attributes of an estimator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils.validation import validate_data

from sklearn_xent.arrays import Array
from sklearn_xent.callbacks import Task
from sklearn_xent.intake import ACCEPTED, refuse_what_is_elsewhere, text_named
from sklearn_xent.rows import Block
from sklearn_xent.rows.entries import is_whole
from sklearn_xent.rows.threads import Team
from sklearn_xent.solvers.stream import Stream, batch_rows, loss_of
from sklearn_xent.targets import Targets, check_several, encode_targets

__all__ = ["Batches", "attributes_of", "batches_of", "checked_rows", "known_classes"]


def checked_rows(estimator: Any, X: Any, *, reset: bool) -> Any:
    """X as an array or a CSR; it is all looked at before anything is learnt from it."""
    refuse_what_is_elsewhere(X, type(estimator).__name__)
    with np.errstate(over="ignore", invalid="ignore"), text_named(X):
        return validate_data(estimator, X, reset=reset, **{**ACCEPTED, "accept_sparse": "csr"})


def known_classes(estimator: Any, classes: Any) -> Array:
    """The labels of the estimator's stream, from the first call."""
    given = None if classes is None else np.unique(np.asarray(list(classes)))
    if not hasattr(estimator, "_stream"):
        if given is None:
            raise ValueError("classes must be given in the first call of partial_fit; got None.")
        check_several(given)
        return given
    known: Array = estimator.classes_
    if given is not None and not np.array_equal(given, known):
        raise ValueError(f"classes must be those of the first call, {known.tolist()}; got {given.tolist()}.")
    return known


def batches_of(
    estimator: Any, X: Any, y: Any, sample_weight: Any, classes: Array | None = None, *, reset: bool
) -> Batches:
    """The rows, checked, with their labels as the estimator's parameters weight and smooth them."""
    X = checked_rows(estimator, X, reset=reset)
    targets = encode_targets(
        y,
        X.shape[0],
        sample_weight=sample_weight,
        class_weight=estimator.class_weight,
        smoothing=estimator.label_smoothing,
        classes=classes,
    )
    return Batches(X, targets, estimator.batch_size)


@dataclass(frozen=True)
class Batches:
    """Rows at hand, and how many of them a batch has; None is what suits the stream."""

    X: Any
    targets: Targets
    size: int | None

    def begin(self, estimator: Any) -> Stream:
        """A stream that has not learnt yet."""
        return Stream.begin(
            self.X.shape[1],
            len(self.targets.classes),
            C=estimator.C,
            l1_ratio=estimator.l1_ratio,
            fit_intercept=estimator.fit_intercept,
            sparse=not is_whole(self.X),
        )

    def count(self, stream: Stream) -> int:
        """How many batches the rows are."""
        return -(-self.X.shape[0] // (self.size or batch_rows(stream.W.size)))

    def learn(self, stream: Stream, order: Array, task: Task) -> tuple[Stream, float]:
        """Learn batch by batch; also the mean loss of the batches, each before it was learnt from.

        Each is a subtask of the task.
        """
        targets = self.targets
        size, loss = self.size or batch_rows(stream.W.size), 0.0
        # matrices this small are factored faster by one thread of BLAS than by two that wait for each other
        with Team(8.0 * stream.W.size**2):
            for start in range(0, len(order), size):
                batch = order[start : start + size]
                weights = targets.weights[batch]
                if weights.any():
                    step = task.subtask("batch").begin()
                    rows = Block(self.X[batch], targets.values[:, batch], weights, None)
                    stream, of_batch = stream.learn(rows)
                    loss += of_batch
                    step.end()
        return stream, loss / max(float(targets.weights.sum()), np.finfo(float).tiny)

    def loss(self, stream: Stream) -> float:
        """Mean loss of all rows at the coefficients that are returned; one reading."""
        targets = self.targets
        coef, intercept = stream.to_original()
        size, loss = self.size or batch_rows(stream.W.size), 0.0
        for start in range(0, self.X.shape[0], size):
            part = slice(start, start + size)
            rows = Block(self.X[part], targets.values[:, part], targets.weights[part], None)
            loss += loss_of(rows, len(targets.classes), coef, intercept)
        return loss / float(targets.weights.sum())


def attributes_of(stream: Stream, classes: Array) -> dict[str, Any]:
    """What predictions are made from; ValueError where it is not finite."""
    with np.errstate(all="ignore"):  # it is the result that is judged
        coef, intercept = stream.to_original()
    if not (np.isfinite(coef).all() and np.isfinite(intercept).all()):
        raise ValueError("the coefficients would not be finite in the units of X; rescale its columns.")
    return {"coef_": coef, "intercept_": intercept, "classes_": classes}
