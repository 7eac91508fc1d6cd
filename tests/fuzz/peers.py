"""The same problems, as far as they can be posed to them, for other solvers at their default tolerances."""

from __future__ import annotations

import os
import pickle
import resource
import signal
import warnings

import numpy as np
import scipy.sparse as sp

from sklearn_xent import CrossEntropyClassifier
from tests.fuzz.checker import PROMISE, SECONDS, Hang, resolution, time_limit
from tests.fuzz.exact import exact
from tests.fuzz.generator import problem
from tests.fuzz.oracle import optimum
from tests.fuzz.separation import separation

__all__ = ["KINDS", "PEERS", "outcomes"]

KINDS = ("optimal", "warned", "silently worse", "failed", "too long")


def _sklearn(solver):
    def pose(made):
        from sklearn.linear_model import LogisticRegression

        p = dict(made.parameters)
        p.pop("solver", None)
        l1 = p.get("l1_ratio", 0.0) > 0
        strange = {"penalty_factor", "coef_bounds", "label_smoothing"} & p.keys()
        if strange or made.offset is not None or np.ndim(made.y) == 2 or l1 != (solver == "saga"):
            return None
        model = LogisticRegression(solver=solver, **p)
        return lambda: model.fit(made.X, made.y, made.sample_weight)

    return pose


def _glum(made):
    import glum

    p = made.parameters
    strange = {"coef_bounds", "label_smoothing", "class_weight"} & p.keys()
    if strange or made.n_classes > 2 or np.ndim(made.y) == 2:
        return None
    total = len(made.y) if made.sample_weight is None else made.sample_weight.sum()
    factors = p.get("penalty_factor")
    model = glum.GeneralizedLinearRegressor(
        family="binomial",
        alpha=1 / (p["C"] * total),
        l1_ratio=p.get("l1_ratio", 0.0),
        fit_intercept=p.get("fit_intercept", True),
        **({} if factors is None else {"P1": factors, "P2": factors}),
    )
    X = sp.csc_matrix(made.X) if sp.issparse(made.X) else made.X
    return lambda: model.fit(X, made.y.astype(float), made.sample_weight, offset=made.offset)


PEERS = {
    "scikit-learn lbfgs": _sklearn("lbfgs"),
    "scikit-learn newton-cholesky": _sklearn("newton-cholesky"),
    "scikit-learn saga (l1)": _sklearn("saga"),
    "glum": _glum,
}


def outcomes(seed, size):
    """Pairs (peer, {"peer": kind, "ours": kind}) of the peers that can take the seed's problem on."""
    made = problem(seed, size)
    posed = {name: pose(made) for name, pose in PEERS.items()}
    posed = {name: run for name, run in posed.items() if run is not None}
    if not posed or made.first is not None:
        return []
    ends = {"ours": _end(lambda: _ours(made), SECONDS[size])}
    ends |= {name: _apart(run, SECONDS[size]) for name, run in posed.items()}
    truth = exact(made)
    if separation(truth) == "yes":
        return []
    kinds = _judged(truth, ends)
    return [(name, {"peer": kinds[name], "ours": kinds["ours"]}) for name in posed]


def _ours(made):
    return CrossEntropyClassifier(**made.parameters).fit(made.X, made.y, made.sample_weight, made.offset)


def _apart(run, seconds):
    """`_end` in a process of its own, which a solver that corrupts memory can bring down."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:  # code that never comes back to the interpreter hears of no time limit but this one
            resource.setrlimit(resource.RLIMIT_CPU, (int(2 * seconds) + 1,) * 2)
            with os.fdopen(writing, "wb") as pipe:
                pickle.dump(_end(run, seconds), pipe)
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        written = pipe.read()
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        return pickle.loads(written)
    return "too long" if os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGKILL) else "failed"


def _end(run, seconds):
    """Coefficients, intercept and whether it warned; or what came instead."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            with time_limit(seconds):
                model = run()
        except Hang:
            return "too long"
        except Exception:
            return "failed"
    coef = np.atleast_2d(np.asarray(model.coef_, dtype=np.float64))
    intercept = np.atleast_1d(np.asarray(model.intercept_, dtype=np.float64))
    if not (np.isfinite(coef).all() and np.isfinite(intercept).all()):
        return "failed"
    return coef, np.broadcast_to(intercept, (len(coef),)), bool(caught)


def _judged(truth, ends):
    """Kind of each end. A model that warned is believed, the others are held against the lowest J found."""
    points = {name: end for name, end in ends.items() if not isinstance(end, str)}
    kinds = {name: end for name, end in ends.items() if isinstance(end, str)}
    values = {name: truth.value(coef, intercept) for name, (coef, intercept, _) in points.items()}
    starts = [points[name][:2] for name in sorted(values, key=values.get)[:1]]
    best = optimum(truth, starts) if starts else None
    forgiven = resolution(truth, best) if starts else 0
    for name, (_, _, warned) in points.items():
        near = values[name] - best.value <= PROMISE * abs(best.value) + forgiven
        kinds[name] = "warned" if warned else "optimal" if near else "silently worse"
    return kinds
