"""Margins of the labels over the other classes, against a loop over rows and pairs of classes."""

import numpy as np
import pytest

from sklearn_xent.problem import hessians, margins
from tests.problem.dense import Dense
from tests.problem.test_derivatives import CONTAINERS, assemble, ingredients

EVERY = pytest.mark.parametrize(("K", "container"), [(K, c) for K in (2, 3) for c in CONTAINERS])


class Margins:
    """A problem, and its margins one by one: row, class of the target, another class, and what it may do."""

    def __init__(self, K, container="C", *, share=None):
        X, targets, weights, _ = ingredients(K)
        targets[:, 20:] = np.eye(K)[np.arange(len(X) - 20) % K].T  # some soft, most labels
        self.o = assemble(X, targets, weights, None, container, strength=0.0)
        self.W = np.random.default_rng(K).normal(size=self.o.shape)
        self.point = self.o.at(self.W)
        self.dense, self.K = Dense(self.o, X, targets, weights, None, self.W), K
        p = self.dense.p if K > 2 else np.vstack([1 - self.dense.p, self.dense.p])
        held = weights * p
        some = np.sort(held[held > 0])
        # between two, lest rounding decide
        self.share = some[len(some) // 2 - 1 : len(some) // 2 + 1].mean() if share is None else share
        self.grow, self.stay = [], []
        for i, k, l in np.ndindex(len(X), K, K):
            if weights[i] and targets[k, i] and l != k:
                stays = targets[l, i] > 0 or held[l, i] > self.share
                (self.stay if stays else self.grow).append((i, k, l))
        assert self.grow
        assert self.stay

    def row(self, i, k, l, A=None):
        """The margin's row over a flat W; a single logit is that of the second class."""
        M = np.zeros((self.K, self.o.shape[1]))
        M[k] += (self.dense.A if A is None else A)[i]
        M[l] -= (self.dense.A if A is None else A)[i]
        return (M[1:] if self.K == 2 else M).ravel()

    def rows(self, which, **options):
        return np.array([self.row(*one, **options) for one in which])

    def sweep(self, kernel, *args):
        return self.o.rows.sweep(kernel, self.point.expansion, *args)


@EVERY
def test_margins_that_may_grow_are_counted(K, container):
    m = Margins(K, container)
    (growing,), _ = m.sweep(margins.count_growing, m.share)
    assert growing == len(m.grow)


@pytest.mark.parametrize("cached", [1 << 17, 1])
@EVERY
def test_margins_that_must_stay_have_the_products_of_their_constraints(monkeypatch, K, container, cached):
    monkeypatch.setattr(hessians, "CACHED", cached)
    m = Margins(K, container)
    M = m.rows(m.stay)
    (G,), _ = m.sweep(margins.constraint_gram, m.o.design, m.share)
    np.testing.assert_allclose(G, M.T @ M, atol=1e-11)
    _, (roots,) = m.sweep(margins.constraint_root, m.o.design, m.share)
    (R,) = roots.flat()
    np.testing.assert_allclose(R.T @ R, M.T @ M, atol=1e-11)
    np.testing.assert_array_equal(R, np.triu(R))


@EVERY
def test_changes_of_margins_along_directions(K, container):
    m = Margins(K, container)
    basis = np.random.default_rng(0).normal(size=(m.W.size, 3))
    _, (parts,) = m.sweep(margins.margins_along, m.o.design, basis, np.zeros(m.W.size), m.share)
    found = np.concatenate(parts.flat())
    expected = np.unique(m.rows(m.grow) @ basis, axis=0)
    assert len(found) == len(np.unique(found, axis=0))
    # rows that are alike have the same change, but for rounding
    for one, other in ((found, expected), (expected, found)):
        assert np.abs(one[:, None] - other[None]).max(axis=2).min(axis=1).max() < 1e-12


def test_of_a_change_what_its_direction_is_off_by_is_none():
    m = Margins(2)
    basis = np.ones((m.W.size, 1))
    args = m.o.design, basis
    _, (parts,) = m.sweep(margins.margins_along, *args, np.full(m.W.size, 1e3), m.share)
    assert not len(np.concatenate(parts.flat()))


@pytest.mark.parametrize("cached", [1 << 17, 1])
@EVERY
def test_extremes_are_relative_to_the_terms_of_each_margin(monkeypatch, K, container, cached):
    monkeypatch.setattr(hessians, "CACHED", cached)
    m = Margins(K, container)
    V = np.random.default_rng(1).normal(size=m.W.size)

    def relative(which):
        sizes = np.abs(m.rows(which)) @ np.abs(V)
        return (m.rows(which) @ V) / np.where(sizes > 0, sizes, 1.0)

    _, (found,) = m.sweep(margins.margin_extremes, m.o.design, V, np.zeros(V.size), m.share)
    (extremes,) = found.flat()
    grows, stays = relative(m.grow), relative(m.stay)
    np.testing.assert_allclose(extremes, [-grows.min(), grows.max(), np.abs(stays).max()], rtol=1e-9)
    _, (found,) = m.sweep(margins.margin_extremes, m.o.design, V, np.full(V.size, 1e6), m.share)
    np.testing.assert_array_equal(found.flat()[0], 0.0)


def test_a_share_of_everything_ties_only_classes_of_a_soft_label():
    m = Margins(3, share=np.inf)
    soft = (m.dense.targets > 0).sum(axis=0) > 1
    assert {i for i, _, _ in m.stay} == set(np.flatnonzero(soft & (m.dense.weights > 0)))


@pytest.mark.parametrize("cached", [1 << 17, 1])
@EVERY
def test_the_smallest_margin_is_that_of_the_labels(monkeypatch, K, container, cached):
    monkeypatch.setattr(hessians, "CACHED", cached)
    X, targets, weights, offset = ingredients(K)
    rng = np.random.default_rng(5)
    W = rng.normal(size=(1 if K == 2 else K, 5))
    o = assemble(X, targets, weights, offset, container)
    z = W @ Dense(o, X, targets, weights, None, W).A.T
    both = np.vstack([np.zeros(len(X)), z]) if K == 2 else z
    label = both.argmax(axis=0)
    label[3] = both[:, 3].argmin()  # one is behind
    weights[3] = 0.0

    def smallest(targets, weights):
        o = assemble(X, targets, weights, offset, container)
        dense = Dense(o, X, targets, weights, None, W)
        _, (least,) = o.rows.sweep(margins.smallest_margin, W, o.design)
        z = W @ dense.A.T
        both = np.vstack([np.zeros(len(X)), z]) if K == 2 else z
        size = (np.abs(W) @ np.abs(dense.A).T).max(axis=0)
        ahead = [
            (both[k, i] - np.delete(both[:, i], k).max()) / size[i]
            for i, k in enumerate(targets.argmax(axis=0))
            if weights[i]
        ]
        return min(least.flat()), min(ahead)

    found, expected = smallest(np.eye(K)[label].T, weights)
    assert found == pytest.approx(expected, rel=1e-9)
    assert found > 0
    again = weights.copy()
    again[3] = 1.0
    found, expected = smallest(np.eye(K)[label].T, again / again.sum())
    assert found == pytest.approx(expected, rel=1e-9)
    assert found < 0
    soft = np.eye(K)[label].T
    soft[:, weights.argmax()] = 1 / K
    assert smallest(soft, weights)[0] == -np.inf
