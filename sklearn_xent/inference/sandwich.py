"""Covariances that are right also where the model is not: inverse information about the scores of rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.inference.likelihood import BLOCK, Likelihood

__all__ = ["sandwich_root"]


def sandwich_root(problem: Likelihood, kind: str, groups: Any = None) -> Array:
    """F (N, r) with F F' the sandwich of the scores of rows ("robust", "HC0" to "HC3") or of groups.

    Raises
    ------
    ValueError
        For groups that are none, no more rows than coefficients ("HC1"), and rows that determine a
        coefficient by themselves ("HC2", "HC3").
    """
    R = problem.residuals
    if kind in ("HC2", "HC3"):
        R = _adjusted(problem, R, kind)
    scores = (R[:, :, None] * problem.A[:, None, :]).reshape(len(R), -1) @ problem.root
    if groups is None:
        # a weight of 2 is two rows, of half of the score each
        scores *= np.sqrt(problem.weights)[:, None]
    else:
        counts = problem.weights > 0
        members = _checked(groups, len(counts))[counts]
        scores = _summed((scores * problem.weights[:, None])[counts], members)
    if kind == "HC1":
        left = problem.total - problem.effective_df
        if not left > 0:
            raise ValueError(
                "covariance='HC1' needs more observations than coefficients; got "
                f"{problem.total:g} observations and {problem.effective_df:.3g} coefficients."
            )
        scores *= np.sqrt(problem.total / left)
    return problem.root @ np.asarray(np.linalg.qr(scores, mode="r")).T


def _adjusted(problem: Likelihood, R: Array, kind: str) -> Array:
    """Residuals (n, K - 1) as large as those of rows that the fit has not seen.

    With W = C C' the curvature of a row in its logits and G their covariance, the leverages of the row are
    the eigenvalues of S = C' G C. (I - W G)^-1 r gives the scores of Newton's step without the row ("HC3",
    the jackknife), (I - W G)^-1/2 r those whose covariance is W where the model holds ("HC2"). Both are
    r + C f(S) C' G r, which needs no inverse of W. Of a weight of 2, one of the two rows is meant; of one
    below 1 there is only that much of a row.
    """
    out = np.empty_like(R)
    start, K1 = 0, R.shape[1]
    B = problem.root.reshape(K1, problem.A.shape[1], -1)
    rows = max(1, BLOCK // (K1 * B.shape[2]))
    for e in problem.expansions:
        C = np.moveaxis(e.contrast_root(), 2, 0)
        C = C * np.sqrt(np.minimum(problem.weights[start : start + len(C)], 1.0))[:, None, None]
        for i in range(0, len(C), rows):
            c = C[i : i + rows]
            part = slice(start + i, start + i + len(c))
            F = np.stack([problem.A[part] @ b for b in B], axis=1)
            half = np.swapaxes(c, 1, 2) @ F  # S is half half'
            s, V = np.linalg.eigh(half @ np.swapaxes(half, 1, 2))
            _check_leverage(s[:, -1], start + i, kind)
            rest = 1 - s.clip(0.0, 1 - np.finfo(float).eps)
            f = 1 / rest if kind == "HC3" else 1 / (np.sqrt(rest) * (1 + np.sqrt(rest)))
            # C' G r, in the eigenvectors' coordinates and back
            u = half @ (np.swapaxes(F, 1, 2) @ R[part][:, :, None])
            out[part] = R[part] + (c @ (V @ (f[:, :, None] * (np.swapaxes(V, 1, 2) @ u))))[:, :, 0]
        start += len(C)
    return out


def _check_leverage(s: Array, start: int, kind: str) -> None:
    """Raise ValueError where 1 - s has no digits left."""
    worst = int(s.argmax())
    if s[worst] > 1 - np.sqrt(np.finfo(float).eps):
        raise ValueError(
            f"covariance={kind!r} divides by 1 - leverage, which is 0 for row {start + worst}: it determines "
            "a coefficient by itself. Leave that row and its column out, or pass covariance='HC1'."
        )


def _checked(groups: Any, n_rows: int) -> Array:
    if np.shape(groups) != (n_rows,):
        raise ValueError(f"groups must have shape ({n_rows},); got {np.shape(groups)}.")
    return np.asarray(groups)


def _summed(scores: Array, groups: Array) -> Array:
    """Sums (G, N) of the rows of each group, times sqrt(G / (G - 1))."""
    names, place = np.unique(groups, return_inverse=True)
    if len(names) < 2:
        raise ValueError(f"groups must be two or more; got {len(names)}.")
    sums = np.zeros((len(names), scores.shape[1]))
    np.add.at(sums, place, scores)
    return sums * np.sqrt(len(names) / (len(names) - 1))
