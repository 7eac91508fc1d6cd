"""What the models that leave one row out each have in common: slopes, curvature and losses."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.factor import least_norm_solutions
from sklearn_xent.problem import kernels
from sklearn_xent.problem.expansion import variances
from sklearn_xent.problem.point import Point

__all__ = ["ENOUGH", "ENOUGH_NATS", "STILL", "Removed", "Scored", "WithoutRow", "widths"]

STILL = 0.3  # change of a row's logits up to which its curvature counts as unchanged in the next step
# Error of a row's loss at which its model need take no more steps: a part of it + so many nats.
ENOUGH, ENOUGH_NATS = 4e-3, 1e-4


class Scored(NamedTuple):
    """What left-out rows are scored by: targets (K, n), weights (n,), and what is added to logits (K,)."""

    targets: Array
    weights: Array
    shift: Array


class WithoutRow:
    """Models that leave one row out each, as displacements D (N, c) of the active coefficients.

    Displacements are from the optimum of all rows, whose Hessian H has the inverse root' root; reach (n,) is
    each row's squared norm in H^-1, of the difference of two classes where there are several.
    """

    def __init__(
        self, point: Point, active: Array, H: Array, root: Array, reach: Array, scored: Scored
    ) -> None:
        o = self._objective = point.objective
        _, (blocks,) = o.rows.sweep(kernels.design_rows, o.design)
        A, self._targets, self._w = (
            np.concatenate(part, axis=-1) for part in zip(*blocks.flat(), strict=True)
        )
        self._A, self._scored, self._reach = A.T, scored, reach
        self._z, self._H, self._root = np.concatenate(point.logits.flat(), axis=1), H, root
        self._inverse = root.T @ root
        self._active, self._whole = active, bool(active.all())
        self._k, self._j = np.nonzero(active)
        parts = o.penalty.kinks, o.penalty.hessian_diagonal, *o.penalty.bounds
        self._l1, self._l2, self._lower, self._upper = (
            np.broadcast_to(part, active.shape)[active] for part in parts
        )
        self._start, self._gradient = point.coefficients[active], point.gradient[active]
        self._e = o.loss.expand(self._z, self._targets)
        self._pulls = self._w * self._e.residual
        self._value = point.value

    def _judged(self, D: Array, far: Array, rows: Array) -> tuple[Array, Array]:
        """Losses at D, and bounds of their errors where the rows' own logits may be so far off."""
        z = self._z[:, rows] + self._own(D, rows) + self._scored.shift[:, None]
        e = self._objective.loss.expand(z, self._scored.targets[:, rows])
        errors = far * np.abs(e.residual).sum(axis=0) / (1 if len(z) == 1 else 2)
        return e.value, np.where(np.isfinite(errors), errors, np.inf)

    def _own(self, D: Array, rows: Array) -> Array:
        """A_i D_i, (K, c), of directions (N, c)."""
        return np.einsum("cd,kdc->kc", self._A[rows], self._full(D))

    def _full(self, D: Array) -> Array:
        """Directions (N, c) as (K, d + 1, c)."""
        if self._whole:
            return D.reshape(*self._active.shape, -1)
        V = np.zeros((*self._active.shape, D.shape[1]))
        V[self._k, self._j] = D
        return V

    def _chosen(self, V: Array) -> Array:
        """The active ones of (K, d + 1, c), (N, c)."""
        return V.reshape(len(self._j), -1) if self._whole else np.asarray(V[self._k, self._j])

    def _spread(self, R: Array, rows: Array) -> Array:
        """Each row's A_i' R_i in the active coefficients: (N, c) from (K, c)."""
        if self._whole:
            return np.asarray(self._A[rows].T * R[:, None, :]).reshape(len(self._j), -1)
        return np.asarray(self._A[np.ix_(rows, self._j)].T * R[self._k])

    def _curvature(self, rows: Array) -> Removed:
        """What the removal of each row does to the inverse Hessian, by Sherman, Morrison and Woodbury."""
        K, A = len(self._z), self._A[rows]
        first = np.concatenate([[0], np.cumsum(self._active.sum(axis=1))])
        P = np.stack([A[:, self._active[k]] @ self._root[:, first[k] : first[k + 1]].T for k in range(K)])
        B = np.einsum("kcm,lcm->ckl", P, P)
        p, q = self._e.probabilities[:, rows].T, self._e.complements[:, rows].T
        S = -p[:, :, None] * p[:, None, :]
        S[:, np.arange(K), np.arange(K)] = variances(p, q)
        S *= self._w[rows][:, None, None]
        SB = np.nan_to_num(S @ B, posinf=1e300, neginf=-1e300)
        leverage = SB[:, 0, 0] if K == 1 else np.linalg.eigvals(SB).real.max(axis=1)
        gain = np.where(leverage < 1, 1 / np.where(leverage < 1, 1 - leverage, 1.0), np.inf)
        return Removed(S, least_norm_solutions(np.eye(K) - SB, S), gain)

    def _precondition(self, G: Array, rows: Array, own: Removed) -> Array:
        """The inverse of the first Hessian, without each row's own part, times G."""
        there = self._inverse @ G
        more = (own.felt @ self._own(there, rows).T[:, :, None])[:, :, 0].T
        return np.asarray(there + self._inverse @ self._spread(more, rows))


class Removed(NamedTuple):
    """Of the rows left out: curvature w S, (I - w S B)^-1 w S, both (c, K, K), and (1 - leverage)^-1."""

    curvature: Array
    felt: Array
    gain: Array

    def of(self, which: Array) -> Removed:
        """That of some."""
        return Removed(*(part[which] for part in self))


def widths(change: Array) -> Array:
    """By how much changes (K, ...) of the logits can change their differences."""
    return np.asarray(np.abs(change[0]) if len(change) == 1 else change.max(axis=0) - change.min(axis=0))
