"""scikit-learn's callbacks, on every solver."""

import pickle
import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from sklearn_xent import CrossEntropyClassifier
from sklearn_xent.solvers.methods import METHODS
from tests.problems import overlapping

callback = pytest.importorskip("sklearn.callback", reason="scikit-learn has callbacks since 1.9")

X, Y = overlapping(n=200, K=3)


class Recorder:
    """Counts what it hears, keeps the score of each iterate, and asks to stop after some."""

    def __init__(self, stop_after=None, fail_after=None):
        self.stop_after, self.fail_after = stop_after, fail_after
        self.begun, self.ended, self.scores, self.finished = 0, 0, [], 0

    def setup(self, estimator, context):
        self.finished = 0

    def teardown(self, estimator, context):
        self.finished += 1

    def on_fit_task_begin(self, estimator, context):
        self.begun += 1

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        self.ended += 1
        if context.task_name != "iteration":
            return False
        self.scores.append(fitted_estimator.score(X, Y))
        if self.fail_after is not None and len(self.scores) >= self.fail_after:
            raise OSError("disk full")
        return self.stop_after is not None and len(self.scores) >= self.stop_after


@pytest.mark.parametrize("solver", ["auto", *sorted(METHODS)])
def test_every_iteration_begins_and_ends(solver):
    recorder = Recorder()
    model = CrossEntropyClassifier(solver=solver, max_iter=3000).set_callbacks(recorder).fit(X, Y)
    assert recorder.begun == recorder.ended
    assert len(recorder.scores) >= 2
    assert recorder.scores[-1] == pytest.approx(model.score(X, Y), abs=0.02)
    assert recorder.finished == 1


@pytest.mark.parametrize("solver", ["auto", *sorted(METHODS)])
def test_a_request_to_stop_is_honoured(solver):
    recorder = Recorder(stop_after=1)
    model = CrossEntropyClassifier(solver=solver, tol=1e-14, C=1e4).set_callbacks(recorder)
    with pytest.warns(ConvergenceWarning, match="stopped by a callback"):
        model.fit(X, Y)
    assert model.n_iter_ == 1
    assert len(recorder.scores) == 1
    assert recorder.begun == recorder.ended


def test_a_callback_that_fails_leaves_the_estimator_as_it_was():
    model = CrossEntropyClassifier().fit(X[:, :2], Y)
    recorder = Recorder(fail_after=2)
    model.set_callbacks(recorder)
    before = dict(vars(model))
    with pytest.raises(OSError, match="disk full"):
        model.fit(X, Y)
    assert vars(model) == before
    assert recorder.finished == 1


def test_the_progress_bar_shows_a_long_fit(capsys):
    pytest.importorskip("rich")
    model = CrossEntropyClassifier(solver="gradient-descent", max_iter=300, tol=1e-12)
    model.set_callbacks(callback.ProgressBar())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, Y)
    assert "CrossEntropyClassifier" in capsys.readouterr().out
    pickle.loads(pickle.dumps(model.set_callbacks()))


def test_callbacks_do_not_change_the_fit():
    plain = CrossEntropyClassifier().fit(X, Y)
    watched = CrossEntropyClassifier().set_callbacks(Recorder()).fit(X, Y)
    np.testing.assert_array_equal(plain.coef_, watched.coef_)


class KeepsTheModel:
    """Keeps the model that the last iterate would be."""

    def setup(self, estimator, context): ...

    def teardown(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        self.model = fitted_estimator


def test_a_callback_s_model_has_the_names_of_this_fit():
    pd = pytest.importorskip("pandas")
    keeper = KeepsTheModel()
    model = CrossEntropyClassifier().set_callbacks(keeper)
    frame = pd.DataFrame(X, columns=list("abcd"))
    model.fit(frame, Y)
    assert list(keeper.model.feature_names_in_) == list("abcd")
    np.testing.assert_allclose(keeper.model.predict_proba(frame), model.predict_proba(frame))
    model.fit(X, Y)
    assert not hasattr(keeper.model, "feature_names_in_")
    np.testing.assert_allclose(keeper.model.predict_proba(X), model.predict_proba(X))
