"""Problems that several test modules pose, and an objective written as the documentation states it."""

import contextlib

import numpy as np
from scipy.special import log_softmax

from sklearn_xent import CrossEntropyClassifier
from sklearn_xent.solvers.visit import Near, StopWithin


def overlapping(n=80, d=4, K=2, seed=0):
    """Rows and labels of classes that overlap: an optimum exists without a penalty."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    W = rng.normal(size=(d, K))
    y = np.argmax(X @ W + rng.gumbel(size=(n, K)) * 1.5, axis=1)
    y[:K] = np.arange(K)
    return X, y


def unpenalised(X, y, **options):
    """Maximum likelihood, to more digits than by default."""
    return CrossEntropyClassifier(C=np.inf, tol=1e-12).fit(X, y, **options)


def positive(n, rank=None, seed=0):
    """A positive semidefinite matrix (n, n) of some rank."""
    A = np.random.default_rng(seed).normal(size=(rank or n + 3, n))
    return A.T @ A


def reference_objective(model, X, y, sample_weight=None, offset=None):
    """J of the documentation, from the attributes of a fitted model; y are codes or soft labels."""
    X = np.asarray(X.toarray() if hasattr(X, "toarray") else X, dtype=np.float64)
    coef = model.coef_.toarray() if hasattr(model.coef_, "toarray") else model.coef_
    z = X @ coef.T + model.intercept_
    if len(coef) == 1:
        z = np.column_stack([np.zeros(len(X)), z[:, 0]])
    z = z if offset is None else z + offset
    T = y if np.ndim(y) == 2 else np.eye(z.shape[1])[y]
    s = np.ones(len(X)) if sample_weight is None else sample_weight
    loss = -(s[:, None] * T * log_softmax(z, axis=1)).sum()
    rho = model.l1_ratio
    penalty = rho * np.abs(coef).sum() + (1 - rho) / 2 * (coef**2).sum()
    return loss + (0.0 if np.isinf(model.C) else penalty / model.C)


def iterates(method, objective, start, most, tol=0.0, **options):
    """Points that a method visits from a start, at most so many, until it says that its gap is within tol."""
    points = []

    class Watching(StopWithin):
        def __call__(self, point, **known):
            points.append(point)
            if len(points) == most:
                raise Near
            if tol:
                super().__call__(point, **known)

    watching = Watching(lambda point: tol * abs(point.value))
    with contextlib.suppress(Near):
        method(objective, start, watching, **options)
    return points
