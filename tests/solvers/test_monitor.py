"""The judge of iterates: what ends a method, and what does not; and which certificates wait."""

import numpy as np
import pytest

from sklearn_xent import CrossEntropyClassifier
from sklearn_xent.solvers import optimality_gap, polish
from sklearn_xent.solvers.hessian import curvature_at
from sklearn_xent.solvers.monitor import Monitor
from sklearn_xent.solvers.newton import newton_cholesky
from sklearn_xent.solvers.optimality_gap import Gap, Kind
from sklearn_xent.solvers.visit import DEAR, IDLE, Stage, Status, Stop
from tests.problem.test_derivatives import assemble, pose
from tests.problems import iterates


@pytest.fixture
def factored(monkeypatch):
    """Numbers of coefficients for which a certificate had a Hessian factored."""
    sizes = []

    def counting(point, **options):
        sizes.append(point.coefficients.size)
        return curvature_at(point, **options)

    curvature_at = optimality_gap.curvature_at
    monkeypatch.setattr(optimality_gap, "curvature_at", counting)
    monkeypatch.setattr(polish, "curvature_at", counting)
    return sizes


def many_rows(d=40):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30_000, d))
    return X, (X[:, :5].sum(axis=1) + rng.logistic(size=30_000) > 0).astype(int)


def test_a_lasso_of_many_rows_ends_on_a_bound_without_a_hessian(factored):
    model = CrossEntropyClassifier(l1_ratio=1.0).fit(*many_rows(100))
    assert model.converged_
    assert model.optimality_gap_kind_ == "bound"
    assert model.optimality_gap_ <= 1e-8 * model.history_["objective"][-1]
    assert factored == []


def test_where_no_bound_comes_without_one_the_hessian_does_not_wait(factored):
    free = np.r_[0.0, np.ones(39)]
    model = CrossEntropyClassifier(l1_ratio=1.0, C=0.01, penalty_factor=free).fit(*many_rows())
    assert model.converged_
    assert len(factored) >= 1
    assert model.n_iter_ < 12


def test_small_problems_do_not_wait(factored):
    X, y = many_rows(5)
    model = CrossEntropyClassifier(l1_ratio=1.0).fit(X[:500], y[:500])
    assert model.converged_
    assert len(factored) == 1


def at_minimum(K=2, **options):
    objective, _ = pose(K, **options)
    return iterates(newton_cholesky, objective, np.zeros(objective.shape), 12)[-1]


def away(point, size=1e-2, seed=0):
    W = point.coefficients
    return point.objective.at(W + size * np.random.default_rng(seed).normal(size=W.shape))


def stopped(monitor, point, **known):
    with pytest.raises(Stop) as stop:
        monitor(point, **known)
    return stop.value.status


@pytest.mark.parametrize("K", [2, 3])
def test_a_minimum_ends_a_fit_once_its_gap_is_bounded(K):
    best = at_minimum(K)
    monitor = Monitor(1e-6, 10)
    assert stopped(monitor, best) is Status.CONVERGED
    assert monitor.gap.kind is Kind.BOUND
    assert monitor.gap.nats <= 1e-8 * best.value
    assert monitor.best.value <= best.value * (1 + 1e-15)


@pytest.mark.parametrize("kind", [Kind.GUESS, Kind.ESTIMATE])
def test_what_is_no_bound_ends_nothing_by_itself(kind):
    # a method that thinks itself at the minimum, a way from it: it is checked, and the point polished
    best = at_minimum()
    far = away(best, 0.5)
    monitor = Monitor(1e-6, 10)
    assert stopped(monitor, far, gap=Gap(0.0, kind)) is Status.CONVERGED
    # not by the point itself: steps from it were taken and recorded
    assert len(monitor.history) > 1
    assert monitor.best.value == pytest.approx(best.value, rel=1e-12)


def test_a_large_problem_is_not_polished_and_goes_on():
    objective, _ = pose(2, n=200_000)
    far = objective.at(np.zeros(objective.shape))
    monitor = Monitor(1e-6, 10)
    monitor(far, gap=Gap(0.0))
    assert len(monitor.history) == 1
    assert monitor.history.gap[0] > monitor.goal(far)


def test_a_bound_of_a_large_problem_is_believed():
    objective, _ = pose(2, n=200_000)
    monitor = Monitor(1e-6, 10)
    far = objective.at(np.zeros(objective.shape))
    assert stopped(monitor, far, gap=Gap(1e-9, Kind.BOUND)) is Status.CONVERGED
    assert monitor.gap == Gap(1e-9, Kind.BOUND)


