"""The objective from its definition, in long double, with its derivatives. Nothing here is the package's.

J = sum_i s_i CE_i + (1 / C) sum_j f_j (rho |w_j| + (1 - rho) / 2 w_j^2), within bounds. Two classes have one
logit. Rows of weight 0 are left out, which changes nothing.
"""

from __future__ import annotations

import copy
import time

import numpy as np

from tests.fuzz.algebra import Factor

__all__ = ["Exact", "Point", "Real", "exact"]

Real = np.longdouble
LARGE = 3e6  # products of a factorisation by rows, above which it is by the Hessian
HUGE = 1e8  # above which that is in float64, which finds a minimum as well but proves less
PATIENCE = 15.0  # seconds of processor time for which the minimum is looked for
NEVER = -1e30  # offset of a class that a row is held not to know


def exact(problem):
    """The problem of a generated `Problem` as numbers: what its parameters mean is worked out here."""
    p, K, X = problem.parameters, problem.n_classes, problem.dense
    n, d = X.shape
    Y = np.asarray(problem.y, dtype=Real) if np.ndim(problem.y) == 2 else np.eye(K, dtype=Real)[problem.y]
    Y = Y / Y.sum(axis=1, keepdims=True)
    s = np.ones(n, dtype=Real) if problem.sample_weight is None else problem.sample_weight.astype(Real)
    balance = p.get("class_weight")
    if balance is not None:
        mass = s @ Y
        factor = s.sum() / (K * mass) if balance == "balanced" else np.ones(K, dtype=Real)
        for k, value in {} if balance == "balanced" else balance.items():
            factor[k] = value
        Y = Y * factor
        total = Y.sum(axis=1)
        s, Y = s * total, Y / np.where(total > 0, total, 1)[:, None]
    smoothing = Real(p.get("label_smoothing", 0.0))
    Y = Y * (1 - smoothing) + smoothing / K
    offset = np.zeros((n, K)) if problem.offset is None else np.asarray(problem.offset)
    if offset.ndim == 1:
        offset = np.column_stack([np.zeros(n), offset])
    factors = np.asarray(p.get("penalty_factor", np.ones(d)), dtype=Real) / Real(p["C"])
    rho = Real(p.get("l1_ratio", 0.0))
    low, high = _bounds(p.get("coef_bounds"), d)
    used = s > 0
    return Exact(
        X[used].astype(Real),
        Y[used],
        s[used],
        offset[used].astype(Real),
        rho * factors,
        (1 - rho) * factors,
        low,
        high,
        p.get("fit_intercept", True),
    )


def _bounds(pairs, d):
    low, high = np.full(d, -np.inf, dtype=Real), np.full(d, np.inf, dtype=Real)
    if pairs is not None:
        pairs = (
            [pairs] * d
            if len(pairs) == 2 and not np.iterable(pairs[0]) and not np.iterable(pairs[1])
            else pairs
        )
        for j, (a, b) in enumerate(pairs):
            low[j] = -np.inf if a is None else a
            high[j] = np.inf if b is None else b
    return low, high


