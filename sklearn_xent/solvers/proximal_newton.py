"""Proximal Newton: for a penalty with an l1 part, and for bounds.

A quadratic model of the loss in a working set of coefficients, the penalty as it is. Those outside the set
are judged by the exact gradient that each step brings with it.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.problem.objective import Objective
from sklearn_xent.problem.penalties import GroupLasso
from sklearn_xent.problem.point import Point
from sklearn_xent.solvers.accelerated_gradient import accelerated_gradient
from sklearn_xent.solvers.faces import FaceSolver
from sklearn_xent.solvers.hessian import DENSE_LIMIT, hessian_among, unseen_curvature
from sklearn_xent.solvers.line_search import line_search
from sklearn_xent.solvers.loop import iterate
from sklearn_xent.solvers.optimality_gap import CERTIFIED_LIMIT, Gap
from sklearn_xent.solvers.orthant_newton import orthant_newton
from sklearn_xent.solvers.quadratic_group_lasso import quadratic_group_lasso
from sklearn_xent.solvers.quadratic_lasso import quadratic_lasso
from sklearn_xent.solvers.sampling import SLOW, WORKING_SET, near_optimum, sampled
from sklearn_xent.solvers.visit import Near, Visit

__all__ = ["EVERYTHING", "proximal_newton"]

EVERYTHING = 300  # coefficients up to which the working set is all of them
FIRST = 100  # coefficients of the first set; later ones are up to twice those in use
# Fraction of its penalty at which the gradient brings a coefficient in: the strong rule of Tibshirani et
# al. (2012), J. R. Stat. Soc. B 74(2), |g| > 2 l1_new - l1_old, for a strength that falls by a tenth.
STRONG = 0.9
DAMPED = 0.1  # of the slopes' norm over that of the coefficients: a ridge about them, ``_Model.minimiser``
# Relative gap beyond which a model is minimised only until its slopes have fallen by this factor; within it
# the factor falls as the root of the gap: a step to accuracy eta leaves eta^2 of it.
FAR, FORCING, LEAST_FORCING = 1e-2, 0.1, 1e-3
CHEAP = 40  # squared size of the set, in entries of a row of X, at which a Hessian costs about a step
FREE = 5e7  # products of a Hessian that take a few milliseconds


def proximal_newton(
    objective: Objective,
    start: Array,
    visit: Visit,
    *,
    seed: int = 0,
    memory: dict[str, Any] | None = None,
) -> None:
    """Minimise model + penalty, go there or part of the way; one reading of X a step.

    Lee, Sun and Saunders (2014), SIAM J. Optim. 24(3), algorithm 1, with the Hessian of a sample corrected
    by BFGS where there are many rows. The memory keeps the model for another penalty.
    """
    memory = {} if memory is None else memory
    start = np.clip(start, *objective.penalty.bounds)
    if "model" not in memory:
        sample = sampled(objective, WORKING_SET, np.random.RandomState(seed))
        memory["model"] = _Model(objective, sample)
        if sample is not None:
            near = near_optimum(sample, visit, in_use=True)
            with suppress(Near):
                _descend(sample, start, near, _Model(sample))
            start = near.point.coefficients
    _descend(objective, start, visit, memory["model"])


def _descend(objective: Objective, start: Array, visit: Visit, model: _Model) -> None:
    """Steps to the minimum of a model; where that takes too many, or wants too many coefficients, another
    method goes on.
    """
    model.meet(objective)
    steps = _Steps(model)
    end = iterate(steps, objective.at(start), visit)
    if steps.hands_over:
        beyond = orthant_newton if objective.penalty.separable else accelerated_gradient
        beyond(objective, end.coefficients, visit)


class _Steps:
    """The minimiser of a model that each step improves, and how fast the gap falls."""

    def __init__(self, model: _Model) -> None:
        self._model, self._gap, self._slow, self._futile = model, np.inf, 0, 0
        self.hands_over = False

    def look(self, point: Point) -> dict[str, Any] | None:
        model, gap = self._model, self._gap
        self.hands_over = self.hands_over or not model.follow(point, renew=self._slow > 1)
        if self.hands_over:
            return None
        exactly = point.coefficients.size <= EVERYTHING and point.objective.penalty.separable
        tol = FORCING * min(1.0, np.sqrt(gap / max(FAR * abs(point.value), np.finfo(float).tiny)))
        self._target = model.minimiser(point, tol=0.0 if exactly else max(tol, LEAST_FORCING))
        self._previous, self._gap = gap, model.decrease(point, self._target)
        return {"gap": Gap(self._gap) if model.complete else None, "products": model.taken()}

    def step(self, point: Point) -> Point | None:
        new, _ = line_search(point, self._target)
        if new is None:
            return point if self._model.sharpen() else None
        self._slow = 0 if self._gap <= SLOW * self._previous else self._slow + 1
        if self._slow > 3 and self._model.sharpen():
            self._slow = 0
        # where models promise more than F is worth, cheap steps get further than programs of seconds each
        self._futile = self._futile + 1 if self._gap > abs(point.value) else 0
        self.hands_over = self._futile > 3 and new.coefficients.size > DENSE_LIMIT
        self._model.learn(point, new)
        return new


class _Model:
    """Quadratic model of the loss in some coefficients: a Hessian of the source, corrected as steps teach."""

    def __init__(self, objective: Objective, sample: Objective | None = None) -> None:
        self._objective, self._sample = objective, sample
        self._chosen = np.zeros(objective.shape, bool)
        self._part: Objective | None = None
        self._hessian: Array | None = None
        self.complete = True
        self.products = 0.0  # that Hessians and factors have taken

    @property
    def _most(self) -> int:
        """Coefficients beyond which products with the rows take less time than a factored Hessian."""
        return DENSE_LIMIT if self._objective.rows.sparse else CERTIFIED_LIMIT

    @property
    def _source(self) -> Objective:
        return self._objective if self._sample is None else self._sample

    def meet(self, objective: Objective) -> None:
        """Stand for the same rows under another penalty."""
        penalty = objective.penalty
        if self._hessian is not None:
            more = penalty.hessian_diagonal - self._objective.penalty.hessian_diagonal
            more = np.broadcast_to(more, self._chosen.shape)
            self._hessian[np.diag_indices_from(self._hessian)] += more[self._chosen]
        if self._sample is not None:
            self._sample = replace(self._sample, penalty=penalty)
        self._objective, self._part = objective, None

    def follow(self, point: Point, *, renew: bool) -> bool:
        """Take in the coefficients that a point wants; whether they are few enough."""
        wanted = self._wanted(point)
        if np.count_nonzero(wanted) > self._most:
            return False
        changed = self._hessian is None or (wanted & ~self._chosen).any()
        measured = changed or renew or self._cheap(point)
        if changed or (measured and 2 * np.count_nonzero(wanted) < np.count_nonzero(self._chosen)):
            self._chosen, self._part = wanted, None
        if measured:
            self._hessian = self._measure(point)
            self.products += self._source.rows.n_rows * len(self._hessian) ** 2 / 4
        return True

    def _wanted(self, point: Point) -> Array:
        W, penalty = point.coefficients, point.objective.penalty
        self.complete = True
        if W.size <= EVERYTHING:
            return np.ones(W.shape, bool)
        # a column that does not vary costs nothing, and does nothing
        used = penalty.used(W) & np.append(point.objective.design.scale > 0, True)
        near = used | (penalty.excess(point.loss_gradient, STRONG) > 0)
        in_use = int(np.count_nonzero(W))
        most = max(2 * in_use, FIRST) + int(np.count_nonzero(used & (W == 0)))
        if most > self._most > 1.5 * in_use:
            most = self._most
        if np.count_nonzero(near) > most:
            excess = np.where(used, np.inf, penalty.excess(point.loss_gradient)).ravel()
            chosen = np.zeros(W.size, bool)
            chosen[np.argpartition(-excess, most)[:most]] = True
            near = penalty.whole(chosen.reshape(W.shape))
            self.complete = not ((point.stationarity != 0) & ~near).any()
        return np.asarray(near)

    def _cheap(self, point: Point) -> bool:
        """Whether the Hessian of all rows, at the point itself, costs no more than a few steps."""
        rows, squared = self._source.rows, int(np.count_nonzero(self._chosen)) ** 2
        entries = rows.bytes / 8 / rows.n_rows * len(point.coefficients)
        return self._sample is None and bool(rows.n_rows * squared < FREE or squared < CHEAP * entries)

    def _measure(self, point: Point) -> Array:
        """Hessian of the source at a point's coefficients, between those chosen."""
        columns = self._chosen[:, :-1].any(axis=0)
        if columns.all():
            here = point if self._sample is None else self._sample.at(point.coefficients)
            chosen = self._chosen
        else:
            if self._part is None:
                self._part = self._source.columns(np.flatnonzero(columns))
            columns = np.append(columns, True)
            here, chosen = self._part.at(point.coefficients[:, columns]), self._chosen[:, columns]
        H = hessian_among(here, chosen)
        if self._sample is not None:
            H[np.diag_indices_from(H)] += unseen_curvature(here)[chosen.ravel()]
        # a ridge at the rounding of each diagonal entry, lest it hide a flat direction beside a steep one:
        # duplicated columns leave H singular, and any minimiser will do
        diagonal = np.diag(H)
        H[np.diag_indices_from(H)] = np.maximum(diagonal * (1 + 1e-13), 1e-200 * diagonal.max())
        return H

    def minimiser(self, point: Point, *, tol: float) -> Array:
        """Coefficients (K, d + 1) at the minimum of model + penalty, or where slopes have fallen to tol.

        Then with a ridge about the point, which falls as its slopes do: along directions without curvature,
        where only the kinks of the penalty end a step, the minimum is as many crossings away as there are
        coefficients. Yue, Zhou and So (2019), Math. Program. 174.
        """
        assert self._hessian is not None
        penalty, shape = point.objective.penalty, point.coefficients.shape
        H, w = self._hessian, point.coefficients[self._chosen]
        q = point.gradient[self._chosen] - H @ w
        target = point.coefficients.copy()
        if isinstance(penalty, GroupLasso):
            target[self._chosen] = quadratic_group_lasso(H, q, penalty.among(self._chosen), w, tol=tol)
        else:
            if tol > 0:
                damping = DAMPED * point.steepness / max(float(np.linalg.norm(w)), 1.0)
                H, q = H.copy(), q - damping * w
                H[np.diag_indices_from(H)] += damping
            l1, *ends = (np.broadcast_to(v, shape)[self._chosen] for v in (penalty.kinks, *penalty.bounds))
            faces = FaceSolver(H)
            target[self._chosen] = quadratic_lasso(H, q, l1, w, *ends, tol=tol, faces=faces)
            self.products += faces.products
        return target

    def taken(self) -> float:
        """Products since the last time, as many as take the time in a triangular factor."""
        products, self.products = self.products, 0.0
        return products

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

    def sharpen(self) -> bool:
        """Measure the Hessian on all rows from now on; False if it was already."""
        if self._sample is None:
            return False
        self._sample = self._part = self._hessian = None
        return True
