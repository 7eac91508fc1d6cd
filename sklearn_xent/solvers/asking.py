"""When to ask how far the minimum is: a certificate takes as long as many iterates."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from sklearn_xent.factor import EPS, TINY
from sklearn_xent.problem.point import Point
from sklearn_xent.solvers.curvature import Curvature
from sklearn_xent.solvers.hessian import DENSE_LIMIT, dense_products, face, products_of_reading
from sklearn_xent.solvers.optimality_gap import ROUNDS, Gap, Kind
from sklearn_xent.solvers.visit import DEAR, IDLE

__all__ = ["UNASKED", "Asking"]

UNASKED = 500  # twice this is what a guess must come down by before an unknown gap is asked for again
PATIENT = 8  # coefficients for each iterate by which a certificate's Hessian may wait: it costs about as much
LONG = DEAR / 10  # products that take a second or two
CLOSE = 3  # times the goal: a bound expected above it is not asked for


@dataclass
class Asking:
    """What the last certificate said, and what it took.

    Between certificates the gap is what the method thinks, or else ``||stationarity||^2 / 2``: the design
    makes the curvature about 1. Each certificate corrects such a guess by the factor ``calibration``.
    """

    calibration: float = 1.0
    asked: int = 0  # iterate of the last certificate
    blind: bool = False  # whether it said nothing
    taken: float = 0.0  # products that its eigenvalues took, at the most
    since: float = 0.0  # products for Hessians after it
    passes: int = 0  # over X, up to it
    waits: list[tuple[float, float]] = field(default_factory=list)  # bounds, and guesses, that fell short

    def corrected(self, guess: Gap) -> float:
        """What is thought of the gap, in nats, as the last certificate corrects it."""
        return self.calibration * guess.nats if guess.kind is Kind.GUESS else guess.nats

    def now(self, point: Point, guess: Gap, goal: float, n_iter: int, products: float) -> bool:
        """Whether to certify now: guesses at rounding are all alike, and are asked about ever more rarely."""
        if self.waits:
            # a bound without a Hessian falls as slopes do, and a guess as their squares
            bound, then = self.waits[-1]
            expected = bound * np.sqrt(max(guess.nats, 0.0) / then) if then > 0 and bound < np.inf else 0.0
            if self.patient(point, products) and expected > CLOSE * goal:
                self.waits.append(self.waits[-1])
                return False
        if self.taken > LONG:
            # rows in another precision have counts of their own
            read = max(point.objective.rows.passes - self.passes, 0) * products_of_reading(point.objective)
            if self.since + read < self.taken:
                return False  # it would take longer than all that was done since
        if self.in_vain(point):
            return n_iter > 2 * self.asked
        at_rounding = guess.nats <= EPS * abs(point.value)
        return not at_rounding or n_iter > 1.1 * self.asked

    def in_vain(self, point: Point) -> bool:
        """Whether the last certificate said nothing, and another takes eigenvalues, which take seconds."""
        return self.blind and point.coefficients.size > DENSE_LIMIT

    def patient(self, point: Point, products: float) -> bool:
        """Whether a certificate with a Hessian may wait: where there is a bound without it, and the method's
        own have taken no longer, or no more than a second or two.
        """
        held, size = not point.objective.penalty.free[:-1].any(), point.coefficients.size
        if not held or len(self.waits) >= min(size // PATIENT, IDLE // 4):
            return False
        hessian = dense_products(point.objective.rows.n_rows, int(np.count_nonzero(face(point))))
        return products <= max(hessian, LONG)

    def answered(
        self,
        point: Point,
        n_iter: int,
        goal: float,
        guess: Gap,
        gap: Gap,
        curvature: Curvature | None,
        *,
        patient: bool,
    ) -> None:
        """Take in a certificate that did not end the fit, and the Hessian factored for it, if one was."""
        self.asked, self.since, self.passes = n_iter, 0.0, point.objective.rows.passes
        self.taken = 0.0 if curvature is None else ROUNDS * curvature.products
        if patient and curvature is None:
            self.waits.append((gap.nats, guess.nats))
            return
        # ask again only once the guess, corrected, has come down by half as much again; a gap above the
        # objective, which is not negative, says nothing
        self.blind = not gap.nats < abs(point.value)
        known = UNASKED * goal if self.blind else gap.nats
        self.calibration = 2 * float(known) / max(guess.nats, EPS * abs(point.value), TINY)
