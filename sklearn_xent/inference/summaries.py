"""What was estimated, as a table: a frame, text, HTML, Markdown and LaTeX."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sklearn_xent.displays.frame import to_frame
from sklearn_xent.inference.hypothesis_tests import EstimateTests
from sklearn_xent.inference.tables import as_latex, as_markdown

__all__ = ["EstimateTables"]


@dataclass(frozen=True)
class EstimateTables(EstimateTests):
    """Estimates and tests that can be printed."""

    def frame(self, confidence: float = 0.95) -> Any:
        """Return the table of coefficients.

        Parameters
        ----------
        confidence : float in (0, 1), default=0.95
            Of the intervals.

        Returns
        -------
        frame : DataFrame
            Columns ``term``, ``estimate``, ``std_error``, ``z``, ``p_value``, ``low``, ``high`` and
            ``odds_ratio``.
        """
        return to_frame(self._columns(confidence))

    def _columns(self, confidence: float) -> dict[str, Any]:
        low, high = self.interval(confidence).T
        return {
            "term": self.names,
            "estimate": self.estimate,
            "std_error": self.std_error,
            "z": self.z,
            "p_value": self.p_value,
            "low": low,
            "high": high,
            "odds_ratio": self.odds_ratios(confidence)[:, 0],
        }

    def summary(self, confidence: float = 0.95) -> str:
        """Return the table and the likelihood as text.

        Parameters
        ----------
        confidence : float in (0, 1), default=0.95
            Of the intervals.

        Returns
        -------
        text : str
            To print.
        """
        return "\n".join(
            [*self._head(), "", self.frame(confidence).to_string(index=False, float_format="%.4g".__mod__)]
        )

    def to_html(self, confidence: float = 0.95) -> str:
        """Return the summary as HTML, which is what a notebook shows.

        Parameters
        ----------
        confidence : float in (0, 1), default=0.95
            Of the intervals.

        Returns
        -------
        text : str
            A paragraph and a table; names are escaped.
        """
        head = "<br>".join(self._head())
        table: str = self.frame(confidence).to_html(index=False, float_format="%.4g".__mod__, border=0)
        return f"<p>{head}</p>{table}"

    def to_markdown(self, confidence: float = 0.95) -> str:
        """Return the summary as Markdown, with a table as GitHub and notebooks read it.

        Parameters
        ----------
        confidence : float in (0, 1), default=0.95
            Of the intervals.

        Returns
        -------
        text : str
            Names are escaped.
        """
        return as_markdown(self._columns(confidence), self._head())

    def to_latex(self, confidence: float = 0.95) -> str:
        r"""Return the summary as a LaTeX ``tabular``, which needs ``\usepackage{booktabs}``.

        Parameters
        ----------
        confidence : float in (0, 1), default=0.95
            Of the intervals.

        Returns
        -------
        text : str
            Names are escaped.
        """
        return as_latex(self._columns(confidence), self._head())

    def _head(self) -> list[str]:
        lines = [
            f"observations {self.n_observations:g}, coefficients {self.estimate.size}, "
            f"covariance: {self.kind}",
            f"log-likelihood {self.log_likelihood:.6g} (intercepts alone {self.null_log_likelihood:.6g}), "
            f"AIC {self.aic:.6g}, BIC {self.bic:.6g}",
        ]
        if np.isinf(self.odds_ratios()[:, 0]).any():
            lines.append(
                "odds ratios beyond 1.8e308 are shown as inf: measure their columns in smaller units"
            )
        if self.penalized:
            lines.append(
                "ridge penalty: estimates are shrunk, errors are posterior; "
                f"{self.effective_df:.3g} effective degrees of freedom"
            )
        else:
            test = self.likelihood_ratio_test()
            lines.append(
                f"all zero? likelihood ratio {test.statistic:.4g}, df {test.df}, p {test.p_value:.3g}"
            )
        return lines

    def _repr_html_(self) -> str:
        return self.to_html()
