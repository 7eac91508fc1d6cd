"""The public functions on extreme numbers against mpmath at 50 digits, numpy told to raise at every flag.

A relative error is counted in units of the last digit, beside those that the rounding of a difference of
logits z makes inevitable: |z| of them in exp(z). Numbers below 1e-308 have an absolute error instead.
"""

import warnings
from functools import partial

import mpmath
import numpy as np

import sklearn_xent as package
from tests.fuzz.verdict import Verdict

mpf, exp, log1p, fsum = mpmath.mpf, mpmath.exp, mpmath.log1p, mpmath.fsum
EPS, TINIEST, LARGEST = 2.0**-53, 2.0**-1074, np.finfo(float).max


def ours(name, *args, **options):
    with np.errstate(all="raise"):
        return getattr(package, name)(*args, **options)


def log(x):
    return mpmath.log(x) if x > 0 else -mpmath.inf


def times_log(p, x):
    return p * log(x) if p else mpf(0)


def worst(got, exact, ulps, slack=4):
    """By how much the worst of some numbers is further off than ulps, as a message or an empty string."""
    got = np.atleast_1d(np.asarray(got, dtype=float)).ravel()
    allowed = np.broadcast_to(np.asarray(ulps, dtype=float), got.shape)
    for i, (g, e, u) in enumerate(zip(got, exact, allowed, strict=True)):
        if abs(e) > LARGEST:
            if abs(g) < LARGEST or np.sign(g) != mpmath.sign(e):
                return f"entry {i}: {g!r}, exactly {mpmath.nstr(e, 5)}"
        elif not np.isfinite(g) or abs(mpf(g) - e) > u * EPS * abs(e) + slack * TINIEST:
            return f"entry {i}: {g!r}, exactly {mpmath.nstr(e, 20)}; {u:.3g} units allowed"
    return ""


def logits_of(rng, shape):
    """Logits of a random scale up to the largest number, with ties; of float32 in one of four."""
    z = rng.standard_normal(shape) * 10.0 ** rng.choice([-320, -20, -8, 0, 1, 2, 3, 4, 150, 307])
    if rng.random() < 0.3:
        z = z * 10.0 ** rng.uniform(-10, 0, shape)
    if rng.random() < 0.3:
        z = np.round(z)
    if rng.random() < 0.2:
        z = np.where(rng.random(shape) < 0.3, rng.choice([0.0, 1.7e308, -1.7e308, 40.0, -745.2, 5e-324]), z)
    if rng.random() < 0.25:
        z = np.clip(z, -3e38, 3e38).astype(np.float32)
    return z


def distributions_of(rng, n, K):
    """Rows that sum to 1, some of their entries 0, near 0 or near 1."""
    mass = rng.random((n, K)) ** rng.choice([1, 4, 30])
    if rng.random() < 0.4:
        mass = mass * 10.0 ** rng.uniform(-300, 0, (n, K))
    mass[rng.random((n, K)) < 0.15] = 0.0
    mass[np.arange(n), rng.integers(0, K, n)] += 0.1
    return mass / mass.sum(axis=1, keepdims=True)


def weights_of(rng, n):
    if rng.random() < 0.3:
        return None
    w = rng.random(n) * 10.0 ** rng.choice([-310, -300, -20, 0, 20, 300, 308])
    if rng.random() < 0.3:
        w = w * 10.0 ** rng.uniform(-200, 0, n)
    w[rng.random(n) < 0.2] = 0.0
    w[rng.integers(n)] = rng.choice([1e308, 1.0, 1e-300]) if not w.any() else w.max()
    return w


def exact_log_softmax(z):
    """Log-probabilities of one row of logits, their differences exact."""
    z = [mpf(float(v)) for v in z]
    top = max(range(len(z)), key=lambda k: z[k])
    total = log1p(fsum(exp(v - z[top]) for k, v in enumerate(z) if k != top))
    return [v - z[top] - total for v in z]


def spread(rows):
    """Units of the last digit that the rounding of differences of logits costs, at most 745 of them."""
    return np.minimum(745.0, rows.max(axis=1).astype(float) - rows.min(axis=1))


