"""Hard streams: outliers to 1e12, scales, offsets, sorted rows, rare columns, drift; and interrupts."""

import sys
import time
import warnings
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from sklearn.exceptions import ConvergenceWarning

from sklearn_xent import MiniBatchCrossEntropyClassifier
from tests.fuzz.verdict import Verdict

SHORT = 0.25  # share of the way from the null model to the optimum that a benign stream may be short of
MARGIN = 1e-3  # nats above the null model that are no matter
SLOW = 60.0  # processor seconds


class Problem(NamedTuple):
    """Rows, labels, weights, options; the columns the labels came from; what was done to them."""

    X: Any
    y: np.ndarray
    weights: np.ndarray | None
    options: dict
    Z: np.ndarray
    done: tuple


def check(seed: int) -> Verdict:
    """Fit one random stream, by ``fit``, by ``partial_fit``, or with an interrupt, and judge what is left."""
    rng = np.random.default_rng(seed)
    problem = _problem(rng)
    way = ("fit", "fit", "partial_fit", "interrupt")[seed % 4]
    began = time.process_time()
    try:
        verdict = {"fit": _fit, "partial_fit": _partial_fit, "interrupt": _interrupt}[way](problem, rng)
    except Exception as error:  # whatever escapes is what is looked for
        verdict = Verdict("error", f"{type(error).__name__}: {error}")
    if time.process_time() - began > SLOW:
        verdict = Verdict("hang", f"{time.process_time() - began:.0f} s")
    X = problem.X
    what = f"{way} {X.shape} {'sparse' if sp.issparse(X) else 'dense'} {problem.options} {problem.done}"
    return Verdict(verdict.kind, f"{verdict.detail} [{what}]")


def _problem(rng: np.random.Generator) -> Problem:
    wide = rng.random() < 0.15
    K = int(rng.integers(2, 6))
    d = 1100 if wide else int(rng.integers(1, 9))
    n = int(rng.integers(200, 600)) if wide else int(rng.integers(40 * K * (d + 1), 40 * K * (d + 1) + 1500))
    Z = rng.standard_normal((n, d))
    done = []
    if rng.random() < 0.15:
        Z = np.clip(rng.standard_cauchy((n, d)), -1e8, 1e8)
        done.append("cauchy")
    beta = rng.standard_normal((d, K)) * rng.choice([0.3, 1.0, 3.0]) / np.sqrt(d)
    z = np.clip(Z, -30, 30) @ beta + rng.standard_normal(K)
    y = np.argmax(z + rng.gumbel(size=z.shape), axis=1)
    if rng.random() < 0.3:
        noisy = rng.random(n) < 0.2
        y = np.where(noisy, rng.integers(0, K, n), y)
        done.append("noise")
    X = Z.copy()
    for name, share in (("rare", 0.2), ("late", 0.15), ("outlier", 0.4), ("drift", 0.12), ("sorted", 0.15)):
        if rng.random() < share:
            X, y = _HARDENED[name](X, y, rng)
            done.append(name)
    X, done = _in_units(X, done, rng)
    if rng.random() < 0.25:
        X = sp.csr_array(np.where(np.abs(Z) < 0.7, 0.0, X))
        done.append("sparse")
    y[rng.choice(n, K, replace=False)] = np.arange(K)
    weights = rng.integers(0, 4, n).astype(float) if rng.random() < 0.2 else None
    if weights is not None:
        weights[[np.flatnonzero(y == k)[0] for k in range(K)]] = 1.0
    options = {
        "batch_size": [20, 50, 128, 500, None][rng.integers(5)],
        "C": [1.0, 1e3, np.inf][rng.integers(3)],
        "l1_ratio": float(rng.choice([0.0, 0.0, 0.0, 0.5, 1.0])),
        "shuffle": bool(rng.random() < 0.5),
        "fit_intercept": bool(rng.random() < 0.85),
        "max_iter": int(rng.choice([1, 3, 10])),
    }
    return Problem(X, y, weights, options, Z, tuple(done))


def _rare(X, y, rng):
    j = rng.integers(X.shape[1])
    X[:, j] = rng.random(len(X)) < 0.005
    return X, y


