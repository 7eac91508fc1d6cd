"""The report: what it knows of a model and of rows, and the page that says so."""

from __future__ import annotations

import os
import pathlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklearn_xent.arrays import Array
from sklearn_xent.composites import final_step, names_before
from sklearn_xent.decomposition import Decomposition, cross_entropy_decomposition
from sklearn_xent.formulas import cross_entropy_loss, log_forecast
from sklearn_xent.inference import Inference, infer
from sklearn_xent.metrics import cross_entropy_skill
from sklearn_xent.reports import fitted, forecasts
from sklearn_xent.reports.markup import document, fragment
from sklearn_xent.truth import as_targets, as_weights

__all__ = ["Report", "report"]


def report(
    estimator: Any,
    X: Any,
    y: Any,
    *,
    sample_weight: Any = None,
    inference: Inference | None = None,
    name: str | None = None,
    n_worst: int = 10,
    n_coefficients: int = 25,
) -> Report:
    """One page about a fitted classifier, for a notebook or a file.

    What was fitted, and how far it is from the optimum; the loss of the samples beside that of the class
    frequencies, and its decomposition; reliability; the samples that cost most; the coefficients, with
    intervals where there are any; and how the fit came down, or the path that C was chosen on.

    Parameters
    ----------
    estimator : classifier, or a Pipeline or search that ends in one
        Fitted, with ``predict_proba``. What another library's does not say of its fit is left out.
    X : array-like of shape (n_samples, n_features)
        Samples to judge it by: those that it was not fitted on tell what it is worth. A frame's index names
        them.
    y : array-like of shape (n_samples,) or (n_samples, n_classes)
        Labels, or soft labels.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights.
    inference : Inference, default=None
        Whose intervals are shown. By default those of `infer` where the samples are those of the fit, and it
        had no penalty.
    name : str, default=None
        Title; the class of the estimator by default.
    n_worst, n_coefficients : int, default=10, 25
        How many samples and coefficients are listed at the most.

    Returns
    -------
    report : Report
        Shown by a notebook; ``save`` writes it to a file.

    Raises
    ------
    ValueError
        For labels, weights or samples that do not agree, and numbers that are negative.
    TypeError
        If the estimator has no ``predict_proba``.

    Notes
    -----
    A fit with an ``offset`` is forecast without it.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn_xent import CrossEntropyClassifier, report
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> page = report(CrossEntropyClassifier().fit(X[::2], y[::2]), X[1::2], y[1::2])
    >>> page
    Report of CrossEntropyClassifier on 284 samples: loss 0.156 nats, skill 0.766
    """
    last, before = _checked(estimator, n_worst, n_coefficients)
    logarithms = hasattr(estimator, "predict_log_proba")
    forecast = (estimator.predict_log_proba if logarithms else estimator.predict_proba)(X)
    log_p, classes = log_forecast(forecast, from_logits=logarithms), np.asarray(estimator.classes_)
    scored = {"labels": classes, "sample_weight": sample_weight, "from_logits": True}
    parts, reason = cross_entropy_decomposition(y, log_p, **scored), ""
    if inference is None:
        inference, reason = _inference(estimator, last, X, y, sample_weight)
    return Report(
        estimator=estimator,
        name=type(last).__name__ if name is None else str(name),
        X=X,
        y=y,
        weights=as_weights(sample_weight, len(log_p)),
        log_p=log_p,
        targets=as_targets(y, log_p.shape, classes),
        losses=cross_entropy_loss(y, log_p, labels=classes, from_logits=True, reduction="none"),
        loss=cross_entropy_loss(y, log_p, **scored),
        skill=cross_entropy_skill(y, log_p, **scored),
        parts=parts,
        inference=inference,
        without_inference=reason,
        feature_names=names_before(last, before),
        n_worst=int(n_worst),
        n_coefficients=int(n_coefficients),
    )


def _checked(estimator: Any, n_worst: Any, n_coefficients: Any) -> tuple[Any, Any]:
    """The last step of what can be reported on, and the steps before it."""
    if not hasattr(estimator, "predict_proba"):
        raise TypeError(f"estimator must be a classifier with predict_proba; got {type(estimator).__name__}.")
    for what, number in (("n_worst", n_worst), ("n_coefficients", n_coefficients)):
        if not isinstance(number, int | np.integer) or number < 0:
            raise ValueError(f"{what} must be an integer, at least 0; got {number!r}.")
    last, before = final_step(estimator)
    check_is_fitted(last)
    return last, before


@dataclass(frozen=True, repr=False)
class Report:
    """What `report` returns: a page about a model, and the numbers on it.

    Attributes
    ----------
    estimator : classifier
        The model.
    name : str
        Title.
    loss, skill : float
        `cross_entropy_loss` (nats) and `cross_entropy_skill` of the samples.
    parts : Decomposition
        `cross_entropy_decomposition` of the samples.
    losses : ndarray of shape (n_samples,)
        Loss of each sample, in nats.
    inference : Inference or None
        Whose intervals are shown.
    """

    estimator: Any
    name: str
    X: Any
    y: Any
    weights: Array
    log_p: Array
    targets: Array
    losses: Array
    loss: float
    skill: float
    parts: Decomposition
    inference: Inference | None
    without_inference: str
    feature_names: Any
    n_worst: int
    n_coefficients: int

    def save(self, path: str | os.PathLike[str]) -> pathlib.Path:
        """Write the page to a file, which needs no other and loads nothing.

        Parameters
        ----------
        path : str or PathLike
            Of the file, such as ``"report.html"``; one that exists is overwritten.

        Returns
        -------
        path : pathlib.Path
            Where it is.
        """
        file = pathlib.Path(path)
        file.write_text(document(self.name, self._page()), encoding="utf-8")
        return file

    def _page(self) -> Any:
        return fragment(self.name, [*fitted.of_fit(self), *forecasts.of_rows(self), *fitted.of_model(self)])

    def _repr_html_(self) -> str:
        return str(self._page())

    def __repr__(self) -> str:
        return (
            f"Report of {self.name} on {len(self.losses)} samples: loss {self.loss:.3f} nats, "
            f"skill {self.skill:.3f}"
        )


def _inference(estimator: Any, last: Any, X: Any, y: Any, sample_weight: Any) -> tuple[Inference | None, str]:
    """What `infer` says of the rows, or why it says nothing."""
    if not np.isinf(getattr(last, "C", 1.0)):
        return None, "There are no intervals: the fit has a penalty, which shrinks the coefficients."
    try:
        return infer(estimator, X, y, sample_weight=sample_weight), ""
    except (ValueError, TypeError, AttributeError) as error:
        return None, f"There are no intervals: {error}"
