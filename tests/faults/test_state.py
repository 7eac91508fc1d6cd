"""A fit that fails leaves no trace, and one that succeeds touches nothing but its attributes."""

import copy
import inspect
import pickle
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

import sklearn_xent.problem.losses as losses
from sklearn_xent import (
    CrossEntropyClassifier,
    CrossEntropyClassifierCV,
    MiniBatchCrossEntropyClassifier,
    cross_entropy_path,
    infer,
)
from sklearn_xent.solvers.methods import METHODS
from tests.fuzz.interrupts import OURS, Trace, allowed
from tests.problems import overlapping


def frozen(model):
    return pickle.dumps(dict(vars(model)))


class Interrupting:
    """Expansions of the loss that raise at the k-th."""

    def __init__(self, monkeypatch, error, at):
        self.left = at
        for kind in (losses.BinaryCrossEntropy, losses.MultinomialCrossEntropy):
            self._patch(monkeypatch, kind, kind.expand, error)

    def _patch(self, monkeypatch, kind, original, error):
        def expand(loss, logits, targets):
            self.left -= 1
            if self.left == 0:
                raise error
            return original(loss, logits, targets)

        monkeypatch.setattr(kind, "expand", expand)


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, ZeroDivisionError])
@pytest.mark.parametrize("at", [1, 2, 4, 6])
@pytest.mark.parametrize("solver", ["auto", *sorted(METHODS)])
def test_an_interrupted_fit_leaves_the_estimator_as_it_was(monkeypatch, solver, error, at):
    X, y = overlapping(n=200)
    fresh = CrossEntropyClassifier(solver=solver, C=1e3, tol=1e-12)
    fitted = copy.deepcopy(fresh).fit(X[:, :2], y)
    before = frozen(fresh), frozen(fitted)
    for model in (fresh, fitted):
        with monkeypatch.context() as patch:
            Interrupting(patch, error, at)
            with pytest.raises(error):
                model.fit(X, y)
    assert (frozen(fresh), frozen(fitted)) == before


@pytest.mark.parametrize(
    "bad",
    [
        lambda X, y: (np.full_like(X, np.nan), y),
        lambda X, y: (X, np.zeros(len(y))),
        lambda X, y: (X[:-1], y),
        lambda X, y: (X, np.linspace(0, 1, len(y))),
    ],
)
def test_bad_input_leaves_the_estimator_as_it_was(bad):
    X, y = overlapping()
    model = CrossEntropyClassifier().fit(X[:, :2], y)
    before = frozen(model)
    with pytest.raises(ValueError):  # noqa: PT011 - the messages have tests of their own
        model.fit(*bad(X, y))
    assert frozen(model) == before


def test_a_warning_made_an_error_leaves_the_estimator_as_it_was():
    model = CrossEntropyClassifier(max_iter=1)
    before = frozen(model)
    with warnings.catch_warnings(), pytest.raises(ConvergenceWarning):
        warnings.simplefilter("error")
        model.fit(*overlapping())
    assert frozen(model) == before


@pytest.mark.parametrize("solver", ["auto", "lbfgs", "progressive"])
def test_a_fit_touches_nothing_around_it(solver):
    X, y = overlapping(n=3000, d=3)
    weights, offset = np.ones(len(y)), np.zeros(len(y))
    given = [a.copy() for a in (X, y, weights, offset)]
    state, filters, errors = np.random.get_state()[1].copy(), list(warnings.filters), np.geterr()
    CrossEntropyClassifier(solver=solver).fit(X, y, sample_weight=weights, offset=offset)
    for before, after in zip(given, (X, y, weights, offset), strict=True):
        np.testing.assert_array_equal(before, after)
    np.testing.assert_array_equal(state, np.random.get_state()[1])
    assert list(warnings.filters) == filters
    assert np.geterr() == errors


@pytest.mark.parametrize("solver", ["auto", *sorted(METHODS)])
def test_a_second_fit_is_bitwise_the_same(solver):
    X, y = overlapping(n=300, K=3)
    model = CrossEntropyClassifier(solver=solver, max_iter=2000).fit(X, y)
    first = model.coef_.copy()
    np.testing.assert_array_equal(model.fit(X, y).coef_, first)


def test_nothing_of_the_rows_is_kept():
    sizes = []
    for n in (100, 4000):
        X, y = overlapping(n=n)
        sizes.append(len(pickle.dumps(CrossEntropyClassifier(max_iter=8, tol=0.5).fit(X, y))))
    assert sizes[1] <= sizes[0] + 400  # a few more iterates in history_


def test_fits_in_threads_are_the_serial_ones():
    problems = [overlapping(n=400, K=2 + i % 3, seed=i) for i in range(8)]
    serial = [CrossEntropyClassifier().fit(X, y).coef_ for X, y in problems]
    with ThreadPoolExecutor(4) as pool:
        threaded = list(pool.map(lambda p: CrossEntropyClassifier().fit(*p).coef_, problems))
    for a, b in zip(serial, threaded, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10)


def test_one_model_predicts_from_many_threads():
    X, y = overlapping(n=2000, K=3)
    model = CrossEntropyClassifier().fit(X, y)
    expected = model.predict_proba(X)
    with ThreadPoolExecutor(4) as pool:
        for p in pool.map(lambda _: model.predict_proba(X), range(16)):
            np.testing.assert_array_equal(p, expected)


