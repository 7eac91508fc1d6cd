"""A square root of the Hessian from the rows, for where the Hessian itself has lost the digits.

Forming A' S A squares the condition number: a direction whose logits are 1e-8 of another's is lost in it, and
one that an outlying row hides as well. The triangular factor of the weighted rows has it to 1e-16. Bjorck
(1996), Numerical Methods for Least Squares Problems, sections 2.4 and 4.4: Householder's reflections, the
largest rows first.
"""

from __future__ import annotations

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.factor import triangular
from sklearn_xent.problem.objective import Point

__all__ = ["affordable", "hessian_root"]

AFFORDABLE = 3e10  # products for one triangular factor: a second or two


def affordable(point: Point) -> bool:
    """Whether the factor costs no more than a second or two."""
    o = point.objective
    return o.rows.n_rows * len(point.coefficients) * float(point.coefficients.size) ** 2 <= AFFORDABLE


def hessian_root(point: Point, chosen: Array) -> Array:
    """Triangular R with R' R the Hessian between the coefficients of a mask (K, d + 1), its gauge pinned."""
    o = point.objective
    gauged = np.logical_and(chosen.all(axis=0), o.loss.shift_invariant)
    if not o.penalty.smooth:
        gauged &= o.penalty.costless
    ridge = np.diag(np.sqrt(np.broadcast_to(o.penalty.l2, chosen.shape)[chosen]))
    return triangular(np.vstack([*point.hessian_roots(chosen, gauged).flat(), ridge]))
