"""What models without a row each are made of: slopes, curvature and losses, by dense algebra."""

import numpy as np
import pytest

from sklearn_xent.solvers.without_row import Removed, Scored, WithoutRow, widths
from tests.solvers.test_deletion import left_out_of, made


class Models(WithoutRow):
    """What subclasses make their steps of."""

    judged, own, full, chosen = WithoutRow._judged, WithoutRow._own, WithoutRow._full, WithoutRow._chosen
    spread, curvature, precondition = WithoutRow._spread, WithoutRow._curvature, WithoutRow._precondition


def some(K):
    """All coefficients, and all but two of them."""
    best, scored, data = left_out_of(K, strength=0.1)
    most = np.ones(best.coefficients.shape, bool)
    most[0, 1] = most[-1, 2] = False
    for active in (np.ones_like(most), most):
        flat = active.ravel()
        H = (best.hessian() + 0.05 * np.eye(flat.size))[np.ix_(flat, flat)]
        root = np.linalg.cholesky(np.linalg.inv(H)).T
        models = Models(best, active, H, root, np.ones(25), scored)
        A = best.objective.design.matrix(data[0])
        rows = [np.kron(np.eye(len(active)), a)[:, flat] for a in A]
        p = best.expansion.flat()[0].probabilities.T
        S = [w * (np.diag(q) - np.outer(q, q)) for w, q in zip(data[2], p, strict=True)]
        yield models, active, H, rows, S


@pytest.mark.parametrize("K", [2, 3])
def test_directions_go_to_rows_and_back(K):
    which, rng = np.array([3, 17, 0]), np.random.default_rng(0)
    for models, active, _, rows, _ in some(K):
        D, R = rng.normal(size=(active.sum(), 3)), rng.normal(size=(len(active), 3))
        full = models.full(D)
        assert full.shape == (*active.shape, 3)
        np.testing.assert_array_equal(models.chosen(full), D)
        np.testing.assert_array_equal(full[~active], 0.0)
        for c, i in enumerate(which):
            np.testing.assert_allclose(models.own(D, which)[:, c], rows[i] @ D[:, c], atol=1e-13)
            np.testing.assert_allclose(models.spread(R, which)[:, c], rows[i].T @ R[:, c], atol=1e-13)


@pytest.mark.parametrize("K", [2, 3])
def test_the_inverse_hessian_without_a_row_is_that_of_woodbury(K):
    """(H - A' w S A)^-1 G; and 1 / (1 - leverage), by how much squared norms in the inverse may grow."""
    which = np.array([0, 5, 24])
    for models, active, H, rows, S in some(K):
        own = models.curvature(which)
        G = np.random.default_rng(0).normal(size=(active.sum(), 3))
        found = models.precondition(G, which, own)
        for c, i in enumerate(which):
            np.testing.assert_allclose(own.curvature[c], S[i], atol=1e-15)
            without = H - rows[i].T @ S[i] @ rows[i]
            np.testing.assert_allclose(found[:, c], np.linalg.solve(without, G[:, c]), rtol=1e-9, atol=1e-12)
            shares = np.linalg.eigvals(np.linalg.solve(H, without)).real
            assert own.gain[c] == pytest.approx(1 / shares.min(), rel=1e-9)


def test_a_row_that_holds_all_the_curvature_has_no_bound_without_it():
    best, scored, data = left_out_of(2, strength=0.1)
    active = np.ones(best.coefficients.shape, bool)
    A, e = best.objective.design.matrix(data[0]), best.expansion.flat()[0]
    S = data[2][3] * e.probabilities[0, 3] * e.complements[0, 3]
    H = S * np.outer(A[3], A[3]) * (1 - 1e-3) + 1e-9 * np.eye(len(A[3]))  # less than the row itself has
    root = np.linalg.cholesky(np.linalg.inv(H)).T
    own = Models(best, active, H, root, np.ones(25), scored).curvature(np.array([3]))
    assert own.gain.tolist() == [np.inf]


@pytest.mark.parametrize("K", [2, 3])
def test_losses_are_judged_by_the_targets_and_shift_that_rows_are_scored_by(K):
    best, _, data = left_out_of(K)
    n_logits = len(best.coefficients)
    rng = np.random.default_rng(0)
    targets, shift = rng.dirichlet(np.ones(K), 25).T[K == 2 :], np.linspace(-0.5, 0.4, n_logits)
    models = made(Models, best, Scored(targets, np.ones(25), shift), data)
    which, D = np.array([4, 0]), rng.normal(size=(best.coefficients.size, 2))
    losses, errors = models.judged(D, np.array([0.1, np.inf]), which)
    z = np.concatenate(best.logits.flat(), axis=1)[:, which] + models.own(D, which) + shift[:, None]
    for c, i in enumerate(which):
        # of the whole targets, all classes' included
        t = np.append(1 - targets[0, i], targets[0, i]) if K == 2 else targets[:, i]
        both = np.append(0.0, z[:, c]) if K == 2 else z[:, c]
        assert losses[c] == pytest.approx(np.logaddexp.reduce(both) - t @ both, rel=1e-12)
    assert errors[1] == np.inf
    # no change of the logits that is 0.1 wide changes the loss by more, to first order
    t = np.append(1 - targets[0, 4], targets[0, 4]) if K == 2 else targets[:, 4]
    both = np.append(0.0, z[:, 0]) if K == 2 else z[:, 0]
    slope = np.exp(both - np.logaddexp.reduce(both)) - t
    assert errors[0] == pytest.approx(0.1 * np.maximum(slope, 0).sum(), rel=1e-9)


def test_the_width_of_a_change_is_what_differences_of_logits_change_by():
    rng = np.random.default_rng(0)
    one, three = rng.normal(size=(1, 5)), rng.normal(size=(3, 5, 2))
    np.testing.assert_array_equal(widths(one), np.abs(one[0]))
    np.testing.assert_array_equal(widths(three), np.ptp(three, axis=0))
    np.testing.assert_allclose(widths(three + 7.0), widths(three), atol=1e-14)


def test_some_of_the_rows_that_are_left_out():
    own = Removed(np.arange(12.0).reshape(3, 2, 2), np.arange(12.0, 24).reshape(3, 2, 2), np.arange(3.0))
    two = own.of(np.array([2, 0]))
    assert isinstance(two, Removed)
    assert two.gain.tolist() == [2, 0]
    np.testing.assert_array_equal(two.curvature, own.curvature[[2, 0]])
    np.testing.assert_array_equal(two.felt, own.felt[[2, 0]])
