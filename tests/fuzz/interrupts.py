"""Ctrl-C at a random time of a random call: nothing of the call is left, and the next one is as ever.

Half of the seeds send a real signal at a random time. The others raise at a random event of an interpreter
trace: the start of any Python function, where a signal may well be handled, or a line of this package. Lines
are drawn before times, so that those that are passed once come up as often as those of inner loops.
"""

import copy
import gc
import pathlib
import pickle
import random
import signal
import sys
import threading
import time
import warnings
from collections import Counter
from contextlib import ExitStack
from functools import cached_property
from importlib import import_module
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np
import scipy.sparse as sp
from threadpoolctl import ThreadpoolController, threadpool_limits

import sklearn_xent
from sklearn_xent import (
    CrossEntropyClassifier,
    CrossEntropyClassifierCV,
    MiniBatchCrossEntropyClassifier,
    cross_entropy_path,
    infer,
)
from sklearn_xent.rows import blocks, threads
from sklearn_xent.solvers.methods import METHODS
from tests.fuzz.verdict import Verdict

OURS = str(pathlib.Path(sklearn_xent.__file__).parent)
# rows and columns: BLAS as it is; BLAS on one thread; threads of our own as well
SIZES = {"small": (150, 4), "limited": (2500, 8), "pooled": (2500, 16)}
WORTH_THREADS, BLOCK_BYTES = 1 << 18, 1 << 16  # in place of the package's, so that little data has a pool
TRIES = 4  # interrupts a seed
RAISED = Verdict("ok", "raised")
PATIENCE = 10.0  # seconds for threads that have been told to end
KINDS = ["fit", "fit", "fit", "cv", "path", "infer", "stream", "partial_fit", "predict_proba"]


class Case:
    """A random call, and a random state of its estimator before it."""

    def __init__(self, rng):
        container = str(rng.choice(["dense", "fortran", "float32", "csr", "frame", "dask"]))
        kind = "fit" if container == "dask" else str(rng.choice(KINDS))
        size = str(rng.choice(list(SIZES), p=[0.4, 0.2, 0.4]))
        n, d = SIZES[size]
        K = int(rng.integers(2, 4))
        X = rng.standard_normal((n, d))
        self.y = np.digitize(X[:, 0] - X[:, 1] + rng.logistic(size=n), [0.0, 1.0][: K - 1])
        self.X, self.narrow = contained(X, container), contained(X[:, :3], container)
        self.model, fitted = classifier(kind, rng), bool(rng.integers(2))
        self.name = f"{kind} of {size} {container}, {'re' * fitted}fitted {self.model}"
        self.run = self._call(kind, K)
        if kind in ("infer", "predict_proba"):
            self.model.fit(self.X, self.y)
        elif fitted and kind != "path":
            self.model.fit(self.X if kind == "partial_fit" else self.narrow, self.y)

    def _call(self, kind, K):
        X, y = self.X, self.y
        calls = {
            "predict_proba": lambda model: model.predict_proba(X),
            "infer": lambda model: infer(model, X, y).covariance,
            "path": lambda model: cross_entropy_path(X, y, Cs=3, max_iter=5).coefs,
            "partial_fit": lambda model: model.partial_fit(X, y, classes=range(K)).coef_,
        }
        return calls.get(kind, lambda model: model.fit(X, y).coef_)

    def before(self):
        """An estimator in that state."""
        return copy.deepcopy(self.model)

    @cached_property
    def seconds(self):
        """How long a call takes, that is not the first."""
        model, began = self.before(), time.perf_counter()
        self.run(model)
        return time.perf_counter() - began

    @cached_property
    def seen(self):
        """How often a call passes each place."""
        rehearsal = Trace()
        rehearsal.run(self.run, self.before())
        return rehearsal.seen


