"""Many rows, few columns: solve a sample, then correct with exact gradients and the sample's Hessian.

A sample of m rows is, by statistics, already within about N / (2 m) nats of the optimum of all rows, N being
the number of coefficients; its Hessian is right to about sqrt(N / m), so that each step with it takes the gap
down by a factor of about N / m and reads X once. Roosta-Khorasani and Mahoney (2019), Math. Program. 174,
analyse such sub-sampled Newton methods; Erdogdu and Montanari (2015), NIPS 28, the frozen Hessian.
"""

from __future__ import annotations

from contextlib import suppress

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.problem.objective import Objective, Point
from sklearn_xent.solvers.curvature import Curvature
from sklearn_xent.solvers.line_search import step_towards
from sklearn_xent.solvers.newton import newton_cholesky
from sklearn_xent.solvers.quasi_newton import Corrections
from sklearn_xent.solvers.solve import Status, Stop, Visit

__all__ = ["progressive", "sample_size"]

SHARE = 0.05  # of the rows, for a sample: its solution then costs about one reading of all of them
ROWS_PER_COEFFICIENT = 20  # at least: each step then takes the gap down by about that factor
SLOW = 0.25  # contraction of the gap beyond which the sample's Hessian is not what was promised
MISLED = 3.0  # times the sample's objective: beyond it the sample says nothing of all rows
MEMORY = 8  # pairs that correct it


def sample_size(n_rows: int, n_coefficients: int) -> int:
    """Rows of the first sample."""
    return max(int(SHARE * n_rows), ROWS_PER_COEFFICIENT * n_coefficients)


def progressive(objective: Objective, start: Array, visit: Visit, *, seed: int = 0) -> None:
    """Sample, solve, correct; a larger sample where corrections are slow; in the end Newton on all rows."""
    rng = np.random.RandomState(seed)
    size = sample_size(objective.rows.n_rows, start.size)
    while 2 * size <= objective.rows.n_rows:
        sample = objective.sample(size, rng)
        # A sample of the sample brings Newton's method near enough to take two steps on the sample itself.
        first = ROWS_PER_COEFFICIENT * start.size
        if 4 * first < size:
            start, _ = _solve(sample.sample(first, rng), start)
        W, curvature = _solve(sample, start)
        point = objective.at(W)
        # Without much of a penalty a sample may be separable although all rows are not.
        if point.value < MISLED * sample.at(W).value:
            start = _correct(point, _completed(curvature, sample, W), visit)
        size *= 4
    newton_cholesky(objective, start, visit)


class _NearOptimum:
    """Stops a method on a sample once it is as near its optimum as the sample is to that of all rows."""

    tol = 0.0

    def __init__(self, n_rows: int) -> None:
        self._n_rows = n_rows

    def __call__(
        self,
        point: Point,
        *,
        curvature: Curvature | None = None,
        gap: float | None = None,
        certified: bool | None = None,
    ) -> None:
        assert curvature is not None
        self.point, self.curvature = point, curvature
        if curvature.gap(point.gradient) <= 0.02 * point.coefficients.size / self._n_rows:
            raise Stop(Status.CONVERGED)


def _solve(sample: Objective, start: Array) -> tuple[Array, Curvature]:
    """Optimum of a sample, and its Hessian there."""
    visit = _NearOptimum(sample.rows.n_rows)
    with suppress(Stop):
        newton_cholesky(sample, start, visit)
    return visit.point.coefficients, visit.curvature


def _completed(curvature: Curvature, sample: Objective, W: Array) -> Curvature:
    """The sample's Hessian with the curvature of what it misses of the columns' variances.

    A column that is rare in the sample has too little curvature there, and steps along it are too long.
    """
    seen = sample.squares()[:-1]
    # Not what chance alone may miss: levels of a category add up to a constant, and curvature added to each
    # would hide that nothing but the penalty holds them together.
    missing = np.where(sample.design.variance > 2 * seen, sample.design.variance - seen, 0.0)
    if not missing.any():
        return curvature
    of_unit_variance = sample.at(W).mean_curvature()
    H = curvature.hessian.copy()
    H[np.diag_indices_from(H)] += np.outer(of_unit_variance, np.append(missing, 0.0)).ravel()
    return Curvature(H)


def _correct(point: Point, curvature: Curvature, visit: Visit) -> Array:
    """Quasi-Newton steps from a point until they contract too slowly; the last coefficients."""
    corrections = Corrections(MEMORY)
    gap, value, slow = np.inf, np.inf, 0
    while True:
        direction = -corrections.apply(point.gradient, curvature.solve)
        previous, gap = gap, -0.5 * float((direction * point.gradient).sum())
        contracted = gap <= SLOW * previous
        # The estimate is as good as the Hessian is. That the last step brought both the gap and the objective
        # down by as much as promised shows that it is.
        kept = abs((value - point.value) - (previous - gap)) <= 0.5 * previous
        visit(point, gap=gap, certified=bool(contracted and kept and np.isfinite(previous)))
        slow = 0 if contracted else slow + 1
        if slow > 2:
            return point.coefficients
        value = point.value
        new = step_towards(point, point.objective.at(point.coefficients + direction))
        if new is None:
            return point.coefficients
        corrections.add(new.coefficients - point.coefficients, new.gradient - point.gradient)
        point = new
