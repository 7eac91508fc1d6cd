"""Whether the classes are separable where nothing penalises: a linear program, its answer checked exactly."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import scipy.optimize
import scipy.sparse as sp

from tests.fuzz.exact import Real

__all__ = ["separates", "separation"]

LARGEST = 2e7  # entries of the program beyond which it is not asked: a lower J must convict instead
ROUNDING = Fraction(
    4, 2**52
)  # growth of a margin, relative to its terms, that a logit in float64 cannot show


def separation(problem):
    """Say whether J of an `Exact` problem has no minimum: "yes" (checked exactly), "maybe" or "no".

    It has none if along some direction, among columns that nothing holds, no row's loss rises and some row's
    falls (Albert and Anderson 1984, Biometrika 71). The program's answer is a direction in float64; "yes" is
    a direction of which every row's sign is exact.
    """
    free = (problem.l1 == 0) & (problem.l2 == 0) & ~problem.idle
    free &= np.isinf(problem.low) | np.isinf(problem.high)
    if not free.any():
        return "no"
    columns = np.flatnonzero(free)
    if len(problem.X) * (problem.K - 1) * problem.L * len(columns) > LARGEST:
        return "maybe"
    margins, ties = _rows(problem, columns)
    if not len(margins):
        return "no"
    unit = np.abs(margins).max(axis=1, keepdims=True)
    margins = margins / np.where(unit > 0, unit, 1)
    low = np.tile(np.where(np.isinf(problem.low[columns]), -1.0, 0.0), problem.L)
    high = np.tile(np.where(np.isinf(problem.high[columns]), 1.0, 0.0), problem.L)
    equal = {"A_eq": sp.csr_array(ties), "b_eq": np.zeros(len(ties))} if len(ties) else {}
    program = scipy.optimize.linprog(
        -np.minimum(margins, 1).sum(axis=0),
        A_ub=-sp.csr_array(margins),
        b_ub=np.zeros(len(margins)),
        bounds=np.column_stack([low, high]),
        method="highs",
        options={"time_limit": 20.0},
        **equal,
    )
    if program.status != 0:
        return "maybe"
    gains = margins @ program.x
    if not gains.max(initial=0) > 1e-7:
        return "no"
    return "yes" if _certain(problem, columns, program.x) else "maybe"


def _rows(problem, columns):
    """Margins (m, L * columns) that may not fall, and differences of logits that may not change."""
    A, Y, L = problem.A[:, columns].astype(np.float64), problem.Y, problem.L
    if L == 1:
        hard = (Y == 0).any(axis=1)
        return np.where(Y[hard, 1] > 0, 1.0, -1.0)[:, None] * A[hard], A[~hard]
    margins, ties = [np.zeros((0, L * len(columns)))], [np.zeros((0, L * len(columns)))]
    for k in range(L):
        for l in range(L):
            on = (Y[:, k] > 0) & ((Y[:, l] == 0) if k != l else False)
            both = (Y[:, k] > 0) & (Y[:, l] > 0) if k < l else np.zeros(len(Y), dtype=bool)
            for rows, out in ((on, margins), (both, ties)):
                block = np.zeros((int(rows.sum()), L, len(columns)))
                block[:, k], block[:, l] = A[rows], -A[rows]
                out.append(block.reshape(len(block), L * len(columns)))
    return np.vstack(margins), np.vstack(ties)


def _certain(problem, columns, direction):
    """Whether the direction, or one of small fractions near it, separates in exact arithmetic.

    A complete separation has all margins clear of zero: long double decides. Otherwise some rows stay where
    they are, exactly, and the direction has to be exact as well: coefficients in the units of X that are
    simple multiples of the largest.
    """
    margins, ties = _rows(problem, columns)
    exact = problem.A[:, columns]
    gains = margins @ direction
    room = 1e-9 * np.abs(margins) @ np.abs(direction)
    if not len(ties) and (gains > room).all():
        return True
    V = np.zeros((problem.L, len(problem.idle)), dtype=Real)
    V[:, columns] = direction.reshape(problem.L, -1)
    coef, _ = problem.to_original(V)
    top = np.abs(coef).max()
    if not top > 0 or exact.size > 200_000:
        return False
    simple = [[Fraction(float(v / top)).limit_denominator(60) for v in row] for row in coef]
    return separates(problem, simple)


def separates(problem, coef):
    """Whether coefficients (fractions) and some intercepts separate: margins of X alone, then of classes.

    Some margin must grow by more than rounding of its terms: what a column that was rounded as a sum of
    others separates by its last digit, no model in float64 can show.
    """
    used = [j for j in range(len(coef[0])) if any(row[j] for row in coef)]
    terms = [[[row[j] * Fraction(float(x[j])) for j in used] for row in coef] for x in problem.X]
    if problem.L == 1:
        terms = [[[], z[0]] for z in terms]
    logits = [[sum(row, Fraction(0)) for row in z] for z in terms]
    sizes = [[sum(map(abs, row), Fraction(0)) for row in z] for z in terms]
    Y = problem.Y > 0
    K = Y.shape[1]
    # the least intercept differences b_l - b_k <= z_k - z_l of rows labelled k: shortest paths
    bound = [[None] * K for _ in range(K)]
    for z, y in zip(logits, Y, strict=True):
        for k in np.flatnonzero(y):
            for l in range(K):
                if l != k and (bound[l][k] is None or z[k] - z[l] < bound[l][k]):
                    bound[l][k] = z[k] - z[l]
    if not problem.intercept:
        shifts = [Fraction(0)] * K
    else:
        shifts = _potentials(bound)
        if shifts is None:
            return False
    gains = [
        (
            z[k] + shifts[k] - z[l] - shifts[l],
            ROUNDING * (size[k] + size[l] + abs(shifts[k]) + abs(shifts[l])),
        )
        for z, size, y in zip(logits, sizes, Y, strict=True)
        for k in np.flatnonzero(y)
        for l in range(K)
        if l != k
    ]
    return all(gain >= 0 for gain, _ in gains) and any(gain > rounding for gain, rounding in gains)


def _potentials(bound):
    """Intercepts b with b_l - b_k <= bound[l][k], by Bellman and Ford, or None."""
    K = len(bound)
    b = [Fraction(0)] * K
    for _ in range(K + 1):
        changed = False
        for l in range(K):
            for k in range(K):
                if bound[l][k] is not None and b[l] > b[k] + bound[l][k]:
                    b[l], changed = b[k] + bound[l][k], True
        if not changed:
            return b
    return None
