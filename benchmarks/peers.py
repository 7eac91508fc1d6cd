"""Who is timed, and how each is asked for more accuracy. A peer that is not installed is left out."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp

__all__ = ["PEERS", "Peer"]


class Peer(NamedTuple):
    """``fit(X, y, C, tol, l1_ratio)`` gives coefficients (K or 1, d), intercepts; ``tols`` are tried in turn.

    ``suits(X, K, l1_ratio)`` says whether it can take a problem on.
    """

    fit: Callable[..., tuple[Any, Any]]
    tols: tuple[float, ...]
    needs: str
    suits: Callable[[Any, int, float], bool]


def _ours(X: Any, y: Any, C: float, tol: float, l1_ratio: float) -> tuple[Any, Any]:
    from sklearn_xent import CrossEntropyClassifier

    model = CrossEntropyClassifier(C=C, l1_ratio=l1_ratio).fit(
        X, y
    )  # default tol: the claim is about the default
    return model.coef_, model.intercept_


def _sklearn(solver: str) -> Callable[..., tuple[Any, Any]]:
    # liblinear penalises the intercept; a large scaling makes that too little to matter
    options = {"intercept_scaling": 1e3} if solver == "liblinear" else {}

    def fit(X: Any, y: Any, C: float, tol: float, l1_ratio: float) -> tuple[Any, Any]:
        from sklearn.linear_model import LogisticRegression

        more = options if l1_ratio else {}
        model = LogisticRegression(
            C=C, solver=solver, tol=tol, max_iter=10_000, l1_ratio=l1_ratio, **more
        ).fit(X, y)
        return model.coef_, model.intercept_

    return fit


def _plain(X: Any, y: Any, C: float, tol: float, l1_ratio: float) -> tuple[Any, Any]:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=C).fit(X, y)  # with nothing else set, as most people have it
    return model.coef_, model.intercept_


def _glum(X: Any, y: Any, C: float, tol: float, l1_ratio: float) -> tuple[Any, Any]:
    import glum

    model = glum.GeneralizedLinearRegressor(
        family="binomial", alpha=1 / (C * len(y)), l1_ratio=l1_ratio, gradient_tol=tol, max_iter=1000
    ).fit(X, y)
    return model.coef_[None], np.array([model.intercept_])


def _snapml(X: Any, y: Any, C: float, tol: float, l1_ratio: float) -> tuple[Any, Any]:
    import snapml

    X = sp.csr_matrix(X) if sp.issparse(X) else X  # it knows no sparse arrays
    model = snapml.LogisticRegression(
        regularizer=1 / C, dual=True, tol=tol, max_iter=10_000, fit_intercept=True, n_jobs=2
    ).fit(X, y)
    return np.atleast_2d(model.coef_), np.atleast_1d(model.intercept_)


def _cyanure(X: Any, y: Any, C: float, tol: float, l1_ratio: float) -> tuple[Any, Any]:
    from cyanure.estimators import Classifier

    X = X.tocsr() if sp.issparse(X) else X
    model = Classifier(
        loss="logistic",
        penalty={0.0: "l2", 1.0: "l1"}.get(l1_ratio, "elastic-net"),
        lambda_1=(l1_ratio or 1.0) / (C * X.shape[0]),
        lambda_2=(1 - l1_ratio) / (C * X.shape[0]),
        fit_intercept=True,
        tol=tol,
        max_iter=1000,
        verbose=False,
    )
    model.fit(X, np.where(y == np.max(y), 1.0, -1.0))
    return np.asarray(model.coef_).reshape(1, -1), np.atleast_1d(model.intercept_)


def _skglm(X: Any, y: Any, C: float, tol: float, l1_ratio: float) -> tuple[Any, Any]:
    from skglm.estimators import SparseLogisticRegression

    X = sp.csc_matrix(X) if sp.issparse(X) else X
    model = SparseLogisticRegression(alpha=1 / (C * X.shape[0]), l1_ratio=l1_ratio, tol=tol, max_iter=200)
    model.fit(X, y)
    return np.atleast_2d(model.coef_), np.atleast_1d(model.intercept_)


def _binary(X: Any, K: int, l1_ratio: float) -> bool:
    return K == 2


def _smooth(X: Any, K: int, l1_ratio: float) -> bool:
    return l1_ratio == 0


def _factorable(X: Any, K: int, l1_ratio: float) -> bool:
    return not sp.issparse(X) and K * X.shape[1] <= 4000 and l1_ratio == 0


def _glum_suits(X: Any, K: int, l1_ratio: float) -> bool:
    return K == 2 and not sp.issparse(X) and X.shape[1] <= 4000


GRID = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8)
PEERS: dict[str, Peer] = {
    "sklearn_xent": Peer(_ours, (1e-8,), "sklearn_xent", lambda X, K, l1_ratio: True),
    "LogisticRegression()": Peer(_plain, (1e-4,), "sklearn", _smooth),
    "sklearn lbfgs": Peer(_sklearn("lbfgs"), GRID, "sklearn", _smooth),
    "sklearn newton-cg": Peer(_sklearn("newton-cg"), GRID, "sklearn", _smooth),
    "sklearn newton-cholesky": Peer(_sklearn("newton-cholesky"), GRID, "sklearn", _factorable),
    "sklearn liblinear": Peer(_sklearn("liblinear"), GRID, "sklearn", lambda X, K, r: K == 2 and r in (0, 1)),
    "sklearn saga": Peer(_sklearn("saga"), GRID, "sklearn", lambda X, K, l1_ratio: l1_ratio > 0),
    "glum": Peer(_glum, GRID, "glum", _glum_suits),
    "skglm": Peer(_skglm, GRID, "skglm", lambda X, K, l1_ratio: K == 2 and l1_ratio > 0),
    "snapml": Peer(_snapml, GRID, "snapml", lambda X, K, l1_ratio: K == 2 and l1_ratio == 0),
    "cyanure": Peer(_cyanure, GRID, "cyanure", _binary),
}
PEERS = {name: peer for name, peer in PEERS.items() if importlib.util.find_spec(peer.needs)}
