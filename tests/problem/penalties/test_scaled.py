"""Penalties in a design's units are those of the coefficients in the units of X."""

import numpy as np
import pytest

from sklearn_xent.problem.design import Design
from sklearn_xent.problem.penalties import elastic_net, group_lasso

INF = np.inf
SHIFT, SCALE = np.array([1.0, -2.0, 0.0, 5.0, 0.3]), np.array([1e-3, 0.0, 2.0, 1e4, 2.0])
FACTORS = np.array([1.0, 2.0, 0.0, 0.5, 3.0])


def design(fit_intercept=True):
    return Design(SHIFT, SCALE, np.ones(5), fit_intercept)


def coefficients(K=3):
    """W (K, 6) of a design with a dropped column, which has 0 there, and what it is in the units of X."""
    W = np.random.default_rng(0).normal(size=(K, 6))
    W[:, 1] = 0.0
    return W, design().to_original(W)[0]


@pytest.mark.parametrize("factors", [None, FACTORS])
@pytest.mark.parametrize("l1_ratio", [0.0, 0.3, 1.0])
def test_the_value_is_that_of_the_coefficients_in_the_units_of_X(l1_ratio, factors):
    W, coef = coefficients()
    penalty = elastic_net(design(), 0.7, l1_ratio, factors)
    f = np.ones(5) if factors is None else factors
    expected = 0.7 * (f * (l1_ratio * np.abs(coef) + (1 - l1_ratio) / 2 * coef**2)).sum()
    assert penalty.value(W) == pytest.approx(expected, rel=1e-14)
    other = W.copy()
    other[:, -1] += 10.0  # the intercept goes free
    assert penalty.value(other) == penalty.value(W)
    assert penalty.smooth == (l1_ratio == 0.0)


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_what_cannot_move_a_logit_is_held_by_a_unit_ridge(fit_intercept):
    groups = np.array([0, 1, 2, 3, 2])
    for penalty in (
        elastic_net(design(fit_intercept), 0.7, 0.5, FACTORS, (np.full(5, -1.0), np.full(5, 1.0))),
        group_lasso(design(fit_intercept), 0.7, 0.5, groups, FACTORS),
    ):
        idle = np.array([False, True, False, False, False, not fit_intercept])
        np.testing.assert_array_equal(penalty.hessian_diagonal[idle], 1.0)
        np.testing.assert_array_equal(penalty.kinks[idle], 0.0)
        assert penalty.free[2] == (penalty.bounds[0][2] == -INF)  # its factor is 0; a box holds it
        assert penalty.free[5] == fit_intercept
        np.testing.assert_array_equal(np.array(penalty.bounds)[:, idle].T, [[-INF, INF]] * idle.sum())


def test_bounds_are_those_of_the_units_of_X():
    lower, upper = np.array([-1.0, 0.0, 0.0, -INF, 0.5]), np.array([2.0, 0.0, INF, 0.0, 3.0])
    penalty = elastic_net(design(), 0.1, 0.0, None, (lower, upper))
    keep = [0, 2, 3, 4]
    for bound, given, end in zip(penalty.bounds, (lower, upper), (-INF, INF), strict=True):
        W = np.append(np.where(np.isfinite(bound[:5]), bound[:5], 0.0), 0.0)[None]
        finite = np.isfinite(given) & (SCALE > 0)
        np.testing.assert_allclose(design().to_original(W)[0][0][finite], given[finite], rtol=1e-15)
        np.testing.assert_array_equal(np.isfinite(bound[keep]), np.isfinite(given[keep]))
        assert bound[-1] == end
        np.testing.assert_array_equal(bound[:-1][given == 0][SCALE[given == 0] > 0], 0.0)


def test_bounds_that_leave_a_dropped_column_no_coefficient_are_refused():
    for ends in ((np.full(5, 0.1), np.full(5, INF)), (np.full(5, -INF), np.full(5, -0.1))):
        with pytest.raises(
            ValueError, match=r"coef_bounds exclude 0 at entry 1, but that column of X does not"
        ):
            elastic_net(design(), 0.1, 0.0, None, ends)


def test_units_far_apart_make_no_number_that_is_none():
    """Scales whose squares overflow: without a penalty they cost nothing, and their bounds are 0."""
    wide = Design(np.zeros(3), np.array([1e280, 1e-280, 1.0]), np.ones(3))
    ends = np.full(3, -1e-300), np.full(3, 1e300)
    penalty = elastic_net(wide, 0.0, 0.5, None, ends)
    np.testing.assert_array_equal(penalty.hessian_diagonal[:3], 0.0)
    assert not np.isnan(penalty.bounds).any()
    # sqrt(1e-300) 1e200 squared is a number, 1e200 squared is none
    far = elastic_net(Design(np.zeros(1), np.array([1e200]), np.ones(1)), 1e-300, 0.0)
    assert far.hessian_diagonal[0] == pytest.approx(1e100, rel=1e-12)


@pytest.mark.parametrize("l1_ratio", [0.0, 0.3])
def test_norms_of_groups_are_those_of_the_units_of_X(l1_ratio):
    groups, factors = np.array([0, 0, 1, 2, 1]), np.array([1.0, 1.0, 0.5, 0.0, 0.5])
    W, coef = coefficients()
    penalty = group_lasso(design(), 0.7, l1_ratio, groups, factors)
    norms = sum(
        np.sqrt((groups == g).sum()) * factors[groups == g][0] * np.linalg.norm(coef[:, groups == g])
        for g in range(3)
    )
    expected = 0.7 * (l1_ratio * (factors * np.abs(coef)).sum() + (1 - l1_ratio) * norms)
    assert penalty.value(W) == pytest.approx(expected, rel=1e-13)
    assert penalty.free[3]  # alone in a group of factor 0
    assert group_lasso(design(), 0.7, l1_ratio, groups).value(W) > expected
