"""scipy.optimize.minimize as methods of ours: it proposes, the monitor decides when to stop."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
import scipy.optimize

from sklearn_xent.arrays import Array
from sklearn_xent.problem.objective import Objective
from sklearn_xent.problem.point import Point
from sklearn_xent.solvers.coordinates import (
    Coordinates,
    Diagonal,
    SignSplit,
    Triangular,
    triangular_factor,
)
from sklearn_xent.solvers.hessian import refuse_beyond_memory
from sklearn_xent.solvers.visit import Visit

__all__ = ["SCIPY_METHODS", "scipy_minimize"]

UNLIMITED = 10**7  # the monitor counts iterations; scipy must not stop first

# scipy's name for each method of ours, and options that leave the stopping to the monitor.
SCIPY_METHODS: dict[str, tuple[str, dict[str, Any]]] = {
    "bfgs": ("BFGS", {"gtol": 0.0, "maxiter": UNLIMITED}),
    "cg": ("CG", {"gtol": 0.0, "maxiter": UNLIMITED}),
    "lbfgs": (
        "L-BFGS-B",
        {"gtol": 0.0, "ftol": 0.0, "maxls": 50, "maxcor": 20, "maxiter": UNLIMITED, "maxfun": UNLIMITED},
    ),
    # older scipy takes no step at all for a tolerance of 0
    "newton-cg": ("Newton-CG", {"xtol": 1e-300, "maxiter": UNLIMITED}),
    "tnc": ("TNC", {"gtol": 0.0, "ftol": 0.0, "xtol": 0.0, "maxfun": UNLIMITED}),
    # the radius starts at 1 and doubles; scipy would stop it at 1000, and a far minimum takes that many steps
    "trust-exact": ("trust-exact", {"gtol": 0.0, "maxiter": UNLIMITED, "max_trust_radius": 1e100}),
    "trust-krylov": ("trust-krylov", {"gtol": 0.0, "maxiter": UNLIMITED, "max_trust_radius": 1e100}),
    "trust-ncg": ("trust-ncg", {"gtol": 0.0, "maxiter": UNLIMITED, "max_trust_radius": 1e100}),
}
USES_PRODUCTS = {"newton-cg", "trust-krylov", "trust-ncg"}
USES_HESSIAN = {"trust-exact"}
DENSE = {"bfgs", "trust-exact"}
PRODUCTS = 20  # with the Hessian for one iterate, a coefficient: exact arithmetic needs one
EVALUATIONS = 500  # without one iterate: a trust region that has shrunk as often is empty


class _Evaluations:
    """The objective at scipy's vectors; the latest point is kept, since scipy asks for its parts in turn."""

    def __init__(self, objective: Objective, coordinates: Coordinates, start: Point) -> None:
        self._objective, self._coordinates = objective, coordinates
        self._u, self._point = coordinates.from_coefficients(start.coefficients), start
        self._idle = self._products = 0

    def at_for_product(self, u: Array) -> Point:
        """The point of a vector, for a product; conjugate gradients that go on for ever are ended."""
        self._products += 1
        if self._products > PRODUCTS * u.size + EVALUATIONS:
            raise _Exhausted
        return self.at(u)

    def at(self, u: Array) -> Point:
        """The point of a vector, evaluated unless it is the latest."""
        if not np.array_equal(u, self._u):
            self._idle += 1
            if self._idle > EVALUATIONS:
                raise _Exhausted
            self._u = np.array(u)
            self._point = self._objective.at(self._coordinates.to_coefficients(self._u))
        return self._point

    def iterate(self, u: Array) -> Point:
        """The point of an accepted vector."""
        self._idle = self._products = 0
        return self.at(u)


class _Exhausted(Exception):
    """A line search or trust region that no longer ends."""


def scipy_minimize(objective: Objective, start: Array, visit: Visit, *, solver: str) -> None:
    """Minimise with scipy in preconditioned coordinates; l1 by splitting signs where bounds are allowed."""
    method, options = SCIPY_METHODS[solver]
    if solver in DENSE:
        refuse_beyond_memory(start.size, solver)
    first = objective.at(start)
    coordinates = _coordinates(first)
    evaluations = _Evaluations(objective, coordinates, first)

    def value_and_gradient(u: Array) -> tuple[float, Array]:
        point = evaluations.at(u)
        return coordinates.value(point, u), coordinates.gradient(point)

    second: dict[str, Any] = {}
    if not isinstance(coordinates, SignSplit):
        smooth = coordinates
        if solver in USES_PRODUCTS:
            second["hessp"] = lambda u, v: smooth.hessian_product(evaluations.at_for_product(u), v)
        if solver in USES_HESSIAN:
            second["hess"] = lambda u: _definite(smooth.hessian(evaluations.at(u)))
    if coordinates.bounds is not None:
        second["bounds"] = coordinates.bounds
    visit(first)
    # scipy's trust regions divide by zero at an exact minimum; the monitor judges the outcome
    with np.errstate(all="ignore"), suppress(_Exhausted):
        scipy.optimize.minimize(
            value_and_gradient,
            coordinates.from_coefficients(start),
            jac=True,
            method=method,
            callback=lambda u: visit(evaluations.iterate(np.asarray(u))),
            options=options,
            **second,
        )


def _coordinates(point: Point) -> Triangular | Diagonal | SignSplit:
    if not point.objective.penalty.smooth:
        return SignSplit(*point.coefficients.shape)
    factor = triangular_factor(point)
    if factor is not None:
        return factor
    diagonal = np.sqrt(np.maximum(point.hessian_diagonal().mean(axis=0), np.finfo(float).tiny))
    return Diagonal(diagonal, len(point.coefficients))


def _definite(H: Array) -> Array:
    """H with a ridge of rounding's size: on a singular one scipy's trust region spends 25 factorisations."""
    H = H.copy()
    H[np.diag_indices_from(H)] += 1e-14 * np.abs(H.diagonal()).max(initial=0.0)
    return H
