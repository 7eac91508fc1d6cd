"""Shift and scale of the columns: every curvature is about 1, and what cannot be scaled is named."""

import numpy as np
import pytest
import scipy.sparse as sp

from sklearn_xent.problem.moments import moments_of
from sklearn_xent.problem.scaling import applied, design_for
from sklearn_xent.rows import as_rows


def rows_of(X, weights=None):
    n = X.shape[0]
    return as_rows(X, np.zeros((1, n)), np.full(n, 1 / n) if weights is None else weights, None)


def design_of(X, strength=0.0, l1_ratio=0.0, fit_intercept=True, **options):
    rows = rows_of(X)
    return design_for(
        rows,
        moments_of(rows),
        fit_intercept=fit_intercept,
        strength=np.full(X.shape[1], strength),
        l1_ratio=l1_ratio,
        **options,
    )


def spread_over_units():
    rng = np.random.default_rng(0)
    return rng.normal(size=(50, 4)) * [1e-6, 1.0, 1e6, 3.0] + [1e-5, 0, 1e8, -7]


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("strength", [0.0, 0.3])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_the_curvature_of_every_column_is_one(fit_intercept, strength, l1_ratio):
    # at probabilities of 1 / 2 the loss has a quarter of a column's mean square, and the ridge its own
    X = spread_over_units()
    design = design_of(X, strength, l1_ratio, fit_intercept)
    A = (X - design.shift) * design.scale
    ridge = (1 - l1_ratio) * strength * design.scale**2
    np.testing.assert_allclose((A**2).mean(axis=0) / 4 + ridge, 1.0, rtol=1e-6)
    np.testing.assert_allclose(design.variance, (A**2).mean(axis=0), rtol=1e-6)
    assert design.shift.any() == fit_intercept


def test_a_constant_column_is_dropped_unless_it_is_an_intercept():
    X = spread_over_units()
    X[:, 1] = 5.0
    assert (design_of(X).scale == 0).tolist() == [False, True, False, False]
    assert (design_of(X, fit_intercept=False).scale > 0).all()


def test_columns_of_a_group_have_one_scale():
    X = np.random.default_rng(0).normal(size=(50, 4)) * [1, 5, 2, 1]
    design = design_of(X, 0.1, groups=np.array([0, 0, 1, 1]))
    assert design.scale[0] == design.scale[1]
    assert design.scale[2] == design.scale[3]
    assert design.scale[1] == pytest.approx(2 / X[:, 1].std(), rel=1e-12)


def test_values_and_spreads_out_of_range_are_named():
    X = spread_over_units()
    X[3, 2] = 1e291
    with pytest.raises(ValueError, match="values beyond 1e\\+290 in column 2"):
        design_of(X)
    X[:, 2] = np.linspace(0, 1e-292, 50)
    with pytest.raises(ValueError, match="varies by less than 1e-290 in column 2"):
        design_of(X)
    assert design_of(X, 0.1).scale[2] > 0


def test_an_outlier_does_not_move_a_centre_away():
    X = np.random.default_rng(0).normal(size=(50, 2))
    X[7, 0] = 1e9
    assert abs(design_of(X).shift[0]) < 5


@pytest.mark.parametrize("container", [np.asarray, sp.csr_array])
def test_small_dense_rows_are_made_the_design_matrix_once(container):
    X = np.random.default_rng(0).normal(size=(50, 3))
    rows = rows_of(container(X))
    design = design_for(rows, moments_of(rows), fit_intercept=True, strength=np.zeros(3), l1_ratio=0.0)
    W = np.random.default_rng(1).normal(size=(1, 4))
    A = np.column_stack([(X - design.shift) * design.scale, np.ones(50)])
    new, made = applied(design, rows)
    _, (logits,) = made.sweep(lambda b: ((), (new.logits(b.X, new.linear(W)),)))
    np.testing.assert_allclose(np.concatenate(logits.flat(), axis=1), W @ A.T, atol=1e-12)
