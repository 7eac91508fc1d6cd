"""Upper bounds of F(W) - min F from the dual problem, for every penalty, free columns included.

For residuals R = Q - Y of any probabilities Q (K, n) and G = A'(w R), Fenchel and Young give

    F(W) - min F <= sum_i w_i KL(q_i || p_i(W)) + P(W) + P*(-G) + <W, G>.

Every term is at least 0, so nothing cancels, and offsets of any size drop out. With Q = p(W) it falls as the
slopes do. With Q = p + S (A D), the first-order change along a Newton direction D, G is stationary on the
coefficients that move, and the bound falls as the square of the distance: it tends to half the squared Newton
decrement, wherever Q stays in the simplex. Where the quadratic model is not valid it does not, and the bound
says so. Boyd and Vandenberghe (2004), Convex Optimization, section 5.5.1; the mixture is that of maximum
entropy, the dual of maximum likelihood.
"""

from __future__ import annotations

from copy import copy
from functools import cached_property
from typing import Any

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.factor import pseudo_inverse
from sklearn_xent.problem.design import Design, Linear
from sklearn_xent.problem.hessian_rows import change_along_rows
from sklearn_xent.problem.point import Point
from sklearn_xent.problem.slope_rounding import ROUNDED, slope_rounding
from sklearn_xent.rows import Block, PerRow

__all__ = ["DualPoint", "duality_gap"]

FAR = 10  # times a goal: what the columns cost is then too much, whatever the intercept does


