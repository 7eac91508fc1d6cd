"""A sample's Hessian bounds the gap on all rows."""

import numpy as np
import pytest

from sklearn_xent.problem.losses import loss_for
from sklearn_xent.problem.moments import moments_of
from sklearn_xent.problem.objective import Objective
from sklearn_xent.problem.penalties import elastic_net
from sklearn_xent.problem.scaling import design_for
from sklearn_xent.rows import as_rows
from sklearn_xent.solvers.hessian import curvature_at
from sklearn_xent.solvers.newton import newton_cholesky
from sklearn_xent.solvers.sampled_bound import SampledBound, self_concordant_bound
from sklearn_xent.solvers.solve import Stage, minimise


def pose(K, seed=0, n=2000, strength=0.0, outlier=0.0):
    rng = np.random.default_rng([seed, K])
    X = rng.normal(size=(n, 3)) * [1, 10, 0.1]
    targets = np.eye(K)[np.argmax(X @ rng.normal(size=(3, K)) * 0.2 + rng.gumbel(size=(n, K)), axis=1)].T
    if outlier:
        X[7, 0] = outlier
    rows = as_rows(X, targets[1:] if K == 2 else targets, np.full(n, 1 / n), None)
    design = design_for(
        rows, moments_of(rows), fit_intercept=True, strength=np.full(3, strength), l1_ratio=0.0
    )
    return Objective(rows, loss_for(K), elastic_net(design, strength, 0.0), design)


def solved(objective):
    start = np.zeros(objective.shape)
    return minimise(objective, [Stage("newton", newton_cholesky)], start, tol=1e-14, max_iter=100).point


@pytest.mark.parametrize("outlier", [0.0, 1e3, 1e6])
@pytest.mark.parametrize("strength", [0.0, 1e-2])
@pytest.mark.parametrize("size", [100, 400, 1500])
@pytest.mark.parametrize("K", [2, 3])
def test_the_bound_is_never_below_the_gap_on_all_rows(K, size, strength, outlier):
    for seed in range(5):
        objective = pose(K, seed, strength=strength, outlier=outlier)
        sample, best = objective.sample(size, np.random.RandomState(seed)), solved(objective)
        at = solved(sample)
        bound = SampledBound(at, curvature_at(at))
        for share in (0.0, 0.9, 0.999, 1 - 1e-6):
            W = share * best.coefficients + (1 - share) * at.coefficients
            point = objective.at(W)
            assert bound(point) >= (point.value - best.value) * (1 - 1e-9) - 1e-15


@pytest.mark.parametrize("K", [2, 3])
def test_near_the_minimum_it_is_the_decrement_over_the_share(K):
    objective = pose(K)
    sample, best = objective.sample(500, np.random.RandomState(0)), solved(objective)
    at = solved(sample)
    curvature = curvature_at(at)
    point = objective.at(best.coefficients + 1e-6)
    if K > 2:
        point = objective.at(objective.symmetric(best.coefficients + 1e-6 * np.eye(*best.coefficients.shape)))
    bound = SampledBound(at, curvature)(point)
    true = point.value - best.value
    assert true <= bound <= 40 * true  # the sample stands for a quarter of the rows, a few logits away


def test_it_knows_nothing_far_away():
    objective = pose(2)
    sample = objective.sample(300, np.random.RandomState(0))
    at = solved(sample)
    assert SampledBound(at, curvature_at(at))(objective.at(np.zeros(objective.shape) + 5.0)) == np.inf


def test_self_concordance_holds_on_losses_of_one_coefficient():
    # F(w) = log(1 + exp(w)) - t w, of which everything is known; the logit's reach is 1 / sqrt(F'')
    for t in (0.2, 0.5, 0.9):
        best = np.log(t / (1 - t))
        for w in best + np.linspace(-3, 3, 31):
            p = 1 / (1 + np.exp(-w))
            gap = (np.logaddexp(0, w) - t * w) - (np.logaddexp(0, best) - t * best)
            decrement = (p - t) ** 2 / (p * (1 - p))
            assert self_concordant_bound(decrement, 1 / np.sqrt(p * (1 - p))) >= gap * (1 - 1e-9) - 1e-15


def test_self_concordance_tends_to_half_the_squared_decrement():
    for product in (1e-12, 1e-6, 1e-3, 0.05):
        assert self_concordant_bound(1.0, product) == pytest.approx(0.5, rel=2 * product + 1e-9)
        assert self_concordant_bound(1.0, product) >= 0.5
    assert self_concordant_bound(1.0, 1.0) == np.inf
    assert self_concordant_bound(np.inf, 1.0) == np.inf


def test_where_the_model_says_too_much_no_row_is_measured():
    objective = pose(2)
    sample, best = objective.sample(500, np.random.RandomState(0)), solved(objective)
    at = solved(sample)
    point, curvature = objective.at(best.coefficients + 1e-6), curvature_at(at)

    def asked(goal):
        before = sample.rows.passes
        return SampledBound(at, curvature)(point, goal), sample.rows.passes - before

    full, readings = asked(np.inf)
    model, fewer = asked(0.01 * full)
    assert model > 0.01 * full
    assert fewer == 1 < readings  # how far logits have moved
