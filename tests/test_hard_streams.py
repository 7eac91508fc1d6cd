"""MiniBatchCrossEntropyClassifier on streams that are not well behaved, and what an interrupt leaves."""

import copy
import sys

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from sklearn_xent import CrossEntropyClassifier, MiniBatchCrossEntropyClassifier, cross_entropy_loss
from sklearn_xent.problem import kernels


def softmax_rows(n, d, K, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d))
    z = X @ rng.standard_normal((d, K)) / np.sqrt(d) * 2
    return X, np.argmax(z + rng.gumbel(size=z.shape), axis=1)


def loss_of(model, X, y):
    return cross_entropy_loss(y, model.decision_function(X), labels=model.classes_, from_logits=True)


def optimum(X, y):
    return loss_of(CrossEntropyClassifier().fit(X, y), X, y)


def learnt(X, y, size):
    model = MiniBatchCrossEntropyClassifier(batch_size=size)
    return model.partial_fit(X, y, classes=np.unique(y))


def far_row(X, y, row, size, column=0):
    """A value far out whose label is the one that the column speaks against: the column is of no use."""
    coef = CrossEntropyClassifier().fit(X, y).coef_[:, column]
    X, y = X.copy(), y.copy()
    X[row, column] = size
    y[row] = int(coef[0] < 0) if len(coef) == 1 else coef.argmin()
    return X, y


@pytest.mark.parametrize("way", ["fit", "partial_fit"])
@pytest.mark.parametrize("row", [0, 700, 1490])
@pytest.mark.parametrize("size", [1e6, 1e12])
@pytest.mark.parametrize("K", [2, 3])
def test_one_far_value_costs_its_column_and_no_more(way, row, size, K):
    X, y = far_row(*softmax_rows(1500, 5, K), row, size)
    if way == "fit":
        model = MiniBatchCrossEntropyClassifier(batch_size=50, shuffle=False).fit(X, y)
    else:
        model = learnt(X, y, 50)
    assert loss_of(model, X, y) < 1.03 * optimum(X[:, 1:], y)


@pytest.mark.parametrize("row", [0, 700, 1490])
def test_a_far_value_on_the_right_side_costs_little(row):
    X, y = softmax_rows(1500, 5, 2)
    least = optimum(X, y)
    coef = CrossEntropyClassifier().fit(X, y).coef_[0, 0]
    X[row, 0], y[row] = 1e6, int(coef > 0)
    assert loss_of(learnt(X, y, 50), X, y) < least + 0.25 * (np.log(2) - least)


@pytest.mark.parametrize("way", ["fit", "partial_fit"])
def test_a_far_value_among_many_columns_and_large_batches(way):
    X, y = far_row(*softmax_rows(20_000, 50, 2), 1500, 1e6)
    model = MiniBatchCrossEntropyClassifier().fit(X, y) if way == "fit" else learnt(X, y, None)
    assert loss_of(model, X, y) < 1.01 * optimum(X[:, 1:], y)


@pytest.mark.parametrize(
    ("row", "whole"), [(0, False), (1000, False), (1990, False), (1000, True), (1990, True)]
)
def test_a_far_row_leaves_a_diagonal_below_the_null_model(row, whole):
    X, y = far_row(*softmax_rows(2000, 1100, 2), row, 1e6)
    if whole:
        X[row] *= 1e6
    assert loss_of(learnt(X, y, 100), X, y) < np.log(2)


def test_the_unit_of_a_column_may_change():
    X, y = softmax_rows(5000, 6, 2)
    X[2500:] *= 1e5
    assert loss_of(learnt(X, y, 100), X, y) < 1.02 * optimum(X, y)


@pytest.mark.parametrize("drift", ["scale", "mean"])
def test_a_column_may_drift(drift):
    X, y = softmax_rows(5000, 6, 2)
    along = np.linspace(0, 1, 5000)[:, None]
    X = X * np.exp(3 * along) if drift == "scale" else X + 1e4 * along
    least = optimum(X, y)
    assert loss_of(learnt(X, y, 100), X, y) < least + 0.25 * (np.log(2) - least)


@pytest.mark.parametrize("value", [0.0, 7.0, 1e6])
def test_columns_may_be_constant_in_the_first_batches(value):
    X, y = softmax_rows(5000, 6, 2)
    X[:, 0] += 1e6
    X[:500] = value
    assert loss_of(learnt(X, y, 100), X, y) < 1.05 * optimum(X, y)


def test_a_column_may_be_rare():
    X, y = softmax_rows(5000, 6, 2)
    X[:, 1] = np.random.default_rng(0).random(5000) < 0.003
    assert loss_of(learnt(X, y, 50), X, y) < 1.01 * optimum(X, y)


def test_heavy_tails_and_wrong_labels():
    rng = np.random.default_rng(5)
    X = rng.standard_cauchy((5000, 6))
    z = np.tanh(X) @ rng.standard_normal(6)
    y = (rng.random(5000) < 1 / (1 + np.exp(-z))).astype(int)
    y = np.where(rng.random(5000) < 0.2, 1 - y, y)
    model = MiniBatchCrossEntropyClassifier(batch_size=100).fit(X, y)
    assert loss_of(model, X, y) < optimum(X, y) + 1e-3


