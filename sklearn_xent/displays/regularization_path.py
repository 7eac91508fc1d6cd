"""Coefficients and loss against the strength of the penalty."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklearn_xent.arrays import Array
from sklearn_xent.composites import final_step, names_before
from sklearn_xent.displays.frame import COLOURS, DASHES, axes_for, class_row, column_names, merged, to_frame
from sklearn_xent.displays.names import as_text, as_texts, legend_of, title_of

__all__ = ["RegularizationPathDisplay"]

NAMED = 7  # coefficients that are told apart by colour and named; the others stay grey


class RegularizationPathDisplay:
    """Coefficients along a grid of C and, where it is known, the loss on unseen samples.

    Parameters
    ----------
    Cs : ndarray of shape (n_Cs,)
        Inverse strengths.
    coefs : ndarray of shape (n_Cs, n_features)
        Coefficients of one logit.
    feature_names : sequence of str, default=None
        Names of the features; ``x0``, ``x1``, ... by default.
    losses, errors : ndarray of shape (n_Cs,), default=None
        Mean loss on unseen samples in nats, and its standard error.
    C, C_1se : float, default=None
        Strengths to mark: the one with the best score, and that of the rule of one standard error.
    target_class : label, default=None
        Whose coefficients they are, where there are more than two classes.

    Attributes
    ----------
    ax_ : matplotlib Axes or ndarray of two Axes
        Where it is drawn: the coefficients, and below them the loss where it is known.
    figure_ : matplotlib Figure
        The figure of the axes.
    lines_ : list of matplotlib Line2D
        One line a coefficient.
    loss_line_ : matplotlib Line2D or None
        The loss.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn_xent import RegularizationPathDisplay, cross_entropy_path
    >>> data = load_breast_cancer()
    >>> path = cross_entropy_path(data.data, data.target, Cs=8)
    >>> display = RegularizationPathDisplay.from_path(path, feature_names=data.feature_names)
    >>> len(display.lines_)
    30
    """

    def __init__(
        self,
        *,
        Cs: Array,
        coefs: Array,
        feature_names: Any = None,
        losses: Array | None = None,
        errors: Array | None = None,
        C: float | None = None,
        C_1se: float | None = None,
        target_class: Any = None,
    ) -> None:
        self.Cs = Cs
        self.coefs = coefs
        self.feature_names = feature_names
        self.losses = losses
        self.errors = errors
        self.C = C
        self.C_1se = C_1se
        self.target_class = target_class

    @classmethod
    def from_path(
        cls, path: Any, *, target_class: Any = None, feature_names: Any = None, **options: Any
    ) -> Self:
        """Draw a path.

        Parameters
        ----------
        path : CrossEntropyPath
            What `cross_entropy_path` returns.
        target_class : label, default=None
            Whose coefficients, of more than two classes; the first by default. The axis says which.
        feature_names : sequence of str, default=None
            Names of the features.
        **options
            Of `plot`.

        Returns
        -------
        display : RegularizationPathDisplay
            Drawn.

        Raises
        ------
        ValueError
            If ``target_class`` is not a class of the path.
        """
        coefs, label = _of_class(path, target_class)
        return cls(Cs=path.Cs, coefs=coefs, feature_names=feature_names, target_class=label).plot(**options)

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, target_class: Any = None, feature_names: Any = None, **options: Any
    ) -> Self:
        """Draw what a `CrossEntropyClassifierCV` has chosen from, for the l1_ratio it has chosen.

        Parameters
        ----------
        estimator : CrossEntropyClassifierCV, or a Pipeline or search that ends in one
            Fitted. The coefficients are those of the first fold's path.
        target_class : label, default=None
            Whose coefficients, of more than two classes; the first by default. The axis says which.
        feature_names : sequence of str, default=None
            Names of the features; those seen in ``fit`` by default.
        **options
            Of `plot`.

        Returns
        -------
        display : RegularizationPathDisplay
            Drawn.

        Raises
        ------
        ValueError
            If ``target_class`` is not a class of the estimator.
        TypeError
            If a fitted estimator has no path.
        """
        estimator, before = final_step(estimator)
        if not hasattr(estimator, "paths_") and hasattr(estimator, "coef_"):
            raise TypeError(
                "estimator must be a CrossEntropyClassifierCV, or a Pipeline or search that ends in one; got "
                f"{type(estimator).__name__}, which has no path: use cross_entropy_path and from_path."
            )
        check_is_fitted(estimator, "paths_")
        ratios = np.atleast_1d(np.asarray(estimator.l1_ratios, dtype=float))
        i = int(np.flatnonzero(ratios == estimator.l1_ratio_)[0])
        names = names_before(estimator, before) if feature_names is None else feature_names
        coefs, label = _of_class(estimator.paths_[i][0], target_class)
        return cls(
            Cs=estimator.paths_[i][0].Cs,
            coefs=coefs,
            feature_names=names,
            losses=-estimator.mean_score_[i],
            errors=estimator.std_error_[i],
            C=estimator.C_best_,
            C_1se=estimator.C_1se_,
            target_class=label,
        ).plot(**options)

    def plot(
        self,
        *,
        ax: Any = None,
        name: str | None = None,
        curve_kwargs: dict[str, Any] | None = None,
        loss_label: str = "Loss on unseen samples (nats)",
    ) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes or two of them, default=None
            Where to draw the coefficients and, on the second, the loss. One alone gets the coefficients.
        name : str, default=None
            Title.
        curve_kwargs : dict, default=None
            Options of the coefficients' ``plot``.
        loss_label : str, default="Loss on unseen samples (nats)"
            What the loss is.

        Returns
        -------
        self : RegularizationPathDisplay
            Drawn.
        """
        upper, lower = self._axes(ax)
        self.figure_ = upper.figure
        order = np.argsort(self.Cs, kind="stable")
        self._plot_coefficients(upper, order, curve_kwargs)
        self.loss_line_ = None if lower is None else self._plot_loss(lower, order, loss_label)
        for axes in (upper,) if lower is None else (upper, lower):
            self._mark(axes, legend=axes is lower or lower is None)
            axes.set_xscale("log")
            axes.grid(alpha=0.25)
        (upper if lower is None else lower).set_xlabel("C (weaker penalty to the right)")
        title_of(upper, name)
        return self

    def _axes(self, ax: Any) -> tuple[Any, Any]:
        """The upper axes and, where there is a loss to draw and room for it, the lower."""
        given = np.ravel(ax) if ax is not None else np.array([])
        if given.size:
            self.ax_ = ax
            return given[0], given[1] if given.size > 1 and self.losses is not None else None
        upper = axes_for(None, (7.2, 6.4 if self.losses is not None else 4.4))
        if self.losses is None:
            self.ax_ = upper
            return upper, None
        figure = upper.figure
        upper.remove()
        self.ax_ = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
        return self.ax_[0], self.ax_[1]

    def _plot_coefficients(self, axes: Any, order: Array, curve_kwargs: dict[str, Any] | None) -> None:
        names = self._names()
        Cs, coefs = self.Cs[order], self.coefs[order]
        strongest = np.argsort(-np.abs(coefs).max(axis=0), kind="stable")[:NAMED].tolist()
        texts = as_texts([names[j] for j in strongest], axes, 0.3, size="small")
        self.lines_: list[Any] = [None] * coefs.shape[1]
        crowded = coefs.shape[1] > NAMED
        for j in [*(j for j in range(coefs.shape[1]) if j not in strongest), *strongest[::-1]]:
            if j in strongest:
                i = strongest.index(j)
                style = {
                    "color": COLOURS[i],
                    "linestyle": DASHES[i],
                    "linewidth": 1.8,
                    "label": texts[i],
                    "zorder": 3,
                }
            else:
                style = {"color": "0.6", "linewidth": 0.7, "alpha": 0.6, "zorder": 2}
            (self.lines_[j],) = axes.plot(Cs, coefs[:, j], **merged(style, curve_kwargs))
        axes.axhline(0, color="0.3", linewidth=0.8, zorder=1)
        whose = "" if self.target_class is None else f" of class {as_text(self.target_class, axes)}"
        axes.set_ylabel(f"Coefficient{whose}")
        handles = [self.lines_[j] for j in strongest]
        title = f"largest {len(strongest)} of {coefs.shape[1]}" if crowded else None
        legend_of(
            axes,
            handles,
            title=title,
            title_fontsize="small",
            loc="center left",
            bbox_to_anchor=(1.0, 0.5),
        )

    def _plot_loss(self, axes: Any, order: Array, loss_label: str) -> Any:
        assert self.losses is not None
        Cs, losses = self.Cs[order], self.losses[order]
        (line,) = axes.plot(Cs, losses, "o-", color=COLOURS[0], markersize=4, label="mean")
        if self.errors is not None:
            errors = self.errors[order]
            axes.fill_between(
                Cs,
                losses - errors,
                losses + errors,
                color=COLOURS[0],
                alpha=0.2,
                linewidth=0,
                label="± 1 standard error",
            )
        axes.set_ylabel(loss_label)
        return line

    def _mark(self, axes: Any, *, legend: bool) -> None:
        marks = ((self.C, "-", "best"), (self.C_1se, "--", "one standard error"))
        for C, dash, label in marks:
            if C is not None:
                text = f"{label}: C = {C:.3g}"
                axes.axvline(C, color="0.2", linestyle=dash, linewidth=1.2, label=text, zorder=1)
        if legend and (self.C is not None or self.losses is not None) and axes.get_legend() is None:
            axes.legend(frameon=False, fontsize="small", loc="center left", bbox_to_anchor=(1.0, 0.5))

    def _names(self) -> list[str]:
        return column_names(self.coefs.shape[1], self.feature_names)

    def frame(self) -> Any:
        """Return what is drawn, one row a strength.

        Returns
        -------
        frame : DataFrame
            Columns ``C``, ``loss`` and ``std_error`` where they are known, and one for each coefficient.
        """
        known = [("C", self.Cs), ("loss", self.losses), ("std_error", self.errors)]
        columns = [(name, values) for name, values in known if values is not None]
        columns += zip(self._names(), self.coefs.T, strict=True)
        # by position: a column of X may be called C, or two of them alike
        frame = to_frame({str(i): values for i, (_, values) in enumerate(columns)})
        frame.columns = [name for name, _ in columns]
        return frame


def _of_class(path: Any, target_class: Any) -> tuple[Array, Any]:
    """Coefficients (n_Cs, d) of a class of a path, and its label where there are more than two."""
    row = class_row(path.classes, target_class)
    return path.coefs[:, row], path.classes.tolist()[row] if len(path.classes) > 2 else None
