"""Scores by folds: each fold's path, and what its test rows say of the models along it."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from sklearn.metrics import check_scoring
from sklearn.model_selection import check_cv
from sklearn.utils.metadata_routing import get_routing_for_object

from sklearn_xent.arrays import Array
from sklearn_xent.callbacks import Task
from sklearn_xent.classifier import CrossEntropyClassifier
from sklearn_xent.cross_validation.data import Data, Results, points_along
from sklearn_xent.formulas import cross_entropy_loss
from sklearn_xent.path import CrossEntropyPath, gathered

__all__ = ["by_folds"]


def by_folds(
    estimator: Any, data: Data, grid: Array, ratios: Array, groups: Any, task: Task | None = None
) -> Results:
    """Scores of the grid by the estimator's splitter and scoring; standard errors are those over folds.

    They are a subtask of the task, which has one for each path.
    """
    splitter = check_cv(estimator.cv, data.y, classifier=True)
    folds = list(splitter.split(data.X, data.y, groups))
    pairs = list(product(ratios.tolist(), folds))
    all_paths, tasks = (task or Task()).parallel("cross-validation", "path", len(pairs), len(grid))
    with all_paths:
        results = Parallel(n_jobs=estimator.n_jobs)(
            delayed(_fold)(estimator, data.take(train), data.take(test), grid, ratio, of_path)
            for (ratio, (train, test)), of_path in zip(pairs, tasks, strict=True)
        )
    scores = np.array([score for score, _ in results]).reshape(len(ratios), len(folds), len(grid))
    paths = [[path for _, path in results[i : i + len(folds)]] for i in range(0, len(results), len(folds))]
    counts = np.isfinite(scores).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        errors = np.nanstd(scores, axis=1, ddof=1) / np.sqrt(counts) if len(folds) > 1 else 0 * scores[:, 0]
    return Results(scores, errors, paths, np.zeros((len(ratios), len(grid)), dtype=int), [])


def _fold(
    estimator: Any, train: Data, test: Data, grid: Array, l1_ratio: float, task: Task
) -> tuple[Array, CrossEntropyPath]:
    """Scores along the grid, and the path."""
    with task.begin(*train.shown()):
        points, targets = points_along(estimator, train, grid, l1_ratio, task=task)
    path = gathered(points, targets.classes)
    models = [
        CrossEntropyClassifier.from_coefficients(coef, intercept, path.classes)
        for coef, intercept in zip(path.coefs, path.intercepts, strict=True)
    ]
    return np.array([_score(model, test, estimator.scoring) for model in models]), path


def _score(model: CrossEntropyClassifier, test: Data, scoring: Any) -> float:
    """Of the test rows of classes that the model knows; nan if there are none."""
    if np.ndim(test.y) == 1:
        seen = np.isin(np.asarray(test.y), model.classes_)
        test = test if seen.all() else test.take(np.flatnonzero(seen))
    if not test.X.shape[0]:
        return np.nan
    if scoring is None:
        logs = model.predict_log_proba(test.X, offset=test.offset)
        labels = None if np.ndim(test.y) == 2 else model.classes_
        return -float(
            cross_entropy_loss(test.y, logs, labels=labels, sample_weight=test.weights, from_logits=True)
        )
    scorer = check_scoring(model, scoring=scoring)
    wants = get_routing_for_object(scorer).consumes("score", ["sample_weight"])
    options = {"sample_weight": test.weights} if wants else {}
    return float(scorer(model, test.X, test.y, **options))
