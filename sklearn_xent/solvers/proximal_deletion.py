"""Left-out rows with an l1 penalty or bounds: steps that minimise a quadratic model + penalty."""

from __future__ import annotations

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.problem.expansion import Expansion, softness
from sklearn_xent.solvers.quadratic_lasso import quadratic_lasso
from sklearn_xent.solvers.without_row import ENOUGH, ENOUGH_NATS, STILL, Removed, WithoutRow, widths

__all__ = ["ProximalDeletion"]

STEPS = 15  # that a model may take
# The curvature may change by 35 % in the rows that count as still, and by so much of all curvature for the
# others': then each step leaves at most three quarters of the error.
OTHERS = 0.4
LEFT = 3.0  # steps such as the last, which those that follow add up to at most


class ProximalDeletion(WithoutRow):
    """All rows' logits under models that leave one out each; their Newton steps keep the first Hessian.

    A model's steps are valid while its curvature stays near that at the optimum of all rows: those rows whose
    logits move by no more than STILL keep theirs within a factor exp(STILL), and the others have, at both
    ends and between, no more than OTHERS of the whole. The whole is the Hessian without the row, in which
    row j has at most the part w_j q_j R_j^2 (1 - h_i)^-1: q is p (1 - p) for one logit and 1 - max p for
    several, R the reach, the norm of the row in H^-1, and h_i the leverage of the row left out. Then each
    step leaves at most three quarters of the error, and the last one no more than LEFT times itself.

    With an l1 penalty or bounds a step minimises the quadratic model + penalty.
    """

    def without(self, rows: Array) -> tuple[Array, Array]:
        """Loss of each of the rows by the model without it, and an error bound; inf where it is unknown."""
        with np.errstate(all="ignore"):
            own = self._curvature(rows)
            losses, errors = self._chords(rows, own)
        finite = np.isfinite(losses)
        return np.where(finite, losses, 0.0), np.where(finite, errors, np.inf)

    def _chords(self, rows: Array, own: Removed) -> tuple[Array, Array]:
        """Steps with the first Hessian."""
        losses, errors = np.zeros(len(rows)), np.full(len(rows), np.inf)
        left, D = np.arange(len(rows)), np.zeros((len(self._j), len(rows)))
        G = self._gradient[:, None] - self._spread(self._pulls[:, rows], rows)
        for turn in range(STEPS):
            some = rows[left]
            D, length = self._proximal(D, G, some, own)
            far = length * np.sqrt(self._reach[some] * own.gain)
            losses[left], errors[left] = self._judged(D, LEFT * far, some)
            moving = errors[left] > ENOUGH * losses[left] + ENOUGH_NATS
            if turn:
                left, D, own = left[moving], D[:, moving], own.of(moving)
            if not len(left):
                break
            change, e = self._expanded(D, rows[left])
            G = self._slopes(D, e, rows[left])
            valid = np.isfinite(G).all(axis=0)
            valid &= self._moved_far(change, e, rows[left]) * own.gain <= OTHERS
            errors[left[~valid]] = np.inf
            left, D, G, own = left[valid], D[:, valid], G[:, valid], own.of(valid)
        return losses, errors

    def _expanded(self, D: Array, rows: Array) -> tuple[Array, Expansion]:
        """What D changes of the logits of all rows under every model, (K, n, c), and the loss there."""
        change = self._A @ self._full(D)
        moved = (self._z[:, :, None] + change).reshape(len(change), -1)
        return change, self._objective.loss.expand(moved, np.repeat(self._targets, len(rows), axis=1))

    def _slopes(self, D: Array, e: Expansion, rows: Array) -> Array:
        """Gradient (N, c) of the smooth part without row i, at the optimum of all rows + D_i."""
        (K, n), c = self._z.shape, len(rows)
        pulls = self._w[:, None] * e.residual.reshape(K, n, c) - self._pulls[:, :, None]
        pulls[:, rows, np.arange(c)] = -self._pulls[:, rows]
        pulled = (self._A.T @ pulls)[self._k, self._j]
        return np.asarray(self._gradient[:, None] + pulled + self._l2[:, None] * D)

    def _moved_far(self, change: Array, e: Expansion, rows: Array) -> Array:
        """How much curvature, in the norm of H^-1, is that of other rows whose logits have moved far."""
        K, n, c = change.shape
        far = ~(widths(change) <= STILL) & (self._w > 0)[:, None]
        far[rows, np.arange(c)] = False
        j, i = np.nonzero(far)
        if not len(j):
            return np.zeros(c)
        p, q = (v.reshape(K, n, c)[:, j, i] for v in (e.probabilities, e.complements))
        before, after = softness(self._e.probabilities[:, j], self._e.complements[:, j]), softness(p, q)
        z = self._z[:, j]
        crossed = (z * (z + change[:, j, i]) < 0)[0] if K == 1 else z.argmax(0) != p.argmax(0)
        most = np.where(crossed, 0.25 if K == 1 else 1.0, np.maximum(before, after))
        return np.bincount(i, self._w[j] * most * self._reach[j], minlength=c)

    def _proximal(self, D: Array, G: Array, rows: Array, own: Removed) -> tuple[Array, Array]:
        """Steps by minimising each row's quadratic model + penalty."""
        new, length = np.empty_like(D), np.empty(len(rows))
        K = len(self._z)
        for c, i in enumerate(rows):
            a = np.zeros((len(self._j), K))
            a[np.arange(len(self._j)), self._k] = self._A[i, self._j]
            H = self._H - a @ own.curvature[c] @ a.T
            w = self._start + D[:, c]
            found = quadratic_lasso(H, G[:, c] - H @ w, self._l1, w, self._lower, self._upper)
            new[:, c] = found - self._start
            step = found - w
            length[c] = np.sqrt(step @ H @ step)
        return new, length
