"""Where the loss comes from: which classes, and which samples."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.displays.frame import axes_for, forecast_of, out_of_fold, to_frame
from sklearn_xent.displays.loss_panels import class_bars, legend_above, loss_curve, worst_table
from sklearn_xent.formulas import cross_entropy_loss
from sklearn_xent.truth import as_shares, as_targets, as_weights, in_order

__all__ = ["LossContributionDisplay"]


class LossContributionDisplay:
    """Contribution of classes and samples to the mean loss; the worst samples are often wrong labels.

    On the left each class's contribution to the mean loss, for the model and for the null model that
    forecasts the class frequencies. On the right the samples sorted by their loss: how much of the loss the
    worst few are, with their indices and labels.

    Parameters
    ----------
    loss : ndarray of shape (n_samples,)
        Loss of each sample, in nats.
    labels : ndarray of shape (n_samples,)
        Its label.
    weights : ndarray of shape (n_samples,)
        Its weight.
    classes : ndarray of shape (n_classes,)
        The classes.
    index : ndarray of shape (n_samples,), default=None
        What a sample is called; its position by default.

    Attributes
    ----------
    ax_ : ndarray of two matplotlib Axes
        Where it is drawn.
    figure_ : matplotlib Figure
        The figure of the axes.
    bars_, null_bars_ : BarContainer
        The classes' contributions.
    line_ : matplotlib Line2D
        Share of the loss against share of the samples, worst first.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn_xent import CrossEntropyClassifier, LossContributionDisplay
    >>> X, y = load_wine(return_X_y=True)
    >>> model = CrossEntropyClassifier().fit(X, y)
    >>> display = LossContributionDisplay.from_estimator(model, X, y)
    >>> len(display.bars_)
    3
    """

    def __init__(
        self, *, loss: Array, labels: Array, weights: Array, classes: Array, index: Array | None = None
    ) -> None:
        self.loss = loss
        self.labels = labels
        self.weights = weights
        self.classes = classes
        self.index = np.arange(len(loss)) if index is None else index

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        sample_weight: Any = None,
        name: str | None = None,
        ax: Any = None,
        **options: Any,
    ) -> Self:
        """Draw where a fitted classifier loses.

        Parameters
        ----------
        estimator : classifier
            Fitted.
        X : array-like of shape (n_samples, n_features)
            Samples. A frame's index names the samples.
        y : array-like of shape (n_samples,)
            Labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights.
        name : str, default=None
            Title; the estimator's class by default.
        ax : two matplotlib Axes, default=None
            Where to draw; a new figure by default.
        **options
            Of `plot`.

        Returns
        -------
        display : LossContributionDisplay
            Drawn.
        """
        forecast, from_logits = forecast_of(estimator, X)
        index = getattr(X, "index", None)
        display = cls._from_forecast(
            y, forecast, estimator.classes_, sample_weight, index, from_logits=from_logits
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
        sample_weight, name, ax, **options
            As in `from_estimator`.

        Returns
        -------
        display : LossContributionDisplay
            Drawn.

        Raises
        ------
        ValueError
            If ``cv_results`` lacks the estimators or their indices.
        """
        logs, rows, classes = out_of_fold(cv_results, X)
        weights = None if sample_weight is None else np.asarray(sample_weight)[rows]
        index = np.asarray(X.index)[rows] if hasattr(X, "index") else rows
        labels = np.asarray(y)[rows]
        display = cls._from_forecast(labels, logs, classes, weights, index, from_logits=True)
        return display.plot(ax=ax, name=name, **options)

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_prob: Any,
        *,
        labels: Any = None,
        sample_weight: Any = None,
        index: Any = None,
        name: str | None = None,
        ax: Any = None,
        **options: Any,
    ) -> Self:
        """Draw where forecasts lose.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Labels.
        y_prob : array-like of shape (n_samples,) or (n_samples, n_classes)
            Probabilities; 1-D is of the second of two classes.
        labels : array-like of shape (n_classes,), default=None
            The classes, in the order of the columns.
        index : array-like of shape (n_samples,), default=None
            What samples are called.
        sample_weight, name, ax, **options
            As in `from_estimator`.

        Returns
        -------
        display : LossContributionDisplay
            Drawn.
        """
        y_prob, labels = in_order(y_prob, labels)
        classes = np.unique(y_true) if labels is None else np.asarray(labels)
        display = cls._from_forecast(y_true, y_prob, classes, sample_weight, index, from_logits=False)
        return display.plot(ax=ax, name=name, **options)

    @classmethod
    def _from_forecast(
        cls, y: Any, y_prob: Any, classes: Array, sample_weight: Any, index: Any, *, from_logits: bool
    ) -> Self:
        loss = cross_entropy_loss(y, y_prob, labels=classes, from_logits=from_logits, reduction="none")
        targets = as_targets(y, (len(loss), len(classes)), classes)
        return cls(
            loss=loss,
            labels=np.asarray(classes)[targets.argmax(axis=1)],
            weights=as_weights(sample_weight, len(loss)),
            classes=np.asarray(classes),
            index=None if index is None else np.asarray(index),
        )

    def plot(
        self,
        *,
        ax: Any = None,
        name: str | None = None,
        n_worst: int = 8,
        bar_kwargs: dict[str, Any] | None = None,
        curve_kwargs: dict[str, Any] | None = None,
    ) -> Self:
        """Draw.

        Parameters
        ----------
        ax : two matplotlib Axes, default=None
            Where to draw; a new figure by default.
        name : str, default=None
            Title.
        n_worst : int, default=8
            How many of the worst samples are named.
        bar_kwargs, curve_kwargs : dict, default=None
            Options of the model's ``barh`` and of the curve's ``plot``.

        Returns
        -------
        self : LossContributionDisplay
            Drawn.

        Raises
        ------
        ValueError
            If ``ax`` is given and is not two axes.
        """
        if ax is None:
            figure = axes_for(None, (9.6, 4.4)).figure
            figure.clear()
            ax = figure.subplots(1, 2, width_ratios=(1, 1.25))
        axes = np.ravel(ax)
        if axes.size != 2:
            raise ValueError(f"ax must be two axes; got {axes.size}.")
        self.ax_, self.figure_ = axes, axes[0].figure
        model, null = self.contributions()
        self.bars_, self.null_bars_ = class_bars(axes[0], self.classes, model, null, bar_kwargs)
        order = self._sorted()
        self.line_ = loss_curve(axes[1], self.loss[order], as_shares(self.weights)[order], curve_kwargs)
        if n_worst:
            worst_table(axes[1], order[:n_worst], self.index, self.labels, self.loss)
        legend_above(axes[0], [self.bars_, self.null_bars_], name)
        return self

    def contributions(self) -> tuple[Array, Array]:
        """Each class's part in the mean loss of the model and of the null model, (n_classes,) in nats."""
        share = as_shares(self.weights)
        share = share / share.sum()
        mine = self.labels[:, None] == self.classes
        with np.errstate(invalid="ignore", under="ignore"):
            model = np.where(mine & (share[:, None] > 0), (share * self.loss)[:, None], 0.0).sum(axis=0)
        frequency = share @ mine
        return model, -frequency * np.log(np.where(frequency > 0, frequency, 1.0))

    def _sorted(self) -> Array:
        """Positions of the samples, largest loss first."""
        return np.argsort(-self.loss, kind="stable")

    def frame(self) -> Any:
        """Return the samples, worst first.

        Returns
        -------
        frame : DataFrame of shape (n_samples, 4)
            Columns ``sample``, ``label``, ``loss`` (nats) and ``weight``.
        """
        order = self._sorted()
        return to_frame(
            {
                "sample": self.index[order],
                "label": self.labels[order],
                "loss": self.loss[order],
                "weight": self.weights[order],
            }
        )
