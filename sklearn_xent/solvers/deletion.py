"""More Newton steps for models that leave one row out, and whether they can be believed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.linalg

from sklearn_xent.arrays import Array
from sklearn_xent.problem import kernels
from sklearn_xent.problem.losses import Expansion
from sklearn_xent.problem.objective import Point
from sklearn_xent.solvers.quadratic_lasso import quadratic_lasso

__all__ = ["Deletion", "Scored", "inverse_root"]

STEPS = 15  # that a model may take
DAMPED_STEPS, PRODUCTS = 40, 60  # of those with a Hessian of their own, and products with it for each
EXACT = 1e-7  # squared relative residual, in the norm of the inverse, of a system that is solved
ENOUGH, ENOUGH_NATS = 4e-3, 1e-4  # error of a row's loss at which its model need take no more
# The curvature may change by 35 % in the rows whose logits move by less than this, and by 40 % of all
# curvature for the others': then each step leaves at most three quarters of the error.
STILL, OTHERS = 0.3, 0.4
LEFT = 3.0  # steps such as the last, which those that follow add up to at most
SINGULAR = 1e-12  # of the largest curvature: less counts as so much


class Scored(NamedTuple):
    """What left-out rows are scored by: targets (K, n), weights (n,), and what is added to logits (K,)."""

    targets: Array
    weights: Array
    shift: Array


class Deletion:
    """All rows' logits under models that leave one out each; their Newton steps keep the first Hessian.

    A model's steps are valid while its curvature stays near that at the optimum of all rows: those rows whose
    logits move by no more than STILL keep theirs within a factor exp(STILL), and the others have, at both
    ends and between, no more than OTHERS of the whole. The whole is the Hessian without the row, in which
    row j has at most the part w_j q_j R_j^2 (1 - h_i)^-1: q is p (1 - p) for one logit and 1 - max p for
    several, R the reach, the norm of the row in H^-1, and h_i the leverage of the row left out. Then each
    step leaves at most three quarters of the error, and the last one no more than LEFT times itself.

    With an l1 penalty or bounds a step minimises the quadratic model + penalty.
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
        self._active = active
        self._k, self._j = np.nonzero(active)
        penalty = o.penalty
        self._l1, self._l2, self._lower, self._upper = (
            np.broadcast_to(v, active.shape)[active] for v in (penalty.l1, penalty.l2, *penalty.bounds)
        )
        self._start, self._gradient = point.coefficients[active], point.gradient[active]
        self._e = o.loss.expand(self._z, self._targets)
        self._pulls = self._w * self._e.residual

    def without(self, rows: Array) -> tuple[Array, Array]:
        """Loss of each of the rows by the model without it, and an error bound; inf where it is unknown."""
        with np.errstate(all="ignore"):
            own = self._curvature(rows)
            losses, errors = self._chords(rows, own)
            wild = ~np.isfinite(errors)
            if wild.any() and self._objective.penalty.smooth:
                losses[wild], errors[wild] = self._damped(rows[wild], own.of(wild))
        finite = np.isfinite(losses)
        return np.where(finite, losses, 0.0), np.where(finite, errors, np.inf)

    def _chords(self, rows: Array, own: _Own) -> tuple[Array, Array]:
        """Steps with the first Hessian."""
        losses, errors = np.zeros(len(rows)), np.full(len(rows), np.inf)
        left, D = np.arange(len(rows)), np.zeros((len(self._j), len(rows)))
        G = self._gradient[:, None] - self._spread(self._pulls[:, rows], rows)
        for turn in range(STEPS):
            some = rows[left]
            D, length = self._step(D, G, some, own)
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

    def _damped(self, rows: Array, own: _Own) -> tuple[Array, Array]:
        """Damped steps with the Hessian where they start, by conjugate gradients.

        Of a step that would move other rows' logits by m, log(1 + m) / m is taken: Sun and Tran-Dinh (2019),
        Math. Program. 178. The last has m of no more than STILL; what it leaves is a part of it, psi(m).
        """
        losses, errors = np.zeros(len(rows)), np.full(len(rows), np.inf)
        left, D = np.arange(len(rows)), np.zeros((len(self._j), len(rows)))
        for _ in range(DAMPED_STEPS):
            some, c = rows[left], np.arange(len(left))
            _, e = self._expanded(D, some)
            X, exact = self._newton(e, self._slopes(D, e, some), some, own)
            move = self._A @ self._full(X)
            m = _range(move)
            step = m[some, c].copy()
            m[some, c] = 0.0
            m = np.max(m, axis=0, where=(self._w > 0)[:, None], initial=0.0)
            D = D - X * np.where(m > 1, np.log1p(m) / np.where(m > 0, m, 1.0), 1.0)
            losses[left], wrong = self._judged(D, step, some)
            done = (m <= STILL) & (wrong <= ENOUGH * losses[left] + ENOUGH_NATS) & exact
            errors[left[done]] = wrong[done]
            going = ~done & exact & np.isfinite(m)
            left, D, own = left[going], D[:, going], own.of(going)
            if not len(left):
                break
        return losses, errors

    def _newton(self, e: Expansion, G: Array, rows: Array, own: _Own) -> tuple[Array, Array]:
        """Solutions X of H_i X_i = G_i with each model's Hessian, and which are exact.

        Preconditioned by the inverse of the Hessian at the optimum of all rows, less row i's part: few rows
        have another curvature, so that few products do.
        """
        K, n, c = len(self._z), len(self._w), len(rows)
        weights = np.repeat(self._w[:, None], c, axis=1)
        weights[rows, np.arange(c)] = 0.0

        def product(V: Array) -> Array:
            felt = weights * e.curvature_product((self._A @ self._full(V)).reshape(K, -1)).reshape(K, n, c)
            return np.asarray((self._A.T @ felt)[self._k, self._j] + self._l2[:, None] * V)

        X, R = np.zeros_like(G), G.copy()
        P = Z = self._precondition(R, rows, own)
        rho = first = np.einsum("nc,nc->c", R, Z)
        for _ in range(PRODUCTS):
            HP = product(P)
            t = np.where(rho > EXACT * first, rho / np.einsum("nc,nc->c", P, HP), 0.0)
            X, R = X + t * P, R - t * HP
            Z = self._precondition(R, rows, own)
            rho, last = np.einsum("nc,nc->c", R, Z), rho
            if not (rho > EXACT * first).any():
                break
            P = Z + np.where(last > 0, rho / np.where(last > 0, last, 1.0), 0.0) * P
        return X, np.isfinite(X).all(axis=0) & (rho <= EXACT * first)

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
        V = np.zeros((*self._active.shape, D.shape[1]))
        V[self._k, self._j] = D
        return V

    def _spread(self, R: Array, rows: Array) -> Array:
        """Each row's A_i' R_i in the active coefficients: (N, c) from (K, c)."""
        return np.asarray(self._A[np.ix_(rows, self._j)].T * R[self._k])

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
        far = ~(_range(change) <= STILL) & (self._w > 0)[:, None]
        far[rows, np.arange(c)] = False
        j, i = np.nonzero(far)
        if not len(j):
            return np.zeros(c)
        p, q = (v.reshape(K, n, c)[:, j, i] for v in (e.probabilities, e.complements))
        before, after = _softness(self._e.probabilities[:, j], self._e.complements[:, j]), _softness(p, q)
        z = self._z[:, j]
        crossed = (z * (z + change[:, j, i]) < 0)[0] if K == 1 else z.argmax(0) != p.argmax(0)
        most = np.where(crossed, 0.25 if K == 1 else 1.0, np.maximum(before, after))
        return np.bincount(i, self._w[j] * most * self._reach[j], minlength=c)

    def _curvature(self, rows: Array) -> _Own:
        """What the removal of each row does to the inverse Hessian, by Sherman, Morrison and Woodbury."""
        K, A = len(self._z), self._A[rows]
        first = np.concatenate([[0], np.cumsum(self._active.sum(axis=1))])
        P = np.stack([A[:, self._active[k]] @ self._root[:, first[k] : first[k + 1]].T for k in range(K)])
        B = np.einsum("kcm,lcm->ckl", P, P)
        p, q = self._e.probabilities[:, rows].T, self._e.complements[:, rows].T
        S = -p[:, :, None] * p[:, None, :]
        S[:, np.arange(K), np.arange(K)] = p * q
        S *= self._w[rows][:, None, None]
        SB = np.nan_to_num(S @ B, posinf=1e300, neginf=-1e300)
        leverage = SB[:, 0, 0] if K == 1 else np.linalg.eigvals(SB).real.max(axis=1)
        gain = np.where(leverage < 1, 1 / np.where(leverage < 1, 1 - leverage, 1.0), np.inf)
        return _Own(S, kernels.solved(np.eye(K) - SB, S), gain)

    def _step(self, D: Array, G: Array, rows: Array, own: _Own) -> tuple[Array, Array]:
        """D after a step from slopes G, and the steps' lengths (c,) in the Hessian without the row."""
        if not self._objective.penalty.smooth:
            return self._proximal(D, G, rows, own)
        step = self._precondition(G, rows, own)
        return D - step, np.sqrt(np.einsum("nc,nc->c", G, step))

    def _precondition(self, G: Array, rows: Array, own: _Own) -> Array:
        """The inverse of the first Hessian, without each row's own part, times G."""
        there = self._inverse @ G
        more = (own.felt @ self._own(there, rows).T[:, :, None])[:, :, 0].T
        return np.asarray(there + self._inverse @ self._spread(more, rows))

    def _proximal(self, D: Array, G: Array, rows: Array, own: _Own) -> tuple[Array, Array]:
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


