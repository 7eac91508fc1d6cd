"""One step for a batch: towards the minimum of its quadratic and the past one, as far as it pays."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from sklearn_xent.arrays import Array, inner
from sklearn_xent.problem.point import Line, Point
from sklearn_xent.solvers.line_search import TRIALS
from sklearn_xent.solvers.stream_quadratic import FullQuadratic

__all__ = ["Step", "step_of"]

NOISE = 1.1  # excess of curvature that is let pass
SHORTENINGS = 10  # how often a step is shortened for more
# Excess beyond which the model is wrong and not merely short: a row changes sides on the way. A diagonal
# knows nothing of correlation, which alone may be worth a factor of the number of columns that go together.
BENT, FAR_BENT = 10.0, 1000.0
TOO_FLAT = 1e-6  # share of the real curvature below which the model's is rounding
ENOUGH = 0.1  # share of what the slope promises that a step has to gain; a good model's gains a half
FLATTENED = 0.1  # share of the first slope at which the search ends
STRIDE, STRIDES = 8.0, 20  # factors by which the way beyond a step is tried
ROUNDING = 1e-12  # share of a value below which its changes are rounding


class Step(NamedTuple):
    """Coefficients; nats that the model hoped for; and whether the step gained what its slope promised."""

    W: Array
    promised: float
    sound: bool


class _Way:
    """The batch's loss, the quadratic of what was known and the penalty along a line; reads X once."""

    def __init__(self, point: Point, move: Array, past: Any, linear: Array) -> None:
        self.line, self.move = Line(point, move), move
        self.penalty, self.W = point.objective.penalty, point.coefficients
        self.bend = inner(move, past.times(move))
        self.tilt = inner(move, past.times(self.W) - linear)
        self.start, self.first = self.at(0.0)
        self.slope = self.first + self.kinks(0.0)

    def at(self, t: float) -> tuple[float, float]:
        """Value, and slope but for that of the l1 penalty."""
        value, slope = self.line.evaluate(t)
        return value + t * self.tilt + 0.5 * t * t * self.bend, slope + self.tilt + t * self.bend

    def kinks(self, t: float) -> float:
        """Slope of the l1 penalty to the right."""
        if not self.penalty.kinked:
            return 0.0
        W = self.W + t * self.move
        sides = np.where(W != 0, np.sign(W), np.sign(self.move))
        return float(((self.move * sides) @ self.penalty.kinks).sum())

    def pays(self, t: float, value: float) -> bool:
        """Whether a value at t is as low as the first slope promises."""
        return bool(value - self.start <= ENOUGH * t * self.slope + ROUNDING * abs(self.start))

    def search(self, low: float, high: float) -> float:
        """A length between two, from the higher down, at which the slope is flat or turns: F is convex.

        It may turn within a part in 1e12 of the way, where an outlier changes sides: the exponent is halved.
        """
        end = length = high
        for _ in range(TRIALS):
            value, slope = self.at(length)
            slope += self.kinks(length)
            if self.pays(length, value) and abs(slope) <= FLATTENED * abs(self.slope):
                return length
            low, high = (length, high) if slope < 0 else (low, length)
            if low == end or high < low * (1 + 1e-10):
                break
            length = 0.01 * high if low == 0 else float(np.sqrt(low * high))
        return low

    def beyond(self, t: float, value: float, worth: float) -> float:
        """A length beyond t that gains what a step is worth; t itself where there is none.

        A row far out that has only just been won curves the model so much that nothing else moves; a little
        further on it has no curvature.
        """
        end = t
        for _ in range(STRIDES):
            reached, slope = self.at(STRIDE * end)
            if not (np.isfinite(reached) and slope + self.kinks(STRIDE * end) < 0):
                break
            end *= STRIDE
        else:
            return t
        if end == t:
            return t
        end = self.search(end, STRIDE * end)
        return end if self.at(end)[0] < value - worth else t


def step_of(point: Point, past: Any, linear: Array, own: Any, own_linear: Array, worth: float) -> Step:
    """Minimise the model, a batch's own quadratic at a point and the past one with the penalty.

    Where the batch's loss curves more along the way than the model thinks (a diagonal that misses
    correlation, a Hessian taken where rows were saturated), the model is curved more, too. Where even
    that gains less than the slope promises, the best point of the way is searched for, on logits at hand;
    and beyond the step, if more than ``worth`` nats are to be had there.
    """
    o, W = point.objective, point.coefficients
    total, total_linear = past.plus(own), linear + own_linear
    full = isinstance(total, FullQuadratic)
    t, hoped = 1.0, 0.0
    for trial in range(SHORTENINGS):
        if not trial or not (full and o.penalty.smooth):
            move = o.symmetric(total.minimise(total_linear, o, W)) - W
            if not (np.isfinite(move).all() and move.any()):
                return Step(W + move, 0.0, True)
            way = _Way(point, move, past, linear)
            ridge = inner(move, o.penalty.hessian_diagonal * move)
            whole = inner(move, total.times(move)) + ridge
        value, slope = way.at(t)
        real, thought = t * (slope - way.first), t * t * whole
        hoped = hoped if trial else 0.5 * thought
        bent = real > (BENT if full else FAR_BENT) * thought
        if bent or not real > NOISE * thought or trial == SHORTENINGS - 1:
            break
        if full and o.penalty.smooth:  # another matrix would have to be factored, for much the same step
            t *= thought / real
            continue
        # the ridge is exact, and never scaled: what is kept is the slope of the rest
        rest = total.times(W) - total_linear
        total = total.scaled((real - ridge) / max(thought - ridge, TOO_FLAT * real))
        total_linear = total.times(W) - rest
    if not way.slope < 0:
        return Step(W, 0.0, True)
    if bent or not way.pays(t, value):
        return Step(W + way.search(0.0, t) * move, hoped, False)
    far = t
    if full and slope + way.kinks(t) < 0 and hoped <= worth:
        far = way.beyond(t, value, worth)
    return Step(W + far * move, hoped, far == t)
