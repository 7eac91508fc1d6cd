"""Coefficients, or odds ratios, with their intervals."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklearn_xent.arrays import Array
from sklearn_xent.composites import final_step, names_before
from sklearn_xent.displays.frame import (
    COLOURS,
    MARKERS,
    axes_for,
    class_row,
    column_names,
    merged,
    ticks_of_logarithm,
    to_frame,
)
from sklearn_xent.displays.names import as_text, as_texts, title_of

__all__ = ["CoefficientDisplay"]

FAR = 100 * np.log(10)  # the ticks beyond the ends of the axis are within what a double can hold


class CoefficientDisplay:
    """Coefficients sorted by size, with confidence intervals where they are known.

    Parameters
    ----------
    names : sequence of str
        Names of the coefficients.
    estimate : ndarray of shape (n_coefficients,)
        Log odds ratios, in nats per unit of the feature.
    interval : ndarray of shape (n_coefficients, 2), default=None
        Their confidence intervals.
    confidence : float, default=None
        Of the intervals.
    target_class : label, default=None
        Whose coefficients they are, where there are more than two classes.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where it is drawn.
    figure_ : matplotlib Figure
        The figure of the axes.
    line_ : matplotlib Line2D
        The estimates.
    shown_ : ndarray of int
        Which coefficients are drawn, from the top.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn_xent import CoefficientDisplay, CrossEntropyClassifier, infer
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = CrossEntropyClassifier(C=np.inf).fit(X[:, :3], y)
    >>> display = CoefficientDisplay.from_inference(infer(model, X[:, :3], y), odds_ratios=True)
    >>> display.ax_.get_xlabel()
    'Odds ratio (95 % confidence)'
    """

    def __init__(
        self,
        *,
        names: Any,
        estimate: Array,
        interval: Array | None = None,
        confidence: float | None = None,
        target_class: Any = None,
    ) -> None:
        self.names = names
        self.estimate = estimate
        self.interval = interval
        self.confidence = confidence
        self.target_class = target_class

    @classmethod
    def from_inference(cls, inference: Any, *, confidence: float = 0.95, **options: Any) -> Self:
        """Draw estimates with their confidence intervals.

        Parameters
        ----------
        inference : Inference
            What `infer` returns.
        confidence : float in (0, 1), default=0.95
            Of the intervals.
        **options
            Of `plot`.

        Returns
        -------
        display : CoefficientDisplay
            Drawn; intercepts are left out.
        """
        keep = np.flatnonzero(~inference.is_intercept)
        return cls(
            names=[inference.names[i] for i in keep],
            estimate=inference.estimate[keep],
            interval=inference.interval(confidence)[keep],
            confidence=confidence,
        ).plot(**options)

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, target_class: Any = None, feature_names: Any = None, **options: Any
    ) -> Self:
        """Draw the coefficients of a fitted linear classifier, without intervals.

        Parameters
        ----------
        estimator : classifier, or a Pipeline or search that ends in one
            Fitted, with ``coef_`` and ``classes_``.
        target_class : label, default=None
            Whose coefficients, of more than two classes; the first by default. The axis says which.
        feature_names : sequence of str, default=None
            Names of the features; those seen in ``fit`` by default.
        **options
            Of `plot`.

        Returns
        -------
        display : CoefficientDisplay
            Drawn.

        Raises
        ------
        ValueError
            If ``target_class`` is not a class of the estimator.
        """
        estimator, before = final_step(estimator)
        check_is_fitted(estimator, "coef_")
        coef = (
            estimator.coef_.toarray() if hasattr(estimator.coef_, "toarray") else np.asarray(estimator.coef_)
        )
        names = names_before(estimator, before) if feature_names is None else feature_names
        names = column_names(coef.shape[1], names)
        classes = np.asarray(estimator.classes_)
        row = class_row(classes, target_class)
        several = len(classes) > 2
        return cls(
            names=names, estimate=coef[row], target_class=classes.tolist()[row] if several else None
        ).plot(**options)

    def plot(
        self,
        *,
        ax: Any = None,
        name: str | None = None,
        most: int = 25,
        odds_ratios: bool = False,
        marker_kwargs: dict[str, Any] | None = None,
    ) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; a new figure by default.
        name : str, default=None
            Title.
        most : int, default=25
            How many coefficients are drawn: the largest, or with intervals those furthest from 0 in standard
            errors.
        odds_ratios : bool, default=False
            Whether exponentials are drawn, on a logarithmic axis. What is beyond 1e100 or 1e-100 is drawn
            there.
        marker_kwargs : dict, default=None
            Options of the estimates' ``plot``.

        Returns
        -------
        self : CoefficientDisplay
            Drawn.
        """
        self.shown_ = self._largest(most)
        self.ax_ = axes_for(ax, (6.4, max(2.6, 0.9 + 0.27 * len(self.shown_))))
        self.figure_ = self.ax_.figure
        scale = _odds if odds_ratios else np.asarray
        at = np.arange(len(self.shown_))[::-1]
        self._draw_intervals(at, scale)
        style = {"color": COLOURS[0], "marker": MARKERS[0], "markersize": 5, "linestyle": "none", "zorder": 3}
        (self.line_,) = self.ax_.plot(scale(self.estimate[self.shown_]), at, **merged(style, marker_kwargs))
        self.ax_.axvline(scale(0.0), color="0.3", linewidth=0.9, zorder=1)
        self.ax_.set_yticks(at, as_texts([self.names[i] for i in self.shown_], self.ax_))
        self.ax_.set_ylim(-0.7, len(at) - 0.3)
        if odds_ratios:
            self.ax_.set_xscale("log")
            ticks_of_logarithm(self.ax_)
        self.ax_.set_xlabel(self._what(odds_ratios))
        self.ax_.grid(axis="x", alpha=0.25)
        left_out = len(self.estimate) - len(self.shown_)
        if left_out:
            self.ax_.set_ylabel(f"{len(self.shown_)} of {len(self.estimate)}")
        title_of(self.ax_, name)
        return self

    def _what(self, odds_ratios: bool) -> str:
        """What is drawn, of which class, and how sure it is."""
        whose = ""
        if self.target_class is not None:
            whose = f" of class {as_text(self.target_class, self.ax_, 0.3)}"
        what = f"Odds ratio{whose}" if odds_ratios else f"Coefficient{whose} (log odds, nats per unit)"
        return what + ("" if self.confidence is None else f" ({100 * self.confidence:.0f} % confidence)")

    def _largest(self, most: int) -> Array:
        """Which coefficients are drawn: the largest, or furthest from 0 in standard errors; from the top."""
        if self.interval is None:
            size = np.abs(self.estimate)
        else:
            width = self.interval[:, 1] - self.interval[:, 0]
            size = np.abs(self.estimate) / np.where(width > 0, width, np.inf)
        chosen = np.argsort(-size, kind="stable")[:most]
        return chosen[np.argsort(-self.estimate[chosen], kind="stable")]

    def _draw_intervals(self, at: Array, scale: Any) -> None:
        """Draw the intervals that are known at these heights: in grey where they hold 0."""
        if self.interval is None:
            return
        ends = scale(self.interval[self.shown_])
        clear = np.sign(self.interval[self.shown_]).prod(axis=1) > 0
        for y, (low, high), sure in zip(at, ends, clear, strict=True):
            self.ax_.plot([low, high], [y, y], color=COLOURS[0] if sure else "0.6", linewidth=1.8, zorder=2)

    def frame(self) -> Any:
        """Return all coefficients, largest first.

        Returns
        -------
        frame : DataFrame
            Columns ``name``, ``estimate`` and, where they are known, ``low`` and ``high``.
        """
        order = np.argsort(-np.abs(self.estimate), kind="stable")
        columns: dict[str, Any] = {"name": [self.names[i] for i in order], "estimate": self.estimate[order]}
        if self.interval is not None:
            columns |= {"low": self.interval[order, 0], "high": self.interval[order, 1]}
        return to_frame(columns)


def _odds(log_odds: Any) -> Array:
    return np.asarray(np.exp(np.clip(log_odds, -FAR, FAR)))