def contained(X, kind):
    """X in a container."""
    if kind == "csr":
        return sp.csr_matrix(np.where(np.abs(X) > 0.7, X, 0.0))
    try:
        if kind == "frame":
            return import_module("pandas").DataFrame(X, columns=[f"x{j}" for j in range(X.shape[1])])
        if kind == "dask":
            return import_module("dask.array").from_array(X, chunks=(-(-len(X) // 4), X.shape[1]))
    except ImportError:
        return X
    return {"dense": X, "fortran": np.asfortranarray(X), "float32": X.astype(np.float32)}[kind]


def classifier(kind, rng):
    """A random estimator for a call."""
    if kind == "cv":
        return CrossEntropyClassifierCV(Cs=[0.1, 1.0], cv=[None, 2][rng.integers(2)], max_iter=5)
    if kind in ("stream", "partial_fit"):
        return MiniBatchCrossEntropyClassifier(max_iter=2)
    if kind == "infer":
        return CrossEntropyClassifier(C=np.inf)
    solver = str(rng.choice(["auto", *sorted(METHODS)]))
    ratio = float(rng.integers(2)) if solver == "auto" else 0.0
    return CrossEntropyClassifier(
        solver=solver, C=10.0, l1_ratio=ratio, max_iter=8, warm_start=bool(rng.integers(2))
    )


class Outcome(NamedTuple):
    """What came of an interrupted call."""

    error: BaseException | None  # kept as an interactive session keeps it: its frames hold what they held
    result: Any
    where: str
    inside: bool = True  # the call, not on the way to it or back


def signalled(case, model, rng):
    """Run the call with a signal at a random time."""
    delay = max(1e-6, float(rng.random()) * case.seconds)
    places, done = [], []

    def ring(_, frame):
        if not done:
            places.append((frame.f_code.co_filename, frame.f_lineno))
            raise KeyboardInterrupt

    result, error = None, None
    before = signal.signal(signal.SIGALRM, ring)
    try:
        signal.setitimer(signal.ITIMER_REAL, delay)
        result = case.run(model)
        done.append(True)
    except BaseException as raised:
        error = raised
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    return Outcome(error, result, f"signal at {places}", not places or places[0][0] != __file__)


class Trace:
    """Counts the events of a call by their place, and raises at one of them."""

    def __init__(self, place=None, turn=0):
        self.seen, self._place, self._turn = Counter(), place, turn

    def __call__(self, frame, event, _):
        if event not in ("call", "line"):
            return self
        place = (frame.f_code.co_filename, frame.f_lineno, event, frame.f_code.co_name)
        self.seen[place] += 1
        if place == self._place and self.seen[place] == self._turn:
            raise KeyboardInterrupt
        return self if place[0].startswith(OURS) else None

    def run(self, call, model):
        """The result of a call under this trace, and the error it raised."""
        before = sys.gettrace()
        sys.settrace(self)
        try:
            return call(model), None
        except BaseException as error:
            return None, error
        finally:
            sys.settrace(before)


def traced(case, model, rng):
    """Run the call with an interrupt at a random event of its trace."""
    places = [place for place in sorted(case.seen) if allowed(place)]
    counts = np.array([case.seen[place] for place in places], dtype=float)
    weights = counts if rng.random() < 0.25 else np.ones(len(places))
    chosen = int(rng.choice(len(places), p=weights / weights.sum()))
    turn = 1 + int(rng.integers(counts[chosen]))
    result, error = Trace(places[chosen], turn).run(case.run, model)
    return Outcome(error, result, f"trace at {places[chosen]}, turn {turn} of {counts[chosen]:g}")


def allowed(place):
    """Whether a signal could be handled there.

    Between the last call in a block and the end of a lock's ``with`` it cannot, but the trace has an event.
    In the callbacks of Python's weak references it can, and is lost: that is Python's.
    """
    filename, line, event, name = place
    if event == "call":
        weak = pathlib.Path(filename).name in ("weakref.py", "_weakrefset.py") and name in (
            "remove",
            "_remove",
        )
        return filename != __file__ and not filename.startswith("<") and not weak
    text = pathlib.Path(filename).read_text().splitlines()[line - 1]
    return "with self._lock" not in text


def is_interrupt(error):
    """Whether it is the interrupt, or what Python's own Condition makes of one in its wait()."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__context__
    return error is not None


def surroundings():
    """What a call must not change, in this process."""
    return {
        "numpy's error state": np.geterr(),
        "threads of BLAS": [lib.num_threads for lib in ThreadpoolController().lib_controllers],
        "usable cores": threads.usable_cores(),
        "warning filters": list(warnings.filters),
        "numpy's generator": pickle.dumps(np.random.get_state()),
        "generator": random.getstate(),
    }


def stray_threads(known):
    """Threads that do not end; one whose start was interrupted is listed by Python, and never alive."""
    deadline = time.monotonic() + PATIENCE
    while strays := {thread for thread in threading.enumerate() if thread.is_alive()} - known:
        if time.monotonic() > deadline:
            return sorted(thread.name for thread in strays)
        time.sleep(0.01)
    return []


def what_is_left(before, known):
    """Names of what a call has changed."""
    now = surroundings()
    return [f"{k}: {before[k]} -> {now[k]}" for k in before if before[k] != now[k]] + stray_threads(known)


def same_attributes(before, model):
    """Whether an estimator has the attributes, and each is the same object, unchanged."""
    old, held = before
    same = vars(model).keys() == old.keys() and all(vars(model)[k] is old[k] for k in old)
    return same and pickle.dumps(vars(model)) == held


def check(seed):
    """Interrupt a call some times, and look at what each leaves."""
    rng = np.random.default_rng([seed, 14])
    with ExitStack() as stack:
        # from two threads on there is a limit to set, and a pool
        stack.enter_context(threadpool_limits(limits=2, user_api="blas"))
        stack.enter_context(patch.object(threads, "WORTH_THREADS", WORTH_THREADS))
        stack.enter_context(patch.object(blocks, "BLOCK_BYTES", BLOCK_BYTES))
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        # what is raised in a finaliser is printed, not raised
        stack.enter_context(patch.object(sys, "unraisablehook", lambda _: None))
        case = Case(rng)
        expected = case.run(case.before())
        verdicts = [judged(case, rng, expected) for _ in range(TRIES)]
        gc.collect()
    raised = sum(v == RAISED for v in verdicts)
    return next((v for v in verdicts if v.kind != "ok"), Verdict("ok", f"{raised} of {TRIES} raised"))


def judged(case, rng, expected):
    """What is to be said of one interrupt of a case."""
    gc.collect()
    model, known, around = case.before(), set(threading.enumerate()), surroundings()
    before = dict(vars(model)), pickle.dumps(vars(model))
    outcome = (signalled if rng.random() < 0.5 else traced)(case, model, rng)
    told = f"{case.name}; {outcome.where}"
    if outcome.error is not None and not is_interrupt(outcome.error):
        return Verdict("error", f"{told}: {outcome.error!r}")
    if left := what_is_left(around, known):
        return Verdict("violation", f"{told}: {left}")
    if outcome.error is None:
        wrong = not np.array_equal(outcome.result, expected)
        return Verdict("violation", f"{told}: swallowed, and wrong") if wrong else Verdict("ok", "not raised")
    if not same_attributes(before, model):
        if outcome.inside:
            return Verdict("violation", f"{told}: attributes {sorted(vars(model))}, had {sorted(before[0])}")
        model = case.before()
    if not np.array_equal(case.run(model), expected):
        return Verdict("violation", f"{told}: the next call differs")
    return RAISED
