"""What a reliability diagram shows: the isotonic curve, its consistency band, and where the forecasts are."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.decomposition import recalibrated
from sklearn_xent.displays.frame import COLOURS
from sklearn_xent.truth import as_shares

__all__ = ["consistency_band", "corp_curve", "forecast_histogram"]


def corp_curve(forecast: Array, outcome: Array, weights: Array) -> tuple[Array, Array]:
    """Distinct forecasts and their recalibrated values."""
    grid, first = np.unique(forecast, return_index=True)
    return grid, recalibrated(outcome, forecast, as_shares(weights))[first]


def consistency_band(
    forecast: Array, weights: Array, n_resamples: int, random_state: int
) -> tuple[Array, Array]:
    """Pointwise 5 % and 95 % of curves of outcomes drawn from the forecasts themselves."""
    rng = np.random.default_rng(random_state)
    curves = [
        corp_curve(forecast, (rng.random(len(forecast)) < forecast).astype(float), weights)[1]
        for _ in range(n_resamples)
    ]
    low, high = np.quantile(curves, [0.05, 0.95], axis=0)
    return low, high


def forecast_histogram(axes: Any, forecast: Array, weights: Array) -> Any:
    """Draw the histogram of the forecasts along the lower edge; its bars."""
    heights, edges = np.histogram(forecast, bins=40, range=(0, 1), weights=as_shares(weights))
    top = heights.max() or 1.0
    return axes.bar(
        edges[:-1],
        0.12 * heights / top,
        width=np.diff(edges),
        align="edge",
        color=COLOURS[1],
        alpha=0.55,
        linewidth=0,
        label="forecasts",
    )