def check_of_two(rng):
    z = logits_of(rng, 12)
    exact = [mpf(float(v)) for v in z]
    return worst(ours("sigmoid", z), [1 / (1 + exp(-v)) for v in exact], 4) or worst(
        ours("log_sigmoid", z), [-log1p(exp(-v)) if v > 0 else v - log1p(exp(v)) for v in exact], 6
    )


def check_softmax(rng):
    K = int(rng.integers(2, 6))
    z = logits_of(rng, (4, K))
    exact = [exact_log_softmax(row) for row in z]
    units = np.repeat(2 * (8 + K + spread(z)), K)
    flat = [v for row in exact for v in row]
    return worst(ours("log_softmax", z), flat, units) or worst(
        ours("softmax", z), [exp(v) for v in flat], units
    )


def check_divergence(rng):
    K = int(rng.integers(2, 7))
    p, q = distributions_of(rng, 4, K), distributions_of(rng, 4, K)
    if rng.random() < 0.5:
        q = p * (1 + 10.0 ** rng.uniform(-17, -1) * rng.standard_normal(p.shape)).clip(0.5, 2)
        q /= q.sum(axis=1, keepdims=True)
    exact_p, exact_q = ([[mpf(float(v)) for v in row] for row in values] for values in (p, q))
    entropy = [-fsum(times_log(v, v) for v in row) for row in exact_p]
    divergence = [
        fsum((a * (log(a) - log(b)) if a else 0) - a + b for a, b in zip(r, s, strict=True))
        for r, s in zip(exact_p, exact_q, strict=True)
    ]
    found = ours("kl_divergence", p, q)
    if (found < 0).any():
        return f"a divergence of {found.min()}"
    return worst(ours("entropy", p), entropy, 6 + K) or worst(found, divergence, 24 + K, 4 * K)


def problem_of(rng):
    """Outcomes, forecasts, exact log-probabilities, what rounding costs, weights, and options."""
    n, K = int(rng.integers(1, 9)), int(rng.integers(2, 6))
    from_logits = bool(rng.random() < 0.5)
    if from_logits:
        z = logits_of(rng, n if K == 2 and rng.random() < 0.5 else (n, K))
        rows = z if z.ndim == 2 else np.column_stack([np.zeros(n), z])
        forecast, exact, cost = z, [exact_log_softmax(row) for row in rows], spread(rows).max() + K
    else:
        P = distributions_of(rng, n, K)
        forecast = P[:, 1] if K == 2 and rng.random() < 0.5 else P
        exact = [[log(mpf(float(v))) for v in row] for row in P]
        if forecast.ndim == 1:
            exact = [[log1p(-mpf(float(v))) if v < 1 else -mpmath.inf, log(mpf(float(v)))] for v in forecast]
        cost = K
    y = rng.integers(0, K, n) if rng.random() < 0.6 else distributions_of(rng, n, K)
    hard = np.eye(K)[y] if y.ndim == 1 else y
    options = {"sample_weight": weights_of(rng, n), "from_logits": from_logits}
    if y.ndim == 1:
        options["labels"] = list(range(K))
    return y, [[mpf(float(v)) for v in row] for row in hard], forecast, exact, cost, options


def beyond(exact):
    """Whether a logarithm is so large that the largest number stands for it."""
    return any(-mpmath.inf < v < -LARGEST / 2 for row in exact for v in row)


def exact_losses(hard, exact):
    return [
        -fsum(t * l for t, l in zip(row, logs, strict=True) if t)
        for row, logs in zip(hard, exact, strict=True)
    ]


def exact_weights(options, n):
    w = options["sample_weight"]
    return [mpf(1)] * n if w is None else [mpf(float(v)) for v in w]


