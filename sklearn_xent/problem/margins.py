"""Kernels of margins: how far the labelled classes of the rows are ahead of the others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from sklearn_xent.arrays import Array, different_rows
from sklearn_xent.factor import triangular
from sklearn_xent.problem.design import Design
from sklearn_xent.problem.hessians import chosen_rows
from sklearn_xent.rows import Block, entries

__all__ = [
    "constraint_gram",
    "constraint_product",
    "constraint_root",
    "count_growing",
    "margin_extremes",
    "margins_along",
    "smallest_margin",
]

ROUNDED_MARGIN = 1e-9  # change of a margin, relative to the sizes of its terms, that counts as none
# Margin of a row, relative to the terms of its logits, that rounding may make: in float64, and where only the
# entries and coefficients are of float64 and their products and sums are not.
ROUNDED_LOGIT, ROUNDED_ENTRY = 1e-12, 1e-15
ROUNDED_COEFFICIENT = 1e-5  # of a direction, relative to its largest, whose own digits count for nothing


def _labelled(
    block: Block, e: Any, share: float, part: slice = slice(None)
) -> Iterator[tuple[int, Array, Array, Array]]:
    """A class, the rows (m,) of a part that have it in their target, and their margins over all (K, m).

    Those in the first mask may grow, those in the second must stay: of classes that both are in the target,
    or where the other holds more than a share of the loss.
    """
    y, p, w = block.targets[:, part], e.probabilities[:, part], block.weights[part]
    if len(y) == 1:
        y, p = np.vstack([1 - y, y]), np.vstack([e.complements[:, part], p])
    for k in range(len(y)):
        rows = np.flatnonzero((y[k] > 0) & (w > 0))
        if len(rows):
            tied = y[:, rows] > 0
            held = w[rows] * p[:, rows] > share
            stays = tied | held
            stays[k] = False
            yield k, rows, ~tied & ~held, stays


def count_growing(block: Block, e: Any, share: float) -> Any:
    """How many margins may grow."""
    return (sum(int(grows.sum()) for _, _, grows, _ in _labelled(block, e, share)),), ()


def constraint_gram(block: Block, e: Any, design: Design, share: float) -> Any:
    """Gram matrix (N, N) of the changes of the margins that a direction of separation leaves alone."""
    K, size = len(e.probabilities), design.scale.size + 1
    G = np.zeros((K, size, K, size))
    for k, rows, _, stays in _labelled(block, e, share):
        # rows of one of many classes are few, and are read once for each other class
        few = K > 1 and entries.is_at_hand(block.X)
        X, weights = (block.X[rows], np.zeros(len(rows))) if few else (block.X, np.zeros(len(block.weights)))
        for l in np.flatnonzero(stays.any(axis=1)):
            weights[slice(None) if few else rows] = stays[l]
            A = design.gram(X, weights)
            if K == 1:
                G[0, :, 0, :] += A
                continue
            G[k, :, k, :] += A
            G[l, :, l, :] += A
            G[k, :, l, :] -= A
            G[l, :, k, :] -= A
    return (G.reshape(K * size, K * size),), ()


def constraint_root(block: Block, e: Any, design: Design, share: float) -> Any:
    """Triangular R (N, N) with R' R the ``constraint_gram``, whose digits it does not square."""
    K, size = len(e.probabilities), design.scale.size + 1
    R = np.zeros((0, K * size))
    for part, A, _ in chosen_rows(block, design, np.ones((K, size), bool), K + 1):
        found = [R]
        for k, rows, _, stays in _labelled(block, e, share, part):
            for l in np.flatnonzero(stays.any(axis=1)):
                here = A[rows[stays[l]]]
                moved = np.zeros((len(here), K, size))
                moved[:, l % K] = here
                if K > 1:
                    moved[:, k] = -here
                found.append(moved.reshape(len(here), K * size))
        R = triangular(np.vstack(found))
    return (), (R,)


