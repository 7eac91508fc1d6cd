"""Samples of the rows: how many are drawn, and that limits and requests hold for iterates on them."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from sklearn_xent import ConvergenceDisplay, CrossEntropyClassifier
from sklearn_xent.solvers.sampling import (
    FACTOR,
    FIRST,
    HESSIAN,
    SHARED_FACTOR,
    WORKING_SET,
    near_optimum,
    sampled,
)
from sklearn_xent.solvers.visit import StopWithin
from tests.problem.test_derivatives import assemble


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


def posed(n):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 3))
    return assemble(X, rng.dirichlet([1, 1], n).T, np.full(n, 1 / n), None)


def test_rows_are_drawn_where_all_of_them_cost_more():
    rng = np.random.RandomState(0)
    assert sampled(posed(47), FACTOR, rng) is None  # twice 6 rows for each of 4 columns
    sample = sampled(posed(48), FACTOR, rng)
    assert 24 <= sample.rows.n_rows < 48
    assert sampled(posed(48), FACTOR, rng, fold=2) is None
    assert sampled(posed(10_000), WORKING_SET, rng) is None  # not so large that it pays


def test_a_sample_is_the_same_problem_on_some_rows():
    objective = posed(1000)
    sample = objective.sample(400, np.random.RandomState(0))
    assert sample.squares()[-1] == pytest.approx(1.0)  # what the weights sum to
    assert sample.penalty is objective.penalty
    W = np.array([[0.3, -0.2, 0.1, 0.4]])
    assert sample.at(W).value == pytest.approx(objective.at(W).value, rel=0.05)
    assert not np.array_equal(sample.at(W).gradient, objective.at(W).gradient)


@pytest.mark.parametrize("in_use", [False, True])
def test_a_sample_is_solved_as_far_as_it_is_near_to_all_rows(in_use):
    objective = posed(1000)
    visit = near_optimum(objective, StopWithin(lambda point: 0.0), in_use=in_use)
    point = objective.at(np.array([[0.3, 0.0, 0.0, 0.4]]))
    assert visit.goal(point) == pytest.approx(0.02 * (2 if in_use else 4) / 1000)
