"""Whether rows overlap by a Hessian, against the linear program."""

import numpy as np
import pytest

from sklearn_xent.problem.penalties import ElasticNet
from sklearn_xent.solvers.hessian import curvature_at
from sklearn_xent.solvers.newton import newton_cholesky
from sklearn_xent.solvers.overlap import overlaps
from sklearn_xent.solvers.separation import recession_direction
from tests.problem.test_derivatives import assemble
from tests.problems import iterates


@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize("separable", [True, False])
def test_the_hessian_of_rows_that_overlap_proves_it_and_no_other(K, separable):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 3)), rng.integers(0, K, 60)
    if separable:
        X[:, 0] = 0.0
        X[y == 1, 0] = rng.integers(0, 2, np.count_nonzero(y == 1))  # of class 1 alone
    objective = assemble(X, np.eye(K)[y].T, np.full(60, 1 / 60), None, strength=0.0)
    points = iterates(newton_cholesky, objective, np.zeros(objective.shape), 12)
    proved = [overlaps(point, curvature_at(point)) for point in points]
    assert proved[-1] == (not separable)
    assert (recession_direction(points[-1], 1e-6) is not None) == separable
    assert not (separable and any(proved))


def test_a_bound_or_a_singular_hessian_proves_no_overlap():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 3)), rng.integers(0, 2, 60)

    def at_the_minimum(X):
        objective = assemble(X, np.eye(2)[y].T, np.full(60, 1 / 60), None, strength=0.0)
        return iterates(newton_cholesky, objective, np.zeros(objective.shape), 12)[-1]

    point = at_the_minimum(X)
    assert overlaps(point, curvature_at(point))
    bounded = ElasticNet(np.zeros(4), np.zeros(4), np.full(4, -np.inf), np.full(4, 50.0))
    bounded = point.objective.under(bounded).at(point.coefficients)
    assert not overlaps(bounded, curvature_at(bounded))
    twice = at_the_minimum(np.column_stack([X, X[:, 0]]))
    assert not overlaps(twice, curvature_at(twice))
