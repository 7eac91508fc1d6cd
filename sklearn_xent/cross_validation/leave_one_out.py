"""Leave-one-out: every row's loss by one fit, and by a fit of the others where one is not enough."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from sklearn.exceptions import ConvergenceWarning

from sklearn_xent.arrays import Array
from sklearn_xent.callbacks import Task
from sklearn_xent.classifier import CrossEntropyClassifier
from sklearn_xent.cross_validation.data import Data, Results, encoded, points_along
from sklearn_xent.isolation import warn_caller
from sklearn_xent.path import gathered
from sklearn_xent.solvers.leave_one_out import LeftOut, leave_one_out
from sklearn_xent.solvers.without_row import Scored
from sklearn_xent.targets import Targets, encode_targets

__all__ = ["by_leave_one_out"]


MOST_REFITTED = 500  # rows left out of a fit each where leave-one-out from one fit is not valid


def by_leave_one_out(
    estimator: Any, data: Data, grid: Array, ratios: Array, task: Task | None = None
) -> Results:
    """Minus the mean loss of each row without it, as one fold; standard errors are those over rows.

    They are a subtask of the task, which has two for each ratio: its path, and rows left out of a fit each.
    """
    with (task or Task()).start("leave-one-out", 2 * len(ratios)) as ours:
        return _by_leave_one_out(estimator, data, grid, ratios, ours)


def _by_leave_one_out(estimator: Any, data: Data, grid: Array, ratios: Array, task: Task) -> Results:
    scores, errors, paths, counts, failed = [], [], [], [], []
    for ratio in ratios.tolist():
        targets = encoded(estimator, data)
        scored = _scored(estimator, data, targets)
        measure = partial(leave_one_out, scored=scored)
        with task.subtask("path", len(grid)).begin(*data.shown()) as of_path:
            points, _ = points_along(estimator, data, grid, ratio, measure=measure, task=of_path)
        losses, refitted, failures = _settled(
            estimator, [point.measured for point in points], data, targets, scored, grid, ratio, task
        )
        share = scored.weights / (scored.weights.sum() or 1.0)
        mean = losses @ share if share.any() else np.full(len(grid), np.nan)
        scores.append([-mean])
        # of a weighted mean of independent losses
        errors.append(np.sqrt(((losses - mean[:, None]) ** 2) @ share**2))
        paths.append([gathered(points, targets.classes)])
        counts.append(refitted)
        failed += failures
    return Results(np.array(scores), np.array(errors), paths, np.array(counts), failed)


def _scored(estimator: Any, data: Data, targets: Targets) -> Scored:
    """By what rows left out are scored, as folds score theirs: labels as they are, and sample weights.

    A row without which a class has no weight says nothing of C.
    """
    plain = encode_targets(data.y, data.X.shape[0], sample_weight=data.weights)
    heavy = (_both(plain.values) > 0) & (targets.weights > 0)
    alone = (heavy & (heavy.sum(axis=1) == 1)[:, None]).any(axis=0)
    n_logits = len(plain.values)
    shift = (
        targets.without_class_weights(np.zeros(n_logits))
        if estimator.prior_correction
        else np.zeros(n_logits)
    )
    return Scored(plain.values, np.where(alone, 0.0, data.weights), shift)


def _settled(
    estimator: Any,
    found: list[LeftOut],
    data: Data,
    targets: Targets,
    scored: Scored,
    grid: Array,
    l1_ratio: float,
    task: Task,
) -> tuple[Array, Array, list[tuple[str, ConvergenceWarning]]]:
    """Losses (n_Cs, n), of fits without the row where its error is too large, and how many (n_Cs,).

    And which of these fits did not converge.
    """
    losses = np.array([left.losses for left in found])
    asked = np.zeros(losses.shape, dtype=bool)
    for c, left in enumerate(found):
        asked[c, left.doubtful] = True
    rows = np.flatnonzero(asked.any(axis=0))
    if not len(rows):
        return losses, np.zeros(len(found), dtype=int), []
    if len(rows) > MOST_REFITTED:
        warn_caller(
            UserWarning(
                f"approximate leave-one-out is not valid for {len(rows)} rows, of which {MOST_REFITTED} "
                "were left out of a fit each: scores_ are inaccurate. Use folds, such as cv=5."
            )
        )
        worst = np.max([scored.weights * left.errors for left in found], axis=0, where=asked, initial=0.0)
        rows = rows[np.argsort(-worst[rows], kind="stable")[:MOST_REFITTED]]
    truths = _both(scored.targets)
    refits = Parallel(n_jobs=estimator.n_jobs, return_as="generator")(
        delayed(_without)(estimator, int(i), data, targets, truths[:, i], grid[asked[:, i]], l1_ratio)
        for i in rows
    )
    failures = []
    with task.start("rows left out", len(rows)) as of_rows:
        for i in rows:
            with of_rows.start("row"):
                losses[asked[:, i], i], warned = next(refits)
            failures += [(f"C={C:g} (l1_ratio={l1_ratio:g}, without row {i})", w) for C, w in warned]
    return losses, asked[:, rows].sum(axis=1), failures


def _without(
    estimator: Any, row: int, data: Data, targets: Targets, truth: Array, grid: Array, l1_ratio: float
) -> tuple[Array, list[tuple[float, ConvergenceWarning]]]:
    """Losses of a row, whose classes are the truth (K,), by the fits of all others along the grid.

    And C and warning of those that did not converge.
    """
    rest = np.delete(np.arange(data.X.shape[0]), row)
    weights = targets.weights[rest]
    others = replace(targets, values=targets.values[:, rest], weights=weights, total=weights.sum())
    points, _ = points_along(estimator, data.take(rest), grid, l1_ratio, targets=others)
    test, losses = data.take(np.array([row])), []
    for point in points:
        model = CrossEntropyClassifier.from_coefficients(point.coef, point.intercept, targets.classes)
        logs = model.predict_log_proba(test.X, offset=test.offset)
        losses.append(-float(logs[0] @ truth))
    return np.array(losses), [(p.C, p.warning) for p in points if p.warning is not None]


def _both(targets: Array) -> Array:
    """Targets of every class, (K, n), also of the first of two."""
    return np.vstack([1 - targets, targets]) if len(targets) == 1 else targets
