"""One problem under many penalties, in turn: each starts where the last ended, and keeps what it can."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from sklearn_xent.problem.objective import Objective
from sklearn_xent.problem.penalties import ElasticNet
from sklearn_xent.solvers.methods import choose
from sklearn_xent.solvers.solve import Solution, minimise

__all__ = ["follow"]


def follow(
    objective: Objective,
    penalties: Iterable[ElasticNet],
    *,
    tol: float,
    max_iter: int,
    solver: str = "auto",
    random_state: Any = None,
    memory: dict[str, Any] | None = None,
) -> Iterator[Solution]:
    """Solutions under penalties that should change little from one to the next.

    The last optimum is known without another reading of X, and methods remember Hessians and factors that
    do not depend on the penalty.
    """
    memory = {} if memory is None else memory
    last = None
    for penalty in penalties:
        problem = replace(objective, penalty=penalty, known=last)
        _, method = choose(solver, problem, random_state, memory)
        start = problem.design.zeros(problem.shape[0]) if last is None else last.coefficients
        start = np.clip(start, *penalty.bounds)
        solution = minimise(problem, method, start, tol=tol, max_iter=max_iter)
        last = solution.point
        yield solution
