"""Fit a generated problem as a user would, and judge what comes back."""

from __future__ import annotations

import re
import signal
import sys
import time
import traceback
import warnings
from contextlib import contextmanager

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from sklearn_xent import CrossEntropyClassifier, SeparationWarning
from tests.fuzz.exact import Real, exact
from tests.fuzz.generator import problem as generate
from tests.fuzz.oracle import optimum, proved_gap
from tests.fuzz.separation import separation
from tests.fuzz.verdict import Verdict

__all__ = ["PROMISE", "Hang", "check", "judge", "time_limit"]

# An error that names one is an answer to it.
ARGUMENT = r"\b(X|y|class|coef_bounds|sample_weight|offset|solver|penalty_factor)\b"
PROMISE = 1e-6  # relative to the minimum
# Seconds of processor time after which a fit hangs: twenty times and more what the slowest honest method
# takes on problems of the size (small: tens of milliseconds, medium: a few seconds).
SECONDS = {"small": 4.0, "medium": 60.0}
TRACED = 5  # times as much where each line is traced, as coverage does: what a small fit takes is its lines


class Hang(BaseException):
    """Raised in a fit that takes too long; nothing that catches Exception holds it up."""


@contextmanager
def time_limit(seconds):
    """Raise Hang after some seconds of processor time, so that a busy machine changes nothing."""

    def stop(*_):
        raise Hang

    if sys.gettrace() is not None:
        seconds *= TRACED
    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def check(seed, size="small", estimator=CrossEntropyClassifier):
    """Verdict on the fit of a seed's problem."""
    return judge(generate(seed, size), estimator)


def judge(problem, estimator=CrossEntropyClassifier):
    """Verdict on the fit of a problem."""
    began = time.process_time()
    try:
        # threads of BLAS that wait for a busy machine spend processor time
        with threadpool_limits(1, "blas"), time_limit(SECONDS[problem.size]):
            model, caught = fit(problem, estimator)
    except Hang:
        return _verdict(problem, "hang", f"more than {SECONDS[problem.size]:g} s")
    except ValueError as error:
        kind = "ok" if re.search(ARGUMENT, str(error)) else "error"
        return _verdict(problem, kind, f"refused: {error}")
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        return _verdict(problem, "error", f"{type(error).__name__}: {error} ({place.name}:{place.lineno})")
    seconds = time.process_time() - began
    kind, detail = verdict_of(problem, model, caught)
    return _verdict(problem, kind, f"{detail} [{seconds:.2f} s]".strip())


def _verdict(problem, kind, detail):
    return Verdict(kind, f"{detail} | {problem.describe()}")


def fit(problem, estimator=CrossEntropyClassifier):
    """The fitted model, and every warning its last fit raised."""
    model = estimator(**problem.parameters)
    if problem.first is not None:
        X, y, parameters = problem.first
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.set_params(**parameters, warm_start=True).fit(X, y, problem.sample_weight, problem.offset)
        model.set_params(**problem.parameters)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(problem.X, problem.y, problem.sample_weight, problem.offset)
    return model, caught


def verdict_of(problem, model, caught):
    """Kind and detail: faults that need no optimum first, then the objective against the oracle's."""
    coef, intercept = np.asarray(model.coef_), np.asarray(model.intercept_)
    numbers = [coef, intercept, np.asarray(model.optimality_gap_), *model.history_.values()]
    if not all(np.isfinite(v).all() for v in numbers[:2]):
        return "violation", "not finite: coef_ or intercept_"
    leaked = [w for w in caught if not issubclass(w.category, ConvergenceWarning)]
    if leaked:
        return "violation", f"leaked {leaked[0].category.__name__}: {leaked[0].message}"
    truth = exact(problem)
    low, high = truth.raw[2:]
    if (coef < low).any() or (coef > high).any():
        return "violation", f"bounds: left by {max((low - coef).max(), (coef - high).max()):.2g}"
    warned = [w.category for w in caught]
    separable = separation(truth)
    if separable == "yes":
        if not warned:
            return "violation", "separation: no warning"
        return ("ok", "separable") if SeparationWarning in warned else ("warned", "separable")
    return _against_optimum(problem, model, truth, warned, separable)


