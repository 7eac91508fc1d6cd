"""More Newton steps for models that leave one row out, and whether they can be believed."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.factor import inverse_root
from sklearn_xent.problem import hessians
from sklearn_xent.problem.expansion import softness, variances
from sklearn_xent.solvers.hessian import pin_gauge
from sklearn_xent.solvers.without_row import (
    ENOUGH,
    ENOUGH_NATS,
    STILL,
    Removed,
    WithoutRow,
    widths,
)

__all__ = ["Deletion"]

STEPS, TRIALS = 20, 8  # that a model may take, and lengths of a step that are tried
REST = 0.1  # of all curvature: so much is let pass of rows whose logits have moved further
FACTORED = 100  # coefficients up to which every model's Hessian is factored
PRODUCTS = 60  # with a Hessian for one step
# Squared relative residual of a system that is solved, in the norm of the first inverse: small, as the
# Hessian may have much less curvature than the first one where an outlier has moved out of doubt.
EXACT = 1e-8
ROUNDING = 1e-11  # of the objective: a rise that is none
OBLIQUE = 3.0  # steps such as the row's own last one that those that follow may add, times their part of it


class Deletion(WithoutRow):
    """Newton steps of all models at once, without l1 penalty and bounds.

    The Hessian of a step is that at the optimum of all rows, less the row's own part, and exact for all rows
    whose logits have moved by more than STILL under some model; the system is solved by conjugate gradients,
    preconditioned by the first Hessian, so that few products are needed where few rows have moved.

    Let the others' logits have moved by s at most, and move by m with the step. The curvature on the way
    stays within a factor exp(s + m) of what the step supposed, in the mean exp(s) (1 + psi(m)), see
    `leave_one_out`: the step leaves at most that, less 1, of the error. A step that raises the objective is
    cut to log(1 + m) / m of it, which cannot: Sun and Tran-Dinh (2019), Math. Program. 178.
    """

    def without(self, rows: Array) -> tuple[Array, Array]:
        """Loss of each of the rows by the model without it, and an error bound; inf where it is unknown."""
        losses, errors = np.zeros(len(rows)), np.full(len(rows), np.inf)
        with np.errstate(all="ignore"):
            some, step = self._first(rows)
            left = np.arange(len(rows))
            for _ in range(STEPS):
                losses[left], wrong = self._judged(some.D - step.X, self._left(some, step), some.rows)
                done = wrong <= ENOUGH * losses[left] + ENOUGH_NATS
                errors[left[done]] = wrong[done]
                going = ~done & step.exact & np.isfinite(step.m)
                left, some, step = left[going], some.of(going), step.of(going)
                if not len(left):
                    break
                some = self._taken(some, step)
                step = self._step(some)
        finite = np.isfinite(losses)
        return np.where(finite, losses, 0.0), np.where(finite, errors, np.inf)

    def _first(self, rows: Array) -> tuple[_Models, _Steps]:
        own, (K, n), c = self._curvature(rows), self._z.shape, len(rows)
        G = self._gradient[:, None] - self._spread(self._pulls[:, rows], rows)
        zero = np.zeros(c)
        nowhere = np.zeros((K, n, c))
        some = _Models(rows, own, np.zeros_like(G), nowhere, zero, G, nowhere, nowhere)
        return some, self._stepped(some, self._precondition(G, rows, own), zero, np.ones(c, dtype=bool))

    def _left(self, some: _Models, step: _Steps) -> Array:
        """By how much the row's own logits may be off after a step."""
        psi = (np.expm1(step.m) - step.m) / np.where(step.m > 0, step.m, 1.0)
        part = np.expm1(step.still) + np.exp(step.still) * psi
        part += np.where(step.solved, 0.0, np.sqrt(EXACT))
        part = np.where(step.exact & (part < 1), part / np.where(part < 1, 1 - part, 1.0), np.inf)
        reach = np.sqrt(self._reach[some.rows] * some.own.gain)
        return np.asarray(
            part * np.fmax(OBLIQUE * step.own, np.where(np.isfinite(reach), step.length * reach, 0.0))
        )

    def _stepped(self, some: _Models, X: Array, still: Array, exact: Array, solved: bool = True) -> _Steps:
        move = self._A @ self._full(X)
        m, c = widths(move), np.arange(len(some.rows))
        own = m[some.rows, c].copy()
        length = np.sqrt(np.maximum(np.einsum("nc,nc->c", X, some.G), 0.0))
        return _Steps(
            X, move, self._others(m, some.rows).max(axis=0), own, length, still, exact, exact & solved
        )

    def _others(self, m: Array, rows: Array) -> Array:
        """Moves m (n, c), in place 0 for rows that a model has not seen."""
        m[rows, np.arange(len(rows))] = 0.0
        if not self._w.all():
            m[self._w == 0] = 0.0
        return m

    def _taken(self, some: _Models, step: _Steps) -> _Models:
        """The models after their steps, or as much of these as does not raise the objective."""
        D, moved = some.D - step.X, some.moved - step.move
        value, G, p, q = self._evaluated(D, moved, some.rows)
        t = np.minimum(np.log1p(step.m) / np.where(step.m > 0, step.m, 1.0), 0.5)
        for _ in range(TRIALS):
            high = np.flatnonzero(~(value <= some.value + ROUNDING * self._value))
            if not len(high):
                break
            D[:, high] = some.D[:, high] - t[high] * step.X[:, high]
            moved[:, :, high] = some.moved[:, :, high] - t[high] * step.move[:, :, high]
            value[high], G[:, high], p[:, :, high], q[:, :, high] = self._evaluated(
                D[:, high], moved[:, :, high], some.rows[high]
            )
            t /= 2
        return some._replace(D=D, moved=moved, value=value, G=G, p=p, q=q)

    def _evaluated(self, D: Array, moved: Array, rows: Array) -> tuple[Array, Array, Array, Array]:
        """Change of the objective without row i (c,), its gradient (N, c), probabilities and complements."""
        (K, n), c = self._z.shape, len(rows)
        e = self._objective.loss.expand(
            (self._z[:, :, None] + moved).reshape(K, -1), np.repeat(self._targets, c, axis=1)
        )
        rise = e.value.reshape(n, c) - self._e.value[:, None]
        rise[rows, np.arange(c)] = 0.0
        pulls = e.residual.reshape(K, n, c)
        pulls *= self._w[:, None]
        pulls -= self._pulls[:, :, None]
        pulls[:, rows, np.arange(c)] = -self._pulls[:, rows]
        pulled = self._chosen(self._A.T @ pulls)
        bent = self._l2[:, None] * D
        value = self._w @ rise + np.einsum("nc,nc->c", bent, self._start[:, None] + 0.5 * D)
        p, q = e.probabilities.reshape(K, n, c), e.complements.reshape(K, n, c)
        return value, self._gradient[:, None] + pulled + bent, p, q

    def _step(self, some: _Models) -> _Steps:
        """Newton steps from where the models are."""
        m = self._others(widths(some.moved), some.rows)
        if len(some.D) <= FACTORED and (m > STILL).any():
            X = np.stack([self._factored(some, c) for c in range(len(some.rows))], axis=1)
            return self._stepped(some, X, np.zeros(X.shape[1]), np.isfinite(X).all(axis=0))
        far = m > STILL
        still = m.max(axis=0, where=~far, initial=0.0)
        own, bent = np.zeros(len(far), dtype=bool), np.zeros(len(still))
        if far.any():
            own, bent = self._far(some, far)
        if not own.any():
            X = self._precondition(some.G, some.rows, some.own)
            return self._stepped(some, X, self._supposed(still, bent), np.ones(len(still), dtype=bool))
        if own.all():
            still, bent = np.zeros_like(still), np.zeros_like(bent)
        X, exact = self._solved(some, self._hessian(some, own))
        if bent.any():  # relative to the first Hessian's curvature, which may be more than is left
            first = np.einsum("nc,nc->c", X, self._first_hessian(X, some))
            bent *= np.fmax(first / np.einsum("nc,nc->c", X, some.G), 1.0)
        return self._stepped(some, X, self._supposed(still, bent), exact, solved=False)

    def _factored(self, some: _Models, c: int) -> Array:
        """Newton step (N,) of one model: conjugate gradients lose what curvature outliers leave."""
        w, p, q = self._w.copy(), some.p[:, :, c], some.q[:, :, c]
        w[some.rows[c]] = 0.0
        size, K = self._A.shape[1], len(p)
        H: Array = np.zeros((K, size, K, size))
        if K > 1:
            hessians.subtract_outer(H, self._A, p, w)
        for k in range(K):
            H[k, :, k, :] = (self._A * (w * variances(p[k], q[k]))[:, None]).T @ self._A
        H = H.reshape(K * size, -1)
        H[np.diag_indices_from(H)] += self._l2
        if self._objective.loss.shift_invariant:
            pin_gauge(H, self._objective, self._active)
        root = inverse_root(H)
        return np.asarray(root.T @ (root @ some.G[:, c]))

    def _supposed(self, still: Array, bent: Array) -> Array:
        """The log of the factor by which curvature is wrong."""
        return np.log(np.exp(still) + bent)

    def _far(self, some: _Models, far: Array) -> tuple[Array, Array]:
        """Which rows a step needs the curvature of, and how much of all the others far out have."""
        j = np.flatnonzero(far.any(axis=1))
        before = softness(self._e.probabilities[:, j], self._e.complements[:, j])
        share = np.maximum(before[:, None], softness(some.p[:, j], some.q[:, j]))
        share *= (self._w[j] * self._reach[j])[:, None] * some.own.gain
        share[~far[j]] = 0.0
        most = share.max(axis=1)
        order = np.argsort(most)
        sums = np.cumsum(share[order], axis=0)
        few = np.count_nonzero(sums.max(axis=1) <= REST)
        own = np.zeros(len(far), dtype=bool)
        own[j[order[few:]]] = True
        if 2 * np.count_nonzero(own) > len(own):
            own[:] = True
        return own, sums[few - 1] if few else np.zeros(far.shape[1])

    def _first_hessian(self, V: Array, some: _Models) -> Array:
        """Products with the Hessian at the optimum of all rows, without each row's own part."""
        own = some.own.curvature @ self._own(V, some.rows).T[:, :, None]
        return np.asarray(self._H @ V - self._spread(own[:, :, 0].T, some.rows))

    def _hessian(self, some: _Models, far: Array) -> Callable[[Array], Array]:
        """Products with every model's Hessian, in which the rows that are far have their own curvature."""
        K, c = len(self._z), len(some.rows)
        where = np.flatnonzero(far)
        whole = len(where) == len(far)
        weights = np.repeat(self._w[where, None], c, axis=1)
        mine = far[some.rows]
        weights[np.searchsorted(where, some.rows[mine]), np.flatnonzero(mine)] = 0.0
        A = self._A if whole else self._A[where]
        p = some.p if whole else some.p[:, where]
        first = self._e.probabilities[:, where, None]
        if K == 1:
            bend = p * (some.q if whole else some.q[:, where])
            if not whole:
                bend = bend - first * self._e.complements[:, where, None]
            bend *= weights

        def product(V: Array) -> Array:
            change = A @ self._full(V)
            if K == 1:
                felt = bend * change
            else:
                felt = _product(p, change)
                if not whole:
                    felt -= _product(first, change)
                felt *= weights
            felt = self._chosen(A.T @ felt)
            return felt + (self._l2[:, None] * V if whole else self._first_hessian(V, some))

        return product

    def _solved(self, some: _Models, product: Callable[[Array], Array]) -> tuple[Array, Array]:
        """Solutions X of H_i X_i = G_i by conjugate gradients, and which are exact."""
        X, R = np.zeros_like(some.G), some.G.copy()
        P = Z = self._precondition(R, some.rows, some.own)
        rho = first = np.einsum("nc,nc->c", R, Z)
        for _ in range(PRODUCTS):
            HP = product(P)
            t = np.where(rho > EXACT * first, rho / np.einsum("nc,nc->c", P, HP), 0.0)
            X, R = X + t * P, R - t * HP
            Z = self._precondition(R, some.rows, some.own)
            rho, last = np.einsum("nc,nc->c", R, Z), rho
            if not (rho > EXACT * first).any():
                break
            P = Z + np.where(last > 0, rho / np.where(last > 0, last, 1.0), 0.0) * P
        return X, np.isfinite(X).all(axis=0) & (rho <= EXACT * first)


