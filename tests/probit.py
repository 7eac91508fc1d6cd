"""A loss of one's own: probit regression, whose link is the normal distribution in place of the logistic."""

from dataclasses import dataclass

import numpy as np
from scipy.special import log_ndtr, ndtr

from sklearn_xent import CrossEntropyClassifier
from sklearn_xent.problem.expansion import Expansion


def mills(z):
    """Density over distribution of the normal, phi(z) / Phi(z): minus the slope of -log Phi."""
    return np.exp(-0.5 * z**2 - 0.5 * np.log(2 * np.pi) - log_ndtr(z))


@dataclass(frozen=True)
class ProbitExpansion(Expansion):
    """-y log Phi(z) - (1 - y) log Phi(-z) at logits z (1, n), to second order."""

    bend: np.ndarray  # second derivative (1, n)
    logits: np.ndarray
    targets: np.ndarray

    @property
    def diagonal(self):
        return self.bend

    def curvature(self, k, l):
        return self.bend[0]

    def curvature_product(self, v):
        return self.bend * v

    def residual_terms(self, targets):
        return (1 - targets) * mills(-self.logits) + targets * mills(self.logits)

    def within_simplex(self, change):
        """Slopes that some logit has: not positive for a label of 1, not negative for one of 0."""
        change = np.where((self.targets == 1) & (self.residual + change > 0), -self.residual, change)
        return np.where((self.targets == 0) & (self.residual + change < 0), -self.residual, change)

    def divergence(self, change):
        """Of the slope after a change from that of the logits: f*(r + c) - f*(r) - z c, with f' (z) = r.

        The conjugate f* is attained where f' is r + c: by Newton's method, within brackets.
        """
        r, c, z = self.residual[0], change[0], self.logits[0]
        exact = probit(self._moved(r + c), self.targets[0])
        moved = exact.logits[0]
        far = (r + c) * (moved - z) + self.value - exact.value
        certain = np.where(r + c == 0, self.value, np.maximum(far, 0.0))  # f* (0) = 0: the end of the range
        # half c^2 / f'' for a small change, lest the terms cancel; f'' changes by less than 1 % along it
        bend = np.maximum(self.bend[0], 1e-300)
        return np.where(np.abs(c) <= 1e-4 * bend, 1.01 * 0.5 * c * c / bend, certain)

    def _moved(self, slope):
        """Logits (n,) whose slope it is, as nearly as float64 has it."""
        y = self.targets[0]
        low, high = np.full(len(y), -40.0), np.full(len(y), 40.0)
        for _ in range(60):
            middle = 0.5 * (low + high)
            below = probit(middle, y).residual[0] < slope
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return 0.5 * (low + high)

    def added_divergence(self, start, change):
        """|r| |z' - z| + r^2 / f'' (z'), if r is so small that f'' is no less than half of that along it."""
        c = 0.0 if start is None else start[0]
        moved = self._moved(self.residual[0] + c) if np.any(c) else self.logits[0]
        bend, size = probit(moved, self.targets[0]).bend[0], np.abs(change[0])
        with np.errstate(divide="ignore", invalid="ignore"):
            added = size * np.abs(moved - self.logits[0]) + size**2 / bend
        return np.where(size == 0, 0.0, np.where(size <= 1e-3 * bend, added, np.inf))

    def inverse_curvature(self):
        return 1 / self.bend[0]


def probit(z, y):
    """Expand at logits (n,) with targets (n,)."""
    up, down = mills(z), mills(-z)  # slopes of either part, as sizes
    value = -y * log_ndtr(z) - (1 - y) * log_ndtr(-z)
    bend = y * up * (up + z) + (1 - y) * down * (down - z)
    rows = (1 - y) * down - y * up, ndtr(z), ndtr(-z), np.maximum(bend, 0.0), z, y
    return ProbitExpansion(value, *(row[None] for row in rows))


@dataclass(frozen=True)
class Probit:
    """The loss: -log of the probability of the label, of two classes."""

    n_logits: int = 1
    shift_invariant: bool = False

    def largest_residual(self, loss):
        return np.sqrt(2 * loss)  # phi^2 <= -2 Phi^2 log Phi

    def first_order(self, logits, targets):
        e = self.expand(logits, targets)
        return e.value, e.residual

    def expand(self, logits, targets):
        # of scipy's functions there are none in extended precision
        return probit(logits[0].astype(float), targets[0].astype(float))


class ProbitClassifier(CrossEntropyClassifier):
    """Fit by the methods, and with the certificate, of its base."""

    def _loss(self, n_classes):
        if n_classes > 2:
            raise ValueError(f"ProbitClassifier takes 2 classes; got {n_classes}.")
        return Probit()

    def predict_proba(self, X):
        p = ndtr(self.decision_function(X))
        return np.column_stack([1 - p, p])
