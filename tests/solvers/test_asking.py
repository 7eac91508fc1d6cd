"""When a certificate is asked for: what the last one said, and what it took against what was done since."""

import numpy as np
import pytest

from sklearn_xent.factor import EPS
from sklearn_xent.solvers.asking import LONG, UNASKED, Asking
from sklearn_xent.solvers.curvature import Curvature
from sklearn_xent.solvers.hessian import DENSE_LIMIT, dense_products, products_of_reading
from sklearn_xent.solvers.optimality_gap import Gap, Kind
from sklearn_xent.solvers.visit import DEAR
from tests.problem.test_derivatives import assemble, pose

GOAL = 1e-6


def started(d=None, **options):
    """A point where all are zero, of a problem with as many columns as asked for."""
    if d is None:
        objective, _ = pose(2, **options)
    else:
        X = np.random.default_rng(0).normal(size=(60, d))
        y = (X[:, 0] > 0).astype(int)
        objective = assemble(X, np.eye(2)[y].T, np.full(60, 1 / 60), None, strength=0.1, l1_ratio=0.5)
    return objective.at(np.zeros(objective.shape))


def of_eigenvalues(products):
    """A Hessian whose eigenvalues took so many products."""
    curvature = Curvature(np.zeros((1, 1)))
    curvature._cost = products
    return curvature


def test_a_guess_is_corrected_by_what_it_was_found_to_be():
    asking, guess = Asking(), Gap(1e-7)
    assert asking.corrected(guess) == 1e-7
    asking.answered(started(), 1, GOAL, guess, Gap(1e-4, Kind.BOUND), None, patient=False)
    assert asking.corrected(guess) == pytest.approx(2e-4)
    assert asking.corrected(Gap(1e-7, Kind.BOUND)) == 1e-7


def test_a_gap_above_the_objective_says_nothing():
    asking, point, guess = Asking(), started(), Gap(1e-7)
    asking.answered(point, 1, GOAL, guess, Gap(2 * point.value, Kind.BOUND), None, patient=False)
    assert asking.blind
    assert asking.corrected(guess) == pytest.approx(2 * UNASKED * GOAL)


def test_guesses_at_rounding_are_asked_about_ever_more_rarely():
    asking, point = Asking(asked=100), started()
    at_rounding = Gap(0.5 * EPS * point.value)
    assert asking.now(point, Gap(1e-7), GOAL, 101, 0.0)
    assert not asking.now(point, at_rounding, GOAL, 105, 0.0)
    assert asking.now(point, at_rounding, GOAL, 111, 0.0)


def test_many_coefficients_of_which_nothing_was_known_are_asked_about_in_twice_as_many_iterates():
    asking, point = Asking(asked=100, blind=True), started(DENSE_LIMIT + 1)
    assert asking.in_vain(point)
    assert not asking.in_vain(started())
    assert not asking.now(point, Gap(1e-7), GOAL, 150, 0.0)
    assert asking.now(point, Gap(1e-7), GOAL, 201, 0.0)


@pytest.mark.parametrize("work", ["products", "readings"])
def test_eigenvalues_that_took_seconds_are_asked_for_again_once_as_much_was_done(work):
    asking, point = Asking(), started()
    asking.answered(point, 1, GOAL, Gap(1e-7), Gap(1e-4, Kind.BOUND), of_eigenvalues(LONG), patient=False)
    assert not asking.now(point, Gap(1e-7), GOAL, 1000, 0.0)
    if work == "products":
        asking.since = DEAR / 2
    else:
        asking.passes = point.objective.rows.passes - int(DEAR / 2 / products_of_reading(point.objective)) - 1
    assert asking.now(point, Gap(1e-7), GOAL, 1000, 0.0)


def test_eigenvalues_of_a_moment_are_asked_for_at_once():
    asking, point = Asking(), started()
    asking.answered(point, 1, GOAL, Gap(1e-7), Gap(1e-4, Kind.BOUND), of_eigenvalues(1e6), patient=False)
    assert asking.now(point, Gap(1e-7), GOAL, 2, 0.0)


def test_a_certificate_waits_while_steps_are_cheaper_than_its_hessian():
    asking, point = Asking(), started(200)
    assert dense_products(60, 400) < LONG
    assert asking.patient(point, 0.0)
    assert asking.patient(point, LONG)
    assert not asking.patient(point, 1.01 * LONG)
    assert not Asking(waits=[(1.0, 1.0)] * 12).patient(point, 0.0)
    assert not asking.patient(started(), 0.0)  # of few coefficients


def test_a_bound_that_will_not_be_small_enough_is_not_asked_for_meanwhile():
    asking, point = Asking(), started(200)
    asking.answered(point, 1, GOAL, Gap(1e-6), Gap(1e-3, Kind.BOUND), None, patient=True)
    assert not asking.now(point, Gap(1e-7), GOAL, 2, 0.0)  # a bound of about 3e-4 is expected
    assert asking.now(point, Gap(1e-12), GOAL, 3, 0.0)
