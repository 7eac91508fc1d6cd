"""One problem under many penalties, in turn: each starts where the last ended, and keeps what it can."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from sklearn_xent.problem.objective import Objective
from sklearn_xent.problem.penalties import ElasticNet
from sklearn_xent.solvers.fit import Fit, fit

__all__ = ["follow"]


def follow(
    objective: Objective,
    penalties: Iterable[ElasticNet],
    *,
    memory: dict[str, Any] | None = None,
    **options: Any,
) -> Iterator[Fit]:
    """Fits under penalties that should change little from one to the next; the options are those of ``fit``.

    The last optimum is known without another reading of X, and methods remember Hessians and factors that
    do not depend on the penalty.
    """
    memory = {} if memory is None else memory
    last = None
    for penalty in penalties:
        problem = replace(objective, penalty=penalty, known=last)
        start = problem.design.zeros(problem.shape[0]) if last is None else last.coefficients
        start = np.clip(start, *penalty.bounds)
        found = fit(problem, start, memory=memory, **options)
        last = found.solution.point
        yield found
