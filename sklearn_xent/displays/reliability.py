"""Do forecasts mean what they say: observed frequency against forecast probability."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.decomposition import Decomposition, cross_entropy_decomposition, recalibrated
from sklearn_xent.displays.events import event_of
from sklearn_xent.displays.frame import COLOURS, axes_for, forecast_of, merged, out_of_fold, to_frame
from sklearn_xent.displays.names import as_text, title_of
from sklearn_xent.displays.reliability_curve import consistency_band, corp_curve, forecast_histogram
from sklearn_xent.formulas import log_forecast
from sklearn_xent.truth import as_shares, as_targets, as_weights, in_order

__all__ = ["ReliabilityDisplay"]


class ReliabilityDisplay:
    """Reliability diagram without bins: isotonic (CORP) curve, its consistency band, and the forecasts.

    The curve is the isotonic regression of outcomes on forecasts [1]_; on the diagonal forecasts mean what
    they say. The band holds 90 % of the curves that calibrated forecasts would have, by resampling.

    Parameters
    ----------
    forecast, outcome, weights : ndarray of shape (n_samples,)
        Probability forecast for an event, whether (or how likely) it happened, and the sample's weight.
    event : str
        What is forecast.
    parts : Decomposition
        Of the loss of these forecasts.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where it is drawn.
    figure_ : matplotlib Figure
        The figure of the axes.
    line_ : matplotlib Line2D
        The curve.
    band_ : matplotlib PolyCollection or None
        The consistency band.
    histogram_ : BarContainer
        Of the forecasts.

    References
    ----------
    .. [1] Dimitriadis, T., Gneiting, T. and Jordan, A. I. (2021), "Stable reliability diagrams for
       probabilistic classifiers", PNAS 118(8).

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn_xent import CrossEntropyClassifier, ReliabilityDisplay
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = CrossEntropyClassifier().fit(X[::2], y[::2])
    >>> display = ReliabilityDisplay.from_estimator(model, X[1::2], y[1::2])
    >>> display.ax_.get_ylabel()
    'Observed frequency'
    """

    def __init__(
        self, *, forecast: Array, outcome: Array, weights: Array, event: str, parts: Decomposition
    ) -> None:
        self.forecast = forecast
        self.outcome = outcome
        self.weights = weights
        self.event = event
        self.parts = parts

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        sample_weight: Any = None,
        target_class: Any = None,
        name: str | None = None,
        ax: Any = None,
        **options: Any,
    ) -> Self:
        """Draw the reliability of a fitted classifier on samples it has not seen.

        Parameters
        ----------
        estimator : classifier
            Fitted.
        X : array-like of shape (n_samples, n_features)
            Samples.
        y : array-like of shape (n_samples,)
            Labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights.
        target_class : label or "top", default=None
            The event: a class against the rest, or "top" for the predicted class being right. By default the
            second of two classes, or "top".
        name : str, default=None
            Title; the estimator's class by default.
        ax : matplotlib Axes, default=None
            Where to draw; a new figure by default.
        **options
            Of `plot`.

        Returns
        -------
        display : ReliabilityDisplay
            Drawn.
        """
        forecast, from_logits = forecast_of(estimator, X)
        display = cls._from_forecast(
            y, forecast, estimator.classes_, sample_weight, target_class, from_logits=from_logits
        )
        return display.plot(ax=ax, name=name or type(estimator).__name__, **options)

    @classmethod
    def from_cv_results(
        cls,
        cv_results: Any,
        X: Any,
        y: Any,
        *,
        sample_weight: Any = None,
        target_class: Any = None,
        name: str | None = None,
        ax: Any = None,
        **options: Any,
    ) -> Self:
        """Draw the forecasts of the folds' test samples together, each by a model that has not seen it.

        Parameters
        ----------
        cv_results : dict
            Of ``cross_validate(..., return_estimator=True, return_indices=True)``.
        X : array-like of shape (n_samples, n_features)
            Samples, as given to ``cross_validate``.
        y : array-like of shape (n_samples,)
            Labels.
        sample_weight, target_class, name, ax, **options
            As in `from_estimator`.

        Returns
        -------
        display : ReliabilityDisplay
            Drawn.

        Raises
        ------
        ValueError
            If ``cv_results`` lacks the estimators or their indices.
        """
        logs, rows, classes = out_of_fold(cv_results, X)
        weights = None if sample_weight is None else np.asarray(sample_weight)[rows]
        labels = np.asarray(y)[rows]
        display = cls._from_forecast(labels, logs, classes, weights, target_class, from_logits=True)
        return display.plot(ax=ax, name=name, **options)

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_prob: Any,
        *,
        labels: Any = None,
        sample_weight: Any = None,
        target_class: Any = None,
        name: str | None = None,
        ax: Any = None,
        **options: Any,
    ) -> Self:
        """Draw the reliability of forecasts.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Labels.
        y_prob : array-like of shape (n_samples,) or (n_samples, n_classes)
            Probabilities; 1-D is of the second of two classes.
        labels : array-like of shape (n_classes,), default=None
            The classes, in the order of the columns.
        sample_weight, target_class, name, ax, **options
            As in `from_estimator`.

        Returns
        -------
        display : ReliabilityDisplay
            Drawn.
        """
        y_prob, labels = in_order(y_prob, labels)
        classes = np.unique(y_true) if labels is None else np.asarray(labels)
        display = cls._from_forecast(y_true, y_prob, classes, sample_weight, target_class, from_logits=False)
        return display.plot(ax=ax, name=name, **options)

    @classmethod
    def _from_forecast(
        cls, y: Any, y_prob: Any, classes: Array, sample_weight: Any, target_class: Any, *, from_logits: bool
    ) -> Self:
        log_p = log_forecast(y_prob, from_logits=from_logits)
        targets = as_targets(y, log_p.shape, classes)
        weights = as_weights(sample_weight, len(targets))
        text, yes, no, outcome = event_of(log_p, targets, classes, target_class)
        parts = cross_entropy_decomposition(
            np.column_stack([1 - outcome, outcome]),
            np.column_stack([no, yes]),
            sample_weight=weights,
            from_logits=True,
        )
        with np.errstate(under="ignore"):
            return cls(forecast=np.exp(yes), outcome=outcome, weights=weights, event=text, parts=parts)

    def plot(
        self,
        *,
        ax: Any = None,
        name: str | None = None,
        n_resamples: int = 200,
        random_state: int = 0,
        curve_kwargs: dict[str, Any] | None = None,
    ) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; a new figure by default.
        name : str, default=None
            Title.
        n_resamples : int, default=200
            Resamples of the consistency band; 0 draws none.
        random_state : int, default=0
            Seed of the resamples.
        curve_kwargs : dict, default=None
            Options of the curve's ``plot``.

        Returns
        -------
        self : ReliabilityDisplay
            Drawn.
        """
        self.ax_ = axes_for(ax, (5.8, 6.0))
        self.figure_ = self.ax_.figure
        grid, curve = corp_curve(self.forecast, self.outcome, self.weights)
        self.band_ = None
        if n_resamples:
            low, high = consistency_band(self.forecast, self.weights, n_resamples, random_state)
            self.band_ = self.ax_.fill_between(
                grid, low, high, color="0.55", alpha=0.3, linewidth=0, label="calibrated: 90 % of curves"
            )
        self.ax_.plot([0, 1], [0, 1], color="0.35", linewidth=1, linestyle="--")
        style = {"color": COLOURS[0], "linewidth": 2.2, "label": "isotonic (CORP)"}
        (self.line_,) = self.ax_.plot(grid, curve, **merged(style, curve_kwargs))
        self.histogram_ = forecast_histogram(self.ax_, self.forecast, self.weights)
        self.ax_.set_xlim(-0.02, 1.02)
        self.ax_.set_ylim(-0.02, 1.02)
        self.ax_.set_aspect("equal")
        parts = self.parts
        self.ax_.set_xlabel(
            f"Forecast probability of {as_text(self.event, self.ax_, 0.5)}\n"
            f"loss {parts.loss:.3f} = miscalibration {parts.miscalibration:.3f}\n"
            f"- discrimination {parts.discrimination:.3f} + uncertainty {parts.uncertainty:.3f}"
        )
        self.ax_.set_ylabel("Observed frequency")
        self.ax_.grid(alpha=0.25)
        self.ax_.legend(loc="best", frameon=False, fontsize="small")
        title_of(self.ax_, name)
        return self

    def frame(self) -> Any:
        """Return the samples.

        Returns
        -------
        frame : DataFrame of shape (n_samples, 4)
            Columns ``forecast``, ``outcome``, ``weight`` and ``recalibrated``.
        """
        return to_frame(
            {
                "forecast": self.forecast,
                "outcome": self.outcome,
                "weight": self.weights,
                "recalibrated": recalibrated(self.outcome, self.forecast, as_shares(self.weights)),
            }
        )
