"""What ``verbose`` prints."""

from __future__ import annotations

import numpy as np

from sklearn_xent.solvers.history import History

__all__ = ["print_progress"]


def print_progress(solver: str, history: History, tol: float) -> None:
    """Print one line: how many digits of the objective are right, of those that tol asks for."""
    i = len(history) - 1
    value, gap = history.objective[i], history.gap[i]
    with np.errstate(divide="ignore"):
        digits = float(np.clip(-np.log10(gap / abs(value)) if value else 0.0, 0.0, 16.0))
    print(
        f"[{solver}] iteration {i:4d}  objective {value:.10g}  gap {gap:.1e}  "
        f"digits {digits:4.1f} of {-np.log10(tol):.1f}  passes {history.passes[i]}  "
        f"{history.seconds[i]:.3f} s",
        flush=True,
    )