class DualPoint:
    """Probabilities along a direction (K, d + 1) from those of a point, and the loss gradient that they give.

    Without a direction they are the point's own, and no row is read; else one reading of X. A direction is
    added to those that led to the dual point ``before``: a small one keeps its own digits. ``along`` holds
    what multiplies the rows of ``Point.hessian_rows``, a change that need not be a direction's to the last
    digit. Coefficients in
    the mask ``solved`` (K, d + 1) are those that the direction was solved for: where only rounding keeps
    their slopes from ``expected`` (K, d + 1) they are taken as that, and the difference is ``rounded``. What
    is then outside the dual's feasible range, in ``lost``, leaves no bound.
    """

    def __init__(
        self,
        point: Point,
        solved: Array,
        expected: Array | float = 0.0,
        *,
        direction: Array | None = None,
        along: PerRow | None = None,
        before: DualPoint | None = None,
        noise: Array | None = None,
    ) -> None:
        self.point, self._solved, self._change = point, solved, None
        o, G = point.objective, point.loss_gradient
        if direction is not None or along is not None:
            start = None if before is None else before._change
            if direction is not None:
                swept: tuple[Any, ...] = dual_point, point.expansion, start, o.design.linear(direction)
            else:
                swept = dual_point_along_rows, point.expansion, start, along
            (pulled,), (self._change,) = o.rows.sweep(*swept, o.design)
            G = o.design.gradient(pulled)
            if o.loss.shift_invariant:
                # 0 in sum over the classes, but for what rounding makes of rows that are far out
                shared = G.mean(axis=0)
                G -= np.where(np.abs(shared) <= ROUNDED * slope_rounding(point), shared, 0.0)
        self.gradient = G
        # slopes of 0 are feasible, and need no array
        self._expected = o.penalty.feasible(expected) if isinstance(expected, np.ndarray) else expected
        self._take(ROUNDED * slope_rounding(point) if noise is None else noise)

    def _take(self, noise: Array | float) -> None:
        """Take the slopes of the coefficients solved for as they are expected, within a noise."""
        G, expected, penalty = self.gradient, self._expected, self.point.objective.penalty
        snaps = self._solved & (np.abs(G - expected) <= noise)
        self.rounded = np.where(snaps, G - expected, 0.0)
        G = np.where(snaps, expected, G)
        self.shrinkage = penalty.shrinkage(G)
        G = self.shrinkage * G
        self.lost = penalty.infeasible(G)
        self._feasible = penalty.feasible(G)

    def within(self, noise: Array | float) -> DualPoint:
        """The same with slopes solved for taken as expected within another noise (d + 1,).

        A noise of inf is for what ``cost_of`` says: the step that makes the slopes so is not taken, as its
        own rounding would be larger than what it mends.
        """
        dual = copy(self)
        vars(dual).pop("apart", None)
        dual._take(noise)
        return dual

    def paid(self, noise: Array) -> float:
        """Bound of the gap in nats where penalties pay for a noise of the slopes, but for the intercept's.

        inf where a column that nothing penalises is not stationary.
        """
        o = self.point.objective
        dual = copy(self)
        vars(dual).pop("apart", None)
        dual._solved = np.zeros_like(self._solved)
        dual._solved[:, -1] = o.penalty.free[-1]
        dual._take(ROUNDED * noise)
        if dual.lost.any():
            return np.inf
        if dual.shrinkage == self.shrinkage:
            dual.apart = self.apart
        reach = np.where(dual._solved, 0.0, ROUNDED * np.broadcast_to(noise, dual._solved.shape))
        return _bound_but_for(dual, pseudo_inverse(self.point.coupling())) + dual._slopes_cost(reach)

    def cost_of(self, correction: Array) -> float:
        """What a small step more adds to the divergence in nats, whatever its sign; one reading of X.

        inf where it might take a probability to less than half of what it is: to the edge of the simplex.
        """
        o = self.point.objective
        args = self.point.expansion, self._change, o.design.linear(correction), o.design
        (cost,), _ = o.rows.sweep(cost_of_more, *args)
        return float(cost)

    def bound(
        self, lacking: float = 0.0, hidden: float = 0.0, moved: Array | None = None, more: float = 0.0
    ) -> float:
        """Upper bound of the gap in nats, inf where slopes are lost.

        ``lacking`` is half the squared decrement of ``rounded`` on the coefficients solved for: what it takes
        to make them stationary. What that costs in the slopes of the others is added to what the penalty
        pays: they are ``moved`` (K, d + 1), or by Cauchy and Schwarz by no more than its root times
        sqrt(2 H_jj). ``hidden`` is that of rounding errors which are not seen, and ``more`` nats are what
        else the divergence has.
        """
        if self.lost.any():
            return np.inf
        o, apart = self.point.objective, self.apart + more
        paid = o.penalty.fenchel_gap(self.point.coefficients, self._feasible)
        slopes = 0.0
        if moved is None and lacking > 0:
            # p (1 - p) <= 1/4 bounds the curvature of a column by a quarter of its variance
            moved = np.sqrt(2 * lacking) * 0.5 * np.sqrt(np.append(o.design.variance, 1.0))
        if moved is not None and not self._solved.all():
            slopes = self._slopes_cost(np.where(self._solved, 0.0, np.abs(moved)))
        # divergence and ridge are one quadratic form near the point: Cauchy and Schwarz
        root = np.sqrt(apart + paid) + np.sqrt(lacking + hidden)
        return float(root**2 + slopes)

    @cached_property
    def apart(self) -> float:
        """Divergence in nats of the dual probabilities from the point's; reads no X."""
        if self.shrinkage == 1 and self._change is None:
            return 0.0
        args = self.point.expansion, self._change, self.shrinkage
        (apart,), _ = self.point.objective.rows.sweep(divergence, *args, reads=False)
        return float(apart)

    def _slopes_cost(self, reach: Array) -> float:
        """What changes of the slopes by no more than a reach (K, d + 1) may cost in nats."""
        G, penalty = self._feasible, self.point.objective.penalty
        rise = penalty.fenchel_rise(self.point.coefficients, G, reach)
        # those that leave the range of an l1 penalty are brought back, as all the others are, by a factor
        over = 1 / penalty.shrinkage(G + np.where(G > 0, reach, -reach)) - 1
        return rise + over * abs(self.point.value)