class _Models(NamedTuple):
    """Rows left out, their removal, displacements D (N, c), what these change of all logits (K, n, c).

    And of the objective (c,); its gradient there (N, c), all probabilities and complements (K, n, c).
    """

    rows: Array
    own: Removed
    D: Array
    moved: Array
    value: Array
    G: Array
    p: Array
    q: Array

    def of(self, which: Array) -> _Models:
        """That of some."""
        if which.all():
            return self
        return _Models(self.rows[which], self.own.of(which), *(part[..., which] for part in self[2:]))


class _Steps(NamedTuple):
    """To be subtracted: X (N, c), the moves of all logits (K, n, c), the others' largest and the rows' own.

    Lengths in the norm of the Hessian, what other rows had moved that it does not know of, whether X solves
    its system, and whether but for rounding.
    """

    X: Array
    move: Array
    m: Array
    own: Array
    length: Array
    still: Array
    exact: Array
    solved: Array

    def of(self, which: Array) -> _Steps:
        """Those of some."""
        return self if which.all() else _Steps(*(part[..., which] for part in self))


def _product(p: Array, change: Array) -> Array:
    """(diag(p) - p p') change, for every row and model."""
    felt = change - np.einsum("k...,k...->...", np.broadcast_to(p, change.shape), change)
    felt *= p
    return np.asarray(felt)
