"""Kernel of the rows' losses by models that have not seen them."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.factor import least_norm_solutions
from sklearn_xent.problem.design import Design
from sklearn_xent.problem.losses import Loss
from sklearn_xent.rows import Block, entries
from sklearn_xent.rows.entries import CACHED

__all__ = ["leave_one_out"]


def leave_one_out(
    block: Block,
    logits: Array,
    e: Any,
    scored: Array,
    loss: Loss,
    design: Design,
    active: Array,
    root: Array,
    shift: Array,
) -> Any:
    """One Newton step without each row, where root' root is the inverse H^-1 of the Hessian with it.

    For a_i in each class's place B = A_i H^-1 A_i' (K, K), the logits become z + B v with
    v = (I - w S B)^-1 w r, the row's curvature S and its residual r. Four numbers a row, (4, m): its loss
    there by the targets ``scored``, with ``shift`` (K,) added to the logits; how much the step changes it, to
    first order and with all signs alike; the step's length in H; the squared norm of the row in H^-1, of the
    difference of two classes where there are several.
    """
    K, m = logits.shape
    first = np.concatenate([[0], np.cumsum(active.sum(axis=1))])
    moved, step = np.empty_like(logits), np.empty_like(logits)
    length, reach = np.empty(m), np.empty(m)
    rows = max(1, CACHED // max(1, K * len(root)))
    with np.errstate(all="ignore"):
        for i in range(0, m, rows):
            part = slice(i, min(i + rows, m))
            X = block.X[part]
            A = design.matrix(entries.dense(X))
            P = np.stack([A[:, active[k]] @ root[:, first[k] : first[k + 1]].T for k in range(K)])
            B = np.einsum("kin,lin->ikl", P, P)
            p, w = e.probabilities[:, part].T, block.weights[part, None]
            S = -p[:, :, None] * p[:, None, :]
            S[:, np.arange(K), np.arange(K)] = e.diagonal[:, part].T
            r = w * e.residual[:, part].T
            inside = np.eye(K) - w[:, :, None] * (S @ B)
            v = least_norm_solutions(inside, r[:, :, None])
            Bv = (B @ v)[:, :, 0]
            step[:, part] = Bv.T
            forward = np.einsum("ik,ik->i", r, Bv) >= 0  # else rounding has taken the curvature without it
            length[part] = np.where(forward, np.sqrt(np.einsum("ik,ik->i", v[:, :, 0], Bv)), np.inf)
            reach[part] = _widest(B)
        np.add(logits + shift[:, None], step, out=moved)
        end = loss.expand(moved, scored)
        change = np.einsum("kn,kn->n", np.abs(end.residual), np.abs(step))
    return (), (np.stack([end.value, change, length, reach]),)


def _widest(B: Array) -> Array:
    """Largest squared norm (n,) of the differences of two classes, of products B (n, K, K) of their rows."""
    if B.shape[1] == 1:
        return B[:, 0, 0]
    d = np.einsum("ikk->ik", B)
    return np.asarray((d[:, :, None] + d[:, None, :] - 2 * B).max(axis=(1, 2)))
