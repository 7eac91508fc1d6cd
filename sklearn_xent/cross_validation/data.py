"""The rows of a fold, the path of an estimator on them, and what all folds say of a grid."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from sklearn_xent.arrays import Array
from sklearn_xent.parameters import settings_of
from sklearn_xent.path import CrossEntropyPath, PathPoint, walk
from sklearn_xent.targets import Targets, check_offset, encode_targets

__all__ = ["Data", "Results", "encoded", "points_along"]


class Data(NamedTuple):
    """What a fold takes its rows from."""

    X: Any
    y: Any
    weights: Array
    offset: Any

    def take(self, rows: Array) -> Data:
        """Those of some rows."""
        y = self.y.iloc[rows] if hasattr(self.y, "iloc") else np.asarray(self.y)[rows]
        offset = None if self.offset is None else self.offset[rows]
        return Data(self.X[rows], y, self.weights[rows], offset)

    def shown(self) -> tuple[Any, Any, Array | None]:
        """X, y and the weights, where there are any but 1, for callbacks."""
        return self.X, self.y, None if (self.weights == 1).all() else self.weights


class Results(NamedTuple):
    """What unseen samples say of a grid: scores (n_l1_ratios, n_folds, n_Cs), standard errors of their means.

    Also the path of each l1_ratio and fold, how many rows were left out of a fit each (n_l1_ratios, n_Cs),
    and where such fits did not converge, with the warning.
    """

    scores: Array
    errors: Array
    paths: list[list[CrossEntropyPath]]
    refitted: Array
    failures: list[tuple[str, ConvergenceWarning]]


def encoded(estimator: Any, data: Data) -> Targets:
    """Classes and targets of the rows; weights of classes that they lack are ignored."""
    class_weight = estimator.class_weight
    if isinstance(class_weight, dict) and np.ndim(data.y) == 1:
        present = set(np.asarray(data.y).tolist())
        class_weight = {label: w for label, w in class_weight.items() if label in present}
    return encode_targets(
        data.y,
        data.X.shape[0],
        sample_weight=data.weights,
        class_weight=class_weight,
        smoothing=estimator.label_smoothing,
    )


def points_along(
    estimator: Any, data: Data, grid: Array, l1_ratio: float, targets: Targets | None = None, **options: Any
) -> tuple[list[PathPoint], Targets]:
    """Points along the grid, and the labels they tell apart; the options are those of ``walk``."""
    settings = settings_of(estimator, data.X.shape[1], l1_ratio=l1_ratio)
    if targets is None:
        targets = encoded(estimator, data)
    points = walk(
        data.X,
        targets,
        check_offset(data.offset, data.X.shape[0], len(targets.classes)),
        grid,
        settings,
        max_iter=estimator.max_iter,
        solver=estimator.solver,
        random_state=estimator.random_state,
        verbose=estimator.verbose,
        prior_correction=estimator.prior_correction,
        **options,
    )
    return list(points), targets
