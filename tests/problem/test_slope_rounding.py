"""What rounding makes of slopes: no less than they are off by, and no more than their terms allow."""

import numpy as np
import pytest

from sklearn_xent.problem.extended import extended
from sklearn_xent.problem.slope_rounding import ROUNDED, slope_rounding, summed_rounding
from tests.problem.dense import posed
from tests.problem.test_derivatives import CONTAINERS, assemble, ingredients

EPS = np.finfo(float).eps
EVERY = pytest.mark.parametrize(("K", "container"), [(K, c) for K in (2, 3) for c in CONTAINERS])
longer = pytest.mark.skipif(np.finfo(np.longdouble).eps > EPS / 100, reason="long double is float64 here")


@EVERY
def test_it_is_eps_times_the_sizes_of_the_terms(K, container):
    o, W, dense = posed(K, container)
    rounding, probe = summed_rounding(o.at(W))
    # of a soft label's residual (1 - y) p - y (1 - p), each part counts
    terms = dense.weights * ((1 - dense.targets) * dense.p + dense.targets * (1 - dense.p))
    sizes, lost = np.abs(dense.A), np.append(np.abs(o.design.shift) * o.design.scale, 0.0)
    most = terms @ (sizes + lost)
    if container in ("csr", "csc"):  # |x| + |shift| is no less than |x - shift|
        assert (rounding >= EPS * (terms @ sizes) * (1 - 1e-12)).all()
        assert (rounding <= EPS * (terms @ (sizes + 2 * lost))).all()
    else:
        np.testing.assert_allclose(rounding, EPS * most, rtol=1e-9)
    # signs at random: what each residual is off by, all of one size, cancels as roundings do
    assert (np.abs(probe) <= rounding * (1 + 1e-12)).all()
    assert (np.abs(probe[:, -1]) < 0.8 * rounding[:, -1]).all()
    assert np.abs(probe).max() > 0.01 * rounding.max()
    again = summed_rounding(o.at(W))[1]
    np.testing.assert_array_equal(probe, again)


@longer
@pytest.mark.parametrize("far", [1.0, 1e6, 1e12])
@pytest.mark.parametrize("container", ["C", "csr"])
@pytest.mark.parametrize("K", [2, 3])
def test_slopes_are_off_by_no_more(K, container, far):
    """Against slopes in extended precision, beside a row that is far out and sure of its label."""
    X, targets, weights, _ = ingredients(K, n=200)
    X[0, 1] = far
    o = assemble(X, targets, weights, None, container, strength=0.0)
    for seed in range(4):
        W = np.random.default_rng(seed).normal(size=o.shape)
        point, precise = o.at(W), extended(o).at(W)
        # with the probabilities of the plain point, whose own rounding is another matter
        e = point.expansion.flat()[0]
        off = np.abs(point.loss_gradient - precise.loss_gradient)
        z = np.abs(W) @ np.abs(np.column_stack([(X - o.design.shift) * o.design.scale, np.ones(200)])).T
        slack = (
            EPS
            * (weights * (e.diagonal * z * 8))
            @ np.abs(np.column_stack([(X - o.design.shift) * o.design.scale, np.ones(200)]))
        )
        assert (off <= ROUNDED * summed_rounding(point)[0] + slack).all()
        assert (off <= ROUNDED * slope_rounding(point) + slack).all()


def test_a_row_far_out_without_a_residual_counts_by_its_residual():
    X, targets, weights, _ = ingredients(2, n=200)
    X[0], targets[:, 0] = 1e9, [0.0, 1.0]
    o = assemble(X, targets, weights, None, strength=0.0)
    W = np.zeros(o.shape)
    W[0, 0] = 100.0  # the row is certain
    point = o.at(W)
    assert point.expansion.flat()[0].residual[0, 0] == 0.0
    by_terms, by_norms = summed_rounding(point)[0], slope_rounding(point)
    assert by_terms[0, 0] < 1e-3 * by_norms[0]
    np.testing.assert_allclose(by_norms[-1], EPS * o.loss.largest_residual(point.loss), rtol=1e-12)


def test_rows_in_single_precision_are_rounded_to_theirs():
    o, W, _ = posed(2, "float32")
    double = slope_rounding(o.at(W)), summed_rounding(o.at(W))[0]
    o.rows.single = True
    point = o.at(W)
    ratio = np.finfo(np.float32).eps / EPS
    np.testing.assert_allclose(slope_rounding(point), ratio * double[0], rtol=1e-5)
    np.testing.assert_allclose(summed_rounding(point)[0], ratio * double[1], rtol=1e-5)
