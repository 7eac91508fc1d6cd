"""The objective on its rows: products with the design matrix, samples, and what it need not read again."""

from dataclasses import replace

import numpy as np
import pytest

from sklearn_xent.problem import objective as module
from sklearn_xent.problem.penalties import elastic_net
from tests.problem.dense import posed
from tests.problem.test_derivatives import CONTAINERS, assemble, ingredients, logits_at, somewhere

EVERY = pytest.mark.parametrize(("K", "container"), [(K, c) for K in (2, 3) for c in CONTAINERS])


@EVERY
def test_products_are_those_of_the_dense_matrix(K, container):
    o, W, dense = posed(K, container)
    A, w = dense.A, dense.weights
    R = np.random.default_rng(0).normal(size=(len(W), len(A)))
    np.testing.assert_allclose(o.gram(), (A * w[:, None]).T @ A, atol=1e-12)
    np.testing.assert_allclose(o.squares(), w @ A**2, rtol=1e-10)
    np.testing.assert_allclose(np.concatenate(o.logits(W).flat(), axis=1), W @ A.T, atol=1e-11)
    np.testing.assert_allclose(o.adjoint(o.rows.split(R)), R @ A, atol=1e-10)
    np.testing.assert_allclose(o.largest_share, (w[:, None] * A**2 / (w @ A**2)).max(), rtol=1e-10)


def test_a_point_takes_one_reading_and_the_same_point_under_another_penalty_none():
    o, W, _ = posed(3)
    before = o.rows.passes
    point = o.at(W)
    point.loss_hessian_product(W)  # one more: the expansion reads nothing
    assert o.rows.passes == before + 2
    penalty = elastic_net(o.design, 3.0, 0.5)
    other = module.Objective(o.rows, o.loss, penalty, o.design, known=point)
    again = other.at(W.copy())
    assert o.rows.passes == before + 2
    fresh = o.under(penalty).at(W)
    assert again.value == fresh.value > point.value
    np.testing.assert_allclose(again.gradient, fresh.gradient, atol=1e-15)
    assert again.objective is other
    assert o.rows.passes == before + 3
    other.at(W + 1e-16)
    assert o.rows.passes == before + 4
    # another penalty may know nothing of it: its own optimum is elsewhere
    assert other.under(penalty).known is None


@EVERY
def test_a_point_that_keeps_no_expansion_is_the_same(monkeypatch, K, container):
    o, W, _ = posed(K, container)
    assert o.keeps
    kept = o.at(W)
    monkeypatch.setattr(module, "KEPT", 0)
    assert not o.keeps
    point = o.at(W)
    assert point.value == pytest.approx(kept.value, rel=1e-15)
    np.testing.assert_allclose(point.gradient, kept.gradient, atol=1e-15)
    np.testing.assert_allclose(point.hessian(), kept.hessian(), atol=1e-15)
    np.testing.assert_allclose(point.hessian_product(W), kept.hessian_product(W), atol=1e-15)


@pytest.mark.parametrize("container", CONTAINERS)
def test_a_sample_holds_every_row_of_a_rare_column(container):
    n = 4000
    X, targets, weights, offset = ingredients(3, n=n)
    X[:, 0] = np.arange(n) % 400 == 7  # ten rows, of which the sample would have one
    o = assemble(X, targets, weights, offset, container)
    sample = o.sample(500, np.random.RandomState(0))
    assert 400 < sample.rows.n_rows <= 520
    assert sample.rows.take(np.arange(sample.rows.n_rows)).weights.sum() == pytest.approx(1.0, rel=1e-12)
    centre, unit = o.design.shift[0], o.design.scale[0]

    def held(problem):  # weight of the rows with an entry
        block = problem.rows.take(np.arange(problem.rows.n_rows))
        entries = np.asarray(block.X.toarray() if hasattr(block.X, "toarray") else block.X)
        return block.weights[entries[:, 0] != 0].sum()

    assert held(sample) == pytest.approx(held(o), rel=1e-12)
    # so that the column's curvature is that of all rows
    expected = unit**2 * (held(o) * (1 - centre) ** 2 + (1 - held(o)) * centre**2)
    assert sample.squares()[0] == pytest.approx(expected, rel=1e-9)


