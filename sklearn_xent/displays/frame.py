"""What every picture shares: axes, colours, merged options and its data as a frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = [
    "COLOURS",
    "DASHES",
    "MARKERS",
    "axes_for",
    "class_row",
    "column_names",
    "forecast_of",
    "merged",
    "out_of_fold",
    "ticks_of_logarithm",
    "to_frame",
]

# Okabe and Ito (2008): tells apart for the colour-blind; darker ones first, they stay visible in print.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (1, 1)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X")


def axes_for(ax: Any, size: tuple[float, float] = (6.4, 4.4)) -> Any:
    """The axes given, or those of a new figure; matplotlib is imported only here."""
    if ax is not None:
        return ax
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError("Displays need matplotlib: pip install matplotlib") from error
    _, ax = plt.subplots(figsize=size, layout="constrained")
    return ax


def forecast_of(estimator: Any, X: Any) -> tuple[Any, bool]:
    """What a classifier forecasts, and whether that is logarithms, which keep the digits of the tails."""
    logarithms = hasattr(estimator, "predict_log_proba")
    return (estimator.predict_log_proba if logarithms else estimator.predict_proba)(X), logarithms


def out_of_fold(cv_results: Mapping[str, Any], X: Any) -> tuple[Any, Any, Any]:
    """Log-probabilities (n, K) of the folds' test rows, which rows they are, and the classes.

    Each row is forecast by the estimator of its fold, which has not seen it.
    """
    missing = [key for key in ("estimator", "indices") if key not in cv_results]
    if missing:
        raise ValueError(
            f"cv_results lacks {missing}: call cross_validate with return_estimator=True and "
            "return_indices=True."
        )
    estimators, tests = cv_results["estimator"], cv_results["indices"]["test"]
    classes = np.unique(np.concatenate([estimator.classes_ for estimator in estimators]))
    logs = []
    for estimator, rows in zip(estimators, tests, strict=True):
        forecast, logarithms = forecast_of(estimator, X.iloc[rows] if hasattr(X, "iloc") else X[rows])
        with np.errstate(divide="ignore"):
            forecast = forecast if logarithms else np.log(forecast)
        # a class that a fold has not trained on has no chance there
        full = np.full((len(rows), len(classes)), -np.inf)
        full[:, np.searchsorted(classes, estimator.classes_)] = forecast
        logs.append(full)
    return np.concatenate(logs), np.concatenate(tests), classes


def column_names(n_columns: int, names: Any) -> list[str]:
    """Names of columns; ``x0``, ``x1``, ... where there are none."""
    if names is None:
        return [f"x{j}" for j in range(n_columns)]
    if isinstance(names, str) or len(names) != n_columns:
        got = repr(names) if isinstance(names, str) else f"{len(names)}"
        raise ValueError(f"feature_names must be {n_columns} names, one for each column; got {got}.")
    return [str(name) for name in names]


def class_row(classes: Any, target_class: Any) -> int:
    """Row of a class's coefficients; two classes have one."""
    if target_class is None or len(classes) == 2:
        return 0
    found = [k for k, label in enumerate(classes) if label == target_class]
    if not found:
        raise ValueError(f"target_class must be one of {list(classes.tolist())}; got {target_class!r}.")
    return found[0]


def merged(defaults: Mapping[str, Any], given: Mapping[str, Any] | None) -> dict[str, Any]:
    """Options of an artist: the defaults, overruled by what the user gave."""
    return {**defaults, **(given or {})}


def ticks_of_logarithm(axes: Any) -> None:
    """Plain numbers at the ticks of a logarithmic x axis: round ones, as many as there is room for."""
    from matplotlib.ticker import AutoLocator, LogLocator, NullFormatter

    low, high = axes.get_xlim()
    decades, inches = np.log10(high / low), axes.bbox.width / axes.figure.dpi
    if decades < 1:
        axes.xaxis.set_major_locator(AutoLocator())
    elif decades < 0.6 * inches:
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    else:
        axes.xaxis.set_major_locator(LogLocator(numticks=max(3, int(inches / 0.8))))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())


def to_frame(columns: Mapping[str, Any]) -> Any:
    """The columns as a pandas DataFrame."""
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError("frame() needs pandas: pip install pandas") from error
    return pd.DataFrame(columns)
