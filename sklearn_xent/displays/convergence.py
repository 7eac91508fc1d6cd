"""How a fit came down: the gap, the loss or the gradient against its cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklearn_xent.arrays import Array
from sklearn_xent.composites import final_step
from sklearn_xent.displays.frame import COLOURS, DASHES, MARKERS, axes_for, merged, to_frame
from sklearn_xent.displays.names import as_texts, legend_of, title_of

__all__ = ["ConvergenceDisplay"]

QUANTITIES = {
    "suboptimality": "Objective above the best (nats)",
    "objective": "Objective (nats)",
    "gap": "Estimated gap (nats)",
    "gradient_norm": "Norm of the gradient",
}
COSTS = {"iterations": "Iterations", "passes": "Passes over the data", "seconds": "Seconds"}
WITHIN = 8  # fits that are named among the curves
SMALLEST = 1e-16  # what a logarithmic axis shows of a value that rounding made 0


def _on_all_rows(history: Mapping[str, Array]) -> Array:
    """Mask of the iterates whose values are those of all rows, and not of a sample."""
    if "rows" not in history:
        return np.ones(len(history["objective"]), bool)
    return np.asarray(history["rows"] == np.max(history["rows"]))


class ConvergenceDisplay:
    """Convergence of one fit, or of several compared; iterates on a sample of the rows are left out.

    Parameters
    ----------
    histories : dict of dict of ndarray
        For each name, the fit's ``history_``.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where it is drawn.
    figure_ : matplotlib Figure
        The figure of the axes.
    lines_ : list of matplotlib Line2D
        One line a fit.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn_xent import ConvergenceDisplay, CrossEntropyClassifier
    >>> model = CrossEntropyClassifier().fit(*load_wine(return_X_y=True))
    >>> display = ConvergenceDisplay.from_estimator(model, x="passes")
    >>> display.ax_.get_xlabel()
    'Passes over the data'
    """

    def __init__(self, *, histories: Mapping[str, Mapping[str, Array]]) -> None:
        self.histories = histories

    @classmethod
    def from_estimator(cls, estimator: Any, *, name: str | None = None, **options: Any) -> Self:
        """Draw one fit.

        Parameters
        ----------
        estimator : CrossEntropyClassifier, or a Pipeline or search that ends in one
            Fitted.
        name : str, default=None
            Its name; its solver by default.
        **options
            Of `plot`.

        Returns
        -------
        display : ConvergenceDisplay
            Drawn.
        """
        last, _ = final_step(estimator)
        label = name or f"solver={getattr(last, 'solver', type(last).__name__)!r}"
        return cls.from_estimators({label: estimator}, **options)

    @classmethod
    def from_estimators(cls, estimators: Mapping[str, Any], **options: Any) -> Self:
        """Draw several fits of the same problem.

        Parameters
        ----------
        estimators : dict of CrossEntropyClassifier
            Fitted, by name.
        **options
            Of `plot`.

        Returns
        -------
        display : ConvergenceDisplay
            Drawn.
        """
        last = {name: final_step(estimator)[0] for name, estimator in estimators.items()}
        for estimator in last.values():
            check_is_fitted(estimator, "history_")
        return cls(histories={name: e.history_ for name, e in last.items()}).plot(**options)

    def plot(
        self,
        *,
        x: str = "iterations",
        y: str = "suboptimality",
        ax: Any = None,
        name: str | None = None,
        curve_kwargs: dict[str, Any] | None = None,
    ) -> Self:
        """Draw.

        Parameters
        ----------
        x : {"iterations", "passes", "seconds"}, default="iterations"
            The cost.
        y : {"suboptimality", "objective", "gap", "gradient_norm"}, default="suboptimality"
            What comes down. "suboptimality" is the objective above the lowest that any of the fits saw.
        ax : matplotlib Axes, default=None
            Where to draw; a new figure by default.
        name : str, default=None
            Title.
        curve_kwargs : dict, default=None
            Options of the lines' ``plot``.

        Returns
        -------
        self : ConvergenceDisplay
            Drawn.

        Raises
        ------
        ValueError
            For an unknown ``x`` or ``y``.
        """
        for given, known, what in ((x, COSTS, "x"), (y, QUANTITIES, "y")):
            if given not in known:
                raise ValueError(f"{what} must be one of {sorted(known)}; got {given!r}.")
        # a legend of many fits stands beside the curves
        beside = len(self.histories) > WITHIN
        height = min(9.0, max(4.4, 1.1 + 0.18 * len(self.histories)))
        self.ax_ = axes_for(ax, (8.4, height) if beside else (6.4, 4.4))
        self.figure_ = self.ax_.figure
        self.lines_ = []
        texts = as_texts(list(self.histories), self.ax_, 0.3 if beside else 0.6)
        for i, (label, text) in enumerate(zip(self.histories, texts, strict=True)):
            cost, values = self._cost(label, x), self._values(label, y)
            style = {
                "label": text,
                "color": COLOURS[i % len(COLOURS)],
                "linestyle": DASHES[(i + i // len(COLOURS)) % len(DASHES)],
                "marker": MARKERS[i % len(MARKERS)],
                "markersize": 4.5,
                "markevery": max(1, len(cost) // 12),
                "linewidth": 1.8,
            }
            self.lines_ += self.ax_.plot(cost, values, **merged(style, curve_kwargs))
        if y != "objective":
            self.ax_.set_yscale("log")
        self.ax_.set_xlabel(COSTS[x])
        self.ax_.set_ylabel(QUANTITIES[y])
        self.ax_.grid(alpha=0.25)
        where = {"loc": "center left", "bbox_to_anchor": (1.0, 0.5)} if beside else {"fontsize": "medium"}
        legend_of(self.ax_, self.lines_, **where)
        title_of(self.ax_, name)
        return self

    def _cost(self, label: str, x: str) -> Array:
        history = self.histories[label]
        cost = np.arange(len(history["objective"])) if x == "iterations" else np.asarray(history[x])
        return np.asarray(cost[_on_all_rows(history)])

    def _values(self, label: str, y: str) -> Array:
        history = self.histories[label]
        shown = _on_all_rows(history)
        if y == "objective":
            return np.asarray(history["objective"])[shown]
        if y != "suboptimality":
            return np.maximum(history[y], SMALLEST)[shown]
        lowest = min(np.min(h["objective"][_on_all_rows(h)]) for h in self.histories.values())
        return np.maximum(history["objective"] - lowest, SMALLEST)[shown]

    def frame(self) -> Any:
        """Return the histories, one row an iterate of a fit.

        Returns
        -------
        frame : DataFrame
            Columns ``name``, ``iterations``, ``passes``, ``seconds``, ``objective``, ``suboptimality``,
            ``gap`` and ``gradient_norm``.
        """
        columns: dict[str, list[Any]] = {key: [] for key in ("name", *COSTS, *QUANTITIES)}
        for label, history in self.histories.items():
            columns["name"] += [label] * int(_on_all_rows(history).sum())
            for x in COSTS:
                columns[x] += list(self._cost(label, x))
            for y in QUANTITIES:
                columns[y] += list(self._values(label, y))
        return to_frame(columns)