def test_no_more_rows_are_added_to_a_sample_than_are_drawn():
    n, d = 2000, 60
    X = np.zeros((n, d))
    X[np.arange(n), np.arange(n) % d] = 1.0  # every column is rare in a sample, and every row has one
    o = assemble(X, np.eye(2)[np.arange(n) % 2].T, np.full(n, 1 / n), None, "csr")
    assert o.sample(320, np.random.RandomState(0)).rows.n_rows <= 320


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5])
@pytest.mark.parametrize("K", [2, 3])
def test_the_symmetric_coefficients_have_the_same_loss_and_no_more_penalty(K, l1_ratio):
    o, W, _ = posed(K, l1_ratio=l1_ratio)
    V = o.symmetric(W)
    here, there = o.at(W), o.at(V)
    assert there.loss == pytest.approx(here.loss, rel=1e-14)
    if K == 3 and not l1_ratio:
        np.testing.assert_allclose(V.sum(axis=0), 0.0, atol=1e-15)
        assert there.value < here.value
    else:  # one logit has no such shift, and the least l1 norm is elsewhere
        np.testing.assert_array_equal(V, W)


def test_unheld_is_what_nothing_penalises_or_bounds():
    o, _, _ = posed(2, strength=0.0)
    assert o.unheld
    assert not o.under(elastic_net(o.design, 0.0, 0.0, None, (np.zeros(4), np.full(4, 1.0)))).unheld
    # a bound on one side leaves the other
    assert o.under(elastic_net(o.design, 0.0, 0.0, None, (np.zeros(4), np.full(4, np.inf)))).unheld
    one = elastic_net(o.design, 0.1, 0.5, np.array([0.0, 0.0, 1.0, 0.0]))
    assert not o.under(one).unheld
    np.testing.assert_array_equal(o.under(one).free, [True, True, False, True, True])
    X, targets, weights, offset = ingredients(2)
    constant = assemble(X * 0.0, targets, weights, offset, strength=0.0)
    assert not constant.unheld  # there is nothing to hold
    half = assemble(X * [0, 1, 1, 1], targets, weights, offset, strength=0.0)
    assert half.unheld


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("K", [2, 3])
def test_in_the_units_of_X_intercepts_are_symmetric_and_lead_back(K, fit_intercept):
    o, W, dense = posed(K, fit_intercept=fit_intercept)
    coef, intercept = o.to_original(W)
    if K == 3:
        assert intercept.sum() == pytest.approx(0.0, abs=1e-14)
    if not fit_intercept:
        np.testing.assert_array_equal(intercept, 0.0)
    back = o.from_original(coef, intercept)
    np.testing.assert_allclose(o.symmetric(back), back, atol=1e-14)
    moved = (back - W) @ dense.A.T
    np.testing.assert_allclose(moved - moved.mean(axis=0) * (K > 2), 0.0, atol=1e-11)


@EVERY
def test_the_problem_on_some_columns_is_the_whole_one_where_the_others_are_zero(K, container):
    o, W, _ = posed(K, container, l1_ratio=0.5)
    W[:, [0, 3]] = 0.0
    part = replace(o, total=7.0).columns(np.array([1, 2]))
    assert part.total == 7.0
    whole, inside = o.at(W), part.at(W[:, [1, 2, 4]])
    assert inside.value == pytest.approx(whole.value, rel=1e-12)
    np.testing.assert_allclose(inside.gradient, whole.gradient[:, [1, 2, 4]], atol=1e-12)


def test_no_row_has_more_of_a_column_than_its_share():
    X, targets, weights, offset = ingredients(2, weighted=False)
    X[:, 2] = 0.0
    X[5, 2] = 1.0  # after centring it has 29 / 30 of the squares
    o = assemble(X, targets, weights, offset)
    assert o.largest_share == pytest.approx(29 / 30, rel=1e-12)
    assert logits_at(o.at(somewhere(o))).shape == (1, 30)
