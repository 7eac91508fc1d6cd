"""The loss against the predicted probability: the picture of an introduction to cross-entropy."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.displays.frame import COLOURS, DASHES, MARKERS, axes_for, forecast_of, merged, to_frame
from sklearn_xent.displays.names import as_text, as_texts, legend_of, title_of
from sklearn_xent.formulas import cross_entropy_loss
from sklearn_xent.truth import in_order

__all__ = ["CrossEntropyLossDisplay"]


class CrossEntropyLossDisplay:
    r"""Loss in nats against the predicted probability, a curve for y = 1 and one for y = 0.

    A label y = 1 costs :math:`-\log p`, a label y = 0 costs :math:`-\log(1 - p)`: little for a forecast near
    the truth, without limit for one that is certain and wrong.

    Parameters
    ----------
    probability : ndarray of shape (n_samples,), default=None
        Predicted probability of the second class (with more than two classes: of the true class) of each
        sample to draw; none for the curves alone.
    loss : ndarray of shape (n_samples,), default=None
        Loss of the samples, in nats.
    positive : ndarray of shape (n_samples,), default=None
        Whether a sample lies on the curve of y = 1.
    class_names : tuple of two str, default=("y = 0", "y = 1")
        What the curves are called. One name where there is but one curve.
    estimator_name : str, default=None
        Title of the picture.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where it is drawn.
    figure_ : matplotlib Figure
        The figure of the axes.
    lines_ : list of matplotlib Line2D
        The curves, of y = 1 first.
    points_ : list of matplotlib PathCollection
        The samples, as the curves.

    Examples
    --------
    >>> from sklearn_xent import CrossEntropyLossDisplay
    >>> display = CrossEntropyLossDisplay().plot()
    >>> display.ax_.get_ylabel()
    'Loss (nats)'
    """

    def __init__(
        self,
        *,
        probability: Array | None = None,
        loss: Array | None = None,
        positive: Array | None = None,
        class_names: tuple[str, ...] = ("y = 0", "y = 1"),
        estimator_name: str | None = None,
    ) -> None:
        self.probability = probability
        self.loss = loss
        self.positive = positive
        self.class_names = class_names
        self.estimator_name = estimator_name

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, y: Any, *, name: str | None = None, ax: Any = None, **options: Any
    ) -> Self:
        """Draw the curves and an estimator's own samples.

        Parameters
        ----------
        estimator : classifier
            Fitted, with ``predict_log_proba`` or ``predict_proba``.
        X : array-like of shape (n_samples, n_features)
            Samples.
        y : array-like of shape (n_samples,)
            Labels.
        name : str, default=None
            Title; the estimator's class by default.
        ax : matplotlib Axes, default=None
            Where to draw; a new figure by default.
        **options
            Of `plot`.

        Returns
        -------
        display : CrossEntropyLossDisplay
            Drawn.
        """
        forecast, logarithms = forecast_of(estimator, X)
        display = cls._from_forecast(y, forecast, estimator.classes_, from_logits=logarithms)
        return display.plot(ax=ax, name=name or type(estimator).__name__, **options)

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_prob: Any,
        *,
        labels: Any = None,
        name: str | None = None,
        ax: Any = None,
        **options: Any,
    ) -> Self:
        """Draw the curves and forecasts.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Labels.
        y_prob : array-like of shape (n_samples,) or (n_samples, n_classes)
            Probabilities; 1-D is of the second of two classes.
        labels : array-like of shape (n_classes,), default=None
            The classes, in the order of the columns.
        name : str, default=None
            Title.
        ax : matplotlib Axes, default=None
            Where to draw; a new figure by default.
        **options
            Of `plot`.

        Returns
        -------
        display : CrossEntropyLossDisplay
            Drawn.
        """
        y_prob, labels = in_order(y_prob, labels)
        classes = np.unique(y_true) if labels is None else np.asarray(labels)
        forecast = np.asarray(y_prob, dtype=np.float64)
        display = cls._from_forecast(y_true, forecast, classes, from_logits=False)
        return display.plot(ax=ax, name=name, **options)

    @classmethod
    def _from_forecast(cls, y: Any, forecast: Array, classes: Array, *, from_logits: bool) -> Self:
        loss = cross_entropy_loss(y, forecast, labels=classes, from_logits=from_logits, reduction="none")
        with np.errstate(under="ignore"):
            true, other = np.exp(-loss), -np.expm1(-loss)
        if len(classes) > 2:
            every = np.ones(len(loss), dtype=bool)
            return cls(probability=true, loss=loss, positive=every, class_names=("true class",))
        positive = np.asarray(y).ravel() == classes[1]
        probability = np.where(positive, true, other)
        names = tuple(f"y = {label}" for label in classes.tolist())
        return cls(probability=probability, loss=loss, positive=positive, class_names=names)

    def plot(
        self,
        *,
        ax: Any = None,
        name: str | None = None,
        curve_kwargs: dict[str, Any] | None = None,
        scatter_kwargs: dict[str, Any] | None = None,
    ) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; a new figure by default.
        name : str, default=None
            Title.
        curve_kwargs : dict, default=None
            Options of the curves' ``plot``.
        scatter_kwargs : dict, default=None
            Options of the samples' ``scatter``.

        Returns
        -------
        self : CrossEntropyLossDisplay
            Drawn.
        """
        self.ax_ = axes_for(ax)
        self.figure_ = self.ax_.figure
        self.lines_: list[Any] = []
        self.points_: list[Any] = []
        top = 5.0 if self.loss is None or not len(self.loss) else max(5.0, 1.05 * _finite_max(self.loss))
        # evenly spaced in the loss, so that the steep ends are smooth
        p = np.exp(-np.linspace(0.0, top, 400))
        for i, label in enumerate(reversed(as_texts(self.class_names, self.ax_, 0.5))):
            x = p if i == 0 else 1 - p
            formula = "\N{MINUS SIGN}log p" if i == 0 else "\N{MINUS SIGN}log(1 \N{MINUS SIGN} p)"
            style = {"color": COLOURS[i], "linestyle": DASHES[i], "linewidth": 2.2}
            options = merged(style | {"label": f"{label}:  {formula}"}, curve_kwargs)
            self.lines_ += self.ax_.plot(x, -np.log(p), **options)
            self._plot_samples(i, scatter_kwargs)
        several = len(self.class_names) > 1
        forecast = as_text(self.class_names[1], self.ax_, 0.5) if several else "the true class"
        self.ax_.set_xlabel(f"Predicted probability of {forecast}")
        self.ax_.set_ylabel("Loss (nats)")
        self.ax_.set_xlim(-0.02, 1.02)
        self.ax_.set_ylim(-0.02 * top, top)
        self.ax_.grid(alpha=0.25)
        legend_of(self.ax_, self.lines_, loc="upper center", fontsize="medium")
        title_of(self.ax_, name or self.estimator_name)
        return self

    def _plot_samples(self, curve: int, given: dict[str, Any] | None) -> None:
        if self.probability is None or self.loss is None or self.positive is None:
            return
        mine = self.positive if curve == 0 else ~self.positive
        finite = mine & np.isfinite(self.loss)
        style = {
            "s": 34,
            "marker": MARKERS[curve],
            "color": COLOURS[curve],
            "alpha": 0.75,
            "zorder": 3,
        }
        if "marker" not in (given or {}):  # one that is not filled has no edge
            # they lie on a curve of their colour
            style |= {"edgecolors": "white", "linewidths": 0.6}
        points = self.ax_.scatter(self.probability[finite], self.loss[finite], **merged(style, given))
        self.points_.append(points)

    def frame(self) -> Any:
        """Return the samples drawn.

        Returns
        -------
        frame : DataFrame of shape (n_samples, 3)
            Columns ``probability``, ``loss`` (nats) and ``positive``.
        """
        empty = np.empty(0)
        return to_frame(
            {
                "probability": empty if self.probability is None else self.probability,
                "loss": empty if self.loss is None else self.loss,
                "positive": empty.astype(bool) if self.positive is None else self.positive,
            }
        )


def _finite_max(values: Array) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.max()) if len(finite) else 0.0