class Exact:
    """J in coordinates theta (L, d + 1): columns centred (with an intercept) and of unit spread.

    ``l1``, ``l2``, ``low`` and ``high`` (d + 1,) are in these coordinates, the intercept's last.
    """

    def __init__(self, X, Y, s, offset, l1, l2, low, high, intercept):
        self.X, self.Y, self.s, self.offset = X, Y, s, offset
        self.K, self.L = Y.shape[1], 1 if Y.shape[1] == 2 else Y.shape[1]
        self.intercept, self.live = intercept, np.ones(Y.shape, dtype=bool)
        share = s / s.sum()
        self.shift = share @ X if intercept else np.zeros(X.shape[1], dtype=Real)
        A = X - self.shift
        if intercept:  # once more: the mean of values far from zero is rounded
            drift = share @ A
            self.shift, A = self.shift + drift, A - drift
        spread = np.sqrt(share @ A**2)
        magnitude = np.abs(X).max(axis=0)
        varies = spread > 1e-17 * magnitude  # below that, A is the rounding of a constant column
        A[:, ~varies] = 0
        self.scale = np.where(varies, 1 / np.where(varies, spread, 1), 1)
        self.A = np.column_stack([A * self.scale, np.full(len(X), 1 if intercept else 0, dtype=Real)])
        self.idle = np.append(~varies, not intercept)
        self.l1, self.l2 = np.append(l1 * self.scale, 0), np.append(l2 * self.scale**2, 0)
        self.low, self.high = np.append(low / self.scale, -np.inf), np.append(high / self.scale, np.inf)
        self.raw = l1, l2, low, high
        self.deadline = time.process_time() + PATIENCE

    def without(self, dead):
        """The problem whose rows do not know the classes in dead (n, K): its J is lower, at any coefficients.

        Only classes that are no part of a row's target may be dead. A row that knows its label alone has no
        loss and is left out.
        """
        rows = (~dead).sum(axis=1) > 1
        out = copy.copy(self)
        out.offset = np.where(dead, Real(NEVER), self.offset)[rows]
        out.X, out.A, out.Y, out.s = self.X[rows], self.A[rows], self.Y[rows], self.s[rows]
        out.live = (~dead & self.live)[rows]
        return out

    def value(self, coef, intercept):
        """J at coefficients (L, d), (L,) in the units of X: exact but for rounding of long double."""
        coef, l1, l2 = coef.astype(Real), *self.raw[:2]
        Z = self.X @ coef.T + np.asarray(intercept, dtype=Real)
        return self.loss(Z) + (l1 * np.abs(coef) + l2 / 2 * coef**2).sum()

    def loss(self, Z):
        """Sum of s CE at logits (n, L) without the offset."""
        Z = self.logits(Z)
        top = Z.max(axis=1, keepdims=True)
        D = Z - top
        # CE = log sum exp - sum y z, each term of it at least 0 where y is one-hot
        return (self.s * (np.log1p(_rest(D)) - (self.Y * D).sum(axis=1))).sum()

    def logits(self, Z):
        """Logits (n, K) from (n, L), the offset added."""
        return (np.column_stack([np.zeros(len(Z), dtype=Real), Z]) if self.L == 1 else Z) + self.offset

    @property
    def late(self):
        """Whether it is time to be content with what was found."""
        return time.process_time() > self.deadline

    def at(self, theta):
        """The point of coordinates theta."""
        return Point(self, theta)

    def from_original(self, coef, intercept):
        """Theta of coefficients in the units of X, moved within their bounds."""
        coef = coef.astype(Real)
        theta = np.column_stack([coef / self.scale, intercept + coef @ self.shift])
        theta[:, self.idle] = 0
        return np.clip(theta, self.low, self.high)

    def to_original(self, theta):
        """Coefficients and intercept in the units of X."""
        coef = theta[:, :-1] * self.scale
        return coef, theta[:, -1] - coef @ self.shift


def _rest(D):
    """Sum of exp of logits (n, K) less their largest, without the largest's own 1."""
    E = np.exp(D)
    E[np.arange(len(D)), D.argmax(axis=1)] = 0
    return E.sum(axis=1)


