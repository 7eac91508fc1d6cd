"""logits = W [(X - shift) * scale, 1]': centring, scaling and the intercept, there and back.

The optimiser works on columns of mean 0 and about unit curvature; X itself is never centred or scaled as a
whole. This is the one place that knows of the intercept: without one its column is 0 and so is W's last.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.rows import Block, LocalRows, Rows, entries

__all__ = [
    "AppliedDesign",
    "Design",
    "Linear",
    "Pulled",
    "logits_of",
]


class Linear(NamedTuple):
    """logits = V X' + bias for X as given: what coefficients are to a block. Made once for a sweep."""

    V: Array  # (K, d); of a (d, K) array for sparse rows, whose product wants that
    bias: Array  # (K,)


@dataclass
class Pulled:
    """R X (K, d) and the row sums of R (K,) of a block: what a gradient is before the design's turn."""

    RX: Array
    total: Array

    def __iadd__(self, other: Pulled) -> Pulled:
        """Sum over blocks."""
        np.add(self.RX, other.RX, out=self.RX)
        np.add(self.total, other.total, out=self.total)
        return self


@dataclass(frozen=True)
class Design:
    """A change of variables: ``shift`` and ``scale`` (d,) in the units of X; scale 0 drops a column."""

    shift: Array
    scale: Array
    variance: Array  # (d,) of the columns so centred and scaled
    fit_intercept: bool = True
    # Whether blocks are centred before they are multiplied: (X - shift) w as X w - shift w loses as many
    # digits as the shift has more than the spread.
    centred: bool = False
    sparse: bool = False
    stored: Array | None = None  # mask (d,) of sparse columns whose entries have had the shift taken off

    @property
    def left(self) -> Array:
        """What of the shift (d,) the products have to take off."""
        return self.shift if self.stored is None else np.where(self.stored, 0.0, self.shift)

    @property
    def cancellation(self) -> Array:
        """Sizes (d,) of what cancels in products, in units of the design's columns: 0 where nothing does."""
        return np.zeros_like(self.shift) if self.centred else np.abs(self.left) * self.scale

    def zeros(self, n_logits: int) -> Array:
        """Coefficients (K, d + 1) of 0, in the order of memory that products with the rows want."""
        return np.zeros((n_logits, len(self.scale) + 1), order="F" if self.sparse else "C")

    def linear(self, W: Array) -> Linear:
        """What coefficients W (K, d + 1) are to blocks."""
        if self.sparse:
            V = np.multiply(W[:, :-1].T, self.scale[:, None], order="C").T
        else:
            V = W[:, :-1] * self.scale
        return Linear(V, W[:, -1].copy() if self.centred else W[:, -1] - V @ self.left)

    def logits(self, X: Any, linear: Linear) -> Array:
        """Logits (K, m) of a block."""
        Z = entries.right_product(linear.V, entries.shifted(X, self.left) if self.centred else X)
        Z += linear.bias[:, None]
        return Z

    def pull(self, X: Any, R: Array) -> Pulled:
        """R (K, m) times a block; `gradient` makes the sum over blocks a gradient."""
        return Pulled(
            entries.left_product(R, entries.shifted(X, self.left) if self.centred else X), R.sum(axis=1)
        )

    def gradient(self, pulled: Pulled) -> Array:
        """The rows' R times the design matrix, (K, d + 1)."""
        G = self.zeros(len(pulled.total))
        body = G[:, :-1]
        columns = max(1, entries.CACHED // len(G))
        for j in range(0, len(self.scale), columns):
            part = slice(j, j + columns)
            np.multiply(pulled.RX[:, part], self.scale[part], out=body[:, part])
            if not self.centred:
                body[:, part] -= pulled.total[:, None] * (self.left[part] * self.scale[part])
        G[:, -1] = pulled.total if self.fit_intercept else 0.0
        return G

    def gram(self, X: Any, h: Array, dtype: Any = np.float64) -> Array:
        """The design matrix's product A' diag(h) A, (d + 1, d + 1), for row weights h of any sign.

        An array of numpy is multiplied in ``dtype``, all else in its own or in float64.
        """
        product = entries.gram(X, h, self.left, self.scale, float(self.fit_intercept))
        if product is not None:
            return product
        A = self.matrix(X, dtype)
        if h.min(initial=0.0) >= 0:
            # numpy calls the symmetric product, at half the cost, when both operands are one buffer
            A *= np.sqrt(h).astype(dtype, copy=False)[:, None]
            return np.asarray(A.T @ A, dtype=np.float64)
        return A.T @ (A * h[:, None])

    def matrix(self, X: Array, dtype: Any = np.float64) -> Array:
        """The design matrix (m, d + 1) of a dense block.

        Centred before it is multiplied: a Gram matrix corrected afterwards loses twice the digits.
        """
        return entries.design_matrix(X, self.left, self.scale, float(self.fit_intercept), dtype)

    def features(self, X: Any) -> tuple[Any, Array | float]:
        """The columns of a block that are those of X, and what its zeros are there."""
        return X, 0.0

    def squares(self, X: Any, h: Array) -> Array:
        """The diagonals of the Gram matrices of row weights h (K, m): (K, d + 1)."""
        total = h.sum(axis=1)
        square = entries.squares(h, X, self.left)
        return np.column_stack([square * self.scale**2, total if self.fit_intercept else 0 * total])

    def inner_products(self, rows: LocalRows, units: Array, dtype: Any) -> Array:
        """Products (n, n) of the design matrix's rows, its columns (d,) without the intercept in units."""
        return rows.inner_products(self.left, self.scale * units, dtype)

    def columns(self, which: Array) -> tuple[Design, Array]:
        """The design of some columns, and what of the rows it is made of."""
        shift, scale, variance = self.shift[which], self.scale[which], self.variance[which]
        stored = None if self.stored is None else self.stored[which]
        return replace(self, shift=shift, scale=scale, variance=variance, stored=stored), which

    def to_original(self, W: Array) -> tuple[Array, Array]:
        """Coefficients (K, d) and intercepts (K,) for X as given."""
        V = W[:, :-1] * self.scale
        return V, np.asarray(W[:, -1] - _precise_product(V, self.shift), dtype=np.float64)

    def from_original(self, coef: Array, intercept: Array, dtype: Any = np.float64) -> Array:
        """W (K, d + 1) of given coefficients; what a dropped column had is forgotten."""
        with np.errstate(divide="ignore"):
            V = np.where(self.scale > 0, coef.astype(dtype) / np.where(self.scale > 0, self.scale, 1.0), 0.0)
        last = np.zeros(len(coef), dtype=dtype)
        if self.fit_intercept:
            last[:] = intercept + _precise_product(coef, self.shift)
        return np.column_stack([V, last])


def _precise_product(V: Array, shift: Array) -> Array:
    """V shift (K,) in extended precision: means far from zero leave an intercept few digits to lose."""
    if not np.any(shift):
        return np.zeros(len(V), dtype=np.longdouble)
    return np.asarray((V.astype(np.longdouble) * shift).sum(axis=1))


class AppliedDesign(Design):
    """A design whose rows are the design matrix itself: nothing is left to do but to multiply.

    For small data, where the calls cost more than the numbers; ``shift`` and ``scale`` say what was done.
    """

    @property
    def cancellation(self) -> Array:
        """Nothing cancels."""
        return np.zeros_like(self.shift)

    def linear(self, W: Array) -> Linear:
        """Coefficients as they are."""
        return Linear(W, W[:, -1])

    def logits(self, X: Any, linear: Linear) -> Array:
        """Logits (K, m) of a block."""
        return np.asarray(linear.V @ X.T)

    def pull(self, X: Any, R: Array) -> Pulled:
        """R (K, m) times a block."""
        RX = R @ X
        return Pulled(RX, RX[:, -1].copy())

    def gradient(self, pulled: Pulled) -> Array:
        """What was pulled."""
        return np.asarray(pulled.RX, dtype=np.float64)

    def matrix(self, X: Array, dtype: Any = np.float64) -> Array:
        """A copy of the block."""
        return X.astype(dtype)

    def features(self, X: Any) -> tuple[Any, Array | float]:
        """See ``Design.features``."""
        return X[:, :-1], (0.0 - self.shift) * self.scale

    def columns(self, which: Array) -> tuple[Design, Array]:
        """The same, with the column of the intercept."""
        return super().columns(which)[0], np.append(which, len(self.scale))

    def inner_products(self, rows: LocalRows, units: Array, dtype: Any) -> Array:
        """Products (n, n) of the rows without their last column."""
        return rows.inner_products(np.zeros(len(units) + 1), np.append(units, 0.0), dtype)

    def squares(self, X: Any, h: Array) -> Array:
        """The diagonals of the Gram matrices of row weights h (K, m): (K, d + 1)."""
        return np.asarray(h @ X**2)


def _logits(block: Block, linear: Linear, design: Design) -> tuple[tuple[()], tuple[Array]]:
    z = design.logits(block.X, linear)
    return (), (z if block.offset is None else z + block.offset,)


def logits_of(rows: Rows, coef: Array, intercept: Array) -> list[Array]:
    """Logits (K, m) of the blocks of rows at coefficients in the units of X."""
    d = coef.shape[1]
    identity = Design(np.zeros(d), np.ones(d), np.ones(d), sparse=rows.sparse)
    _, (blocks,) = rows.sweep(_logits, identity.linear(np.column_stack([coef, intercept])), identity)
    return list(blocks.flat())