def check_loss(rng):
    y, hard, forecast, exact, cost, options = problem_of(rng)
    losses = exact_losses(hard, exact)
    w, n = exact_weights(options, len(losses)), len(losses)
    units = 4 * (8 + cost + n)
    call = partial(ours, "cross_entropy_loss", y, forecast, **options)
    total = fsum(v * l for v, l in zip(w, losses, strict=True) if v)
    # what is lost of a weight or a loss below the least number may meet a large one
    far = max([1.0, *(float(l) for l in losses if l < 1e308)])
    slack = 8 * n * max(far, float(max(w)))
    fault = worst(call(reduction="none"), losses, units, 8)
    if fault or beyond(exact):
        return fault
    sums = worst(call(reduction="sum"), [total], units, slack)
    return sums or worst(call(), [total / fsum(w)], units, slack)


def exact_null(hard, w):
    mass = [fsum(v * row[k] for v, row in zip(w, hard, strict=True)) for k in range(len(hard[0]))]
    total, top = fsum(mass), max(range(len(mass)), key=lambda k: mass[k])
    rest = fsum(m for k, m in enumerate(mass) if k != top) / total
    return -fsum(times_log(m, m / total) for k, m in enumerate(mass) if k != top) / total - (
        1 - rest
    ) * log1p(-rest)


def check_scores(rng):
    y, hard, forecast, exact, cost, options = problem_of(rng)
    losses, n = exact_losses(hard, exact), len(hard)
    w = exact_weights(options, n)
    loss = fsum(v * l for v, l in zip(w, losses, strict=True) if v) / fsum(w)
    null = exact_null(hard, w)
    units = 8 * (8 + cost + n)
    parts = ours("cross_entropy_decomposition", y, forecast, **options)
    fault = worst(parts.uncertainty, [null], units + 8 * n)
    if beyond(exact):
        return fault
    # rows that sum to 1 but for rounding are taken to do so
    fault = fault or worst(parts.loss, [loss], 8 * units, 8 * n * len(hard[0]) * EPS / TINIEST)
    if loss < 1e300 and fault == "":
        off = abs(parts.loss - (parts.miscalibration - parts.discrimination + parts.uncertainty))
        if off > 1e-14 * (1 + parts.loss) or min(parts.miscalibration, parts.discrimination) < 0:
            fault = f"{parts} does not add up"
    skill = ours("cross_entropy_skill", y, forecast, **options)
    if null > 1e-290 and loss / null < 1e290 and fault == "":
        slack = float(units * EPS * (1 + loss / null)) / TINIEST
        fault = worst(skill, [1 - loss / null], units, slack)
    error = ours("expected_calibration_error", y, forecast, n_bins=int(rng.integers(1, 5)), **options)
    return fault or ("" if 0 <= error <= 1 else f"a calibration error of {error}")


def check_comparison(rng):
    y, hard, forecast, exact, cost, options = problem_of(rng)
    n, a = len(hard), exact_losses(hard, exact)
    other = forecast[::-1] if len(forecast) > 1 else forecast
    b = exact_losses(hard, exact[::-1])
    w = exact_weights(options, n)
    if n < 2 or max(*a, *b) > 1e300 or options["sample_weight"] is None:
        return ""
    share = [v / fsum(w) for v in w]
    d = [s * (i - j) for s, i, j in zip(share, a, b, strict=True)]
    mean = fsum(d)
    error = mpmath.sqrt(
        fsum((v - s * mean) ** 2 for v, s in zip(d, share, strict=True)) * mpf(n) / mpf(n - 1)
    )
    found = ours("compare_losses", y, forecast, other, **options)
    far = float(max(*a, *b))
    slack = 4 + 8 * (8 + cost + n) * EPS * far / TINIEST
    return worst(found.difference, [mean], 0, slack) or worst(found.std_error, [error], 0, n * slack)


CHECKS = (check_of_two, check_softmax, check_divergence, check_loss, check_scores, check_comparison)


def check(seed):
    rng = np.random.default_rng(seed)
    run = CHECKS[seed % len(CHECKS)]
    with mpmath.workdps(50), warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("error")
        try:
            fault = run(rng)
        except Exception as error:
            return Verdict("error", f"{run.__name__}: {type(error).__name__}: {error}")
    return Verdict("violation", f"{run.__name__}: {fault}") if fault else Verdict("ok")
