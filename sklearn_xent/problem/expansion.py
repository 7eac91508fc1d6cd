"""A loss to second order at given logits, row by row, and how far probabilities are from those of a row.

Arrays are class-major: logits, targets and probabilities have shape (K, n), so that every reduction over
classes runs along the long axis. A binary problem has one logit (K = 1) and its target is the probability
of the second class.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

import numpy as np

from sklearn_xent.arrays import Array

__all__ = ["Expansion", "softness", "variances"]

SMALL_CHANGE = 1e-3  # relative, of a probability: its divergence may then be taken for so much more
ALMOST_GONE = -1 + 1e-16  # a change relative to its probability, of which the logarithm is still finite
SMALLEST_PROBABILITY = 1e-300  # a smaller one is divided by as if it were this: its reciprocal overflows


@dataclass(frozen=True)
class Expansion:
    """Value, gradient and curvature of the loss in the logits, row by row.

    ``value`` (n,) in nats; ``probabilities`` and ``complements`` = 1 - probabilities, both (K, n) and each
    accurate to its own last digit; ``residual`` (K, n) = probabilities - targets. The curvature of one row
    is diag(p) - p p'.
    """

    value: Array
    residual: Array
    probabilities: Array
    complements: Array

    def of_rows(self, part: slice) -> Self:
        """The expansion of some rows."""
        return type(self)(*(getattr(self, field.name)[..., part] for field in fields(self)))

    def residual_terms(self, targets: Array) -> Array:
        """Sizes (K, n) of the terms that a residual is the sum of: with soft labels they may cancel."""
        return np.asarray((1 - targets) * self.probabilities + targets * self.complements)

    def curvature(self, k: int, l: int) -> Array:
        """Second derivative in logits k and l, shape (n,)."""
        if k == l:
            return variances(self.probabilities[k], self.complements[k])
        return -self.probabilities[k] * self.probabilities[l]

    @property
    def diagonal(self) -> Array:
        """Second derivatives (K, n) in each logit."""
        return variances(self.probabilities, self.complements)

    def curvature_product(self, v: Array) -> Array:
        """(diag(p) - p p') v, row by row, shape (K, n)."""
        p = self.probabilities
        if len(p) == 1:
            return self.diagonal * v
        return p * (v - np.einsum("kn,kn->n", p, v))

    def probability_change(self, v: Array, start: Array | None = None) -> Array:
        """First-order change (K, n) of the probabilities for a change v of the logits, within the simplex.

        It is added to a change that was made before.
        """
        change = self.curvature_product(v)
        return self.within_simplex(change if start is None else change + start)

    def within_simplex(self, change: Array) -> Array:
        """A change (K, n) of the probabilities that sums to 0, and takes none of them out of [0, 1]."""
        p = self.probabilities
        if len(p) == 1:
            return np.clip(change, -p, self.complements)
        fall = np.minimum(change, 0.0)
        np.maximum(fall, -p, out=fall)
        rise = np.maximum(change, 0.0)
        # what falls in all is what rises in all; a clipped fall takes from the rises in proportion
        total = rise.sum(axis=0)
        return fall - rise * (fall.sum(axis=0) / np.where(total > 0, total, 1.0))

    def divergence(self, change: Array) -> Array:
        """KL divergence (n,) in nats of probabilities + change from the probabilities, without cancelling."""
        terms = _divergence_terms(self.probabilities, change)
        if len(change) == 1:
            terms = terms + _divergence_terms(self.complements, -change)
        return terms.sum(axis=0)

    def added_divergence(self, start: Array | None, change: Array) -> Array:
        """Most (n,) that +-r, a change (K, n), adds to the divergence of q, probabilities after a start.

        D(q + r) - D(q) is at most the sum of |r log(q / p)| + r^2 / q where |r| <= q / 2: along r the
        divergence has the slope r log(q / p) and the curvature r^2 / (q + t r) <= 2 r^2 / q. Else it is inf.
        """
        p = self.of_classes()[0]
        q = p if start is None else p + (np.vstack([-start, start]) if len(start) == 1 else start)
        r = np.abs(np.vstack([change, change]) if len(change) == 1 else change)
        moves = r > 0
        ratio = np.divide(q, p, out=np.ones_like(q), where=moves & (p > 0))
        terms = r * np.abs(np.log(ratio)) + np.divide(r**2, q, out=np.zeros_like(q), where=moves)
        return np.where((r > 0.5 * q).any(axis=0), np.inf, np.where(moves, terms, 0.0).sum(axis=0))

    def underflows(self, targets: Array) -> Array:
        """Rows (n,) with a class that has a share of the target, and a probability too small for float64."""
        lost = (targets > 0) & (self.probabilities < SMALLEST_PROBABILITY)
        if len(targets) == 1:
            lost |= (targets < 1) & (self.complements < SMALLEST_PROBABILITY)
        return np.asarray(lost.any(axis=0))

    def of_classes(self) -> tuple[Array, Array]:
        """Probabilities (K, n) of all classes, the first of two included, and their complements."""
        p, q = self.probabilities, self.complements
        return (np.vstack([q, p]), np.vstack([p, q])) if len(p) == 1 else (p, q)

    def inverse_curvature(self) -> Array:
        """Squared norm (n,), at most, of a logit, or a difference of two, in a row's inverse curvature."""
        if len(self.probabilities) == 1:
            return np.asarray(1 / self.diagonal[0])
        return np.asarray((1 / np.partition(self.probabilities, 1, axis=0)[:2]).sum(axis=0))

    def contrast_root(self) -> Array:
        """Lower triangles C (K - 1, K - 1, n) with C C' the curvature in the logits less the first class's.

        With s_k what classes beyond k and the first have together (s_0 = 1), C_kk = sqrt(p_k s_k / s_k-1) and
        C_jk = -p_j sqrt(p_k / (s_k s_k-1)): sums of positive numbers only. Tanabe and Sagae (1992), J. R.
        Stat. Soc. B 54(1).
        """
        p = self.of_classes()[0]
        K = len(p)
        rest = p[0] + np.concatenate([np.cumsum(p[:0:-1], axis=0)[::-1][1:], np.zeros((1, p.shape[1]))])
        before = np.concatenate([np.ones((1, p.shape[1])), rest[:-1]])
        C = np.zeros((K - 1, K - 1, p.shape[1]))
        for k in range(K - 1):
            ratio = np.divide(p[k + 1], before[k], out=np.zeros_like(before[k]), where=before[k] > 0)
            C[k, k] = np.sqrt(ratio * rest[k])
            root = np.sqrt(rest[k])
            below = p[k + 2 :]  # at most what the rest is: their quotient with its root is no more than that
            C[k + 1 :, k] = -np.divide(below, root, out=np.zeros_like(below), where=root > 0) * np.sqrt(ratio)
        return C

    def curvature_root(self) -> Array:
        """Roots R (K, m, n) with R R' the curvature, row by row: the contrasts', in the logits themselves.

        The first class's has the rest of each column, with the other sign.
        """
        if len(self.probabilities) == 1:
            return np.sqrt(self.diagonal)[None]
        C = self.contrast_root()
        return np.concatenate([-C.sum(axis=0, keepdims=True), C])


def variances(p: Array, q: Array) -> Array:
    """P (1 - p) of probabilities and their complements, each right to its last digit."""
    return np.asarray(p * q)


def softness(p: Array, q: Array) -> Array:
    """Curvature of a row for a range of 1 of the logits (K, ...), at most: p (1 - p), or 1 - max p."""
    return np.asarray(variances(p[0], q[0]) if len(p) == 1 else q.min(axis=0))


def _divergence_terms(p: Array, change: Array) -> Array:
    """(p + x) log((p + x) / p) - x for a change x >= -p, or little more: each term is at least 0."""
    p = np.maximum(p, SMALLEST_PROBABILITY)
    u = np.maximum(change / p, -1.0)
    size = np.abs(u)
    if size.max(initial=0.0) < SMALL_CHANGE:
        # (1 + u) log(1 + u) - u <= (1 + |u|) u^2 / 2, from -1 on: no logarithms
        return 0.5 * p * size * size * (1 + size)
    # log1p of numpy has extended precision, too
    logarithms = np.log1p(np.maximum(u, ALMOST_GONE))
    return p * np.maximum((1 + u) * logarithms - u, 0.0)
