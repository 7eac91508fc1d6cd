"""Columns that are hard to fit: each ingredient changes a matrix, and says what of it carries signal."""

from __future__ import annotations

import numpy as np

__all__ = ["BASES", "EDITS", "apply_edits"]


def normal(rng, n, d):
    return rng.standard_normal((n, d))


def correlated(rng, n, d):
    return rng.standard_normal((n, d)) @ rng.standard_normal((d, d)) + rng.standard_normal((n, 1))


def heavy_tailed(rng, n, d):
    return rng.standard_t(rng.choice([1.0, 1.5, 3.0]), (n, d))


def counts(rng, n, d):
    return rng.poisson(rng.choice([0.1, 1.0, 20.0]), (n, d)).astype(float)


def categories(rng, n, d):
    """One-hot levels of a few categories, some of them rare: linearly dependent with an intercept."""
    levels = rng.integers(0, max(d, 2), n) if rng.random() < 0.5 else rng.geometric(0.4, n) % max(d, 2)
    return (levels[:, None] == np.arange(d)).astype(float)


def sparse_entries(rng, n, d):
    return rng.standard_normal((n, d)) * (rng.random((n, d)) < rng.choice([0.05, 0.3]))


def bumps(rng, n, d):
    """Gaussian bumps along a line: neighbours overlap, and the spectrum falls fast."""
    at, centres = np.sort(rng.random(n)), np.linspace(0, 1, d)
    return np.exp(-0.5 * ((at[:, None] - centres) / rng.choice([0.5, 2.0, 5.0]) * d) ** 2)


def cumulative(rng, n, d):
    return np.cumsum(rng.standard_normal((n, d)), axis=int(rng.integers(2)))


def powers(rng, n, d):
    """Powers of one number, to an order at which their Gram matrix is nearly singular."""
    return rng.uniform(-1, 1, (n, 1)) ** (1 + np.arange(d) % 9) + 1e-3 * rng.standard_normal((n, d))


BASES = [
    normal,
    normal,
    correlated,
    heavy_tailed,
    counts,
    categories,
    sparse_entries,
    bumps,
    cumulative,
    powers,
]


def scales(rng, X, S):
    return X * 10.0 ** rng.uniform(-8, 8, X.shape[1]), S


def mild_scales(rng, X, S):
    return X * 10.0 ** rng.uniform(-2, 2, X.shape[1]), S


def shifts(rng, X, S):
    """Columns far from zero for their spread."""
    some = rng.random(X.shape[1]) < 0.5
    return X + some * (X.std(axis=0) + 1e-300) * 10.0 ** rng.uniform(0, 7, X.shape[1]), S


def outliers(rng, X, S):
    X = X.copy()
    for _ in range(rng.choice([1, 1, 2, 5])):
        j = rng.integers(X.shape[1])
        sign = rng.choice([-1.0, 1.0])
        X[rng.integers(len(X)), j] = sign * 10.0 ** rng.uniform(1, 12) * (np.abs(X[:, j]).max() or 1.0)
    return X, S


def outlying_rows(rng, X, S):
    X = X.copy()
    X[rng.integers(len(X))] *= 10.0 ** rng.uniform(1, 10)
    return X, S


def near_duplicates(rng, X, S):
    """A column again, but for a small part, and the signal in that part alone."""
    j, e = rng.integers(X.shape[1]), rng.standard_normal(len(X))
    near = X[:, j] + 10.0 ** rng.uniform(-9, -3) * (X[:, j].std() or 1.0) * e
    return inserted(rng, X, near), np.column_stack([S, e, e])


def duplicates(rng, X, S):
    return inserted(rng, X, X[:, rng.integers(X.shape[1])] * rng.choice([1.0, 1.0, -3.0])), S


def sums(rng, X, S):
    if X.shape[1] < 2:
        return X, S
    i, j = rng.choice(X.shape[1], 2, replace=False)
    return inserted(rng, X, X[:, i] + X[:, j]), S


def rare(rng, X, S):
    """A level of a category that few rows have."""
    column = np.zeros(len(X))
    column[rng.choice(len(X), min(len(X), int(rng.integers(1, 4))), replace=False)] = 1.0
    return inserted(rng, X, column), np.column_stack([S, column])


def constant(rng, X, S):
    return inserted(rng, X, np.full(len(X), rng.choice([0.0, 0.1, 1.0, 1.0, 1e6, -3e-5]))), S


def year(rng, X, S):
    return inserted(rng, X, rng.choice([2000.0, 1.7e9]) + rng.integers(0, 3, len(X))), S


EDITS = [
    scales,
    mild_scales,
    shifts,
    outliers,
    outlying_rows,
    near_duplicates,
    duplicates,
    sums,
    rare,
    constant,
    year,
]
ADD_COLUMNS = {near_duplicates, duplicates, sums, rare, constant, year}


def inserted(rng, X, column):
    return np.insert(X, rng.integers(X.shape[1] + 1), column, axis=1)


def apply_edits(rng, X, most_columns):
    """X changed by some ingredients; what carries signal, in units of its own; names of the ingredients."""
    S = (X - X.mean(axis=0)) / np.where(X.std(axis=0) > 0, X.std(axis=0), 1.0)
    chosen = [edit for edit in EDITS if rng.random() < 0.22]
    rng.shuffle(chosen)
    done = []
    for edit in chosen:
        if edit in ADD_COLUMNS and X.shape[1] >= most_columns:
            continue
        X, S = edit(rng, X, S)
        done.append(edit.__name__)
    return X, S, done