class _Own(NamedTuple):
    """Of the rows left out: curvature w S, (I - w S B)^-1 w S, both (c, K, K), and (1 - leverage)^-1."""

    curvature: Array
    felt: Array
    gain: Array

    def of(self, which: Array) -> _Own:
        """That of some."""
        return _Own(*(part[which] for part in self))


def _range(change: Array) -> Array:
    """By how much changes (K, ...) of the logits can change their differences."""
    return np.asarray(np.abs(change[0]) if len(change) == 1 else change.max(axis=0) - change.min(axis=0))


def _softness(p: Array, q: Array) -> Array:
    """Curvature of a row for a range of 1 of the logits, at most: p (1 - p), or 1 - max p."""
    return np.asarray(p[0] * q[0] if len(p) == 1 else q.min(axis=0))


def inverse_root(H: Array) -> Array:
    """T with T' T = H^-1. Curvature below SINGULAR of the largest counts as that much.

    Where a row has a part in such a direction, its removal is a long step there and seen to be invalid.
    """
    diagonal = np.diag(H)
    largest = diagonal.max(initial=0.0)
    unit = 1 / np.sqrt(np.where(diagonal > 1e-200 * largest, diagonal, largest or 1.0))
    H = H * unit[:, None] * unit
    try:
        L = np.linalg.cholesky(H)
        if np.diag(L).min() ** 2 > SINGULAR:
            return np.asarray(scipy.linalg.solve_triangular(L, np.diag(unit), lower=True))
    except np.linalg.LinAlgError:
        pass
    values, vectors = np.linalg.eigh(H)
    values = np.maximum(values, SINGULAR * values[-1])
    return np.asarray((vectors / np.sqrt(values)).T * unit)
