"""Certificates that cost more than an iterate wait for one that does not."""

import numpy as np
import pytest

from sklearn_xent import CrossEntropyClassifier
from sklearn_xent.solvers import optimality_gap, polish


@pytest.fixture
def factored(monkeypatch):
    """Numbers of coefficients for which a certificate had a Hessian factored."""
    sizes = []

    def counting(point, **options):
        sizes.append(point.coefficients.size)
        return curvature_at(point, **options)

    curvature_at = optimality_gap.curvature_at
    monkeypatch.setattr(optimality_gap, "curvature_at", counting)
    monkeypatch.setattr(polish, "curvature_at", counting)
    return sizes


def many_rows(d=40):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30_000, d))
    return X, (X[:, :5].sum(axis=1) + rng.logistic(size=30_000) > 0).astype(int)


def test_a_lasso_of_many_rows_ends_on_a_bound_without_a_hessian(factored):
    model = CrossEntropyClassifier(l1_ratio=1.0).fit(*many_rows(100))
    assert model.converged_
    assert model.optimality_gap_kind_ == "bound"
    assert model.optimality_gap_ <= 1e-8 * model.history_["objective"][-1]
    assert factored == []


def test_where_no_bound_comes_without_one_the_hessian_does_not_wait(factored):
    free = np.r_[0.0, np.ones(39)]
    model = CrossEntropyClassifier(l1_ratio=1.0, C=0.01, penalty_factor=free).fit(*many_rows())
    assert model.converged_
    assert len(factored) >= 1
    assert model.n_iter_ < 12


def test_small_problems_do_not_wait(factored):
    X, y = many_rows(5)
    model = CrossEntropyClassifier(l1_ratio=1.0).fit(X[:500], y[:500])
    assert model.converged_
    assert len(factored) == 1
