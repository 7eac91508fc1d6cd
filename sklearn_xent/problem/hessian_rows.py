"""Kernels of the Hessian's rows: what it is the sum of products of, factored, and changes along them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.factor import triangular
from sklearn_xent.problem.design import Design
from sklearn_xent.problem.hessians import chosen_rows, used_columns
from sklearn_xent.rows import Block

__all__ = ["change_along_rows", "hessian_root", "hessian_rows", "slopes_along_rows"]


def hessian_root(block: Block, e: Any, design: Design, chosen: Array, gauged: Array) -> Any:
    """Triangular factor of the rows whose products are the Hessian between the coefficients of a mask.

    For the columns in ``gauged``, rows that give what moves all classes alike the classes' mean curvature.
    Rows of contrasts that have the same classes, and are 0 elsewhere, are factored by themselves: a third of
    the products.
    """
    factors: dict[bytes, Array] = {}  # by the classes that have a part in a contrast

    def add(along: Array, A: Array) -> None:
        live = along.any(axis=1)
        rows = _rows_along(along[live], A, among[live])
        key = live.tobytes()
        factors[key] = triangular(np.vstack([factors[key], rows]) if key in factors else rows)

    # slices of fewer rows than their factor has would mostly factor that again
    for part, A, among in chosen_rows(block, design, chosen, 2, least=2 * int(np.count_nonzero(chosen))):
        of_part, w = e.of_rows(part), np.sqrt(block.weights[part])
        for contrast in np.swapaxes(of_part.curvature_root(), 0, 1):
            add(w * contrast, A)
        if gauged.any():
            add(_alike(w, of_part, len(chosen)), np.where(_shared(among, gauged, chosen), A, 0.0))
    stacked = [np.zeros((0, np.count_nonzero(chosen)))]
    for key, R in factors.items():
        rows = np.zeros((len(R), stacked[0].shape[1]))
        live = np.frombuffer(key, bool)
        rows[:, (among & live[:, None])[among]] = R
        stacked.append(rows)
    return (), (stacked[1] if len(stacked) == 2 else triangular(np.vstack(stacked)),)


def hessian_rows(block: Block, e: Any, design: Design, chosen: Array, gauged: Array) -> Any:
    """The rows that ``hessian_root`` factors: a class's contrasts (m, n, n_chosen), and those of a gauge."""
    contrasts, pinned = zip(*_root_rows(block, e, design, chosen, gauged), strict=True)
    return (), (np.concatenate(contrasts, axis=1), np.vstack(pinned))


def change_along_rows(block: Block, e: Any, along: Array) -> Array:
    """Change of the probabilities (K, n) whose pull is the sum of ``along`` (m, n) times ``hessian_rows``."""
    root = np.sqrt(block.weights)
    unweighted = np.divide(along, root, out=np.zeros(along.shape, root.dtype), where=root > 0)
    return np.asarray(np.einsum("kmi,mi->ki", e.curvature_root(), unweighted))


def slopes_along_rows(block: Block, e: Any, along: Array, design: Design) -> Any:
    """The pull of that change: the sum itself, but for what rounding leaves of either."""
    return (design.pull(block.X, block.weights * change_along_rows(block, e, along)),), ()


def _root_rows(
    block: Block, e: Any, design: Design, chosen: Array, gauged: Array
) -> Iterator[tuple[Array, Array]]:
    """Rows of the contrasts of the curvature (m, part, n_chosen), and of a gauge (part or 0, n_chosen)."""
    for part, A, among in chosen_rows(block, design, chosen, len(chosen) + 1):
        of_part, w = e.of_rows(part), np.sqrt(block.weights[part])
        contrasts = np.swapaxes(of_part.curvature_root(), 0, 1)
        rows = np.stack([_rows_along(w * contrast, A, among) for contrast in contrasts])
        pinned = np.zeros((0, rows.shape[2]))
        if gauged.any():
            alike = _alike(w, of_part, len(chosen))
            pinned = _rows_along(alike, np.where(_shared(among, gauged, chosen), A, 0.0), among)
        yield rows, pinned


def _rows_along(along: Array, A: Array, among: Array) -> Array:
    """Design rows A (n, d) times a factor for each class (K, n): columns of a mask (K, d), one class after
    another.
    """
    return np.einsum("ki,ij->ikj", along, A).reshape(len(A), -1)[:, among.ravel()]


def _alike(w: Array, e: Any, K: int) -> Array:
    """Factors (K, n) that give what moves all classes alike their mean curvature, weighted by w^2."""
    return np.tile(w * np.sqrt(e.diagonal.sum(axis=0)) / K, (K, 1))


def _shared(among: Array, gauged: Array, chosen: Array) -> Array:
    """Mask of the columns in use that all classes have, and a gauge."""
    return np.asarray(among.all(axis=0) & gauged[used_columns(chosen)])
