"""Samples of the rows: how many are drawn, and that limits and requests hold for iterates on them."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from sklearn_xent import ConvergenceDisplay, CrossEntropyClassifier
from sklearn_xent.solvers.sampling import FACTOR, FIRST, HESSIAN, SHARED_FACTOR, WORKING_SET


@pytest.fixture(scope="module")
def many_rows():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120_000, 20))
    return X, (X @ rng.normal(size=20) + rng.logistic(size=len(X)) > 0).astype(int)


@pytest.mark.parametrize(
    ("regime", "expected"),
    [(FACTOR, 6 * 11), (SHARED_FACTOR, 12 * 11), (FIRST, 5 * 33), (HESSIAN, 5000), (WORKING_SET, 5000)],
)
def test_rows_of_a_sample(regime, expected):
    assert regime.n_rows(100_000, (3, 11)) == expected


def test_a_sample_has_enough_rows_for_its_coefficients_and_no_more_than_pay():
    assert HESSIAN.n_rows(1000, (1, 101)) == 20 * 101
    assert HESSIAN.n_rows(10**7, (1, 11)) == 400 * 11
    assert WORKING_SET.n_rows(1000, (1, 5001)) == 20 * 500


@pytest.mark.parametrize("options", [{}, {"l1_ratio": 1.0, "C": 0.01}])
def test_the_history_says_of_how_many_rows_each_iterate_is(many_rows, options):
    model = CrossEntropyClassifier(**options).fit(*many_rows)
    rows = model.history_["rows"]
    assert rows[0] < rows[-1] == 120_000
    assert len(rows) == model.n_iter_ + 1
    assert (np.diff(model.history_["passes"]) >= 0).all()
    (line,) = ConvergenceDisplay.from_estimator(model, y="objective").lines_
    np.testing.assert_array_equal(line.get_ydata(), model.history_["objective"][rows == 120_000])


@pytest.mark.parametrize("n_iter", [1, 3, 10])
@pytest.mark.parametrize("options", [{}, {"l1_ratio": 1.0, "C": 0.01}])
def test_max_iter_holds_inside_a_sample(many_rows, options, n_iter):
    model = CrossEntropyClassifier(max_iter=n_iter, tol=1e-14, **options)
    with pytest.warns(ConvergenceWarning, match=f"stopped at max_iter.*after {n_iter} iterations"):
        model.fit(*many_rows)
    assert model.n_iter_ == n_iter
    # what is returned is judged on all rows, and no worse than no coefficients at all
    assert model.history_["rows"][-1] == 120_000
    assert model.history_["objective"][-1] <= np.log(2)


class StopAt:
    """Callback that asks a fit to stop once so many iterations are done."""

    def __init__(self, n_iter):
        self.n_iter, self.seen = n_iter, 0

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, *args, **kwargs):
        pass

    def on_fit_task_end(self, *args, **kwargs):
        self.seen += 1
        return self.seen >= self.n_iter


def test_a_stop_asked_for_inside_a_sample_is_heard(many_rows):
    model = CrossEntropyClassifier()
    if not hasattr(model, "set_callbacks"):
        pytest.skip("this scikit-learn has no callbacks")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.set_callbacks(StopAt(3)).fit(*many_rows)
    assert model.n_iter_ < 5
    assert not model.converged_
