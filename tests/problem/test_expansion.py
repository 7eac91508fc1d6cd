"""The loss row by row: its curvature, changes within the simplex, and divergences, by their formulas."""

import numpy as np
import pytest

from sklearn_xent.problem.losses import loss_for


def expanded(K, size=2.0, n=40, seed=0):
    rng = np.random.default_rng(seed)
    loss = loss_for(K)
    targets = rng.dirichlet(np.ones(K), n).T[K == 2 :]
    return loss.expand(size * rng.normal(size=(loss.n_logits, n)), targets), targets, rng


def whole(p):
    """Probabilities of all classes, (K, n)."""
    return np.vstack([1 - p, p]) if len(p) == 1 else p


@pytest.mark.parametrize("K", [2, 3, 5])
def test_the_curvature_is_diag_p_less_p_p(K):
    e, targets, rng = expanded(K)
    v = rng.normal(size=e.probabilities.shape)
    np.testing.assert_allclose(e.complements, 1 - e.probabilities, atol=1e-15)
    np.testing.assert_allclose(e.residual, e.probabilities - targets, atol=1e-15)
    product, root = e.curvature_product(v), e.curvature_root()
    for i in range(v.shape[1]):
        p = e.probabilities[:, i]
        S = np.diag(p) - np.outer(p, p)
        np.testing.assert_allclose(product[:, i], S @ v[:, i], atol=1e-14)
        np.testing.assert_allclose(e.diagonal[:, i], np.diag(S), atol=1e-15)
        np.testing.assert_allclose(root[:, :, i] @ root[:, :, i].T, S, atol=1e-14)
        for k, l in np.ndindex(S.shape):
            assert e.curvature(k, l)[i] == pytest.approx(S[k, l], abs=1e-15)


@pytest.mark.parametrize("K", [2, 3, 5])
def test_changes_stay_within_the_simplex(K):
    e, _, rng = expanded(K)
    small = e.curvature_product(1e-3 * rng.normal(size=e.probabilities.shape))
    np.testing.assert_allclose(e.within_simplex(small), small, atol=1e-16)
    for size in (0.1, 1.0, 100.0):
        q = whole(e.probabilities + e.probability_change(size * rng.normal(size=e.probabilities.shape)))
        assert q.min() >= -1e-15
        np.testing.assert_allclose(q.sum(axis=0), 1.0, atol=1e-14)


@pytest.mark.parametrize("size", [1e-6, 0.3, 10.0])
@pytest.mark.parametrize("K", [2, 3, 5])
def test_the_divergence_is_that_of_kullback_and_leibler(K, size):
    e, _, rng = expanded(K)
    change = e.probability_change(size * rng.normal(size=e.probabilities.shape))
    x = np.vstack([-change, change]) if K == 2 else change
    p, x = whole(e.probabilities).astype(np.longdouble), x.astype(np.longdouble)
    with np.errstate(divide="ignore", invalid="ignore"):
        u = np.maximum(x / p, -1)
        exact = (p * (np.where(u > -1, (1 + u) * np.log1p(u), 0) - u)).sum(axis=0)
    # small changes may be taken for a little more, never for less
    found = e.divergence(change)
    assert (found >= exact * (1 - 1e-6) - 1e-17).all()
    np.testing.assert_allclose(found, exact, rtol=2e-3 if size < 1e-3 else 1e-9, atol=1e-15 * size**2)


@pytest.mark.parametrize("K", [2, 3])
def test_a_small_change_more_adds_no_more_than_is_said(K):
    e, _, rng = expanded(K)
    start = e.probability_change(0.5 * rng.normal(size=e.probabilities.shape))
    more = e.curvature_product(1e-2 * rng.normal(size=e.probabilities.shape))
    with np.errstate(divide="ignore"):  # as in every sweep: a probability that a start has taken to 0
        said = e.added_divergence(start, more)
    for side in (1.0, -1.0):
        rise = e.divergence(start + side * more) - e.divergence(start)
        known = np.isfinite(said)
        assert known.sum() > 20
        assert (rise <= said + 1e-15)[known].all()
