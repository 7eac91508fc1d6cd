"""Curvature for steps from coefficients that are hardly known: means over them, and chords of lost rows."""

import numpy as np
import pytest
import scipy.integrate
import scipy.sparse as sp
from scipy.special import expit

from sklearn_xent.problem import cautious
from sklearn_xent.problem.design import Design
from sklearn_xent.problem.losses import loss_for
from sklearn_xent.rows import Block
from tests.problem.dense import posed
from tests.problem.test_derivatives import CONTAINERS

SHIFT, SCALE = np.array([1.0, 0.0, -2.0]), np.array([2.0, 1.0, 0.5])


def one_column(z, y, variance, weight=1.0):
    """Curvature that a row x = 1 has at a logit, for a coefficient of a variance and for an intercept."""
    design = Design(np.zeros(1), np.ones(1), np.ones(1))
    block = Block(np.ones((1, 1)), np.array([[y]]), np.array([weight]), None)
    args = np.array([[z]]), np.array([[variance, 1e-9]]), loss_for(2), design
    (D, lost), _ = cautious.cautious_diagonal(block, *args)
    return D[0], lost


@pytest.mark.parametrize("deviation", [0.3, 1.0, 1.7])
@pytest.mark.parametrize("z", [0.0, 1.0, -3.0])
def test_a_row_has_the_slope_of_its_mean_probability(z, deviation):
    """That of the sigmoid over a normal logit, integrated: MacKay's formula is within 8 % of it."""

    def slope(t):
        p = expit(z + deviation * t)
        return p * (1 - p) * np.exp(-(t**2) / 2) / np.sqrt(2 * np.pi)

    exact, _ = scipy.integrate.quad(slope, -8, 8)
    (h, last), lost = one_column(z, 1.0, deviation**2, weight=0.5)
    assert h == pytest.approx(0.5 * exact, rel=0.08)
    assert last == pytest.approx(h, rel=1e-12)
    assert not lost


def test_many_coefficients_that_each_could_explain_a_row_share_it():
    # their step together would move the logit by h s^2 of what is asked for: 2 h s^2 above 1 curves more
    c = 1 / np.sqrt(1 + np.pi / 8 * 4.0)  # the variance that is believed in the slope is no more than 4
    h = c / 4
    for variance, more in ((4.0, 2 * h * 4.0), (50.0, 2 * h * 50.0), (1e9, 2 * h * 100.0)):
        (found, _), _ = one_column(0.0, 1.0, variance)
        assert found == pytest.approx(h * more, rel=1e-12)


@pytest.mark.parametrize(("K", "container"), [(K, c) for K in (2, 3) for c in CONTAINERS])
def test_where_coefficients_are_known_it_is_the_diagonal_of_the_hessian(K, container):
    o, W, dense = posed(K, container, size=0.3)
    point = o.at(W)
    (D, lost), _ = o.rows.sweep(
        cautious.cautious_diagonal, point.logits, np.full(W.shape, 1e-14), o.loss, o.design
    )
    np.testing.assert_allclose(D.ravel(), np.diag(dense.hessian()), rtol=1e-9)
    assert not lost
    (H, lost), _ = o.rows.sweep(cautious.cautious_hessian, point.logits, point.expansion, o.loss, o.design)
    np.testing.assert_allclose(H, dense.hessian(), atol=1e-13)
    assert not lost


def lost_rows(K, kind):
    """A block all of whose rows have lost by more than 10 nats, and its design, logits and matrix."""
    rng = np.random.default_rng(K)
    X = np.where(rng.random((9, 3)) < 0.3, 0.0, rng.normal(size=(9, 3)))
    design = Design(SHIFT, SCALE, np.ones(3), sparse=kind is not np.asarray)
    label = np.arange(9) % K
    targets = np.eye(K)[label].T[K == 2 :]
    logits = 15 * np.where(targets > 0, -1.0, 1.0) * rng.uniform(1, 3, targets.shape)
    A = np.column_stack([(X - SHIFT) * SCALE, np.ones(9)])
    block = Block(kind(X), targets, rng.random(9) + 0.1, None)
    return block, loss_for(K), design, logits, A


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array, sp.csc_array])
def test_a_lost_row_has_about_the_curvature_of_the_parabola_that_bounds_its_loss(kind):
    """1 / (2 v) for a loss of v nats, but for a part of 3 / (2 v) of it."""
    block, loss, design, logits, A = lost_rows(2, kind)
    for i in range(9):
        one = block._replace(weights=np.where(np.arange(9) == i, 0.3, 0.0))
        e = loss.expand(logits, one.targets)
        (H, lost), _ = cautious.cautious_hessian(one, logits, e, loss, design)
        assert lost
        v = e.value[i]
        parabola = 0.3 * np.outer(A[i], A[i]) / (2 * v)
        share = np.trace(H) / np.trace(parabola)
        assert 1 - 1.5 / v <= share <= 1
        np.testing.assert_allclose(H, share * parabola, atol=1e-15)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e4])
@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array, sp.csc_array])
@pytest.mark.parametrize("K", [2, 3])
def test_the_diagonal_bounds_the_whole_curvature_of_lost_rows(K, kind, scale):
    block, loss, design, logits, _ = lost_rows(K, kind)
    variance = scale * np.random.default_rng(1).uniform(0.1, 10, (len(block.targets), 4)) ** 2
    (D, lost), _ = cautious.cautious_diagonal(block, logits, variance, loss, design)
    assert lost
    e = loss.expand(logits, block.targets)
    (H, _), _ = cautious.cautious_hessian(block, logits, e, loss, design)
    if scale < 1:  # else the chord is that of logits that are shrunk first, and is of more curvature
        unit = 1 / np.sqrt(D[0])
        size = D.shape[1]
        values = np.linalg.eigvalsh(H[:size, :size] * np.outer(unit, unit))
        assert values.max() <= 1 + 1e-3
        assert values.max() > 0.05
    # coefficients that move more easily take more of what the rows ask for
    much = variance.copy()
    much[:, 0] *= 1e4
    (E, _), _ = cautious.cautious_diagonal(block, logits, much, loss, design)
    assert (E[:, 0] < D[:, 0]).all()
    if scale < 1:
        assert (E[:, 1:] > D[:, 1:]).all()


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array])
def test_rows_without_weight_are_not_lost(kind):
    block, loss, design, logits, _ = lost_rows(2, kind)
    block = block._replace(weights=np.zeros(9))
    e = loss.expand(logits, block.targets)
    (H, lost), _ = cautious.cautious_hessian(block, logits, e, loss, design)
    assert not lost
    assert not H.any()
    (D, lost), _ = cautious.cautious_diagonal(block, logits, np.full((1, 4), 1e-9), loss, design)
    assert not lost
    assert not D.any()


def test_without_an_intercept_its_column_has_no_curvature():
    o, W, _ = posed(2, fit_intercept=False)
    far = o.at(100 * W)
    (D, lost), _ = o.rows.sweep(
        cautious.cautious_diagonal, far.logits, np.full(W.shape, 1.0), o.loss, o.design
    )
    assert lost
    assert (D[:, :-1] > 0).all()
    np.testing.assert_array_equal(D[:, -1], 0.0)
