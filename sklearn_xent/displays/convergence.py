"""How a fit came down: the gap, the loss or the gradient against its cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklearn_xent.arrays import Array
from sklearn_xent.composites import final_step
from sklearn_xent.displays.frame import (
    COLOURS,
    DASHES,
    MARKERS,
    axes_for,
    merged,
    ticks_of_logarithm,
    to_frame,
)
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
APART = 8.0  # ratio of the fits' costs from which the axis of the cost is logarithmic
ROOM = 0.3  # share of a logarithmic axis that is left of the curves, for the legend


def _on_all_rows(history: Mapping[str, Array]) -> Array:
    """Mask of the iterates whose values are those of all rows, and not of a sample."""
    if "rows" not in history:
        return np.ones(len(history["objective"]), bool)
    return np.asarray(history["rows"] == np.max(history["rows"]))


def _certificate(history: Mapping[str, Array]) -> Array:
    """Mask of the last iterates that are Newton steps of the certificate, and not the method's own.

    A certificate's steps are recorded together once it holds, and so with the same passes; a method passes
    over the data for each of its iterates. One step alone cannot be told from the method's.
    """
    passes = np.asarray(history.get("passes", ()), dtype=float)
    last = np.logical_and.accumulate((passes == passes[-1:])[::-1])[::-1]
    found = np.zeros(len(history["objective"]), bool)
    if 1 < last.sum() < len(last):
        found[-int(last.sum()) :] = True
    return found


class ConvergenceDisplay:
    """Convergence of one fit, or of several compared; iterates on a part of the samples are left out.

    The Newton steps by which the certificate of a small fit ends it are dotted, with open markers: they are
    not the method's own. Where the fits' costs lie far apart, the axis of the cost is logarithmic.

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
        One line a fit: the iterates of its method.
    certificate_lines_ : list of matplotlib Line2D
        One line a fit: from the method's last iterate through the steps of its certificate; empty where there
        are none.

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
        self.lines_: list[Any] = []
        self.certificate_lines_: list[Any] = []
        texts = as_texts(list(self.histories), self.ax_, 0.3 if beside else 0.6)
        for i, (label, text) in enumerate(zip(self.histories, texts, strict=True)):
            style = {
                "label": text,
                "color": COLOURS[i % len(COLOURS)],
                "linestyle": DASHES[(i + i // len(COLOURS)) % len(DASHES)],
                "marker": MARKERS[i % len(MARKERS)],
                "markersize": 4.5,
                "linewidth": 1.8,
            }
            self._draw_fit(self._cost(label, x), self._values(label, y), label, merged(style, curve_kwargs))
        if y != "objective":
            self.ax_.set_yscale("log")
        self._scale_cost(x)
        self.ax_.set_xlabel(COSTS[x])
        self.ax_.set_ylabel(QUANTITIES[y])
        self.ax_.grid(alpha=0.25)
        where = {"loc": "center left", "bbox_to_anchor": (1.0, 0.5)} if beside else {}
        legend_of(self.ax_, [*self.lines_, *self._legend_of_certificates()], **where)
        title_of(self.ax_, name)
        return self

    def _draw_fit(self, cost: Array, values: Array, label: str, style: dict[str, Any]) -> None:
        """Draw the iterates of a method, and the steps of its certificate as another thing."""
        steps = self._steps(label)
        own = np.flatnonzero(~steps)
        style = {"markevery": max(1, len(own) // 12)} | style
        self.lines_ += self.ax_.plot(cost[own], values[own], **style)
        on = np.flatnonzero(steps)
        on = np.r_[own[-1:], on] if on.size else on
        other = {"linestyle": ":", "linewidth": 1.2, "markerfacecolor": "white", "markevery": slice(1, None)}
        self.certificate_lines_ += self.ax_.plot(
            cost[on], values[on], **(style | other | {"label": "_certificate"})
        )

    def _legend_of_certificates(self) -> list[Any]:
        """One entry for the certificates of all fits, where there is one."""
        from matplotlib.lines import Line2D

        if not any(len(line.get_xdata()) for line in self.certificate_lines_):
            return []
        style: Any = {"linestyle": ":", "linewidth": 1.2, "marker": "o", "markersize": 4.5}
        text = "final Newton steps"
        return [Line2D([], [], color="0.3", markerfacecolor="white", label=text, **style)]

    def _scale_cost(self, x: str) -> None:
        """Make the axis of the cost logarithmic where the costs of the fits lie far apart."""
        costs = [cost for label in self.histories if len(cost := self._cost(label, x))]
        ends = [float(cost[-1]) for cost in costs]
        if len(ends) < 2 or not max(ends) > APART * min(ends) > 0:
            return
        first, last = min(float(cost[0]) for cost in costs), max(ends)
        if first > 0:
            self.ax_.set_xscale("log")
            self.ax_.set_xlim(left=first / (last / first) ** ROOM)
            ticks_of_logarithm(self.ax_)
        else:  # iterations begin with 0
            self.ax_.set_xscale("symlog", linthresh=1.0 if x == "iterations" else min(ends) / 10)
            self.ax_.set_xlim(left=0)
            self.ax_.xaxis.set_major_formatter("{x:g}")

    def _steps(self, label: str) -> Array:
        history = self.histories[label]
        return np.asarray(_certificate(history)[_on_all_rows(history)])

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
            ``gap``, ``gradient_norm`` and ``certificate``: whether the iterate is a step of the certificate.
        """
        columns: dict[str, list[Any]] = {key: [] for key in ("name", *COSTS, *QUANTITIES, "certificate")}
        for label, history in self.histories.items():
            columns["name"] += [label] * int(_on_all_rows(history).sum())
            for x in COSTS:
                columns[x] += list(self._cost(label, x))
            for y in QUANTITIES:
                columns[y] += list(self._values(label, y))
            columns["certificate"] += list(self._steps(label))
        return to_frame(columns)
