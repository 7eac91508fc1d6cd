"""Approximate leave-one-out of small hard problems against leaving each row out, by steps of its own."""

import warnings

import numpy as np
import scipy.sparse as sp

from sklearn_xent import CrossEntropyClassifier, CrossEntropyClassifierCV
from tests.fuzz.verdict import Verdict

RELATIVE, NATS = 0.02, 1e-3  # error of a score that is let pass: the larger


def problem(seed):
    """Rows, labels, weights, C and l1_ratio that are hard in one or several ways."""
    rng = np.random.default_rng(seed)
    n, d, K = int(rng.integers(6, 61)), int(rng.integers(1, 9)), int(rng.integers(2, 5))
    X = rng.normal(size=(n, d)) * 10.0 ** rng.uniform(-1, 1, size=d) + rng.normal(size=d) * rng.choice([0, 5])
    Z = X @ rng.normal(size=(d, K)) / X.std(axis=0).mean()
    noise = rng.choice([0.02, 0.3, 1.0, 10.0])  # from nearly separable to nearly nothing
    y = (Z + noise * rng.gumbel(size=(n, K))).argmax(axis=1)
    if rng.random() < 0.4:  # far outliers
        for _ in range(rng.integers(1, 4)):
            X[rng.integers(n), rng.integers(d)] *= 10.0 ** rng.uniform(1, 6)
    if rng.random() < 0.3:  # columns of few entries
        X[:, rng.integers(d)] *= rng.random(n) < 0.1
    if rng.random() < 0.3 or len(np.unique(y)) < 2:  # a rare class
        y[y == K - 1] = 0
        y[rng.choice(n, rng.integers(1, 3), replace=False)] = K - 1
        y[rng.choice(np.flatnonzero(y != 0) if (y == 0).sum() == 0 else np.flatnonzero(y == 0), 1)] = 0
        if len(np.unique(y)) < 2:
            y[:2] = 0, 1
    weights = rng.choice([0.0, 1.0, 2.0, 7.5], n) if rng.random() < 0.2 else np.ones(n)
    weights[[np.flatnonzero(y == k)[0] for k in np.unique(y)]] = 1.0  # no class without weight
    offset = rng.normal(size=n) if len(np.unique(y)) == 2 and rng.random() < 0.1 else None
    Cs = np.sort(10.0 ** rng.uniform(-4, 6, size=4))
    return X, y, weights, offset, Cs, float(rng.choice([0.0, 0.0, 0.5, 1.0])), bool(rng.random() < 0.2)


def check(seed: int) -> Verdict:
    """Compare the scores of every C, and the C that is chosen."""
    X, y, weights, offset, Cs, l1_ratio, sparse = problem(seed)
    model = CrossEntropyClassifierCV(Cs=Cs, l1_ratios=[l1_ratio])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            model.fit(sp.csr_array(X) if sparse else X, y, sample_weight=weights, offset=offset)
        except ValueError as error:
            alone = [np.count_nonzero(weights[y == k]) == 1 for k in np.unique(y)]
            expected = "no fold has a finite score" in str(error) and np.all(alone)
            return Verdict("ok" if expected else "error", str(error))
    exact = exact_losses(X, y, weights, offset, Cs, l1_ratio)
    found = -model.mean_score_[0]
    allowed = np.maximum(RELATIVE * exact, NATS)
    wrong = ~(np.abs(found - exact) <= allowed)
    chosen = int(np.flatnonzero(Cs == model.C_)[0])
    tied = exact[chosen] <= exact.min() + allowed[chosen] + allowed[exact.argmin()]
    if wrong.any() or not tied:
        kind = "warned" if any("leave-one-out" in str(w.message) for w in caught) else "violation"
        return Verdict(
            kind, f"l1_ratio {l1_ratio:g}, C {Cs}: {found} for {exact}; chosen {chosen}; {model.n_refitted_}"
        )
    return Verdict("ok")


def exact_losses(X, y, weights, offset, Cs, l1_ratio):
    """Mean loss (n_Cs,) of rows by fits of the others; a row whose class goes with it does not count."""
    n, losses, counted = len(y), np.zeros((len(Cs), len(y))), weights.copy()
    for i in np.flatnonzero(weights > 0):
        rest = (np.arange(n) != i) & (weights > 0)
        if y[i] not in y[rest]:
            counted[i] = 0.0
            continue
        shift = np.zeros(n) if offset is None else offset
        W = None
        for c, C in enumerate(Cs):
            if l1_ratio:
                model = CrossEntropyClassifier(C=C, l1_ratio=l1_ratio, tol=1e-12)
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    model.fit(
                        X[rest],
                        y[rest],
                        sample_weight=weights[rest],
                        offset=shift[rest] if offset is not None else None,
                    )
                z = X[i] @ model.coef_.T + model.intercept_
                if len(z) == 1:
                    z = np.append(0.0, z + shift[i])
            else:
                W, z = ridge(X[rest], y[rest], weights[rest], shift[rest], C, X[i], shift[i], W)
            k = int(np.searchsorted(np.unique(y), y[i]))
            losses[c, i] = np.logaddexp.reduce(z) - z[k]
    return losses @ counted / counted.sum()


def ridge(X, y, weights, shift, C, row, row_shift, start):
    """Minimise the weighted sum of losses + ||W||^2 / (2 C) by damped Newton steps; logits of a new row."""
    centre, scale = X.mean(axis=0), X.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    A = np.column_stack([(X - centre) / scale, np.ones(len(X))])
    Y = np.eye(y.max() + 1)[y][:, np.unique(y)]
    binary = Y.shape[1] == 2
    K = 1 if binary else Y.shape[1]
    penalty = np.tile(np.append(1 / (C * scale**2), 0.0), K)
    added = np.column_stack([0 * shift, shift]) if binary else 0.0

    def expand(w, order=2):
        V = w.reshape(K, -1)
        Z = A @ (np.vstack([0 * V, V]) if binary else V).T + added
        top = Z.max(axis=1, keepdims=True)
        logs = Z - top - np.log(np.exp(Z - top).sum(axis=1, keepdims=True))
        value = -weights @ (Y * logs).sum(axis=1) + 0.5 * penalty @ w**2
        if not order:
            return value
        P = np.exp(logs)
        R = (weights[:, None] * (P - Y))[:, 1:] if binary else weights[:, None] * (P - Y)
        g = (R.T @ A).ravel() + penalty * w
        blocks = [
            [
                (A * (weights * (P[:, k] * (k == l) - P[:, k] * P[:, l]))[:, None]).T @ A
                for l in (range(1, 2) if binary else range(K))
            ]
            for k in (range(1, 2) if binary else range(K))
        ]
        return value, g, np.block(blocks) + np.diag(penalty)

    w = np.zeros(K * A.shape[1]) if start is None else start
    for _ in range(200):
        value, g, H = expand(w)
        unit = 1 / np.sqrt(np.maximum(np.diag(H), 1e-290))
        step = -unit * np.linalg.lstsq(H * unit[:, None] * unit, unit * g, rcond=1e-15)[0]
        slope = float(g @ step)
        if not slope < -1e-13 * max(value, 1e-8):
            break
        t = 1.0
        while expand(w + t * step, 0) > value + 1e-4 * t * slope and t > 1e-6:
            t /= 2
        if t <= 1e-6:
            break
        w = w + t * step
    V = w.reshape(K, -1)
    z = V @ np.append((row - centre) / scale, 1.0)
    return w, np.append(0.0, z + row_shift) if binary else z
