"""From rows and settings to the objective: the penalty that a user asks for, in the units of X."""

import numpy as np
import pytest

from sklearn_xent.problem.losses import loss_for
from sklearn_xent.problem.moments import moments_of
from sklearn_xent.problem.penalties import GroupLasso
from sklearn_xent.problem.posing import Settings, pose
from sklearn_xent.rows import as_rows

X = np.random.default_rng(0).normal(size=(40, 4)) * [1, 10, 0.1, 3] + 2


def posed(strength=0.2, **options):
    settings = Settings(
        **(
            {"l1_ratio": 0.0, "factors": np.ones(4), "bounds": None, "fit_intercept": True, "tol": 1e-6}
            | options
        )
    )
    rows = as_rows(X, np.tile([[0.0, 1.0]], 20), np.full(40, 1 / 40), None)
    return pose(rows, moments_of(rows), loss_for(2), strength, settings, total=40.0)


def penalty_at(objective, coef):
    W = objective.from_original(coef, np.zeros(len(coef)))
    return objective.penalty.value(W)


@pytest.mark.parametrize("l1_ratio", [0.0, 0.4, 1.0])
def test_the_penalty_is_that_of_coefficients_in_the_units_of_X(l1_ratio):
    factors = np.array([1.0, 0.0, 2.0, 0.5])
    objective = posed(l1_ratio=l1_ratio, factors=factors)
    coef = np.array([[0.3, -1.0, 2.0, -0.1]])
    expected = 0.2 * (factors * (l1_ratio * np.abs(coef) + (1 - l1_ratio) / 2 * coef**2)).sum()
    assert penalty_at(objective, coef) == pytest.approx(expected, rel=1e-12)
    assert objective.total == 40.0


@pytest.mark.parametrize("l1_ratio", [0.0, 0.4])
def test_that_of_groups_is_a_sum_of_norms(l1_ratio):
    objective = posed(l1_ratio=l1_ratio, groups=np.array([0, 0, 1, 0]))
    coef = np.array([[0.3, -1.0, 2.0, -0.1]])
    norms = np.sqrt(3) * np.linalg.norm(coef[:, [0, 1, 3]]) + np.linalg.norm(coef[:, [2]])
    expected = 0.2 * (l1_ratio * np.abs(coef).sum() + (1 - l1_ratio) * norms)
    assert isinstance(objective.penalty, GroupLasso)
    assert penalty_at(objective, coef) == pytest.approx(expected, rel=1e-12)


def test_without_norms_there_are_no_groups():
    for options in ({"l1_ratio": 1.0}, {"strength": 0.0}):
        objective = posed(groups=np.array([0, 0, 1, 0]), **options)
        assert not isinstance(objective.penalty, GroupLasso)


def test_bounds_are_those_of_coefficients_in_the_units_of_X():
    low, high = np.array([0.0, -1.0, -np.inf, -np.inf]), np.array([np.inf, 1.0, 0.5, np.inf])
    objective = posed(bounds=(low, high))
    lower, upper = objective.penalty.bounds
    for ends, bound in ((lower, low), (upper, high)):
        there = np.where(np.isfinite(bound), bound, 0.0)
        W = objective.from_original(there[None], np.zeros(1))[0, :4]
        finite = np.isfinite(bound)
        np.testing.assert_allclose(ends[:4][finite], W[finite])
        assert np.isinf(ends[:4][~finite]).all()
    assert np.isinf([lower[4], upper[4]]).all()


def test_bounds_that_a_constant_column_cannot_keep_are_refused():
    rows = as_rows(np.column_stack([X, np.ones(40)]), np.tile([[0.0, 1.0]], 20), np.full(40, 1 / 40), None)
    settings = Settings(0.0, np.ones(5), (np.full(5, 0.1), np.full(5, 1.0)), True, 1e-6)
    with pytest.raises(ValueError, match="coef_bounds exclude 0 at entry 4"):
        pose(rows, moments_of(rows), loss_for(2), 0.1, settings)
