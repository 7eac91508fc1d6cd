"""The classifier that a pipeline or a search ends in, what X goes through before it, and column names."""

from __future__ import annotations

from typing import Any

from sklearn.pipeline import Pipeline, make_pipeline

__all__ = ["final_step", "names_before"]


def final_step(estimator: Any) -> tuple[Any, Pipeline | None]:
    """The last step of a pipeline, or of the best that a search has found, and the steps before it or None.

    Any other estimator is itself the last step.
    """
    before: list[Any] = []
    while True:
        if hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif isinstance(estimator, Pipeline):
            before += [step for _, step in estimator.steps[:-1] if step not in (None, "passthrough")]
            estimator = estimator.steps[-1][1]
        else:
            return estimator, make_pipeline(*before) if before else None


def names_before(estimator: Any, before: Pipeline | None) -> Any:
    """Names of the columns that the last step was fitted on, or None where they have none."""
    names = getattr(estimator, "feature_names_in_", None)
    if names is None and before is not None and hasattr(before[-1], "get_feature_names_out"):
        names = before.get_feature_names_out()
    return names
