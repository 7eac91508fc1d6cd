"""One page about a model: what was fitted, how near the optimum it is, and what its forecasts cost."""

from sklearn_xent.reports.report import Report, report

__all__ = ["Report", "report"]
