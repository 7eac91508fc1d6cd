"""The methods by name, what each can treat, and the choice among them."""

from __future__ import annotations

import math
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import check_random_state

from sklearn_xent.problem.objective import Objective
from sklearn_xent.problem.scaling import LARGE
from sklearn_xent.solvers.accelerated_gradient import accelerated_gradient
from sklearn_xent.solvers.coordinates import FACTOR_LIMIT
from sklearn_xent.solvers.gradient_descent import gradient_descent
from sklearn_xent.solvers.hessian import DENSE_LIMIT, FACTORED
from sklearn_xent.solvers.newton import newton_cholesky, truncated_newton
from sklearn_xent.solvers.optimality_gap import CERTIFIED_LIMIT
from sklearn_xent.solvers.orthant_newton import orthant_newton
from sklearn_xent.solvers.progressive import progressive
from sklearn_xent.solvers.proximal_newton import proximal_newton
from sklearn_xent.solvers.quasi_newton import quasi_newton
from sklearn_xent.solvers.row_space import row_space, suits_row_space
from sklearn_xent.solvers.sampling import HESSIAN
from sklearn_xent.solvers.scipy_optimize import SCIPY_METHODS, scipy_minimize
from sklearn_xent.solvers.visit import Method

__all__ = ["FIRST_ORDER", "METHODS", "Entry", "choose", "successors"]


# Methods that see no second derivatives: thousands of iterations are what they take.
FIRST_ORDER = frozenset({"gradient-descent", "accelerated-gradient", "lbfgs", "bfgs", "cg"})
SAMPLED = 1e5  # entries of X from which its Hessian is dearer than what a sample of the rows takes


class Entry(NamedTuple):
    """A method, whether it can treat l1, bounds and groups, takes a ``seed``, and uses a ``memory``.

    In the memory, a dict, it keeps from one penalty to the next what does not depend on it.
    """

    method: Any
    l1: bool
    bounds: bool = False
    groups: bool = False
    seeded: bool = False
    keeps: bool = False


METHODS: dict[str, Entry] = {
    "newton-cholesky": Entry(newton_cholesky, l1=False),
    "truncated-newton": Entry(truncated_newton, l1=False),
    "progressive": Entry(progressive, l1=False, seeded=True),
    "row-space": Entry(row_space, l1=False, keeps=True),
    "quasi-newton": Entry(quasi_newton, l1=False, seeded=True),
    "proximal-newton": Entry(proximal_newton, l1=True, bounds=True, groups=True, seeded=True, keeps=True),
    "orthant-newton": Entry(orthant_newton, l1=True, bounds=True),
    "gradient-descent": Entry(gradient_descent, l1=False),
    "accelerated-gradient": Entry(accelerated_gradient, l1=True, bounds=True, groups=True),
    **{name: Entry(partial(scipy_minimize, solver=name), l1=name == "lbfgs") for name in SCIPY_METHODS},
}


def choose(
    solver: str, objective: Objective, random_state: Any = None, memory: dict[str, Any] | None = None
) -> tuple[str, Method]:
    """Name and method for a problem. A ``random_state`` of None is 0: a second fit has the same bits.

    "row-space" (of columns without a penalty, or not fewer than rows) and "progressive" (of too few rows)
    are "auto" where they do not apply.

    Raises
    ------
    ValueError
        If the name is unknown, or the method cannot treat the penalty; it names those that can.
    """
    if solver != "auto" and solver not in METHODS:
        raise ValueError(
            f"solver must be 'auto', which suits every problem, or one of {sorted(METHODS)}; got {solver!r}."
        )
    if solver == "auto":
        solver = _fastest(objective)
    entry = METHODS[solver]
    if not objective.penalty.separable and not entry.groups:
        raise _unable(solver, "groups", "groups")
    if objective.penalty.kinked and not entry.l1:
        raise _unable(solver, "l1_ratio > 0", "l1")
    if objective.penalty.bounded and not entry.bounds:
        raise _unable(solver, "coef_bounds", "bounds")
    if not _applies(solver, objective):
        return choose("auto", objective, random_state, memory)
    options: dict[str, Any] = {}
    if entry.seeded:
        rng = check_random_state(0 if random_state is None else random_state)
        options["seed"] = rng.randint(np.iinfo(np.int32).max)
    if entry.keeps and memory is not None:
        options["memory"] = memory
    return solver, partial(entry.method, **options) if options else entry.method


def successors(name: str, objective: Objective) -> list[str]:
    """Names of the methods that "auto" tries in turn where one stalls: other models of the same problem."""
    if not objective.penalty.separable:
        names = ["proximal-newton", "accelerated-gradient"]
    elif not objective.penalty.smooth:
        names = ["orthant-newton", "accelerated-gradient"]
        if not objective.penalty.bounded:
            names.insert(1, "lbfgs")
        if math.prod(objective.shape) <= DENSE_LIMIT:  # beyond, its quadratic programs take seconds each
            names.insert(0, "proximal-newton")
    elif objective.loss.n_logits * objective.shape[1] <= CERTIFIED_LIMIT:
        # which factors a Hessian where products with it do not do
        names = ["truncated-newton", "newton-cholesky", "lbfgs"]
    else:
        names = ["truncated-newton", "lbfgs"]
    return [other for other in names if other != name]


def _applies(solver: str, objective: Objective) -> bool:
    """Whether a method has of a problem what it is for."""
    if solver == "progressive":
        rows = objective.rows
        return not rows.local or rows.n_rows >= 2 * HESSIAN.n_rows(rows.n_rows, objective.shape)
    return solver != "row-space" or suits_row_space(objective)


def _unable(solver: str, what: str, field: str) -> ValueError:
    able = ["auto", *sorted(name for name, other in METHODS.items() if getattr(other, field))]
    return ValueError(f"solver={solver!r} cannot treat {what}; use one of {able}.")


def _fastest(objective: Objective) -> str:
    """Choose from the shape: see the constants for why."""
    K, size = objective.shape
    n_rows, small = objective.rows.n_rows, K * size <= DENSE_LIMIT
    if not objective.penalty.separable:
        return "proximal-newton"
    if not objective.penalty.smooth:
        # a lasso has no more coefficients in use than rows, of which it factors a Hessian
        many = objective.rows.sparse and not small and n_rows > 4 * CERTIFIED_LIMIT
        return "orthant-newton" if many else "proximal-newton"
    # a factored Hessian of sparse rows is that of dense ones
    costly = objective.rows.bytes > LARGE or (K * size <= FACTORED and n_rows * size > SAMPLED)
    if small and (costly or not objective.rows.local) and _applies("progressive", objective):
        return "progressive"
    if K * size <= FACTORED:
        return "newton-cholesky"
    if suits_row_space(objective):
        return "row-space"
    if K > 1 and not small and size <= FACTOR_LIMIT:
        return "quasi-newton"
    return "truncated-newton"
