"""A scorer that asks an estimator for log-probabilities and knows its classes."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Self

from sklearn.utils.metadata_routing import UNCHANGED, MetadataRequest

__all__ = ["LogProbabilityScorer"]


class LogProbabilityScorer:
    """Callable ``scorer(estimator, X, y, sample_weight=None)`` for ``scoring=`` of scikit-learn's tools.

    scikit-learn's own scorers hand a metric the probability of one class of two, which has lost the digits of
    the other, and not the classes, so that a fold that lacks one fails.

    Parameters
    ----------
    name : str
        What it is called.
    metric : callable
        ``metric(y_true, y_prob, *, labels, sample_weight, from_logits)``; higher is better.
    """

    def __init__(self, name: str, metric: Callable[..., float]) -> None:
        self._name, self._metric = name, metric
        self._request = MetadataRequest(owner=self)
        self._request.score.add_request(param="sample_weight", alias=None)

    def __call__(self, estimator: Any, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Score a fitted classifier on rows X with labels y; weights where given."""
        logarithms = hasattr(estimator, "predict_log_proba")
        predict = estimator.predict_log_proba if logarithms else estimator.predict_proba
        return self._metric(
            y,
            predict(X),
            labels=estimator.classes_,
            sample_weight=sample_weight,
            from_logits=logarithms,
        )

    def set_score_request(self, *, sample_weight: bool | str | None = UNCHANGED) -> Self:
        """Copy of this scorer that asks a meta-estimator for weights: True, False, None or their name."""
        other = copy.deepcopy(self)
        if sample_weight is not UNCHANGED:
            other._request.score.add_request(param="sample_weight", alias=sample_weight)
        return other

    def get_metadata_routing(self) -> MetadataRequest:
        """What it asks for, for scikit-learn's metadata routing."""
        return self._request

    def __repr__(self) -> str:
        """Its name."""
        return self._name
