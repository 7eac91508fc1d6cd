"""More Newton steps for models that leave one row out each, against fits without the row."""

import numpy as np
import pytest

from sklearn_xent.factor import inverse_root
from sklearn_xent.problem.objective import Objective
from sklearn_xent.rows import as_rows
from sklearn_xent.solvers.deletion import Deletion
from sklearn_xent.solvers.hessian import hessian_among
from sklearn_xent.solvers.proximal_newton import proximal_newton
from sklearn_xent.solvers.without_row import Scored
from tests.problem.test_derivatives import assemble
from tests.problems import iterates, overlapping


def left_out_of(K, l1_ratio=0.0, *, n=25, strength=0.02, far=1.0):
    """The optimum of all rows, what they are scored by, and the rows' entries, targets and weights."""
    X, y = overlapping(n=n, d=3, K=K)
    X[0] *= far
    rng = np.random.default_rng(0)
    targets, weights = np.eye(K)[y].T, rng.random(n) + 0.5
    weights /= weights.sum()
    objective = assemble(X, targets, weights, None, strength=strength, l1_ratio=l1_ratio)
    best = iterates(proximal_newton, objective, np.zeros(objective.shape), 60)[-1]
    scored = Scored(targets[1:] if K == 2 else targets, np.ones(n), np.zeros(len(best.coefficients)))
    return best, scored, (X, targets, weights)


def without(best, data, i):
    """Loss of a row by the optimum of all others, whose weights and penalty stay as they are."""
    X, targets, weights = data
    K, o, rest = len(targets), best.objective, np.where(np.arange(len(X)) == i, 0.0, weights)
    rows = as_rows(X, targets[1:] if K == 2 else targets, rest, None)
    other = Objective(rows, o.loss, o.penalty, o.design)
    end = iterates(proximal_newton, other, best.coefficients, 60)[-1]
    coef, intercept = o.design.to_original(end.coefficients)
    z = coef @ X[i] + intercept
    z = np.append(0.0, z) if K == 2 else z
    return float(np.logaddexp.reduce(z) - targets[:, i] @ z)


def made(kind, best, scored, data):
    """The models that leave a row out, and their rows' reach by the dense inverse of the Hessian."""
    active = best.objective.penalty.movable(best.coefficients)
    if best.objective.penalty.kinked:
        active[:] = True
    H = hessian_among(best, active)
    root = inverse_root(H)
    A = best.objective.design.matrix(data[0])
    K, size = active.shape
    B = np.einsum("ia,kalb,ib->ikl", A, (root.T @ root).reshape(K, size, K, size), A)
    d = np.einsum("ikk->ik", B)
    reach = d[:, 0] if K == 1 else (d[:, :, None] + d[:, None, :] - 2 * B).max(axis=(1, 2))
    return kind(best, active, H, root, reach, scored)


@pytest.mark.parametrize("far", [1.0, 30.0])
@pytest.mark.parametrize("strength", [0.02, 1e-4])
@pytest.mark.parametrize("K", [2, 3])
def test_losses_are_those_of_fits_within_their_bounds(K, strength, far):
    best, scored, data = left_out_of(K, strength=strength, far=far)
    rows = np.arange(25)
    losses, errors = made(Deletion, best, scored, data).without(rows)
    exact = np.array([without(best, data, i) for i in rows])
    known = np.isfinite(errors)
    assert known.sum() >= 20
    assert (np.abs(losses - exact) <= errors + 1e-7 * exact)[known].all()
    assert (errors <= 0.01 * losses + 2e-4)[known].all()


def test_rows_may_be_asked_for_in_any_order():
    best, scored, data = left_out_of(2)
    deletion = made(Deletion, best, scored, data)
    losses, errors = deletion.without(np.arange(25))
    some = np.array([7, 3, 20])
    again, wrong = deletion.without(some)
    np.testing.assert_allclose(again, losses[some], rtol=1e-9)
    np.testing.assert_allclose(wrong, errors[some], rtol=1e-6)


def test_logits_are_shifted_before_they_are_scored():
    best, scored, data = left_out_of(3, strength=0.5)
    shift = np.array([0.5, -0.2, 0.0])
    plain = made(Deletion, best, scored, data).without(np.arange(25))[0]
    moved = made(Deletion, best, scored._replace(shift=shift), data).without(np.arange(25))[0]
    # of the loss log sum exp(z + s) - z_y - s_y: bounded by the largest shift, and not 0
    assert 0.05 < np.abs(moved - plain).max() <= 0.7
