"""Random problems that are hard to fit, each the same for the same seed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.sparse as sp

from tests.fuzz.columns import BASES, apply_edits

__all__ = ["Problem", "problem"]

SMOOTH = [
    "newton-cholesky",
    "truncated-newton",
    "progressive",
    "row-space",
    "quasi-newton",
    "lbfgs",
    "bfgs",
    "cg",
    "newton-cg",
    "tnc",
    "trust-ncg",
    "trust-krylov",
    "trust-exact",
    "gradient-descent",
    "accelerated-gradient",
]
KINKED = ["proximal-newton", "orthant-newton", "accelerated-gradient", "lbfgs"]
BOUNDED = ["proximal-newton", "orthant-newton", "accelerated-gradient"]
CONTAINERS = ["C", "C", "C", "F", "float32", "csr", "csc", "pandas", "strided"]


@dataclass
class Problem:
    """What ``fit`` is given: ``X`` in its container, ``dense`` the same numbers, and the parameters.

    ``first`` holds the (X, y, parameters) of an earlier fit, where the fit is a warm start. ``features``
    names the ingredients.
    """

    seed: int
    size: str
    X: Any
    y: Any
    sample_weight: Any
    offset: Any
    parameters: dict[str, Any]
    n_classes: int
    features: list[str] = field(default_factory=list)
    first: Any = None

    @property
    def dense(self):
        """X as a float64 array: float32 entries are exact."""
        X = self.X.toarray() if sp.issparse(self.X) else np.asarray(self.X)
        return X.astype(np.float64)

    def describe(self):
        """One line: sizes, parameters and ingredients."""
        p = {name: v for name, v in self.parameters.items() if name not in ("penalty_factor", "coef_bounds")}
        p |= {name: "..." for name in ("penalty_factor", "coef_bounds") if name in self.parameters}
        n, d = self.X.shape
        return f"n={n} d={d} K={self.n_classes} {p} {' '.join(self.features)}"


def problem(seed, size="small"):
    """The problem of a seed: "small" (rows 4 to 400, columns 1 to 30, classes 2 to 6) or "medium"."""
    rng = np.random.default_rng([seed, size != "small"])
    n, d, K = _small(rng) if size == "small" else _medium(rng)
    base = BASES[rng.integers(len(BASES))]
    X, S, done = apply_edits(rng, base(rng, n, d), max(30, d))
    features = [base.__name__, *done]
    y, labels = _labels(rng, S, K, features)
    if rng.random() < 0.1:
        order = np.argsort(X[:, rng.integers(X.shape[1])], kind="stable")
        X, y, labels = X[order], y[order], labels[order]
        features.append("sorted")
    weights = _weights(rng, labels, K, features)
    offset = _offset(rng, n, K, features)
    parameters = _parameters(rng, X, K, size, features)
    if y.ndim == 1 and len(np.unique(y)) == K and rng.random() < 0.08:
        parameters["class_weight"] = "balanced" if rng.random() < 0.5 else {0: 10.0 ** rng.uniform(-3, 3)}
    X = _contained(rng, X, features)
    made = Problem(seed, size, X, y, weights, offset, parameters, K, features)
    if rng.random() < 0.12:
        made.first = _first(rng, made)
        features.append("warm start")
    return made


def _log_uniform(rng, low, high):
    return int(np.floor(np.exp(rng.uniform(np.log(low), np.log(high + 1)))))


def _small(rng):
    K = int(rng.choice([2, 2, 2, 3, 4, 5, 6]))
    return max(_log_uniform(rng, 4, 400), K), _log_uniform(rng, 1, 24), K


def _medium(rng):
    """Rows, columns and classes such that a fit takes seconds at the most."""
    while True:
        K = int(rng.choice([2, 2, 2, 3, 6, 20, 60, 200]))
        n, d = _log_uniform(rng, 200, 6000), _log_uniform(rng, 10, 2200)
        logits = 1 if K == 2 else K
        if n >= 2 * K and n * d * logits <= 16e6 and (logits == 1 or logits * d <= 6000):
            return n, d, K


def _labels(rng, S, K, features):
    """Labels, or soft labels (n, K), and hard ones of every class."""
    n = len(S)
    B = rng.standard_normal((S.shape[1], K)) * (rng.random((S.shape[1], 1)) < 0.6)
    strength = 10.0 ** rng.uniform(-1, 1) / np.sqrt(max(S.shape[1], 1))
    Z = strength * np.clip(S, -1e3, 1e3) @ B
    if rng.random() < 0.25:
        Z += 2 * rng.standard_normal(K)
    how = rng.choice(["drawn", "drawn", "drawn", "separable", "nearly", "noise", "soft"])
    if how == "noise":
        Z = np.zeros((n, K))
    labels = np.argmax(Z if how in ("separable", "nearly") else Z + rng.gumbel(size=(n, K)), axis=1)
    if how == "nearly":
        labels[rng.integers(n, size=max(1, n // 100))] = rng.integers(K)
    labels[rng.choice(n, K, replace=False)] = np.arange(K)
    features += [how] if how != "drawn" else []
    if how != "soft":
        return labels, labels
    P = np.exp(Z - Z.max(axis=1, keepdims=True)) + rng.choice([0.0, 1e-12, 0.1])
    P /= P.sum(axis=1, keepdims=True)
    hard = rng.random(n) < rng.choice([0.0, 0.5])
    P[hard] = np.eye(K)[labels[hard]]
    return P, labels


def _weights(rng, labels, K, features):
    if rng.random() < 0.7:
        return None
    n, scale = len(labels), 10.0 ** rng.uniform(-6, 6)
    kind = rng.choice(["scale", "zeros", "spread", "integers"])
    features.append(f"weights {kind}")
    if kind == "scale":
        return np.full(n, scale)
    if kind == "spread":
        return scale * 10.0 ** rng.uniform(-4, 4, n)
    w = rng.integers(0, 4, n).astype(float) if kind == "integers" else scale * (rng.random(n) < 0.7)
    for k in range(K):  # a class without weight is an error of the user's
        w[np.flatnonzero(labels == k)[0]] = scale if kind == "zeros" else 1.0
    return w


def _offset(rng, n, K, features):
    if rng.random() < 0.88:
        return None
    size = 10.0 ** rng.uniform(-1, 3)
    features.append(f"offset {size:.0e}")
    return size * (rng.standard_normal(n) if K == 2 else rng.standard_normal((n, K)))


def _parameters(rng, X, K, size, features):
    parameters: dict[str, Any] = {"C": float(10.0 ** rng.uniform(-3, 5))}
    far = rng.random()
    if far < 0.3:
        parameters["C"] = float(10.0 ** rng.uniform(-8, 12))
    elif far < 0.5:
        parameters["C"] = np.inf
    l1, bounds = rng.random() < 0.3, rng.random() < 0.12
    if l1:
        parameters["l1_ratio"] = float(rng.choice([0.5, 1.0, 1.0, round(rng.random(), 3)]))
    if rng.random() < 0.12:
        parameters["fit_intercept"] = False
    if rng.random() < 0.15:
        parameters["penalty_factor"] = _factors(rng, X.shape[1])
        features.append("factors")
    if bounds:
        parameters["coef_bounds"] = _bounds(rng, X)
        features.append("bounds")
    if rng.random() < 0.08:
        parameters["label_smoothing"] = float(rng.choice([0.01, 0.1, 0.5]))
    names = BOUNDED if bounds else KINKED if l1 else SMOOTH
    if rng.random() < 0.3:
        parameters["solver"] = str(rng.choice(names[: 5 if size != "small" else None]))
    return parameters


def _factors(rng, d):
    kind = rng.integers(3)
    if kind == 0:
        return (rng.random(d) < 0.7).astype(float)
    if kind == 1:
        return 10.0 ** rng.uniform(-4, 4, d)
    factors = np.ones(d)
    factors[rng.integers(d)] = 0.0
    return factors


def _bounds(rng, X):
    """One pair, or a pair a column, in units that make them matter, some of them excluding 0."""
    kind = rng.integers(3)
    if kind == 0:
        return (0, None) if rng.random() < 0.5 else (None, 0.0)
    spread = X.std(axis=0)
    varies = spread > 1e-9 * np.abs(X).max(axis=0)
    unit = np.where(varies, 1.0 / np.where(spread > 0, spread, 1.0), 1.0)
    pairs = []
    for j in range(X.shape[1]):
        low, high = np.sort(rng.standard_normal(2)) * unit[j]
        if kind == 2 and not (varies[j] and rng.random() < 0.3):
            low, high = min(low, 0.0), max(high, 0.0)
        if not varies[j]:
            low, high = min(low, 0.0), max(high, 0.0)
        drop = rng.integers(5)
        pairs.append((None if drop in (0, 2) else float(low), None if drop in (1, 2) else float(high)))
    return pairs


def _contained(rng, X, features):
    kind = str(rng.choice(CONTAINERS))
    if kind == "float32":
        rounded = X.astype(np.float32)
        if not np.isfinite(rounded).all():
            return np.ascontiguousarray(X)
        X = rounded
    features += [kind] if kind != "C" else []
    if kind in ("csr", "csc"):
        return (sp.csr_array if kind == "csr" else sp.csc_array)(X)
    if kind == "pandas":
        import pandas as pd

        return pd.DataFrame(X, columns=[f"x{j}" for j in range(X.shape[1])])
    if kind == "strided":
        wide = np.zeros((2 * len(X), X.shape[1]))
        wide[::2] = X
        return wide[::2]
    return np.asarray(X, order="F" if kind == "F" else "C")


def _first(rng, made):
    """An earlier fit: at another C, or on rows that were perturbed."""
    other = dict(made.parameters)
    if rng.random() < 0.5:
        other["C"] = float(10.0 ** rng.uniform(-4, 8))
        return made.X, made.y, other
    X = made.dense
    return X * (1 + 0.01 * rng.standard_normal(X.shape)), made.y, other