def _against_optimum(problem, model, truth, warned, separable):
    coef, intercept = np.asarray(model.coef_), np.asarray(model.intercept_)
    value = truth.value(coef, intercept)
    zero = np.zeros_like(coef), np.zeros_like(intercept)
    claimed = Real(model.optimality_gap_) * truth.s.sum()
    kinked = truth.l1.any() or np.isfinite(truth.low).any() or np.isfinite(truth.high).any()
    # what the gap of a kinked problem is held to as well, which is a bound
    claim = max(float(claimed / abs(value)), 1e-9) if kinked else PROMISE
    enough = 1e-9 if warned else min(PROMISE / 4, claim)
    best = optimum(truth, [(coef, intercept), zero][: 1 if warned else 2], enough)
    lower, forgiven = min(best.value, value), resolution(truth, best)
    excess = value - lower
    near = excess <= PROMISE * abs(lower) + forgiven
    seen = f"J={float(value):.9g} J*={float(lower):.9g} excess={float(excess / abs(lower)):.2e}"
    seen += (
        "" if best.proved else f" unproved (gap {float(best.gap / abs(lower)):.0e}, separable {separable})"
    )
    if warned:
        finite = SeparationWarning not in warned or (separable == "no" and attained(truth, best))
        reached = excess <= min(model.tol, PROMISE) * abs(lower)
        if reached and best.proved and finite:
            return "false alarm", f"{warned[0].__name__}: {seen} said {model.optimality_gap_:.1e}"
        return "warned", seen
    if not near and value - representable(truth, best) > PROMISE * abs(lower):
        within = excess <= resolution(truth, best, by_column=True)
        kind = "excess of an optimum beyond float64 factorisations" if within else "excess"
        return "violation", f"{kind}: {seen} forgiven {float(forgiven):.1e}"
    if kinked and excess > 1.01 * claimed + 2e-9 * abs(lower) + forgiven:
        return "violation", f"gap: {seen} claimed {float(claimed / abs(lower)):.1e}"
    return "ok", seen


def attained(truth, best):
    """Whether the minimum is known to be at a finite point; a small duality gap only says that J is near."""
    return proved_gap(truth.at(truth.from_original(best.coef, best.intercept))) <= PROMISE * abs(best.value)


def representable(truth, best):
    """J at the optimum rounded to float64: a fit is convicted only by coefficients it could have returned."""
    low, high = truth.raw[2:]
    coef = np.clip(best.coef.astype(np.float64), low, high)
    return truth.value(coef, best.intercept.astype(np.float64))


def resolution(truth, best, by_column=False, trials=8):
    """What float64 cannot tell apart in J: its rise where logits at the optimum are off by rounding.

    A logit x w + b in float64 is off by eps sum_j |x_j w_j|, each row on its own, whether the product or a
    coefficient was rounded: columns of size 1e9 times their spread have logits right to 1e-7 only. No solver
    can do better with coefficients of that size, so no fit is convicted of it. J at the numbers returned is
    itself known to long double's digits.

    ``by_column`` takes the largest entry of each column for every row, which is what the backward error of a
    stable factorisation is. It forgives nothing; it only says which optima need more than such a one.
    """
    rng, eps = np.random.default_rng(0), 2.0**-52
    size = np.abs(truth.A[:, :-1] / truth.scale).max(axis=0) if by_column else np.abs(truth.X)
    noise = np.broadcast_to(size @ np.abs(best.coef).T + np.abs(best.intercept), (len(truth.X), truth.L))
    Z = truth.X @ best.coef.T + best.intercept
    here, worst = truth.loss(Z), Real(0)
    for _ in range(trials):
        worst = max(worst, abs(truth.loss(Z + eps * noise * rng.choice([-1, 1], noise.shape)) - here))
        coef = (best.coef * (1 + eps * rng.choice([-1, 1], best.coef.shape))).astype(np.float64)
        there = truth.loss(truth.X @ coef.T.astype(Real) + best.intercept.astype(np.float64))
        worst = max(worst, there - here)
    return 4 * worst