def test_it_counts_iterates():
    best = at_minimum()
    monitor = Monitor(1e-6, 2)
    monitor(away(best, 3e-1))
    monitor(away(best, 2e-1))
    assert monitor.room == 1
    assert stopped(monitor, away(best, 1e-1)) is Status.ITERATION_LIMIT
    assert len(monitor.history) == 3


def test_it_keeps_the_lowest_point():
    best = at_minimum()
    near, far = away(best, 1e-1), away(best, 1.0)
    monitor = Monitor(1e-6, 10)
    for point in (far, near, far):
        monitor(point)
    assert monitor.best is near


def test_a_report_is_told_of_every_iterate_and_may_stop_it():
    best, told = at_minimum(), []

    def report(solver, point, history):
        told.append((solver, point.value, len(history)))
        return len(told) == 2

    monitor = Monitor(1e-6, 10, report)
    monitor.begin(Stage("newton-cholesky", newton_cholesky))
    monitor(away(best, 1.0))
    assert stopped(monitor, away(best, 0.5)) is Status.STOPPED
    assert [t[0] for t in told] == ["newton-cholesky"] * 2
    assert [t[2] for t in told] == [1, 2]


def test_values_that_are_not_finite_are_an_error_at_the_start_and_later_an_end():
    class Overflowed:
        value = np.inf

    with pytest.raises(ValueError, match="not finite at the start"):
        Monitor(1e-6, 10)(Overflowed())
    monitor = Monitor(1e-6, 10)
    monitor(away(at_minimum(), 1.0))
    assert stopped(monitor, Overflowed()) is Status.STALLED


def test_a_method_that_lowers_nothing_has_stalled():
    point = away(at_minimum(), 1.0)
    monitor = Monitor(1e-6, 1000)
    with pytest.raises(Stop) as stop:
        for _ in range(1000):
            monitor(point)
    assert stop.value.status is Status.STALLED
    assert IDLE < len(monitor.history) <= IDLE + 2


def test_a_deadline_hands_over_unless_a_small_problem_still_falls():
    best = at_minimum()
    monitor = Monitor(1e-6, 1000)
    monitor.begin(Stage("first", newton_cholesky))
    monitor.begin(Stage("first", newton_cholesky, limit=5))  # the same once more is no other
    points = [away(best, 2.0 * 0.999**k) for k in range(40)]  # falls by less than a hundredth
    with pytest.raises(Stop) as stop:
        for point in points:
            monitor(point)
    assert stop.value.status is Status.STALLED
    assert len(monitor.history) == 6
    monitor.begin(Stage("second", newton_cholesky))
    assert monitor.solver == "first, second"


def test_readings_of_X_may_be_limited():
    best = at_minimum()
    monitor = Monitor(1e-6, 1000)
    monitor.begin(Stage("first", newton_cholesky, readings=3), best.objective.rows.passes)
    with pytest.raises(Stop) as stop:
        for k in range(10):
            monitor(away(best, 2.0 * 0.5**k))
    assert stop.value.status is Status.STALLED
    assert len(monitor.history) == 4


def test_iterates_on_a_sample_count_and_are_not_judged():
    objective, W = pose(2, n=400)
    sample = objective.sample(50, np.random.RandomState(0))
    monitor = Monitor(1e-6, 3)
    monitor(objective.at(W))
    passes = monitor.history.passes[-1]
    monitor.inside(sample.at(W), Gap(0.0, Kind.BOUND))
    assert monitor.history.rows == [400, sample.rows.n_rows]
    assert monitor.history.passes[-1] == passes  # those of all rows
    assert monitor.history.gap[-1] == 0.0
    assert monitor.best.objective is objective
    monitor.inside(sample.at(0.5 * W), None)
    with pytest.raises(Stop) as stop:
        monitor.inside(sample.at(W), None)
    assert stop.value.status is Status.ITERATION_LIMIT
    np.testing.assert_array_equal(monitor.sampled, W)


def test_separated_classes_end_it():
    X = np.arange(20.0)[:, None] - 9.5
    y = (X[:, 0] > 0).astype(int)
    objective = assemble(X, np.eye(2)[y].T, np.full(20, 0.05), None, strength=0.0)
    monitor = Monitor(1e-6, 100)
    assert stopped(monitor, objective.at(np.array([[1e3, 0.0]]))) is Status.SEPARABLE


@pytest.mark.parametrize(("rows", "expected"), [(30, 1e-8), (200_000, 1e-4)])
def test_small_problems_go_further_than_tol(rows, expected):
    objective, _ = pose(2, n=rows)
    point = objective.at(np.zeros(objective.shape))
    assert Monitor(1e-4, 10).goal(point) == pytest.approx(expected * point.value)


