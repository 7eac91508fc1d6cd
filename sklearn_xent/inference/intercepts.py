"""Intercepts of maximum likelihood beside coefficients that are given."""

from __future__ import annotations

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.inference.jeffreys import JeffreysLikelihood

__all__ = ["calibrating_shift"]


def calibrating_shift(problem: JeffreysLikelihood, b: Array) -> tuple[Array, float]:
    """What to add to the intercepts of coefficients ``b``, (K - 1,), and the log-likelihood with it.

    The maximum of the likelihood: there the mean probability of each class is its frequency. The first class
    has no intercept of its own.

    A Newton step, which moves the logits of all rows alike, is shortened to log(1 + m) / m, m the largest
    change of a difference of logits. That is what the self-concordance of the loss allows (F. Bach, 2010,
    Electron. J. Stat. 4), so that no line search is needed.
    """
    shift, last = np.zeros(problem.K - 1), np.inf
    for _ in range(200):
        e = problem.expand(b, shift)
        own = range(len(e.residual) - len(shift), len(e.residual))
        slope = e.residual[own] @ problem.weights
        curvature = np.array([[problem.weights @ e.curvature(k, l) for l in own] for k in own])
        try:
            step = -np.linalg.solve(curvature, slope)
        except np.linalg.LinAlgError:  # all rows are certain, at coefficients of a fit that has warned
            break
        m = float(np.ptp(np.append(step, 0.0)))
        # small steps shrink by squares, until rounding ends that
        if m == 0 or (last < 0.1 and m >= last / 2):
            break
        shift, last = shift + step * np.log1p(m) / m, m
    return shift, float(-(problem.weights @ e.value))
