"""Units, offsets, and columns that say nothing or the same twice: the fit of the well-scaled problem."""

import numpy as np
import pytest
import scipy.sparse as sp

from sklearn_xent import CrossEntropyClassifier
from tests.problems import overlapping

X, Y = overlapping(n=120, d=4)
BASE = CrossEntropyClassifier(C=np.inf).fit(X, Y)


def probabilities(Z, C=np.inf, y=Y):
    return CrossEntropyClassifier(C=C).fit(Z, y).predict_proba(Z)


@pytest.mark.parametrize("exponent", [-8, -3, 3, 8])
@pytest.mark.parametrize("container", [np.asarray, sp.csr_array])
def test_units_do_not_matter(exponent, container):
    scale = 10.0 ** np.array([exponent, 0, -exponent, exponent / 2])
    model = CrossEntropyClassifier(C=np.inf).fit(container(X * scale), Y)
    np.testing.assert_allclose(model.coef_ * scale, BASE.coef_, rtol=1e-9)
    np.testing.assert_allclose(model.intercept_, BASE.intercept_, rtol=1e-9)


@pytest.mark.parametrize("shift", [1e6, 2000.0, 1.7e9])
@pytest.mark.parametrize("C", [np.inf, 1.0])
def test_an_offset_of_columns_does_not_matter(shift, C):
    moved = X + shift
    expected = CrossEntropyClassifier(C=C).fit(moved - shift, Y).predict_proba(moved - shift)
    np.testing.assert_allclose(probabilities(moved, C), expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("C", [np.inf, 1.0])
def test_a_year_and_a_unix_time_are_columns_like_others(C):
    rng = np.random.default_rng(0)
    year, seconds = rng.integers(1999, 2002, len(X)), 1.7e9 + rng.integers(0, 10**7, len(X))
    centred = np.column_stack([X, year - 2000, (seconds - 1.7e9)])
    np.testing.assert_allclose(
        probabilities(np.column_stack([X, year, seconds]), C), probabilities(centred, C), rtol=1e-6
    )


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e6, -3e-9])
@pytest.mark.parametrize("C", [np.inf, 1.0])
@pytest.mark.parametrize("container", [np.asarray, sp.csr_array])
def test_a_constant_column_gets_nothing(constant, C, container):
    Z = np.column_stack([X, np.full(len(X), constant)])
    model = CrossEntropyClassifier(C=C).fit(container(Z), Y)
    assert model.coef_[0, -1] == 0.0
    np.testing.assert_allclose(model.predict_proba(Z), probabilities(X, C), rtol=1e-9)


def test_without_an_intercept_a_constant_column_is_one():
    Z = np.column_stack([X, np.full(len(X), 2.0)])
    model = CrossEntropyClassifier(C=np.inf, fit_intercept=False).fit(Z, Y)
    np.testing.assert_allclose(2 * model.coef_[0, -1], BASE.intercept_[0], rtol=1e-9)


def test_a_duplicated_column_shares_its_coefficient():
    model = CrossEntropyClassifier(C=np.inf).fit(np.column_stack([X, X[:, 0]]), Y)
    np.testing.assert_allclose(model.coef_[0, [0, 4]], BASE.coef_[0, 0] / 2, rtol=1e-9)


@pytest.mark.parametrize("scale", [1.0, 1e6])
def test_a_summed_column_has_the_solution_of_least_norm(scale):
    Z = np.column_stack([X, scale * X.sum(axis=1)])
    model = CrossEntropyClassifier(C=np.inf).fit(Z, Y)
    np.testing.assert_allclose(model.predict_proba(Z), BASE.predict_proba(X), rtol=1e-8)
    null = np.append(np.ones(4), -1 / scale)  # moves no logit
    assert abs(model.coef_[0] @ null) <= 1e-8 * np.linalg.norm(model.coef_) * np.linalg.norm(null)


@pytest.mark.parametrize("d", [50, pytest.param(2100, marks=pytest.mark.slow)])
@pytest.mark.parametrize("K", [2, 3])
def test_wide_data_without_a_penalty_have_the_solution_of_least_norm(d, K):
    rng = np.random.default_rng(0)
    Z, P = rng.normal(size=(15, d)) * 10.0 ** rng.uniform(-1, 1, d), rng.dirichlet(np.ones(K), 15)
    model = CrossEntropyClassifier(C=np.inf, tol=1e-12).fit(Z, P)
    z = np.log(P[:, 1:] / P[:, :1]) if K == 2 else np.log(P) - np.log(P).mean(axis=1, keepdims=True)
    centred = Z - Z.mean(axis=0)
    expected = np.linalg.pinv(centred) @ (z - z.mean(axis=0))
    np.testing.assert_allclose(model.coef_, expected.T, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("size", [1e100, 1e200, 1e-100, 1e-200, 1e-310, 1e300, 1e308])
@pytest.mark.parametrize("options", [{}, {"C": np.inf}, {"l1_ratio": 1.0}])
def test_extreme_magnitudes_end_finite_or_say_why(size, options):
    Z = np.clip(X, -1, 1) * size
    try:
        model = CrossEntropyClassifier(**options).fit(Z, Y)
    except ValueError as error:
        assert "X " in str(error)
        assert "rescale" in str(error)
        assert size >= 1e300 or size == 1e-310
    else:
        assert np.isfinite(model.coef_).all()
        assert np.isfinite(model.intercept_).all()


def test_float32_at_its_limit():
    Z = np.sign(X).astype(np.float32) * np.float32(3e38)
    np.testing.assert_allclose(probabilities(Z), probabilities(np.sign(X)), rtol=1e-6)


def test_the_order_of_rows_does_not_move_a_raw_fit(raw):
    Z, y = raw("breast_cancer")
    order = np.random.default_rng(0).permutation(len(y))
    a, b = CrossEntropyClassifier().fit(Z, y), CrossEntropyClassifier().fit(Z[order], y[order])
    np.testing.assert_allclose(a.coef_, b.coef_, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("container", [sp.csr_array, sp.csc_array])
def test_a_constant_of_the_rows_with_weight_is_constant_where_others_have_no_entry(container):
    """The mass of the rows without an entry is 0; as a difference of sums it may come out below."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        absent = rng.random(len(X)) < 0.1
        weights = np.where(absent, 0.0, rng.random(len(X)))
        Z = container(np.column_stack([np.where(absent, 0.0, 0.00386), X]))
        model = CrossEntropyClassifier().fit(Z, Y, sample_weight=weights)
        assert model.coef_[0, 0] == 0.0


@pytest.mark.parametrize("container", [np.asarray, sp.csr_array])
def test_a_column_that_only_a_row_of_next_to_no_weight_has_is_no_large_one(container):
    Z = np.column_stack([X, np.zeros(len(X))])
    Z[0, -1], weights = 0.00386, np.ones(len(X))
    weights[0] = 1e-300
    model = CrossEntropyClassifier().fit(container(Z), Y, sample_weight=weights)
    others = CrossEntropyClassifier().fit(X[1:], Y[1:])
    np.testing.assert_allclose(model.coef_[0, :-1], others.coef_[0], rtol=1e-5, atol=1e-8)
    with pytest.raises(ValueError, match="values beyond 1e\\+290 in column 4"):
        CrossEntropyClassifier().fit(container(np.where(Z == 0.00386, 1e300, Z)), Y, sample_weight=weights)