def interrupted(call, model, chosen):
    """Interrupt a call at the chosen places of its trace, the first, a middle and the last time each."""
    for _ in range(2):  # a first call may do what is done once
        rehearsal = Trace()
        rehearsal.run(call, copy.deepcopy(model))
    places = [place for place in rehearsal.seen if allowed(place) and chosen(place)]
    assert places
    for place in places:
        n = rehearsal.seen[place]
        for turn in {1, 1 + n // 2, n}:
            fresh = copy.deepcopy(model)
            _, error = Trace(place, turn).run(call, fresh)
            yield place, fresh, error


def calls():
    X, y = overlapping(n=150, K=3)
    model = CrossEntropyClassifier(C=np.inf).fit(X, y)
    return {
        "fit": (lambda m: m.fit(X, y), CrossEntropyClassifier()),
        "lbfgs": (lambda m: m.fit(X, y), CrossEntropyClassifier(solver="lbfgs")),
        "cv": (lambda m: m.fit(X, y), CrossEntropyClassifierCV(Cs=[0.1, 1.0], max_iter=5)),
        "path": (lambda m: cross_entropy_path(X, y, Cs=2), None),
        "predict_proba": (lambda m: m.predict_proba(X), model),
        "infer": (lambda m: infer(m, X, y), model),
    }


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", calls())
def test_an_interrupt_as_numpy_s_error_state_is_set_or_restored_leaves_it_as_it_was(name):
    call, model = calls()[name]
    with np.errstate(over="raise", divide="print"):
        before = np.geterr()
        for place, _, _ in interrupted(call, model, lambda p: p[0].endswith("_ufunc_config.py")):
            assert np.geterr() == before, place


def test_an_interrupt_as_scikit_learn_restores_the_warning_filters_leaves_none_of_its_own():
    pd = pytest.importorskip("pandas")
    X, y = overlapping()
    frame = pd.DataFrame(X, columns=list("abcd"))
    before = list(warnings.filters)

    def chosen(place):
        return place[0] == inspect.getfile(warnings) and place[3] == "__exit__"

    for place, _, error in interrupted(lambda m: m.fit(frame, y), CrossEntropyClassifier(), chosen):
        assert isinstance(error, KeyboardInterrupt)
        assert list(warnings.filters) == before, place


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "estimator",
    [
        CrossEntropyClassifier(),
        pytest.param(CrossEntropyClassifierCV(Cs=[0.1], cv=2), marks=pytest.mark.slow),
    ],
)
def test_an_interrupt_at_any_line_of_the_estimator_leaves_its_attributes_as_they_were(estimator):
    pd = pytest.importorskip("pandas")
    X, y = overlapping()
    model = copy.deepcopy(estimator).fit(pd.DataFrame(X, columns=list("abcd")), y)
    before = frozen(model)

    def chosen(place):
        return place[0] in (inspect.getfile(type(model)), f"{OURS}/isolation.py") and place[3] != "_score"

    for place, fresh, error in interrupted(lambda m: m.fit(X, y), model, chosen):
        if error is not None:
            assert frozen(fresh) == before, place


def test_another_thread_sees_all_attributes_of_a_fit_or_none():
    X, y = overlapping(K=3)
    model, seen = CrossEntropyClassifier().fit(X[:, :2], y), []

    def watch(frame, event, _):
        seen.append((model.coef_.shape[1], model.n_features_in_, model.history_["passes"].size))
        return watch if frame.f_code.co_filename.startswith(OURS) else None

    first, tracer = model.n_iter_, sys.gettrace()
    sys.settrace(watch)
    try:
        model.fit(X, y)
    finally:
        sys.settrace(tracer)
    assert set(seen) == {(2, 2, 1 + first), (4, 4, 1 + model.n_iter_)}


def test_an_interrupted_callback_leaves_the_estimator_as_it_was():
    pytest.importorskip("sklearn.callback", reason="scikit-learn has callbacks since 1.9")

    class Watching:
        def setup(self, estimator, context): ...

        def teardown(self, estimator, context):
            raise KeyboardInterrupt

        def on_fit_task_begin(self, estimator, context): ...

        def on_fit_task_end(self, estimator, context): ...

    model = CrossEntropyClassifier().set_callbacks(Watching())
    before = dict(vars(model))
    with pytest.raises(KeyboardInterrupt):
        model.fit(*overlapping())
    assert vars(model) == before


@pytest.mark.parametrize(
    "estimator",
    [
        CrossEntropyClassifier(),
        CrossEntropyClassifier(solver="lbfgs"),
        CrossEntropyClassifierCV(Cs=2),
        MiniBatchCrossEntropyClassifier(),
    ],
    ids=str,
)
def test_a_callback_has_the_error_state_of_who_called_fit(estimator):
    pytest.importorskip("sklearn.callback", reason="scikit-learn has callbacks since 1.9")
    states = []

    class Watching:
        def setup(self, estimator, context): ...

        def teardown(self, estimator, context): ...

        def on_fit_task_begin(self, estimator, context):
            states.append(np.geterr())

        def on_fit_task_end(self, estimator, context):
            states.append(np.geterr())

    with np.errstate(over="raise", divide="print"):
        clone(estimator).set_callbacks(Watching()).fit(*overlapping())
        assert len(states) > 4
        assert all(state == np.geterr() for state in states)


def test_a_warning_points_to_the_line_that_called_fit():
    with pytest.warns(ConvergenceWarning) as caught:
        CrossEntropyClassifier(max_iter=1).fit(*overlapping())
    assert caught[0].filename == __file__
