"""What a fit's ending means to its user: no warning, or one that says what would help."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from sklearn_xent.arrays import Array
from sklearn_xent.problem.objective import Objective
from sklearn_xent.solvers.optimality_gap import Kind
from sklearn_xent.solvers.overlap import overlaps
from sklearn_xent.solvers.separation import (
    SeparationWarning,
    are_separated,
    recession_direction,
)
from sklearn_xent.solvers.solve import Solution
from sklearn_xent.solvers.tolerance import goal
from sklearn_xent.solvers.visit import Status

__all__ = ["diagnose"]

ADVICE = {
    Status.ITERATION_LIMIT: "raise max_iter, or use solver='auto'",
    Status.STALLED: "use solver='auto'",
    Status.SLOW: "use solver='auto'",  # which never ends so: another method goes on
    Status.STOPPED: "let it run on if that is not near enough",
}
ADVICE_FOR_AUTO = ADVICE | {
    Status.ITERATION_LIMIT: "raise max_iter",
    Status.STALLED: "raise tol, lower C or rescale X",
}


def diagnose(
    solution: Solution, tol: float, names: Any = None, *, asked: str = "auto"
) -> ConvergenceWarning | None:
    """Return the one warning that a fit deserves, or None where its gap is as small as tol asks.

    ``asked`` is the solver that was asked for; the solution names those that ran.
    """
    objective = solution.point.objective
    direction = solution.ray
    separable = direction is None and solution.status is Status.SEPARABLE
    separable = separable or (bool(objective.free[:-1].any()) and are_separated(solution.point))
    # the last Hessian may show that nothing is separated: a linear program is not asked then
    curvature = solution.curvature
    if direction is None and not (curvature is not None and overlaps(solution.point, curvature)):
        direction = recession_direction(solution.point, solution.gap.nats)
    if separable and direction is None:
        direction = solution.point.coefficients
    if direction is not None:
        return _separation(objective, direction, names, total=separable)
    if solution.status is Status.CONVERGED:
        return None
    value, gap = abs(solution.point.value), solution.gap.nats
    # an estimate holds near the minimum, where this is not; and the objective is not negative: a larger gap
    # says nothing
    bounded = solution.gap.kind is Kind.BOUND and gap < value
    known = f"within {gap:.2g} nats ({gap / value:.1g} of its value)" if bounded else "at an unknown distance"
    iterations = len(solution.history) - 1
    advice = (ADVICE_FOR_AUTO if asked == "auto" else ADVICE)[solution.status]
    return ConvergenceWarning(
        f"solver {solution.solver!r} {solution.status.value}: after {iterations} iterations the objective is "
        f"{known} of the minimum; tol={tol:g} asks for {goal(solution.point, tol):.2g}. "
        f"To help: {advice}."
    )


def _separation(objective: Objective, direction: Array, names: Any, *, total: bool) -> SeparationWarning:
    weight = np.abs(direction[:, :-1]).max(axis=0) * (objective.design.scale > 0)
    order = np.argsort(-weight, kind="stable")
    order = order[weight[order] > 1e-6 * max(weight.max(), np.finfo(float).tiny)]
    shown = [repr(names[j]) if names is not None else str(j) for j in order[:3].tolist()]
    more = f" and {len(order) - 3} more" if len(order) > 3 else ""
    columns = f"column{'s' if len(order) != 1 else ''} {', '.join(shown)}{more}"
    kind = "The classes are separated" if total else "Some rows are separated (quasi-separation)"
    return SeparationWarning(
        f"{kind} by {columns}: without a penalty on them the loss falls for ever and no finite optimum "
        "exists. The coefficients are finite and predict well, but their size means nothing. Use a "
        "finite C, for these columns too, drop or merge the columns named, or fit a BiasReducedClassifier."
    )
