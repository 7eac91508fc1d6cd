"""Preconditioned conjugate gradients on coefficient-shaped arrays."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sklearn_xent.arrays import Array, inner

__all__ = ["Map", "conjugate_gradient"]

Map = Callable[[Array], Array]


def conjugate_gradient(
    product: Map,
    target: Array,
    precondition: Map,
    *,
    tol: float,
    max_iter: int,
    largest: float = np.inf,
    enough: Callable[[Array], bool] | None = None,
    gains: list[float] | None = None,
) -> tuple[Array, int]:
    """Solve H x = target to a relative residual tol in the preconditioner's norm; also the products taken.

    Stops early at a direction of no curvature, once target' x, which only grows, is above ``largest``, and
    where the residual is small ``enough``. The ``gains`` are told what target' x has grown to.
    Nocedal and Wright (2006), Numerical Optimization, 7.1.
    """
    x, residual, scratch = np.zeros_like(target), target.copy(order="K"), np.empty_like(target)
    z = precondition(residual)
    direction, energy = z.copy(order="K"), inner(residual, z)
    goal, gained = tol**2 * energy, 0.0
    for iteration in range(max_iter):
        if not energy > goal or gained > largest or (enough is not None and enough(residual)):
            return x, iteration
        image = product(direction)
        curvature = inner(direction, image)
        if not curvature > np.finfo(float).eps * energy * 1e-3:
            return (x if iteration else direction), iteration + 1
        step = energy / curvature
        gained += step * energy
        if gains is not None:
            gains.append(gained)
        x += np.multiply(direction, step, out=scratch)
        residual -= np.multiply(image, step, out=scratch)
        z = precondition(residual)
        previous, energy = energy, inner(residual, z)
        direction *= energy / previous
        direction += z
    return x, max_iter