def _late(X, y, rng):
    X[: len(X) // 4, rng.integers(X.shape[1])] = rng.choice([0.0, 7.0, 1e5])
    return X, y


def _outlier(X, y, rng):
    size = 10 ** rng.uniform(2, 12)
    for _ in range(rng.integers(1, 5)):
        i = int(rng.choice([0, len(X) // 2, len(X) - 1, rng.integers(len(X))]))
        columns = slice(None) if rng.random() < 0.3 else rng.integers(X.shape[1])
        X[i, columns] = X[i, columns] * size
    return X, y


def _drift(X, y, rng):
    along = np.linspace(0, 1, len(X))[:, None]
    kind = rng.integers(3)
    if kind == 0:
        return X * 10 ** (along * rng.uniform(0, 4)), y
    if kind == 1:
        return X + along * 10 ** rng.uniform(0, 4), y
    return X * np.where(along > 0.5, 10 ** rng.uniform(0, 5), 1.0), y


def _sorted(X, y, rng):
    order = np.argsort(y if rng.random() < 0.5 else X[:, 0], kind="stable")
    return X[order], y[order]


_HARDENED = {"rare": _rare, "late": _late, "outlier": _outlier, "drift": _drift, "sorted": _sorted}


def _in_units(X, done, rng):
    if rng.random() < 0.3:
        X, done = X * 10 ** rng.uniform(-8, 8, X.shape[1]), [*done, "units"]
    if rng.random() < 0.3:
        spread = np.median(np.abs(X - np.median(X, axis=0)), axis=0)
        X, done = X + spread * 10 ** rng.uniform(0, 6, X.shape[1]), [*done, "offsets"]
    return X, done


def _fit(problem: Problem, rng: np.random.Generator) -> Verdict:
    model = MiniBatchCrossEntropyClassifier(**problem.options)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(problem.X, problem.y, problem.weights)
    leaked = [w for w in caught if not issubclass(w.category, ConvergenceWarning)]
    if leaked:
        return Verdict("violation", f"leaked {leaked[0].category.__name__}: {leaked[0].message}")
    loss, null = _loss(model, problem), _null(problem)
    if not np.isfinite(loss):
        return Verdict("violation", "the coefficients are not finite")
    says_so = any("knows no column" in str(w.message) for w in caught)
    # beside an outlier the logits' rounding decides whether its row is right: who predicts meets that loss
    if min(loss, _loss_of_predictions(model, problem)) > null + MARGIN and not says_so:
        return Verdict("violation", f"silent at {loss:.6g}, null model {null:.6g}")
    if says_so and loss < null - MARGIN:
        return Verdict("false alarm", f"warned at {loss:.6g}, null model {null:.6g}")
    if _benign(problem) and not caught:
        optimum = _optimum(problem)
        if loss - optimum > SHORT * (null - optimum) + MARGIN:
            return Verdict("violation", f"{loss:.6g}, optimum {optimum:.6g}, null model {null:.6g}")
    return Verdict("warned", f"at {loss:.6g}, null model {null:.6g}") if says_so else Verdict("ok")


def _partial_fit(problem: Problem, rng: np.random.Generator) -> Verdict:
    model = MiniBatchCrossEntropyClassifier(**problem.options)
    size = int(rng.choice([10, 100, 1000]))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for start in range(0, problem.X.shape[0], size):
            part = slice(start, start + size)
            weights = None if problem.weights is None else problem.weights[part]
            classes = np.unique(problem.y)
            model.partial_fit(problem.X[part], problem.y[part], classes=classes, sample_weight=weights)
            if not (np.isfinite(model.coef_).all() and np.isfinite(model.intercept_).all()):
                return Verdict("violation", f"coefficients not finite after row {start + size}")
    if caught:
        return Verdict("violation", f"leaked {caught[0].category.__name__}: {caught[0].message}")
    loss, null = _loss(model, problem), _null(problem)
    if loss > null + MARGIN and _benign(problem):
        return Verdict("violation", f"{loss:.6g}, null model {null:.6g}")
    return Verdict("ok")


def _interrupt(problem: Problem, rng: np.random.Generator) -> Verdict:
    """Raise KeyboardInterrupt at a random line of the package; the state must be the old one or the new."""
    X, y = problem.X[:200], problem.y[:200]
    y = np.concatenate([np.unique(problem.y), y[len(np.unique(problem.y)) :]])
    options = {**problem.options, "batch_size": 100, "max_iter": 2}
    model = MiniBatchCrossEntropyClassifier(**options).partial_fit(X, y, classes=np.unique(y))
    call = rng.choice(["fit", "partial_fit"])
    errors, before = np.geterr(), dict(model.__dict__)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        twin = MiniBatchCrossEntropyClassifier(**options).partial_fit(X, y, classes=np.unique(y))
        lines = _stopped_at(getattr(twin, call), X, y, None)
        done = twin.__dict__
        _stopped_at(getattr(model, call), X, y, int(rng.integers(lines)))
    if np.geterr() != errors:
        np.seterr(**errors)
        return Verdict("violation", "numpy's errstate stays changed")
    after = model.__dict__
    if before.keys() == after.keys() and all(before[name] is after[name] for name in before):
        return Verdict("ok")
    whole = before.keys() == after.keys() and after["n_samples_seen_"] == done["n_samples_seen_"]
    if whole and np.array_equal(after["coef_"], done["coef_"]):
        return Verdict("ok", "interrupted after the assignment")
    return Verdict("violation", f"an interrupted {call} left a mixture")


def _stopped_at(call, X, y, line):
    """Call with an interrupt at a line of the package, None for never; the number of lines until then."""
    count = 0

    def trace(frame, event, arg):
        nonlocal count
        if "sklearn_xent" not in frame.f_code.co_filename:
            return None
        if event == "line":
            count += 1
            if line is not None and count > line:
                sys.settrace(None)
                raise KeyboardInterrupt
        return trace

    old = sys.gettrace()
    sys.settrace(trace)
    try:
        call(X, y)
    except KeyboardInterrupt:
        pass
    finally:
        sys.settrace(old)
    return count


def _benign(problem: Problem) -> bool:
    """Whether one pass in this order must do: nothing far out, nothing that changes, and enough rows."""
    hard = {"outlier", "drift", "sorted", "late", "cauchy", "sparse", "rare"}
    plain = problem.options["fit_intercept"] and problem.options["C"] == np.inf and problem.X.shape[1] < 10
    return plain and problem.weights is None and not hard & set(problem.done)


def _loss(model, problem):
    """Mean loss in long double, of the coefficients as they are."""
    X = problem.X.toarray() if sp.issparse(problem.X) else problem.X
    coef, intercept = model.coef_.astype(np.longdouble), model.intercept_.astype(np.longdouble)
    z = X.astype(np.longdouble) @ coef.T + intercept
    if z.shape[1] == 1:
        z = np.column_stack([np.zeros(len(z)), z])
    z -= z.max(axis=1, keepdims=True)
    losses = np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(z)), problem.y]
    weights = np.ones(len(z)) if problem.weights is None else problem.weights
    return float(weights @ losses / weights.sum())


def _loss_of_predictions(model, problem):
    """Mean loss of what the model predicts, in float64."""
    with np.errstate(over="ignore", invalid="ignore"):
        losses = -model.predict_log_proba(problem.X)[np.arange(len(problem.y)), problem.y]
    return float(np.average(losses, weights=problem.weights))


def _null(problem):
    counts = np.bincount(problem.y, problem.weights)
    if not problem.options["fit_intercept"]:
        return float(np.log(len(counts)))
    p = counts / counts.sum()
    return float(-(p[p > 0] * np.log(p[p > 0])).sum())


def _optimum(problem):
    """Least mean loss without a penalty, by Newton steps on the columns before their units."""
    A = np.column_stack([problem.Z, np.ones(len(problem.Z))])
    (n, size), K = A.shape, int(problem.y.max()) + 1
    Y, W = np.eye(K)[problem.y], np.zeros((size, K))

    def value(W):
        z = A @ W
        top = z.max(axis=1)
        return float((top + np.log(np.exp(z - top[:, None]).sum(axis=1)) - z[np.arange(n), problem.y]).mean())

    for _ in range(30):
        z = A @ W
        p = np.exp(z - z.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        G = A.T @ (p - Y) / n
        S = np.einsum("nk,kl->nkl", p, np.eye(K)) - p[:, :, None] * p[:, None, :]
        H = np.einsum("ni,nkl,nj->ikjl", A, S, A, optimize=True).reshape(size * K, -1) / n
        D = np.linalg.lstsq(H + 1e-10 * np.eye(size * K), G.ravel(), rcond=None)[0].reshape(size, K)
        t = 1.0
        while value(W - t * D) > value(W) and t > 1e-6:
            t /= 2
        W = W - t * D
        if np.abs(G).max() < 1e-10:
            break
    return value(W)
