"""The losses: what each is at logits of the rows, to second order.

Logits and targets are as in ``expansion.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.problem.expansion import Expansion

__all__ = ["BinaryCrossEntropy", "Loss", "MultinomialCrossEntropy", "loss_for"]


class Loss(Protocol):
    """What a problem needs of a loss: convex in the logits, and no less than 0."""

    @property
    def n_logits(self) -> int: ...
    @property
    def shift_invariant(self) -> bool:
        """Whether adding one number to all logits of a row changes nothing."""
        ...

    def largest_residual(self, loss: float) -> float:
        """Root mean square of the residuals, at most, where the loss is so much in the mean."""
        ...

    def first_order(self, logits: Array, targets: Array) -> tuple[Array, Array]:
        """``value`` and ``residual`` of the expansion, at less cost."""
        ...

    def expand(self, logits: Array, targets: Array) -> Expansion: ...


class _CrossEntropy:
    """What the losses of two and of more classes share."""

    def largest_residual(self, loss: float) -> float:
        """See ``Loss``: Pinsker's inequality; no residual is above 1."""
        return float(np.sqrt(2 * min(loss, 1.0)))


@dataclass(frozen=True)
class BinaryCrossEntropy(_CrossEntropy):
    """-y log sigmoid(z) - (1 - y) log sigmoid(-z)."""

    n_logits: int = 1
    shift_invariant: bool = False

    def first_order(self, logits: Array, targets: Array) -> tuple[Array, Array]:
        """Value (n,) and residual (1, n); the probabilities are needed on the way."""
        e = self.expand(logits, targets)
        return e.value, e.residual

    def expand(self, logits: Array, targets: Array) -> Expansion:
        """Expand at logits (1, n) with targets (1, n) in [0, 1]."""
        # softplus(z) = log(1 + exp(z)) = max(z, 0) + log1p(exp(-|z|)) = -log(1 - p), and softplus(-z) =
        # softplus(z) - z = -log p. The small part is added last, so that a loss of 4e-18 is 4e-18 and not
        # 0, and p and 1 - p are each exact in their own tail. In place: temporaries cost more than sums.
        small = np.abs(logits)
        np.negative(small, out=small)
        np.exp(small, out=small)
        np.log1p(small, out=small)
        softplus = np.maximum(logits, 0.0)
        value = targets * logits
        np.subtract(softplus, value, out=value)
        value += small
        softplus += small
        p = logits - softplus
        np.exp(p, out=p)
        q = np.negative(softplus, out=softplus)
        np.exp(q, out=q)
        # (1 - y) p - y q equals p - y without cancelling where p is close to y = 1.
        residual = np.subtract(1.0, targets, out=small)
        residual *= p
        residual -= targets * q
        return Expansion(value[0], residual, p, q)


@dataclass(frozen=True)
class MultinomialCrossEntropy(_CrossEntropy):
    """-<y, log softmax(z)>, symmetric over all K classes."""

    n_logits: int
    shift_invariant: bool = True

    def first_order(self, logits: Array, targets: Array) -> tuple[Array, Array]:
        """Value (n,) and residual (K, n)."""
        top, value, e, others, total = self._softmax_parts(logits, targets)
        certain = targets[top]
        e /= total
        e -= targets
        # p - y cancels only where p is close to 1
        e[top] = (1 - certain) * (1 / total) - certain * (others / total)
        return value, e

    def expand(self, logits: Array, targets: Array) -> Expansion:
        """Expand at logits (K, n) with targets (K, n), each column summing to 1."""
        top, value, e, others, total = self._softmax_parts(logits, targets)
        p, q = e / total, (total - e) / total
        q[top] = others / total
        return Expansion(value, (1 - targets) * p - targets * q, p, q)

    def _softmax_parts(self, logits: Array, targets: Array) -> tuple[Any, Array, Array, Array, Array]:
        """Index of the largest logit, value, exp(logits - largest), its sum without the largest and with."""
        top = logits.argmax(axis=0), np.arange(logits.shape[1])
        e = logits - logits[top]
        value = np.einsum("kn,kn->n", targets, e)
        np.exp(e, out=e)
        # The largest term is exactly 1. The sum of the others is taken without it, so that the loss and
        # the complement of a nearly certain class keep all their digits.
        e[top] = 0.0
        others = e.sum(axis=0)
        np.subtract(np.log1p(others), value, out=value)
        e[top] = 1.0
        return top, value, e, others, 1 + others


def loss_for(n_classes: int) -> Loss:
    """Return the loss of a problem with this many classes."""
    return BinaryCrossEntropy() if n_classes == 2 else MultinomialCrossEntropy(n_classes)
