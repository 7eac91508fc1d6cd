"""The two panels of where the loss comes from: bars of the classes, and the samples, worst first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.displays.frame import COLOURS, merged
from sklearn_xent.displays.names import as_cell, as_texts, legend_of, title_of

__all__ = ["class_bars", "legend_above", "loss_curve", "worst_table"]

WIDE = 2.8  # inches of axes from which the legend has two columns
NARROW = 12  # classes up to which each has a bar; beyond, those with the largest share


def class_bars(
    axes: Any, classes: Array, model: Array, null: Array, given: dict[str, Any] | None
) -> tuple[Any, Any]:
    """Draw the classes' contributions (K,) for the model and for the null model; both containers of bars."""
    shown = np.sort(np.argsort(-model, kind="stable")[:NARROW])
    at = np.arange(len(shown))[::-1]
    style = {"color": COLOURS[0], "height": 0.38, "label": f"model: {model.sum():.4f} nats"}
    bars = axes.barh(at + 0.2, np.nan_to_num(model[shown], posinf=0.0), **merged(style, given))
    null_bars = axes.barh(
        at - 0.2,
        null[shown],
        height=0.38,
        color="0.72",
        label=f"class frequencies: {null.sum():.4f} nats",
    )
    axes.set_yticks(at, as_texts(classes[shown].tolist(), axes))
    more = len(classes) - len(shown)
    axes.set_ylabel(f"Class (worst {len(shown)} of {len(classes)})" if more else "Class")
    axes.set_xlabel("Contribution to the mean loss (nats)")
    axes.grid(axis="x", alpha=0.25)
    return bars, null_bars


def legend_above(axes: Any, handles: Sequence[Any], name: Any) -> None:
    """Put a legend above axes, in as many columns as there is room for, and the name above the legend."""
    from matplotlib.font_manager import FontProperties

    columns = len(handles) if axes.bbox.width / axes.figure.dpi > WIDE else 1
    legend_of(axes, handles, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=columns)
    lines = len(handles) // columns
    points = FontProperties(size="small").get_size_in_points()
    title_of(axes, name, pad=(1.65 * lines + 1) * points)  # entries, their distances and the frame


def loss_curve(axes: Any, loss: Array, weights: Array, given: dict[str, Any] | None) -> Any:
    """Draw the share of the loss against the share of the samples, which come worst first; its line."""
    with np.errstate(over="ignore", under="ignore"):
        contribution = weights * np.where(weights > 0, loss, 0.0)
        total = contribution.sum()
        shares = np.cumsum(contribution) / total if 0 < total < np.inf else np.ones(len(loss))
    samples = np.arange(1, len(loss) + 1) / len(loss)
    style = {"color": COLOURS[1], "linewidth": 2.2}
    (line,) = axes.plot(np.append(0, samples), np.append(0, shares), **merged(style, given))
    axes.plot([0, 1], [0, 1], color="0.6", linewidth=1, linestyle="--")
    axes.set(
        xlabel="Share of the samples, worst first",
        ylabel="Share of the loss",
        xlim=(0, 1),
        ylim=(0, 1.02),
    )
    axes.grid(alpha=0.25)
    return line


def worst_table(axes: Any, worst: Array, index: Array, labels: Array, loss: Array) -> None:
    """Write the names, labels and losses of the samples at these positions into a corner."""
    wide = min(12, max([5, *(len(str(labels[i])) for i in worst)]))
    lines = [f"{as_cell(index[i], 8, right=True)}  {as_cell(labels[i], wide)}  {loss[i]:7.3f}" for i in worst]
    text = "\n".join([f"{'sample':>8}  {'label':<{wide}}  {'loss':>7}", *lines])
    axes.text(
        0.97,
        0.05,
        text,
        transform=axes.transAxes,
        ha="right",
        va="bottom",
        family="monospace",
        fontsize="small",
        bbox={"facecolor": "white", "edgecolor": "0.8", "boxstyle": "round", "alpha": 0.9},
        in_layout=False,  # in small axes it is the wider of the two
    )
