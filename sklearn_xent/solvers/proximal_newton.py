"""Proximal Newton: for a penalty with an l1 part, and for bounds.

A quadratic model of the loss on a working set of columns, the penalty as it is. The columns outside the set
are judged by the exact gradient that each step brings with it.
"""

from __future__ import annotations

from contextlib import suppress

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.problem.objective import Line, Objective, Point
from sklearn_xent.solvers.accelerated_gradient import accelerated_gradient
from sklearn_xent.solvers.curvature import hessian_at, unseen_curvature
from sklearn_xent.solvers.quadratic_lasso import quadratic_lasso
from sklearn_xent.solvers.scipy_optimize import scipy_minimize
from sklearn_xent.solvers.solve import Stop, StopWithin, Visit

__all__ = ["proximal_newton"]

EVERYTHING = 300  # coefficients up to which the working set is all of them
LARGEST_SET = 4000  # coefficients of a working set: 128 MB for its Hessian
# Fraction of its penalty at which the gradient brings a column into the set: the strong rule of Tibshirani et
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
            if objective.penalty.lower is None:
                scipy_minimize(objective, point.coefficients, visit, solver="lbfgs")
            else:
                accelerated_gradient(objective, point.coefficients, visit)
            return
        target = model.minimiser(point)
        previous, gap = gap, model.decrease(point, target)
        visit(point, gap=gap if model.complete else None)
        new = _towards(point, target)
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
    """Quadratic model of the loss on some columns: a Hessian of the source, corrected as steps teach it."""

    def __init__(self, source: Objective) -> None:
        self._source, self._columns = source, np.empty(0, dtype=np.intp)
        self._part: Objective | None = None
        self._hessian: Array | None = None
        self.complete = True

    def follow(self, point: Point, *, renew: bool) -> bool:
        """Take in the columns that a point wants; whether they are few enough."""
        wanted = self._wanted(point)
        if point.coefficients.shape[0] * (len(wanted) + 1) > LARGEST_SET:
            return False
        changed = self._hessian is None or not np.isin(wanted, self._columns, assume_unique=True).all()
        if changed:
            self._columns, self._part = wanted, None
        if changed or renew or self._cheap(point):
            self._hessian = self._measure(point)
        return True

    def _wanted(self, point: Point) -> Array:
        W, penalty = point.coefficients[:, :-1], point.objective.penalty
        self.complete = True
        if point.coefficients.size <= EVERYTHING:
            return np.arange(W.shape[1])
        support = (W != 0).any(axis=0)
        drawn = np.abs(point.gradient[:, :-1] - penalty.l2[:-1] * W).max(axis=0)
        near = support | (drawn > STRONG * penalty.l1[:-1])
        most = max(2 * int(support.sum()), LARGEST_SET // (8 * len(W)))
        if near.sum() > most:
            excess = np.where(support, np.inf, drawn - penalty.l1[:-1])
            chosen = np.zeros_like(near)
            chosen[np.argpartition(-excess, most)[:most]] = True
            moved = (point.stationarity[:, :-1] != 0).any(axis=0)
            self.complete = not (moved & ~chosen).any()
            near = chosen
        return np.flatnonzero(near)

    def _cheap(self, point: Point) -> bool:
        """Whether a Hessian at the point itself costs no more than a few steps."""
        n, squared = self._source.rows.n_rows, (len(point.coefficients) * (len(self._columns) + 1)) ** 2
        own = self._source is point.objective
        entries = self._source.rows.bytes / 8 / n
        return n * squared < FREE or (own and squared < CHEAP * entries * len(point.coefficients))

    def _measure(self, point: Point) -> Array:
        """Hessian of the source at a point's coefficients, on the columns of the set."""
        everything = len(self._columns) == point.coefficients.shape[1] - 1
        if everything:
            here = point if self._source is point.objective else self._source.at(point.coefficients)
        else:
            if self._part is None:
                self._part = self._source.columns(self._columns)
            here = self._part.at(point.coefficients[:, self._with_intercept])
        H = hessian_at(here)
        if self._source is not point.objective:
            H[np.diag_indices_from(H)] += unseen_curvature(here)
        # a ridge at rounding level: duplicated columns leave H singular, and any minimiser will do
        H[np.diag_indices_from(H)] += 1e-13 * np.diag(H).max()
        return H

    @property
    def _with_intercept(self) -> Array:
        return np.append(self._columns, self._source.shape[1] - 1)

    def _take(self, W: Array) -> Array:
        """Flat coefficients or gradient of the set."""
        return np.asarray(W[:, self._with_intercept]).ravel()

    def minimiser(self, point: Point) -> Array:
        """Coefficients (K, d + 1) at the minimum of model + penalty."""
        assert self._hessian is not None
        penalty, which, K = point.objective.penalty, self._with_intercept, len(point.coefficients)
        w = self._take(point.coefficients)
        l1, lower, upper = (np.tile(v[which], K) for v in (penalty.l1, *penalty.bounds))
        q = self._take(point.gradient) - self._hessian @ w
        target = point.coefficients.copy()
        target[:, which] = quadratic_lasso(self._hessian, q, l1, w, lower, upper).reshape(K, -1)
        return target

    def decrease(self, point: Point, target: Array) -> float:
        """By how much model + penalty is lower at the target, in nats: the gap, if the model is right."""
        assert self._hessian is not None
        move, penalty = self._take(target) - self._take(point.coefficients), point.objective.penalty
        linear = float(self._take(point.gradient) @ move) + 0.5 * float(move @ self._hessian @ move)
        return max(-linear - penalty.absolute(target) + penalty.absolute(point.coefficients), 0.0)

    def learn(self, old: Point, new: Point) -> None:
        """BFGS: let the model have the curvature seen along a step. Nocedal and Wright (2006), (6.19)."""
        assert self._hessian is not None
        if self._cheap(new):
            return
        step = self._take(new.coefficients - old.coefficients)
        change = self._take(new.gradient - old.gradient)
        Hs, seen = self._hessian @ step, float(step @ change)
        expected = float(step @ Hs)
        if seen > 1e-12 * expected > 0:
            self._hessian += np.outer(change, change / seen) - np.outer(Hs, Hs / expected)

    def sharpen(self, objective: Objective) -> bool:
        """Measure the Hessian on all rows from now on; False if it was already."""
        if self._source is objective:
            return False
        self._source, self._part, self._hessian = objective, None, None
        return True


def _towards(point: Point, target: Array) -> Point | None:
    """The target if it descends enough (ibid., eq. 2.21), else a point before it; None if none does."""
    penalty, W = point.objective.penalty, point.coefficients
    direction = target - W
    promised = float((point.gradient * direction).sum()) + penalty.absolute(target) - penalty.absolute(W)
    if not promised < 0:
        return None
    noise = 8 * np.finfo(float).eps * abs(point.value)
    new = point.objective.at(target)
    if new.value <= point.value + 1e-4 * promised + noise:
        # below rounding the value cannot judge: the least-norm subgradient must
        judged = abs(promised) >= noise or new.steepness < 0.5 * point.steepness
        return new if judged else None
    line, t = Line.through(point, new), 0.5
    while t > 1e-12:
        value, _ = line.evaluate(t)
        if value <= point.value + 1e-4 * t * promised + noise:
            return line.point(t)
        t /= 2
    return None
