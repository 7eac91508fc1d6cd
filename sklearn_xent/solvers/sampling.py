"""Rows that stand for all: how many a factor, a Hessian or a first guess is made of, and where that pays.

A sample of m rows is, by statistics, within about N / (2 m) nats of the optimum of all rows, N being the
number of coefficients; its Hessian is right to about sqrt(N / m).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sklearn_xent.problem.objective import Objective
from sklearn_xent.problem.point import Point
from sklearn_xent.problem.scaling import LARGE
from sklearn_xent.solvers.visit import StopWithin, Visit

__all__ = [
    "FACTOR",
    "FIRST",
    "HESSIAN",
    "SHARED_FACTOR",
    "SLOW",
    "WORKING_SET",
    "Regime",
    "near_optimum",
    "sampled",
]

NEAR = 0.02  # of N / m nats: what is nearer to the sample's optimum is not nearer to that of all rows
SLOW = 0.25  # contraction of the gap beyond which a sample's model is not what it should be


class Regime(NamedTuple):
    """How many rows are drawn: so many a column of W, or a coefficient, and no fewer than a share of all.

    The share is no more than ``most`` a coefficient. Nothing is drawn where all rows are fewer than ``times``
    as many, or X has no more bytes than ``beyond``.
    """

    a_column: int = 0
    a_coefficient: int = 0
    share: float = 0.0
    most: int = 0
    columns: float = np.inf  # at most, that rows are drawn for
    times: int = 2
    beyond: int = 0

    def n_rows(self, n: int, shape: tuple[int, int]) -> int:
        """Rows of a sample of n, for coefficients of a shape (K, d + 1)."""
        K, size = shape
        least = max(self.a_column * int(min(size, self.columns)), self.a_coefficient * K * size)
        return max(min(int(self.share * n), self.most * K * size), least)


# A triangular factor for all classes: its condition number is then about 6, by Marchenko and Pastur's law;
# and with corrections, which pay for a better one.
FACTOR, SHARED_FACTOR = Regime(a_column=6), Regime(a_column=12)
# A Hessian of all coefficients: each step takes the gap down by m / N. More than 5 % of the rows, or than 400
# a coefficient, cost more readings than the better steps save. FIRST is the sample's own, to start from.
HESSIAN, FIRST = Regime(a_coefficient=20, share=0.05, most=400), Regime(a_coefficient=5)
# A Hessian of a working set, of which few coefficients are in use.
WORKING_SET = Regime(a_column=20, columns=500, share=0.05, most=200, times=3, beyond=LARGE)


def sampled(
    objective: Objective, regime: Regime, rng: np.random.RandomState, *, fold: int = 1
) -> Objective | None:
    """The problem on rows drawn by a regime, ``fold`` times as many; None where all rows cost no more."""
    rows = objective.rows
    wanted = fold * regime.n_rows(rows.n_rows, objective.shape)
    if regime.times * wanted > rows.n_rows or (regime.beyond and rows.bytes <= regime.beyond):
        return None
    return objective.sample(wanted, rng)


def near_optimum(sample: Objective, visit: Visit, *, in_use: bool = False) -> StopWithin:
    """Visit that stops once a point is as near the sample's optimum as that is to the optimum of all rows.

    The outer ``visit`` is told of the sample's iterates. Only coefficients ``in_use`` count, if asked for.
    """

    def goal(point: Point) -> float:
        W = point.coefficients
        return NEAR * (np.count_nonzero(W) if in_use else W.size) / sample.rows.n_rows

    return StopWithin(goal, visit)
