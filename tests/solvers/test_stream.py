"""What a stream keeps, in whatever coordinates: nothing moves in the units of X."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import log_softmax

from sklearn_xent.problem.objective import Objective
from sklearn_xent.rows import Block, as_rows
from sklearn_xent.solvers import stream as module
from sklearn_xent.solvers.proximal_newton import proximal_newton
from sklearn_xent.solvers.stream import Stream
from tests.problems import iterates


def block(n, d, K, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d))
    y = rng.integers(0, K, n)
    y[:K] = np.arange(K)
    targets = (y == 1)[None, :].astype(float) if K == 2 else np.eye(K)[y].T
    return Block(X, targets, np.ones(n), None)


def begun(d, K, **options):
    return Stream.begin(d, K, **{"C": 1.0, "l1_ratio": 0.0, "fit_intercept": True, "sparse": False} | options)


def model_at(stream, coef, intercept):
    """Value of what is kept and the penalty at coefficients in the units of X."""
    W = stream.design.from_original(coef, intercept)
    kept = 0.5 * np.vdot(W, stream.curvature.times(W)) - np.vdot(stream.linear, W)
    return kept + stream.penalty.value(W)


@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("l1_ratio", [0.0, 0.5])
def test_other_coordinates_are_the_same_function(K, fit_intercept, l1_ratio):
    rng = np.random.default_rng(1)
    stream, _ = begun(4, K, fit_intercept=fit_intercept, l1_ratio=l1_ratio).learn(block(300, 4, K))
    shift = rng.standard_normal(4) if fit_intercept else np.zeros(4)
    other = stream._in(replace(stream.design, shift=shift, scale=10.0 ** rng.uniform(-2, 2, 4)))
    for here, there in zip(stream.to_original(), other.to_original(), strict=True):
        np.testing.assert_allclose(there, here, rtol=1e-10, atol=1e-12)
    points = [
        (rng.standard_normal((len(stream.W), 4)), fit_intercept * rng.standard_normal(len(stream.W)))
        for _ in range(3)
    ]
    here = [model_at(stream, *point) for point in points]
    there = [model_at(other, *point) for point in points]
    np.testing.assert_allclose(np.diff(there), np.diff(here), rtol=1e-9)


def test_a_diagonal_keeps_coefficients_and_slopes(monkeypatch):
    monkeypatch.setattr(module, "FULL_LIMIT", 0)
    stream, _ = begun(4, 3).learn(block(300, 4, 3))
    design = replace(stream.design, shift=np.full(4, 0.7), scale=np.array([0.1, 1.0, 3.0, 10.0]))
    other = stream._in(design)
    for here, there in zip(stream.to_original(), other.to_original(), strict=True):
        np.testing.assert_allclose(there, here, rtol=1e-12, atol=1e-14)
    slopes = [s.curvature.times(s.W) - s.linear for s in (stream, other)]
    move = np.random.default_rng(0).standard_normal((3, 4)), np.zeros(3)
    along = [np.vdot(g, s.design.from_original(*move)) for g, s in zip(slopes, (stream, other), strict=True)]
    np.testing.assert_allclose(along[1], along[0], rtol=1e-9)
    assert (other.curvature.D >= 0).all()


def optimum_of(stream, rows):
    """Least value of the rows' loss and the stream's penalty, in the units of X."""
    objective = Objective(as_rows(*rows), stream.loss, stream.penalty, stream.design)
    return iterates(proximal_newton, objective, stream.W, 60)[-1]


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5])
@pytest.mark.parametrize("K", [2, 3])
def test_one_batch_is_fitted_as_far_as_a_step_is_worth(K, l1_ratio):
    rows = block(2000, 3, K)
    stream, before = begun(3, K, l1_ratio=l1_ratio).learn(rows)
    assert before == pytest.approx(2000 * np.log(K), rel=1e-12)
    best = optimum_of(stream, rows)
    here = best.objective.at(stream.W)
    assert 0 <= here.value - best.value <= 1e-4 * 2000
    assert stream.seen == 2000


@pytest.mark.parametrize("K", [2, 3])
def test_passes_over_the_same_batches_lead_to_the_optimum_of_all(K):
    rows = block(2000, 3, K)
    parts = [Block(rows.X[i::4], rows.targets[:, i::4], rows.weights[i::4], None) for i in range(4)]
    stream = begun(3, K)
    for _ in range(3):
        for part in parts:
            stream, _ = stream.learn(part)
        stream = stream.again()
    coef, intercept = stream.to_original()
    best = optimum_of(stream, rows)
    W = stream.design.from_original(coef, intercept)
    assert best.objective.at(W).value - best.value <= 1e-6 * best.value


def test_few_rows_are_kept_until_they_determine_the_coefficients():
    stream = begun(3, 2)
    for seed in range(3):
        stream, _ = stream.learn(block(10, 3, 2, seed))
        assert len(stream.first.weights) == 10 * (seed + 1)
        assert stream.seen == 0
    settled = stream.settled()
    assert settled.first is None
    assert settled.seen == 30
    assert settled.settled() is settled


@pytest.mark.parametrize("K", [2, 3])
def test_the_loss_of_rows_is_that_of_the_formula(K):
    rows = block(40, 3, K)
    rng = np.random.default_rng(0)
    coef, intercept = rng.normal(size=(len(rows.targets), 3)), rng.normal(size=len(rows.targets))
    z = rows.X @ coef.T + intercept
    z = np.column_stack([np.zeros(40), z]) if K == 2 else z
    T = np.vstack([1 - rows.targets, rows.targets]).T if K == 2 else rows.targets.T
    loss = -(T * log_softmax(z, axis=1)).sum()
    assert module.loss_of(rows, K, coef, intercept) == pytest.approx(loss, rel=1e-13)


def test_rows_of_a_batch_are_enough_for_a_matrix():
    assert module.batch_rows(10) == 4096
    assert module.batch_rows(1000) == 10_000
    assert module.batch_rows(1001) == 512
