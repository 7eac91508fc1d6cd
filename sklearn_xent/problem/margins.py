"""Kernels of margins: how far the labelled classes of the rows are ahead of the others."""

from __future__ import annotations

from itertools import combinations, permutations
from typing import Any

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.factor import triangular
from sklearn_xent.problem.design import Design
from sklearn_xent.problem.hessians import chosen_rows
from sklearn_xent.rows import Block, entries

__all__ = [
    "constraint_gram",
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


def _margin_holds(block: Block, e: Any, k: int, l: int, share: float) -> tuple[Array, Array]:
    """For classes k, l of each row: whether k is labelled and l not, so that their margin may grow, and
    whether their margin must stay: both are labelled, or l holds more than a share of the loss.
    """
    y, p, w = block.targets, e.probabilities, block.weights
    if len(y) == 1:
        y, p = np.vstack([1 - y, y]), np.vstack([e.complements, p])
    open_ = (y[k] > 0) & (y[l] <= 0) & (w > 0)
    tied = (y[k] > 0) & (y[l] > 0) & (w > 0)
    return open_ & (w * p[l] <= share), tied | (open_ & (w * p[l] > share))


def count_growing(block: Block, e: Any, share: float) -> Any:
    """How many margins may grow."""
    classes = range(max(len(e.probabilities), 2))
    pairs = permutations(classes, 2)
    return (sum(int(_margin_holds(block, e, k, l, share)[0].sum()) for k, l in pairs),), ()


def constraint_gram(block: Block, e: Any, design: Design, share: float) -> Any:
    """Gram matrix (N, N) of the changes of the margins that a direction of separation leaves alone."""
    K, size = len(e.probabilities), design.scale.size + 1
    G = np.zeros((K, size, K, size))
    if K == 1:
        stays = _margin_holds(block, e, 0, 1, share)[1] | _margin_holds(block, e, 1, 0, share)[1]
        G[0, :, 0, :] = design.gram(block.X, stays.astype(float))
        return (G.reshape(size, size),), ()
    for k in range(K):
        for l in range(k):
            stays = _margin_holds(block, e, k, l, share)[1] | _margin_holds(block, e, l, k, share)[1]
            if stays.any():
                A = design.gram(block.X, stays.astype(float))
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
        rows = [R]
        for k, l in combinations(range(max(K, 2)), 2):
            stays = (_margin_holds(block, e, k, l, share)[1] | _margin_holds(block, e, l, k, share)[1])[part]
            moved = np.zeros((np.count_nonzero(stays), K, size))
            moved[:, l % K] = A[stays]
            if K > 1:
                moved[:, k] = -A[stays]
            rows.append(moved.reshape(len(moved), K * size))
        R = triangular(np.vstack(rows))
    return (), (R,)


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
    for k, l in permutations(range(len(directions)), 2):
        grows = _margin_holds(block, e, k, l, share)[0]
        if grows.any():
            change = A[grows] @ (directions[k] - directions[l])
            rounding = ROUNDED_MARGIN * (np.abs(A[grows]) @ (sized[k] + sized[l]))
            change = np.where(np.abs(change) <= rounding, 0.0, change)
            found.append(change[change.any(axis=1)])
    return (), (np.unique(np.concatenate(found), axis=0),)


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
        for k, l in permutations(range(len(Z)), 2):
            opens, stays = (mask[part] for mask in _margin_holds(block, e, k, l, share))
            size = sizes[k] + sizes[l]
            change = Z[k] - Z[l]
            change = np.where(np.abs(change) > rounded[k] + rounded[l], change, 0.0)
            change = np.divide(change, size, out=np.zeros_like(size), where=size > 0)
            here = -change[opens], change[opens], np.abs(change[stays])
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
