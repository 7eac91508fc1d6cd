"""Directions that separate rows: one that coefficients have gone along, and where it ends."""

from types import SimpleNamespace

import numpy as np
import pytest

from sklearn_xent import CrossEntropyClassifier, SeparationWarning
from sklearn_xent.problem import margins
from sklearn_xent.solvers import separation
from sklearn_xent.solvers.rays import along_coefficients, beyond_separation, separates
from tests.problem.test_derivatives import pose
from tests.solvers.test_separation import solved


def half_separated(K, n=90, seed=0):
    """Rows of which the first 30 are separated by the second column, and the others overlap."""
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(n, 3)), rng.integers(0, K, n)
    X[:, 1] = 0.0
    X[:30, 1], y[:30] = 1.0 + rng.random(30), K - 1
    return X, y


@pytest.mark.parametrize("K", [2, 3, 5])
def test_coefficients_that_have_gone_far_show_what_separates(K):
    X, y = half_separated(K)
    point = solved(X, y, K).point
    share = 1e-8 * point.loss
    direction = along_coefficients(point, share)
    assert direction is not None
    assert separates(point, direction.ravel(), np.zeros(direction.size), share)
    # the first and third columns, by which rows overlap, have no part in it
    coef, _ = point.objective.to_original(direction)
    np.testing.assert_allclose(coef[:, [0, 2]], 0.0, atol=1e-6 * np.abs(coef).max())


@pytest.mark.parametrize("K", [2, 3])
def test_those_of_rows_that_overlap_show_nothing(K):
    rng = np.random.default_rng(0)
    point = solved(rng.normal(size=(90, 3)), rng.integers(0, K, 90), K).point
    assert along_coefficients(point, 1e-8 * point.loss) is None


@pytest.mark.parametrize("K", [1, 2, 3])
def test_products_with_constraints_are_those_of_their_gram_matrix(K):
    objective, W = pose(K, n=60)
    point = objective.at(W)
    V = np.random.default_rng(0).normal(size=W.shape)
    for share in (0.0, 1e-3, 1e-2):
        args = point.expansion, objective.design
        (G,), _ = objective.rows.sweep(margins.constraint_gram, *args, share)
        (pulled,), _ = objective.rows.sweep(margins.constraint_product, *args, V, share)
        expected = (G @ V.ravel()).reshape(V.shape)
        np.testing.assert_allclose(objective.design.gradient(pulled), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("limit", ["SHORTEST", "LARGEST_NULL_SPACE", "LARGEST_PROGRAM"])
def test_where_no_program_ends_separated_rows_are_named_all_the_same(monkeypatch, limit):
    monkeypatch.setattr(separation, limit, 0)
    if limit == "LARGEST_NULL_SPACE":
        monkeypatch.setattr(separation, "LARGEST_PROGRAM", 0)
    unended = SimpleNamespace(status=1)
    monkeypatch.setattr(separation, "_solved", lambda *args, **options: unended)
    with pytest.warns(SeparationWarning, match=r"quasi-separation\) by column"):
        CrossEntropyClassifier(C=np.inf).fit(*half_separated(3))


@pytest.mark.parametrize("K", [2, 3])
def test_beyond_separation_only_rows_that_are_not_separated_have_a_loss(K):
    rng = np.random.default_rng(0)
    n, rare = 90, np.arange(90) < 12
    X, y = np.column_stack([rng.normal(size=n), rare * 1e-3]), rng.integers(0, K, n)
    y[rare] = 1
    point = solved(X, y, K).point.objective.at(np.zeros((1 if K == 2 else K, 3)))
    coef = np.zeros((len(point.coefficients), 2))
    coef[-1 if K == 2 else 1, 1] = 1.0
    ray = point.objective.from_original(coef, np.zeros(len(coef)))
    beyond = point.objective.at(beyond_separation(point, ray))
    # the others, whose value in the column is 0, keep their loss of log K each
    np.testing.assert_allclose(beyond.loss, np.log(K) * np.mean(~rare), rtol=1e-12)


def test_a_ray_that_gains_nothing_is_not_followed():
    rng = np.random.default_rng(0)
    point = solved(rng.normal(size=(60, 2)), rng.integers(0, 2, 60), 2).point
    ray = point.objective.design.zeros(1)
    ray[0, 0] = 1.0
    np.testing.assert_array_equal(beyond_separation(point, ray), point.coefficients)
