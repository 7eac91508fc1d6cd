"""Bounds from changes of the probabilities row by row: no lower than the gap, and had where steps fail."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sklearn_xent import CrossEntropyClassifier
from sklearn_xent.problem.extended import extended
from sklearn_xent.problem.penalties import ElasticNet
from sklearn_xent.solvers.hessian import curvature_at, hessian_among
from sklearn_xent.solvers.optimality_gap import factored_bound
from sklearn_xent.solvers.row_bound import row_bound
from tests.solvers.test_optimality_gap import INGREDIENTS, PENALTIES, lowest, points_on_the_way, pose

LONGER = np.finfo(np.longdouble).eps < np.finfo(float).eps / 100
longer = pytest.mark.skipif(not LONGER, reason="long double is float64 here")


@pytest.mark.parametrize("ingredients", INGREDIENTS, ids=lambda v: "+".join(v) or "plain")
@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("K", [2, 3])
def test_it_is_never_below_the_gap(K, penalty, ingredients):
    objective = pose(penalty, K, **ingredients)
    best, points = points_on_the_way(objective)
    precise = extended(objective)
    for point in (precise.at(near.coefficients) for near in points):
        gap = point.value - best.value
        assert row_bound(point, 0.0) >= gap * (1 - 1e-9) - 1e-14 * abs(best.value)


@pytest.mark.parametrize("K", [2, 3])
def test_an_l1_penalty_below_the_rounding_of_slopes_gives_no_bound(K):
    objective = pose("none", K)
    size = objective.shape[1]
    l1 = np.append(np.full(size - 1, 1e-30), 0.0)
    faint = replace(objective, penalty=ElasticNet(l1, np.zeros(size)))
    assert row_bound(extended(faint).at(np.ones(objective.shape)), 0.0) == np.inf


@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize("penalty", PENALTIES)
def test_near_the_minimum_it_is_that_of_a_step(penalty, K):
    objective = pose(penalty, K)
    point = extended(objective).at(lowest(objective).coefficients)
    bound = row_bound(point, 0.0)
    assert bound <= 2 * factored_bound(point, curvature_at(point), 0.0) + 1e-13
    assert bound <= 1e-12 * point.value


@pytest.mark.parametrize("K", [2, 3, 4])
@pytest.mark.parametrize("share", [1.0, 0.6])
def test_products_of_the_rows_are_the_hessian(K, share):
    objective = pose("none", K, soft=True, weighted=True)
    rng = np.random.default_rng(0)
    point = objective.at(objective.symmetric(rng.normal(size=objective.shape)))
    chosen = rng.random(objective.shape) <= share
    gauged = chosen.all(axis=0) & (K > 2)
    contrasts, pinned = point.hessian_rows(chosen, gauged)
    size = np.count_nonzero(chosen)
    B = np.vstack([block.reshape(-1, size) for block in [*contrasts.flat(), *pinned.flat()]])
    V = rng.normal(size=objective.shape)
    V -= np.where(gauged, V.mean(axis=0), 0.0)  # a gauge may have any curvature
    v = V[chosen]
    assert_allclose(B.T @ (B @ v), hessian_among(point, chosen) @ v, atol=1e-13)


@pytest.mark.parametrize("K", [2, 3])
def test_a_change_along_rows_has_the_slopes_of_their_products(K):
    objective = pose("none", K, soft=True, weighted=True)
    point = objective.at(np.zeros(objective.shape))
    every = np.ones(objective.shape, bool)
    contrasts, _ = point.hessian_rows(every, np.zeros(objective.shape[1], bool))
    along = type(contrasts)(np.random.default_rng(0).normal(size=block.shape[:2]) for block in contrasts)
    expected = sum(np.einsum("mi,mij->j", u, block) for u, block in zip(along, contrasts, strict=True))
    assert_allclose(point.slopes_along_rows(along).ravel(), expected, atol=1e-13)


def hidden(K, seed=0):
    """Columns that differ by 1e-7 of what they share, which decides the labels, beside a row far out."""
    rng = np.random.default_rng([K, seed])
    common, difference = rng.normal(size=(2, 60))
    X = np.column_stack([common, common + 1e-7 * difference, rng.normal(size=60)])
    X[0] *= 1e8
    return X, np.argmax(np.outer(difference, rng.normal(size=K)) + 2 * rng.gumbel(size=(60, K)), axis=1)


@longer
@pytest.mark.parametrize("options", [{"C": np.inf}, {"C": 1e8}, {"C": 1e8, "l1_ratio": 1.0}], ids=str)
@pytest.mark.parametrize("K", [2, 3, 5])
def test_what_a_row_far_out_hides_is_bounded(K, options):
    # without a bound the fit would warn, and a warning is an error here
    model = CrossEntropyClassifier(**options).fit(*hidden(K))
    assert model.converged_
    assert model.optimality_gap_kind_ == "bound"
