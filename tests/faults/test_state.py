"""A fit that fails leaves no trace, and one that succeeds touches nothing but its attributes."""

import copy
import pickle
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

import sklearn_xent.problem.losses as losses
from sklearn_xent import CrossEntropyClassifier
from sklearn_xent.solvers.methods import METHODS
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
