"""A factored Hessian: Newton steps, and the decrement that estimates how far the minimum is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.linalg import solve_triangular
from scipy.linalg.lapack import dpotrs

from sklearn_xent.arrays import Array
from sklearn_xent.factor import (
    WELL_CONDITIONED,
    cholesky,
    equilibrated,
    least_curvature,
    rounding_of,
    spectrum,
)

__all__ = ["BY_ROOT", "Curvature"]

BY_ROOT = 5.0  # times N^3 products, which eigenvalues take, that a root and its singular values take
FAINTEST = 1e-36  # of the largest curvature: what is none
DONE = 1e-6  # of the objective's value: the decrement below which a Newton step follows faint curvature


class Curvature:
    """Inverse of a positive semidefinite H, restricted to the coordinates in ``active`` (N,).

    H is of all N coordinates or of the active ones only. ``root`` makes R with R' R = H on the active ones,
    which is asked for where H is so ill-conditioned that its factor would be of few digits or none. With a
    ``ridge``, relative to the diagonal, H has that in place of eigenvalues, at a tenth of the cost: a factor
    that is not ``sound`` then serves for steps, not for gaps.
    """

    def __init__(
        self,
        H: Array,
        active: Array | None = None,
        root: Callable[[], Array] | None = None,
        *,
        ridge: float = 0.0,
    ) -> None:
        self.hessian = H
        self.active = np.ones(len(H), bool) if active is None else active
        self._where: Any = slice(None) if self.active.all() else self.active
        if len(H) > np.count_nonzero(self.active):
            H = H[np.ix_(self.active, self.active)]
        H, self._unit = equilibrated(H)
        self._cholesky, self._eigen, self._cost = None, None, 0.0
        self._rounding = self.least = 0.0
        self._null, self._clear = np.zeros((len(H), 0)), 0
        self.unseen: Callable[[Curvature], None] | None = None
        if H.size:
            if ridge:
                H[np.diag_indices_from(H)] += ridge
            U = cholesky(H)
            least = least_curvature(U)
            # what a ridge changes by its root at most
            self.least = least if least**2 > ridge else 0.0
            if self.sound or ridge:
                self._cholesky = U
        if self._cholesky is None and H.size:
            values, vectors, rank_tol = spectrum(H, None if root is None else root() * self._unit)
            self._cost = 1.0 if root is None else BY_ROOT
            self._rounding = rounding_of(len(H)) * max(values.max(), 1e-300)
            keep = values > rank_tol
            self._eigen = values[keep], vectors[:, keep]
            clear = rounding_of(len(H)) ** 2 * values.max()
            self._clear = int(np.count_nonzero(values[keep] > clear))
            self._null = vectors[:, ~keep]

    @property
    def sound(self) -> bool:
        """Whether H is positive definite beyond rounding."""
        return self.least > WELL_CONDITIONED

    @property
    def products(self) -> float:
        """Products of two numbers that take as long as the eigenvalues; of Cholesky's factor none count."""
        return self._cost * float(len(self._unit)) ** 3

    def solve(self, gradient: Array, noise: Array | None = None) -> Array:
        """Least-norm solution of H x = gradient in the shape of gradient; 0 off the active set.

        With the ``noise`` of a gradient that is known to so much only, without the directions along which it
        is no larger: divided by a curvature of the size of rounding it would be anything.
        """
        out = np.zeros(gradient.size)
        g = gradient.ravel()[self._where] * self._unit
        if self._cholesky is not None:
            x = dpotrs(self._cholesky, g, lower=0)[0]
        elif self._eigen is not None:
            values, vectors = self._eigen
            along = vectors.T @ g
            if noise is not None:
                known = noise.ravel()[self._where] * self._unit
                along[np.abs(along) <= np.sqrt((vectors**2).T @ known**2)] = 0.0
            x = vectors @ (along / values)
        else:
            x = g
        out[self._where] = x * self._unit
        return out.reshape(gradient.shape)

    def look(self) -> None:
        """Have directions of no curvature measured apart from H, once."""
        unseen, self.unseen = self.unseen, None
        if unseen is not None:
            unseen(self)

    def step(self, gradient: Array, value: float) -> Array:
        """Newton step from a point of some objective value; along faint curvature once all else is done.

        What then promises more than the value is left out: rows that are certain and wrong have a slope and
        next to no curvature, and no quadratic model is valid there.
        """
        if self._eigen is None:
            return self.solve(gradient)
        g, out = gradient.ravel()[self._where] * self._unit, np.zeros(gradient.size)
        values, vectors = (array[..., : self._clear] for array in self._eigen)
        along = vectors.T @ g
        if 0.5 * (along**2 / values).sum() <= DONE * value:
            self.look()
            values, vectors = self._eigen
            along = vectors.T @ g
            faint = np.arange(len(values)) >= self._clear
            along[faint & (0.5 * along**2 / values > value)] = 0.0
        out[self._where] = vectors @ (along / values) * self._unit
        return out.reshape(gradient.shape)

    def null_part(self, gradient: Array) -> Array:
        """Of a gradient, as a direction along which its slope is not negative, what is along no curvature."""
        out = np.zeros(gradient.size)
        along = self._null.T @ (gradient.ravel()[self._where] * self._unit)
        out[self._where] = self._null @ along * self._unit
        return out.reshape(gradient.shape)

    def null_space(self) -> Array:
        """Directions (n_active, m) of no curvature but rounding, in the units of H."""
        return self._null * self._unit[:, None]

    def refine_null(self, products: Array) -> None:
        """Take from the null space what products of H with it (K, d + 1, m) show of other directions."""
        for j in range(products.shape[2]):
            correction = self.solve(products[:, :, j]).ravel()[self._where]
            self._null[:, j] -= correction / self._unit

    def null_error(self) -> Array:
        """What entries (n_active,) of a null space that is refined may be off by, in the units of H.

        Along every other direction, by rounding over the root of the curvature there.
        """
        assert self._eigen is not None
        values, vectors = self._eigen
        others = np.hypot.reduce(vectors * np.sqrt(values.max(initial=0.0) / values), axis=1, initial=0.0)
        return np.asarray(8 * float(np.finfo(np.longdouble).eps) * others * self._unit)

    def see(self, along: Array) -> None:
        """Take in the curvature (m, m) between the directions of the null space, measured apart from H.

        Beside an outlying row the others' curvature is rounding in H, and real.
        """
        assert self._eigen is not None
        values, turn, _ = spectrum(along)
        known, vectors = self._eigen
        seen = values > max(len(values) * np.finfo(float).eps * values[-1], FAINTEST * known.max(initial=0.0))
        if not seen.any():
            return
        turned = self._null @ turn
        self._eigen = np.append(known, values[seen]), np.hstack([vectors, turned[:, seen]])
        self._null = turned[:, ~seen]

    def inverse_root(self) -> Array | None:
        """T with T' T = H^-1, or None where H was not positive definite to rounding."""
        if self._cholesky is None:
            return None
        return np.asarray(solve_triangular(self._cholesky, np.diag(self._unit), trans="T"))

    def gap(self, gradient: Array) -> float:
        """Half the squared Newton decrement, g' H^-1 g / 2: the gap of the quadratic model, in nats.

        Boyd and Vandenberghe (2004), Convex Optimization, section 9.5.1.
        """
        return self.solved_gap(gradient) + self.unresolved(gradient)

    def solved_gap(self, gradient: Array) -> float:
        """The part of the gap in nats that lies where H shows curvature."""
        return max(0.5 * float((gradient * self.solve(gradient)).sum()), 0.0)

    def lost(self, gradient: Array) -> Array:
        """The part of a gradient that no step makes 0: along directions where H shows no curvature."""
        out = np.zeros(gradient.size)
        if self._eigen is not None:
            g = gradient.ravel()[self._where] * self._unit
            vectors = self._eigen[1]
            lost = g - vectors @ (vectors.T @ g)
            lost[np.abs(lost) <= rounding_of(len(g)) * np.linalg.norm(g)] = 0.0
            out[self._where] = lost / self._unit
        return out.reshape(gradient.shape)

    def unresolved(self, gradient: Array) -> float:
        """Nats that a gradient may be worth along directions where H shows no curvature.

        Rounding, or a slope without end: curvature of the size of rounding tells them apart.
        """
        if self._eigen is None:
            return 0.0
        lost = self.lost(gradient).ravel()[self._where] * self._unit
        if not lost.any():
            return 0.0
        return 0.5 * float(lost @ lost) / float(self._rounding)  # floats of Python overflow to inf in silence