@pytest.mark.parametrize("separable", [True, False])
def test_many_newton_steps_are_asked_whether_rows_are_separated(separable):
    X = np.array([-2.0, -1.0, 1.0, 2.0])[:, None]
    y = np.array([0.0, 0.0, 1.0, 1.0] if separable else [0.0, 1.0, 0.0, 1.0])
    objective = assemble(X, np.array([1 - y, y]), np.full(4, 0.25), None, strength=0.0)
    monitor = Monitor(1e-6, 1000)
    monitor.begin(Stage("newton-cholesky", newton_cholesky))
    with pytest.raises(Stop) as stop:
        for k in range(IDLE):  # falling, and far from the minimum where there is one
            point = objective.at(np.array([[0.01 * k - 1.0, 0.0]]))
            monitor(point, curvature=curvature_at(point))
        monitor(point, curvature=curvature_at(point))
        raise Stop(Status.ITERATION_LIMIT)
    assert (stop.value.status is Status.STALLED) == separable
    assert (len(monitor.history) == IDLE // 2) == separable
    if separable:
        assert monitor.ray[0, 0] > 0


@pytest.mark.parametrize("limit", [None, 1000])
def test_dear_hessians_end_a_method_where_another_goes_on(limit):
    objective, _ = pose(2, n=200_000)
    point = objective.at(np.full(objective.shape, 10.0))
    curvature = curvature_at(point)
    monitor = Monitor(1e-6, 1000)
    monitor.begin(Stage("newton-cholesky", newton_cholesky, limit=limit))
    assert curvature.products == 0.0  # of a factor that is sound
    for _ in range(IDLE // 4):  # of a few iterates it is not known whether they converge
        monitor(point, curvature=curvature)
    monitor(point, products=0.6 * DEAR)
    if limit is None:
        monitor(point, products=0.6 * DEAR)
    else:
        monitor.values = (point.value + 1e-3 * np.arange(IDLE, 0, -1)).tolist()  # by as much each time
        assert stopped(monitor, point, products=0.6 * DEAR) is Status.STALLED
        monitor.begin(Stage("lbfgs", newton_cholesky))
        assert monitor.products == 0.0


def seen_alone(values, limit=60, max_iter=1000):
    """How a method ends that no other takes over from, by the objective's values, and after how many."""
    objective, W = pose(2, n=200_000)  # a small one may go on beyond any limit while it falls
    point = objective.at(W)
    monitor = Monitor(1e-6, max_iter)
    monitor.begin(Stage("alone", newton_cholesky, limit=limit, alone=True))
    with pytest.raises(Stop) as stop:
        for value in values:
            there = point.under(point.objective)
            there.value = value
            monitor(there)
        raise Stop(Status.CONVERGED)
    return stop.value.status, len(monitor.history)


@pytest.mark.parametrize("rate", [0.8, 0.95])
def test_a_method_that_no_other_takes_over_from_goes_on_while_it_converges(rate):
    status, n_iter = seen_alone(1 + rate ** np.arange(300))
    assert status is not Status.SLOW
    assert n_iter > 61


@pytest.mark.parametrize(("rate", "expected"), [(0.99, 61), (0.975, 123)])
def test_it_does_not_go_on_where_that_takes_many_times_as_long(rate, expected):
    # the second time that it is asked, it may take three times as long, not ten times
    assert seen_alone(1 + rate ** np.arange(300)) == (Status.SLOW, expected)


@pytest.mark.parametrize(
    "values",
    [
        2 - 1e-3 * np.arange(300),  # by as much each time
        1 + 1 / np.arange(1, 301),  # by ever less, but not as a geometric series
        2 - 1e-5 * np.arange(300) ** 2,  # by ever more
    ],
)
def test_one_that_does_not_converge_ends(values):
    assert seen_alone(values)[0] is Status.SLOW


def test_a_first_step_that_is_long_hides_no_crawl():
    values = np.append(1e3, 2 - 1e-4 * np.arange(300) ** 2)
    assert seen_alone(values, limit=30) == (Status.SLOW, IDLE + 2)


def test_nothing_is_known_of_a_few_iterates():
    status, iterates = seen_alone(2 - 1e-3 * np.arange(300), limit=1)
    assert status is Status.SLOW
    assert iterates == IDLE + 2


def test_whether_it_converges_depends_on_max_iter():
    values = 1 + 0.85 ** np.arange(300)
    assert seen_alone(values, max_iter=70)[0] is Status.SLOW
    assert seen_alone(values, max_iter=2000)[0] is not Status.SLOW
