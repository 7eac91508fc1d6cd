"""Proximal Newton: for a penalty with an l1 part, and for bounds.

A quadratic model of the loss in a working set of coefficients, the penalty as it is. Those outside the set
are judged by the exact gradient that each step brings with it.
"""

from __future__ import annotations

from contextlib import suppress

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.problem.objective import Objective, Point
from sklearn_xent.solvers.curvature import hessian_among, unseen_curvature
from sklearn_xent.solvers.line_search import approach
from sklearn_xent.solvers.orthant_newton import orthant_newton
from sklearn_xent.solvers.quadratic_lasso import quadratic_lasso
from sklearn_xent.solvers.solve import Stop, StopWithin, Visit

__all__ = ["proximal_newton"]

EVERYTHING = 300  # coefficients up to which the working set is all of them
FIRST = 100  # coefficients of the first set; later ones are up to twice those in use
LARGEST_SET = 4000  # coefficients of a working set: 128 MB for its Hessian
# Fraction of its penalty at which the gradient brings a coefficient in: the strong rule of Tibshirani et
# al. (2012), J. R. Stat. Soc. B 74(2), |g| > 2 l1_new - l1_old, for a strength that falls by a tenth.
STRONG = 0.9
LARGE = 16 << 20  # bytes of X from which a sample of the rows makes the Hessian
SHARE, WORTHWHILE, ROWS_PER_COLUMN, COLUMNS = 0.05, 200, 20, 500  # rows of that sample
SLOW = 0.25  # contraction of the gap beyond which the model is not what it should be
CHEAP = 40  # squared size of the set, in entries of a row of X, at which a Hessian costs about a step
FREE = 5e7  # products of a Hessian that take a few milliseconds


def proximal_newton(objective: Objective, start: Array, visit: Visit, *, seed: int = 0) -> None:
    """Minimise model + penalty, go there or part of the way; one reading of X a step.

    Lee, Sun and Saunders (2014), SIAM J. Optim. 24(3), algorithm 1, with the Hessian of a sample corrected
    by BFGS where there are many rows.
    """
    source, start = objective, np.clip(start, *objective.penalty.bounds)
    n, size = objective.rows.n_rows, start.shape[1]
    n_sample = max(min(int(SHARE * n), WORTHWHILE * start.size), ROWS_PER_COLUMN * min(size, COLUMNS))
    if objective.rows.bytes > LARGE and 3 * n_sample <= n:
        source = objective.sample(n_sample, np.random.RandomState(seed))
        near = StopWithin(lambda point: 0.02 * np.count_nonzero(point.coefficients) / n_sample)
        with suppress(Stop):
            _descend(source, source, start, near)
        start = near.point.coefficients
    _descend(objective, source, start, visit)


def _descend(objective: Objective, source: Objective, start: Array, visit: Visit) -> None:
    """Steps with a model whose Hessian is that of the source."""
    point, model = objective.at(start), _Model(source)
    gap, slow = np.inf, 0
    while True:
        if not model.follow(point, renew=slow > 1):
            orthant_newton(objective, point.coefficients, visit)
            return
        target = model.minimiser(point)
        previous, gap = gap, model.decrease(point, target)
        visit(point, gap=gap if model.complete else None)
        new = approach(point, target)
        if new is None:
            if model.sharpen(objective):
                continue
            return
        slow = 0 if gap <= SLOW * previous else slow + 1
        if slow > 3:
            model.sharpen(objective)
            slow = 0
        model.learn(point, new)
        point = new