def test_the_order_of_the_rows_matters_little():
    X, y = softmax_rows(4000, 5, 3)
    expected = optimum(X, y)
    for order in (np.argsort(y, kind="stable"), np.argsort(X[:, 0])):
        model = MiniBatchCrossEntropyClassifier(batch_size=100, shuffle=False).fit(X[order], y[order])
        assert loss_of(model, X, y) < 1.02 * expected


def test_a_fit_above_the_frequencies_of_the_classes_says_so():
    X, y = softmax_rows(3000, 3, 3)
    order = np.argsort(y, kind="stable")
    model = MiniBatchCrossEntropyClassifier(batch_size=20, shuffle=False, max_iter=1)
    with pytest.warns(ConvergenceWarning, match="knows no column of X"):
        model.fit(X[order], y[order])
    assert loss_of(model, X, y) > 1.2 * np.log(3)


@pytest.mark.parametrize("C", [1e-8, 1.0])
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_columns_without_a_meaning_are_no_reason_to_warn(C, fit_intercept):
    X, _ = softmax_rows(2000, 4, 2)
    y = (np.random.default_rng(1).random(2000) < 0.1).astype(int)
    MiniBatchCrossEntropyClassifier(C=C, fit_intercept=fit_intercept, batch_size=100).fit(X, y)


@pytest.mark.parametrize("wide", [False, True], ids=["full", "diagonal"])
@pytest.mark.parametrize("size", [1e3, 1e8, 1e12])
def test_a_stream_stays_silent_and_finite(wide, size):
    rng = np.random.default_rng(3)
    X, y = softmax_rows(600, 1100 if wide else 4, 3)
    X[rng.integers(600, size=20), rng.integers(X.shape[1], size=20)] *= size
    model = MiniBatchCrossEntropyClassifier(C=np.inf)
    for start in range(0, 600, 30):
        part = slice(start, start + 30)
        model.partial_fit(X[part], y[part], classes=[0, 1, 2])
        assert np.isfinite(model.coef_).all()
        assert np.isfinite(model.intercept_).all()


def test_a_stream_leaves_numpys_error_state_alone():
    X, y = softmax_rows(300, 3, 2)
    X[200, 0] = 1e12
    with np.errstate(all="raise"):
        MiniBatchCrossEntropyClassifier(batch_size=50).fit(X, y)


def lines_of_the_estimator(call, stop=None):
    """Run a call with an interrupt at a line of the estimator's files; how many lines there were."""
    count = 0

    def trace(frame, event, arg):
        nonlocal count
        if not frame.f_code.co_filename.endswith(("minibatch.py", "batches.py", "passes.py")):
            return None
        if event == "line":
            count += 1
            if count - 1 == stop:
                sys.settrace(None)
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("call", ["fit", "partial_fit"])
def test_an_interrupt_at_any_line_leaves_the_old_state(call):
    pd = pytest.importorskip("pandas")
    X, y = softmax_rows(40, 3, 2)
    named = pd.DataFrame(X, columns=["a", "b", "c"])
    other = X if call == "fit" else named  # fit forgets the names: an attribute goes
    begun = MiniBatchCrossEntropyClassifier(max_iter=1).partial_fit(named, y, classes=[0, 1])

    def whole():
        model = copy.copy(begun)
        return lines_of_the_estimator(lambda: getattr(model, call)(other, y))

    whole()  # what is looked up once is looked up here
    lines = whole()
    for stop in range(lines):
        model = copy.copy(begun)
        with pytest.raises(KeyboardInterrupt):
            lines_of_the_estimator(lambda model=model: getattr(model, call)(other, y), stop)
        changed = [
            name
            for name in begun.__dict__.keys() | model.__dict__.keys()
            if begun.__dict__.get(name) is not model.__dict__.get(name)
        ]
        # the last two lines return, after the assignment
        assert not changed or stop >= lines - 2, (stop, changed)


@pytest.mark.parametrize("call", ["fit", "partial_fit"])
def test_an_interrupt_in_a_kernel_leaves_the_old_state(call, monkeypatch):
    X, y = softmax_rows(300, 3, 2)
    model = MiniBatchCrossEntropyClassifier(batch_size=50).partial_fit(X, y, classes=[0, 1])
    before, errors = dict(model.__dict__), np.geterr()
    left = [7]

    def stops(*args):
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt
        return real(*args)

    real = kernels.value_and_slope
    monkeypatch.setattr(kernels, "value_and_slope", stops)
    with pytest.raises(KeyboardInterrupt):
        getattr(model, call)(X, y)
    assert model.__dict__ == before
    assert np.geterr() == errors


@pytest.mark.parametrize("call", ["fit", "partial_fit"])
def test_an_interrupt_at_the_end_of_an_errstate_leaves_numpys_own(call, monkeypatch):
    X, y = softmax_rows(300, 3, 2)
    model = MiniBatchCrossEntropyClassifier(batch_size=50).partial_fit(X, y, classes=[0, 1])
    errors = np.geterr()

    class Interrupted(np.errstate):
        def __exit__(self, *error):
            raise KeyboardInterrupt

    monkeypatch.setattr(np, "errstate", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        getattr(model, call)(X, y)
    monkeypatch.undo()
    left = np.geterr()
    np.seterr(**errors)
    assert left == errors
