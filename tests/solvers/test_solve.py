"""Methods in turn: who goes on from where, what is returned, and what is said of it."""

import numpy as np
import pytest

from sklearn_xent.solvers import solve
from sklearn_xent.solvers.diagnosis import diagnose
from sklearn_xent.solvers.hessian import DENSE_LIMIT
from sklearn_xent.solvers.newton import newton_cholesky
from sklearn_xent.solvers.optimality_gap import Kind
from sklearn_xent.solvers.separation import SeparationWarning
from sklearn_xent.solvers.solve import Stage, minimise
from sklearn_xent.solvers.visit import Status
from tests.problem.test_derivatives import assemble, pose
from tests.problems import iterates


def gives_up(after, seen):
    """A method that takes so many short steps down the gradient and ends."""

    def method(objective, start, visit):
        seen.append(start)
        point = objective.at(start)
        for _ in range(after):
            visit(point)
            point = objective.at(point.coefficients - 0.1 * point.gradient)

    return method


def best_of(objective):
    return iterates(newton_cholesky, objective, np.zeros(objective.shape), 12)[-1]


# a large problem: a small one is polished from wherever a method ends
LARGE = {"n": 130_000}


def test_another_method_goes_on_where_one_ends():
    objective, W = pose(2, **LARGE)
    starts = []
    stages = [Stage("first", gives_up(3, starts)), Stage("second", newton_cholesky)]
    solution = minimise(objective, stages, W, tol=1e-8, max_iter=50)
    assert solution.status is Status.CONVERGED
    assert solution.solver == "first, second"
    assert solution.gap.kind is Kind.BOUND
    assert solution.history.objective[3] == pytest.approx(solution.history.objective[2], rel=1e-12)
    assert solution.point.value <= solution.history.objective[0]


def test_afresh_is_from_where_the_fit_began():
    objective, W = pose(2, **LARGE)
    starts = []
    stages = [Stage(name, gives_up(2, starts), afresh=name == "third") for name in ("one", "two", "third")]
    minimise(objective, stages, W, tol=1e-12, max_iter=50)
    np.testing.assert_array_equal(starts[0], W)
    assert not np.array_equal(starts[1], W)
    np.testing.assert_array_equal(starts[2], W)


def test_the_best_point_is_returned_whatever_the_last_one_is():
    objective, _ = pose(2, **LARGE)
    best = best_of(objective)

    def leaves(objective, start, visit):
        for size in (1.0, 0.1, 3.0):
            visit(objective.at(best.coefficients + size))

    solution = minimise(objective, [Stage("leaves", leaves)], 0 * best.coefficients, tol=1e-12, max_iter=50)
    assert solution.status is Status.STALLED
    np.testing.assert_array_equal(solution.point.coefficients, best.coefficients + 0.1)
    assert solution.gap.nats >= solution.point.value - best.value


@pytest.mark.parametrize("max_iter", [0, 1, 3])
def test_no_more_iterations_than_asked_for(max_iter):
    objective, W = pose(2, **LARGE)
    stages = [Stage("first", gives_up(10, [])), Stage("second", newton_cholesky)]
    solution = minimise(objective, stages, W, tol=1e-14, max_iter=max_iter)
    assert solution.status is Status.ITERATION_LIMIT
    assert len(solution.history) == max_iter + 1
    assert solution.solver == "first"


def test_a_limit_of_one_method_is_not_that_of_all():
    objective, W = pose(2, **LARGE)
    stages = [Stage("first", gives_up(100, []), limit=4), Stage("second", newton_cholesky)]
    solution = minimise(objective, stages, W, tol=1e-8, max_iter=50)
    assert solution.status is Status.CONVERGED
    assert 6 < len(solution.history) < 20


def test_a_report_that_asks_for_it_ends_all():
    objective, W = pose(2, **LARGE)
    stages = [Stage("first", gives_up(10, [])), Stage("second", newton_cholesky)]
    solution = minimise(
        objective, stages, W, tol=1e-14, max_iter=50, report=lambda solver, point, history: len(history) == 3
    )
    assert solution.status is Status.STOPPED
    assert len(solution.history) == 3


def test_a_small_problem_is_polished_from_where_a_method_ends():
    objective, _ = pose(2, n=60)
    best = best_of(objective)

    def ends_early(objective, start, visit):
        visit(objective.at(best.coefficients + 1e-2))

    solution = minimise(objective, [Stage("early", ends_early)], 0 * best.coefficients, tol=1e-6, max_iter=50)
    assert solution.status is Status.CONVERGED
    assert solution.point.value == pytest.approx(best.value, rel=1e-14)
    assert len(solution.history) > 1


def test_separated_classes_end_a_small_fit_with_its_first_method():
    X = np.arange(20.0)[:, None]
    y = (X[:, 0] > 9.5).astype(int)
    objective = assemble(X, np.eye(2)[y].T, np.full(20, 0.05), None, strength=0.0)
    stages = [Stage("first", newton_cholesky), Stage("second", gives_up(3, []))]
    with np.errstate(all="ignore"):
        solution = minimise(objective, stages, np.zeros((1, 2)), tol=1e-6, max_iter=200)
    assert solution.status is Status.SEPARABLE
    assert solution.solver == "first"
    assert np.isfinite(solution.point.coefficients).all()


@pytest.mark.parametrize("in_vain", [True, False])
def test_eigenvalues_that_said_nothing_are_not_asked_again_for_one_that_goes_on(monkeypatch, in_vain):
    rng, n = np.random.default_rng(0), 400  # a small problem is polished
    targets = np.eye(2)[rng.integers(0, 2, n)].T
    objective = assemble(rng.normal(size=(n, DENSE_LIMIT)), targets, np.full(n, 1 / n), None)
    W = np.zeros(objective.shape)
    certified, certify = [], solve.certify_polished
    monkeypatch.setattr(
        solve, "certify_polished", lambda *args, **options: certified.append(1) or certify(*args, **options)
    )

    def says_nothing(objective, start, visit):
        visit.asking.blind = in_vain
        visit(objective.at(start))

    minimise(objective, [Stage(name, says_nothing) for name in "abc"], W, tol=1e-12, max_iter=50)
    assert len(certified) == (1 if in_vain else 3)


def test_the_hessian_of_a_stage_that_ended_above_the_last_one_is_not_the_solution_s():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 3)), rng.integers(0, 2, 60)
    X[:, 0] = np.where(y == 1, rng.integers(0, 2, 60), 0.0)  # of class 1 alone
    objective = assemble(X, np.eye(2)[y].T, np.full(60, 1 / 60), None, strength=0.0)
    zeros = np.zeros(objective.shape)
    far = iterates(newton_cholesky, objective, zeros, 6)[-1].coefficients

    def visits(W):
        return lambda objective, start, visit: visit(objective.at(start if W is None else W))

    # beside the curvature of even chances the slope of the separated rows is small
    stages = [Stage("lbfgs", visits(far)), Stage("another", visits(None), extended=True, afresh=True)]
    solution = minimise(objective, stages, zeros, tol=1e-6, max_iter=50)
    np.testing.assert_array_equal(solution.point.coefficients, far)
    assert isinstance(diagnose(solution, 1e-6), SeparationWarning)