class _Model:
    """Quadratic model of the loss in some coefficients: a Hessian of the source, corrected as steps teach."""

    def __init__(self, source: Objective) -> None:
        self._source, self._chosen = source, np.zeros(source.shape, bool)
        self._part: Objective | None = None
        self._hessian: Array | None = None
        self.complete = True

    def follow(self, point: Point, *, renew: bool) -> bool:
        """Take in the coefficients that a point wants; whether they are few enough."""
        wanted = self._wanted(point)
        if np.count_nonzero(wanted) > LARGEST_SET:
            return False
        changed = self._hessian is None or (wanted & ~self._chosen).any()
        if changed:
            self._chosen, self._part = wanted, None
        if changed or renew or self._cheap(point):
            self._hessian = self._measure(point)
        return True

    def _wanted(self, point: Point) -> Array:
        W, penalty = point.coefficients, point.objective.penalty
        self.complete = True
        if W.size <= EVERYTHING:
            return np.ones(W.shape, bool)
        drawn = np.abs(point.loss_gradient)
        used = (W != 0) | (penalty.l1 == 0)
        near = used | (drawn > STRONG * penalty.l1)
        most = max(2 * np.count_nonzero(W), FIRST) + np.count_nonzero(used & (W == 0))
        if np.count_nonzero(near) > most:
            excess = np.where(used, np.inf, drawn - penalty.l1).ravel()
            chosen = np.zeros(W.size, bool)
            chosen[np.argpartition(-excess, most)[:most]] = True
            near = chosen.reshape(W.shape)
            self.complete = not ((point.stationarity != 0) & ~near).any()
        return np.asarray(near)

    def _cheap(self, point: Point) -> bool:
        """Whether the Hessian of all rows, at the point itself, costs no more than a few steps."""
        rows, squared = self._source.rows, np.count_nonzero(self._chosen) ** 2
        entries = rows.bytes / 8 / rows.n_rows * len(point.coefficients)
        own = self._source is point.objective
        return own and (rows.n_rows * squared < FREE or squared < CHEAP * entries)

    def _measure(self, point: Point) -> Array:
        """Hessian of the source at a point's coefficients, between those chosen."""
        columns = self._chosen[:, :-1].any(axis=0)
        if columns.all():
            here = point if self._source is point.objective else self._source.at(point.coefficients)
            chosen = self._chosen
        else:
            if self._part is None:
                self._part = self._source.columns(np.flatnonzero(columns))
            columns = np.append(columns, True)
            here, chosen = self._part.at(point.coefficients[:, columns]), self._chosen[:, columns]
        H = hessian_among(here, chosen)
        if self._source is not point.objective:
            H[np.diag_indices_from(H)] += unseen_curvature(here)[chosen.ravel()]
        # a ridge at rounding level: duplicated columns leave H singular, and any minimiser will do
        H[np.diag_indices_from(H)] += 1e-13 * np.diag(H).max()
        return H

    def minimiser(self, point: Point) -> Array:
        """Coefficients (K, d + 1) at the minimum of model + penalty."""
        assert self._hessian is not None
        penalty, shape = point.objective.penalty, point.coefficients.shape
        l1, lower, upper = (np.broadcast_to(v, shape)[self._chosen] for v in (penalty.l1, *penalty.bounds))
        w = point.coefficients[self._chosen]
        q = point.gradient[self._chosen] - self._hessian @ w
        target = point.coefficients.copy()
        target[self._chosen] = quadratic_lasso(self._hessian, q, l1, w, lower, upper)
        return target

    def decrease(self, point: Point, target: Array) -> float:
        """By how much model + penalty is lower at the target, in nats: the gap, if the model is right."""
        assert self._hessian is not None
        move = (target - point.coefficients)[self._chosen]
        linear = point.objective.penalty.change(point.coefficients, point.gradient, target)
        return max(-linear - 0.5 * float(move @ self._hessian @ move), 0.0)

    def learn(self, old: Point, new: Point) -> None:
        """BFGS: let the model have the curvature seen along a step. Nocedal and Wright (2006), (6.19)."""
        if self._hessian is None or self._cheap(new):
            return
        step = (new.coefficients - old.coefficients)[self._chosen]
        change = (new.gradient - old.gradient)[self._chosen]
        Hs, seen = self._hessian @ step, float(step @ change)
        expected = float(step @ Hs)
        # steps this short show nothing but rounding
        audible = min(seen, expected) > np.finfo(float).eps * abs(new.value)
        if audible and seen > 1e-12 * expected:
            self._hessian += np.outer(change, change / seen) - np.outer(Hs, Hs / expected)

    def sharpen(self, objective: Objective) -> bool:
        """Measure the Hessian on all rows from now on; False if it was already."""
        if self._source is objective:
            return False
        self._source, self._part, self._hessian = objective, None, None
        return True