def duality_gap(point: Point, goal: float = np.inf) -> float:
    """Bound of the gap in nats from the point's own residuals: reads no X, or once for the intercept.

    inf where a column that nothing penalises is not stationary, but for rounding; the intercept is made so,
    with a reading only where that may bring the bound within the ``goal``.
    """
    penalty, noise = point.objective.penalty, slope_rounding(point)
    intercept = np.zeros(point.coefficients.shape, bool)
    intercept[:, -1] = True
    slopes = np.abs(point.loss_gradient[:, -1])
    lost = penalty.free[-1] and (slopes > ROUNDED * noise[-1]).any()
    # where it is lost, as if its slope were 0, and what that may cost: reads nothing
    held = DualPoint(point, intercept, noise=ROUNDED * np.append(noise[:-1], np.inf if lost else noise[-1]))
    if held.lost.any():
        return np.inf
    coupling, g = point.coupling(), point.loss_gradient[:, -1]
    inverse = pseudo_inverse(coupling)
    if not lost:
        return _bound_but_for(held, inverse)
    if np.linalg.norm(coupling @ inverse @ g - g) > 1e-6 * np.linalg.norm(g):
        return np.inf  # rows all but certain: no step of the intercept makes its slope 0
    bound = _bound_but_for(held, inverse)
    if bound <= goal < np.inf or held.bound() > FAR * goal:
        return bound
    direction = point.objective.design.zeros(len(inverse))
    direction[:, -1] = -inverse @ g
    return min(bound, _bound_but_for(DualPoint(point, intercept, direction=direction), inverse))


def _bound_but_for(dual: DualPoint, inverse: Array) -> float:
    """Bound of a dual point, with what it costs to take the intercept's slopes as they are expected.

    A change of the logits by t raises the divergence by no more than 1 / (1 - t) times what its quadratic
    model says; ``inverse`` is that of the mean curvature in the logits.
    """
    g = dual.rounded[:, -1]
    step = inverse @ g
    reach = float(step.max() - step.min()) if len(g) > 1 else abs(float(step[0]))
    if not reach < 0.5:
        return np.inf
    # the pseudo-inverse of a singular matrix may be negative by rounding
    return dual.bound(max(0.5 * float(g @ step), 0.0) / (1 - reach))


def dual_point(block: Block, e: Any, start: Array | None, direction: Linear, design: Design) -> Any:
    """Pulled residuals of the probabilities to first order along a direction; the change of them is kept."""
    change = e.probability_change(design.logits(block.X, direction), start)
    return (design.pull(block.X, block.weights * (e.residual + change)),), (change,)


def dual_point_along_rows(block: Block, e: Any, start: Array | None, along: Array, design: Design) -> Any:
    """The same of a change along the rows of the Hessian."""
    change = change_along_rows(block, e, along)
    change = e.within_simplex(change if start is None else change + start)
    return (design.pull(block.X, block.weights * (e.residual + change)),), (change,)


def divergence(block: Block, e: Any, change: Array | None, c: float) -> Any:
    """Weighted KL divergence of y + c (probabilities + change - y) from the probabilities; reads no X."""
    moved = 0.0 if change is None else c * change
    apart = e.divergence(moved - (1 - c) * e.residual)
    if c < 1 and (certain := e.underflows(block.targets)).any():
        # convex in the probabilities: no more than in between those of the change and of the targets
        along = np.zeros_like(apart) if change is None else e.divergence(change)
        between = (1 - c) * e.value + c * along
        apart = np.where(certain, between, apart)
    return (block.weights @ apart,), ()


def cost_of_more(block: Block, e: Any, change: Array | None, direction: Linear, design: Design) -> Any:
    """Most that a small change along a direction, or against it, adds to the divergence after a change."""
    added = e.added_divergence(change, e.curvature_product(design.logits(block.X, direction)))
    some = block.weights > 0
    return (block.weights[some] @ added[some],), ()