class Point:
    """Value, gradient (L, d + 1), its least-norm subgradient ``pull``, and probabilities at theta."""

    def __init__(self, problem, theta):
        self.problem, self.theta = problem, theta
        Z = problem.A @ theta.T
        self.smooth_value = problem.loss(Z) + (problem.l2 / 2 * theta**2).sum()
        self.value = self.smooth_value + (problem.l1 * np.abs(theta)).sum()
        D = problem.logits(Z)
        E = np.exp(D - D.max(axis=1, keepdims=True))
        total = E.sum(axis=1, keepdims=True)
        self.P = E / total
        self.log_P = D - D.max(axis=1, keepdims=True) - np.log(total)
        Y = problem.Y
        R = problem.s[:, None] * (self.P - Y)
        if problem.L == 1:
            # P1 - y1 = P1 y0 - P0 y1, which does not cancel
            R = (problem.s * (self.P[:, 1] * Y[:, 0] - self.P[:, 0] * Y[:, 1]))[:, None]
        self.residuals = R
        self.smooth_gradient = self.gradient = R.T @ problem.A + problem.l2 * theta
        # what rounding leaves of a gradient that is zero
        self.noise = 1e-18 * (np.abs(R).T @ np.abs(problem.A) + problem.l2 * np.abs(theta) + problem.l1)
        self.pull = self._pull()

    def _pull(self):
        o, w, g = self.problem, self.theta, self.gradient
        up = g + np.where(w < 0, -o.l1, o.l1)
        down = g + np.where(w > 0, o.l1, -o.l1)
        pull = np.where((up < 0) & (w < o.high), up, np.where((down > 0) & (w > o.low), down, 0))
        return np.where(o.idle, 0, pull)

    def curvature(self, extra=0, index=None):
        """Factor of the Hessian plus diag(extra), extra (L, d + 1) not negative, on coordinates (all)."""
        o = self.problem
        width = o.A.shape[1]
        index = np.arange(o.L * width) if index is None else index
        columns, place = np.unique(index % width, return_inverse=True)
        index = place + len(columns) * (index // width)  # among the coordinates of these columns
        size = o.L * len(columns)
        held = (np.zeros((o.L, width), dtype=Real) + extra + o.l2)[:, columns].ravel()
        work = len(o.A) * o.L * len(index) ** 2
        if work > (LARGE if o.L > 1 else 10 * LARGE):
            dtype = Real if o.L > 1 and work < HUGE else np.float64
            H = self._hessian(columns, dtype)
            # a ridge beyond float64 is that of a column of next to no spread: nothing moves it either way
            H[np.diag_indices(size)] += np.minimum(held, 1e300).astype(dtype)
            return Factor(hessian=H[np.ix_(index, index)])
        ridge = np.sqrt(held)
        diagonal = np.zeros((size, size), dtype=Real)
        diagonal[np.diag_indices(size)] = ridge
        rows = np.vstack([self._loss_rows(columns), diagonal[ridge > 0], self._gauge_rows(columns)])
        # rows of large numbers first: Householder is then as accurate for each row as for the whole
        order = np.argsort(-np.abs(rows).max(axis=1), kind="stable")
        return Factor(rows=rows[order][:, index])

    def _hessian(self, columns, dtype):
        """Hessian of the loss in coordinates of columns, the gauge fixed, the ridge left out."""
        o, P, A = self.problem, self.P, self.problem.A[:, columns].astype(dtype)
        size = A.shape[1]
        H = np.zeros((o.L, size, o.L, size), dtype=dtype)
        for k in range(o.L):
            # what the others have is summed: 1 - p is 0 where it should be 1e-25, and H then indefinite
            rest = np.delete(P, k, axis=1).sum(axis=1)
            for l in range(k, o.L):
                h = o.s * P[:, k] * (rest if k == l else -P[:, l])
                H[k, :, l] = A.T @ (h.astype(dtype)[:, None] * A)
                H[l, :, k] = H[k, :, l].T
        if o.L > 1:
            flat = self._gauged(columns)
            H[:, flat, :, flat] += dtype(o.s.sum() / o.K**2)  # G' G of _gauge_rows G
        return H.reshape(o.L * size, o.L * size)

    def _loss_rows(self, columns):
        """Rows B with B'B the Hessian of the loss: diag(p) - p p' = G G', G = diag(sqrt p) - p sqrt(p)'."""
        o, root, A = self.problem, np.sqrt(self.P), self.problem.A[:, columns]
        n, size = A.shape
        if o.L == 1:
            return (np.sqrt(o.s) * root[:, 0] * root[:, 1])[:, None] * A
        G = root[:, :, None] * np.eye(o.K, dtype=Real) - self.P[:, :, None] * root[:, None, :]
        G *= np.sqrt(o.s)[:, None, None]
        return (G.transpose(0, 2, 1)[:, :, :, None] * A[:, None, None, :]).reshape(n * o.K, o.K * size)

    def _gauge_rows(self, columns):
        """Of classes treated alike, what nothing holds can rise in all at once: rows of ones end that."""
        o, flat = self.problem, self._gauged(columns)
        if o.L == 1 or not flat.size:
            return np.zeros((0, o.L * len(columns)), dtype=Real)
        gauge = np.zeros((len(flat), o.L, len(columns)), dtype=Real)
        gauge[np.arange(len(flat)), :, flat] = np.sqrt(o.s.sum()) / o.K
        return gauge.reshape(len(flat), -1)

    def _gauged(self, columns):
        """Which of the columns nothing holds, by their place."""
        o = self.problem
        held = (o.l1 > 0) | (o.l2 > 0) | np.isfinite(o.low) | np.isfinite(o.high) | o.idle
        return np.flatnonzero(~held[columns])
