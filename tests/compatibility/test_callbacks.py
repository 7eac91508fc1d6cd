"""scikit-learn's callbacks, on every solver."""

import pickle
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV

from sklearn_xent import (
    CrossEntropyClassifier,
    CrossEntropyClassifierCV,
    MiniBatchCrossEntropyClassifier,
)
from sklearn_xent.solvers import leave_one_out
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


class Tree:
    """Keeps the task's names from the root down, as they begin and end, and the models they end with."""

    max_propagation_depth = 1  # it is handed on, as ProgressBar is

    def __init__(self, stop_at=None):
        self.stop_at = stop_at
        self.begun, self.ended, self.models, self.set_up = [], [], [], 0

    def setup(self, estimator, context):
        self.set_up += 1

    def teardown(self, estimator, context):
        self.set_up -= 1

    def on_fit_task_begin(self, estimator, context):
        self.begun.append(names_of(context))

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        self.ended.append(names_of(context))
        self.models.append((self.ended[-1][-1], fitted_estimator))
        return context.task_name == self.stop_at

    def counts(self):
        assert sorted(self.begun) == sorted(self.ended)
        assert self.set_up == 0
        return {names[1:]: self.ended.count(names) for names in self.ended}


def names_of(context):
    return (*(names_of(context.parent) if context.parent else ()), context.task_name)


def test_folds_show_their_paths_and_the_optima_of_each():
    tree = Tree()
    model = CrossEntropyClassifierCV(Cs=[1.0, 0.01, 0.1], l1_ratios=[0, 0.5], cv=4)
    model.set_callbacks(tree).fit(X, Y)
    counts = tree.counts()
    assert counts.pop(("fit", "iteration")) >= 2
    of_folds = ("cross-validation",)
    paths = {of_folds: 1, (*of_folds, "path"): 8, (*of_folds, "path", "optimum"): 24}
    assert counts == {(): 1, ("fit",): 1, **paths}
    optima = [shown for name, shown in tree.models if name == "optimum"]
    walked = [path.coefs[i] for of_ratio in model.paths_ for path in of_ratio for i in (1, 2, 0)]
    np.testing.assert_array_equal([shown.coef_ for shown in optima], walked)
    np.testing.assert_array_equal(tree.models[-1][1].predict_proba(X), model.predict_proba(X))


def test_leave_one_out_shows_its_paths_and_the_rows_that_are_left_out_of_a_fit_each():
    rng = np.random.default_rng(2)
    Z = rng.standard_t(1.5, size=(40, 3))
    y = Z[:, 0] + rng.logistic(size=40) > 0
    tree = Tree()
    model = CrossEntropyClassifierCV(Cs=[0.1, 1e4], l1_ratios=[0.5, 1]).set_callbacks(tree).fit(Z, y)
    counts, ours = tree.counts(), ("leave-one-out",)
    assert counts[*ours, "path", "optimum"] == 4
    assert 0 < counts[*ours, "rows left out", "row"] <= model.n_refitted_.sum()


def test_what_leave_one_out_began_ends_where_folds_take_its_place():
    tree = Tree()
    model = CrossEntropyClassifierCV(Cs=2).set_callbacks(tree)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(leave_one_out, "CERTIFIED_LIMIT", 1)
        with pytest.warns(UserWarning, match="cv=5 is used"):
            model.fit(X, Y)
    counts = tree.counts()
    assert counts["leave-one-out",] == counts["cross-validation",] == 1
    assert counts["cross-validation", "path"] == 5


def test_batches_and_passes_are_shown_and_a_pass_may_be_the_last():
    tree = Tree(stop_at="pass")
    model = MiniBatchCrossEntropyClassifier(batch_size=60, max_iter=5, tol=0).set_callbacks(tree).fit(X, Y)
    assert model.n_iter_ == 1
    assert tree.counts() == {(): 1, ("pass",): 1, ("pass", "batch"): 4}
    shown = dict(tree.models)["pass"]
    np.testing.assert_array_equal(shown.predict_proba(X), model.predict_proba(X))
    tree = Tree()
    model.set_callbacks(tree).partial_fit(X[:100], Y[:100])
    assert tree.counts() == {(): 1, ("batch",): 2}
    assert tree.begun[0] == ("partial_fit",)


ESTIMATORS = [
    CrossEntropyClassifier(),
    CrossEntropyClassifierCV(Cs=3),
    CrossEntropyClassifierCV(Cs=3, cv=2),
    CrossEntropyClassifierCV(Cs=3, cv=2, n_jobs=2),
    MiniBatchCrossEntropyClassifier(batch_size=60),
]


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
def test_scores_and_progress_are_followed_on_a_frame(estimator, capsys):
    pd = pytest.importorskip("pandas")
    pytest.importorskip("rich")
    frame, monitor = pd.DataFrame(X, columns=list("abcd")), callback.ScoringMonitor(scoring="neg_log_loss")
    plain = clone(estimator).fit(frame, Y)
    watched = clone(estimator).set_callbacks(monitor, callback.ProgressBar()).fit(frame, Y)
    np.testing.assert_array_equal(plain.coef_, watched.coef_)
    assert type(estimator).__name__ in capsys.readouterr().out
    scores = [row["neg_log_loss"] for row in monitor.get_logs().data]
    assert len(scores) >= 4
    assert scores[0] == pytest.approx(-log_loss(Y, plain.predict_proba(frame)))  # of the root
    assert set(vars(watched)) - {"_skl_callbacks"} == set(vars(plain))


def test_a_search_hands_its_progress_bar_to_the_fits_of_a_choice_of_C(capsys):
    pytest.importorskip("rich")
    search = GridSearchCV(CrossEntropyClassifierCV(Cs=2, cv=2), {"one_standard_error": [False, True]}, cv=2)
    search.set_callbacks(callback.ProgressBar()).fit(X, Y)
    shown = capsys.readouterr().out
    assert "GridSearchCV" in shown
    assert "CrossEntropyClassifierCV" in shown
