"""What ``verbose`` prints."""

from __future__ import annotations

import numpy as np

from sklearn_xent.solvers.history import History

__all__ = ["print_optimum", "print_progress"]


def print_progress(solver: str, history: History, goal: float) -> None:
    """Print one line: how many digits of the objective are right, of those that tol asks for.

    The ``goal`` is the gap in nats of the mean objective at which the fit stops.
    """
    i = len(history) - 1
    value, gap = history.objective[i], history.gap[i]
    with np.errstate(divide="ignore"):
        relative = np.array([gap, goal]) / abs(value) if value else np.ones(2)
        digits, asked = np.clip(-np.log10(relative), 0.0, 16.0)
    print(
        f"[{solver}] iteration {i:4d}  objective {value:.10g}  gap {gap:.1e}  "
        f"digits {digits:4.1f} of {asked:.1f}  passes {history.passes[i]}  "
        f"{history.seconds[i]:.3f} s",
        flush=True,
    )


def print_optimum(C: float, l1_ratio: float, solver: str, history: History) -> None:
    """Print one line for an optimum along a path: where it is, what it took, and how it ended."""
    print(
        f"[{solver}] C {C:<10.4g} l1_ratio {l1_ratio:<4g} iterations {len(history) - 1:3d}  "
        f"objective {history.objective[-1]:.10g}  gap {history.gap[-1]:.1e}  {history.seconds[-1]:.3f} s",
        flush=True,
    )