def constraint_product(block: Block, e: Any, design: Design, direction: Array, share: float) -> Any:
    """The ``constraint_gram`` times a direction (K, d + 1), pulled."""
    Z = design.logits(block.X, design.linear(direction))
    if len(direction) == 1:
        Z = np.vstack([np.zeros_like(Z), Z])
    R = np.zeros_like(Z)
    for k, rows, _, stays in _labelled(block, e, share):
        change = np.where(stays, Z[k, rows] - Z[:, rows], 0.0)
        R[k, rows] += change.sum(axis=0)
        R[:, rows] -= change
    return (design.pull(block.X, R[-len(direction) :]),), ()


def margins_along(block: Block, e: Any, design: Design, basis: Array, off: Array, share: float) -> Any:
    """Different changes (m, r), not all 0, of the margins that may grow, along r directions; rounding is 0.

    Entries of a direction are off by as much as ``off`` (N,).
    """
    K, size = len(e.probabilities), design.scale.size + 1
    # a column of which one row is far out is small in the others, and not nothing there
    sized = (np.abs(basis) + off[:, None] / ROUNDED_MARGIN).reshape(K, size, -1)
    directions = basis.reshape(K, size, -1)
    if K == 1:
        directions, sized = (np.concatenate([np.zeros_like(V), V]) for V in (directions, sized))
    A = design.matrix(entries.dense(block.X))
    found = [np.zeros((0, basis.shape[1]))]
    for k, rows, grows, _ in _labelled(block, e, share):
        for l in np.flatnonzero(grows.any(axis=1)):
            here = A[rows[grows[l]]]
            change = here @ (directions[k] - directions[l])
            rounding = ROUNDED_MARGIN * (np.abs(here) @ (sized[k] + sized[l]))
            change = np.where(np.abs(change) <= rounding, 0.0, change)
            found.append(change[change.any(axis=1)])
    return (), (different_rows(np.concatenate(found)),)


def margin_extremes(block: Block, e: Any, design: Design, direction: Array, off: Array, share: float) -> Any:
    """Largest fall and growth of a margin that may grow, and largest change of one that must stay.

    Each is relative to the sizes of the terms that the change of the margin is the sum of, those of
    coefficients that are rounding beside the largest left out. What the direction may be ``off`` by (N,)
    changes nothing.
    """
    W = direction.reshape(len(e.probabilities), design.scale.size + 1)
    sized = np.maximum(np.abs(W), ROUNDED_COEFFICIENT * np.abs(W).max())
    extremes = np.zeros(3)
    for part, A, _ in chosen_rows(block, design, np.ones(W.shape, bool), 2):
        Z, sizes, rounded = W @ A.T, sized @ np.abs(A).T, off.reshape(W.shape) @ np.abs(A).T
        if len(Z) == 1:
            Z, sizes, rounded = (np.vstack([np.zeros_like(V), V]) for V in (Z, sizes, rounded))
        for k, rows, grows, stays in _labelled(block, e, share, part):
            change = Z[k, rows] - Z[:, rows]
            size, off_by = (V[k, rows] + V[:, rows] for V in (sizes, rounded))
            change = np.where(np.abs(change) > off_by, change, 0.0)
            change = np.divide(change, size, out=np.zeros_like(size), where=size > 0)
            here = -change[grows], change[grows], np.abs(change[stays])
            extremes = np.maximum(extremes, [values.max(initial=0.0) for values in here])
    return (), (extremes,)


def smallest_margin(block: Block, W: Array, design: Design) -> Any:
    """Least margin of a row's label over the other classes, without offsets; -inf where a label is soft.

    It is relative to the sizes of the terms that the row's logits are the sums of.
    """
    least, y = np.inf, block.targets
    if len(y) == 1:
        y = np.vstack([1 - y, y])
    for part, A, _ in chosen_rows(block, design, np.ones(W.shape, bool), 2):
        Z, size = W @ A.T, (np.abs(W) @ np.abs(A).T).max(axis=0)
        if len(Z) == 1:
            Z = np.vstack([np.zeros_like(Z), Z])
        labelled = y[:, part] > 0
        ahead = np.where(labelled, Z, np.inf).min(axis=0) - np.where(labelled, -np.inf, Z).max(axis=0)
        margin = np.divide(ahead, size, out=np.zeros_like(size), where=size > 0)
        margin[labelled.sum(axis=0) != 1] = -np.inf
        least = min(least, float(margin.min(initial=np.inf, where=block.weights[part] > 0)))
    return (), (least,)
