"""Time whole paths, and the choice of C: `python benchmarks/paths.py [l1 | ridge | choice]`.

l1: a path of 100 strengths, lambda_max to lambda_max / 100, beside skglm and glum with warm starts. Every
peer is run at falling tolerances until each point of its path has a relative gap of 1e-6.
ridge: ten strengths on 1000 x 20k beside one fit. choice: leave-one-out beside LogisticRegressionCV.
"""

from __future__ import annotations

import argparse
import importlib.util
import time
import warnings

import numpy as np
import scipy.sparse as sp
from workloads import correlated, labels, lambda_max, sparse_text, tall_100, wide

from run import objective
from sklearn_xent import CrossEntropyClassifier, CrossEntropyClassifierCV, cross_entropy_path


def timed(function):
    """Seconds and result."""
    began = time.perf_counter()
    result = function()
    return time.perf_counter() - began, result


def ours(X, y, Cs, tol):
    """Coefficients and intercepts along the grid."""
    path = cross_entropy_path(X, y, Cs=Cs, l1_ratio=1.0, tol=tol)
    return path.coefs, path.intercepts


def within(Cs, cap):
    """The grid, until the time is over."""
    began = time.perf_counter()
    for C in Cs:
        if time.perf_counter() - began > cap:
            raise TimeoutError
        yield C


def by_skglm(X, y, Cs, tol, cap):
    """Warm starts along the grid."""
    from skglm.estimators import SparseLogisticRegression

    X = sp.csc_matrix(X) if sp.issparse(X) else X
    model = SparseLogisticRegression(alpha=1.0, tol=tol, warm_start=True, max_iter=200)
    found = []
    for C in within(Cs, cap):
        model.set_params(alpha=1 / (C * X.shape[0])).fit(X, y)
        found.append((model.coef_.copy().reshape(1, -1), np.atleast_1d(model.intercept_)))
    return zip(*found, strict=True)


def by_glum(X, y, Cs, tol, cap):
    """Warm starts along the grid."""
    import glum

    model = glum.GeneralizedLinearRegressor(
        family="binomial", alpha=1.0, l1_ratio=1, gradient_tol=tol, max_iter=1000, warm_start=True
    )
    found = []
    for C in within(Cs, cap):
        model.set_params(alpha=1 / (C * len(y))).fit(X, y)
        found.append((model.coef_.copy()[None], np.array([model.intercept_])))
    return zip(*found, strict=True)


PEERS = {"skglm": by_skglm, "glum": by_glum}


def gaps(X, y, Cs, found, best):
    """Relative gaps along the grid above the best values, which are lowered where these are lower."""
    values = [objective(X, y, C, w, b, 1.0) for C, w, b in zip(Cs, *found, strict=True)]
    np.minimum(best, values, out=best)
    return values


def l1_paths(cap, n_Cs=100):
    """Paths of the first l1 workloads."""
    for name, make in (
        ("1M x 100", tall_100),
        ("500 x 5000", correlated),
        ("sparse 200k x 47k", sparse_text),
    ):
        X, y = make()
        Cs = np.geomspace(1, 100, n_Cs) / lambda_max(X, y)
        print(f"{name}: {n_Cs} strengths", flush=True)
        reference, best = cross_entropy_path(X, y, Cs=Cs, l1_ratio=1.0, tol=1e-9), np.full(n_Cs, np.inf)
        gaps(X, y, Cs, (reference.coefs, reference.intercepts), best)
        seconds, found = timed(lambda X=X, y=y, Cs=Cs: ours(X, y, Cs, 1e-6))
        worst = np.max(np.array(gaps(X, y, Cs, found, best)) / best - 1)
        print(f"  sklearn_xent  {seconds:8.2f} s  worst gap {worst:.0e}", flush=True)
        for peer, run in PEERS.items():
            if importlib.util.find_spec(peer) is None or (peer == "glum" and X.shape[1] > 1000):
                continue
            run(X[:200], y[:200], Cs[:2], 1e-2, cap)  # compilation is not part of a path
            for tol in (1e-3, 1e-4, 1e-5, 1e-6, 1e-7):
                try:
                    theirs, found = timed(
                        lambda run=run, X=X, y=y, Cs=Cs, tol=tol: list(run(X, y, Cs, tol, cap))
                    )
                except TimeoutError:
                    more = f"ratio > {cap / seconds:.1f}"
                    print(f"  {peer:12s}  not in {cap:g} s            tol {tol:g}  {more}", flush=True)
                    break
                worst = np.max(np.array(gaps(X, y, Cs, found, best)) / best - 1)
                ratio = f"ratio {theirs / seconds:.1f}" if worst <= 1e-6 else ""
                print(
                    f"  {peer:12s}  {theirs:8.2f} s  worst gap {worst:.0e}  tol {tol:g}  {ratio}", flush=True
                )
                if worst <= 1e-6:
                    break


def ridge_path():
    """Ten strengths on wide data beside one fit."""
    X, y = wide()
    Cs = np.geomspace(1e-4, 1e-1, 10)
    one = np.median([timed(lambda: CrossEntropyClassifier(C=0.01).fit(X, y))[0] for _ in range(5)])
    ten = np.median([timed(lambda: cross_entropy_path(X, y, Cs=Cs, l1_ratio=0.0))[0] for _ in range(5)])
    print(f"1000 x 20k ridge: one fit {one:.3f} s, ten strengths {ten:.3f} s = {ten / one:.1f} fits")


def choice():
    """The choice of C beside LogisticRegressionCV with five folds on the same grid."""
    from sklearn.linear_model import LogisticRegressionCV

    rng = np.random.default_rng(0)
    X = rng.standard_normal((20_000, 30))
    y = labels(X @ rng.standard_normal(30) / 3, rng)
    for title, rows in (("20,000 x 30", slice(None)), ("1,000 x 30", slice(1000))):
        a, b = X[rows], y[rows]
        mine = np.median(
            [timed(lambda a=a, b=b: CrossEntropyClassifierCV(Cs=10).fit(a, b))[0] for _ in range(5)]
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = np.median(
                [
                    timed(
                        lambda a=a, b=b: LogisticRegressionCV(Cs=10, cv=5, scoring="neg_log_loss").fit(a, b)
                    )[0]
                    for _ in range(3)
                ]
            )
        print(
            f"{title}, ten strengths: leave-one-out {mine:.3f} s, LogisticRegressionCV {theirs:.3f} s, "
            f"ratio {theirs / mine:.1f}"
        )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", default=["l1", "ridge", "choice"])
    parser.add_argument("--cap", type=float, default=60.0, help="seconds that a path of a peer may take")
    arguments = parser.parse_args()
    if "ridge" in arguments.parts:
        ridge_path()
    if "choice" in arguments.parts:
        choice()
    if "l1" in arguments.parts:
        l1_paths(arguments.cap)


if __name__ == "__main__":
    main()
