"""What a stream keeps, in whatever coordinates: nothing moves in the units of X."""

from dataclasses import replace

import numpy as np
import pytest

from sklearn_xent.factor import FaceSolver
from sklearn_xent.rows import Block
from sklearn_xent.solvers import stream as module
from sklearn_xent.solvers.stream import Stream
from sklearn_xent.solvers.stream_columns import Columns
from sklearn_xent.solvers.stream_quadratic import FullQuadratic


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


def test_a_flat_direction_beside_an_outlier_takes_the_lasso_no_more_steps(monkeypatch):
    calls = []
    solve = FaceSolver.solve
    monkeypatch.setattr(FaceSolver, "solve", lambda *args: calls.append(0) or solve(*args))
    stream = begun(7, 5, l1_ratio=1.0, C=1e3)
    objective = stream._objective(block(10, 7, 5))
    rng = np.random.default_rng(0)
    for _ in range(20):
        # what the classes share is flat, but for rounding; two of them disagree about an outlier
        X, far, between = rng.standard_normal((300, 8)), np.append(rng.standard_normal(7), 1e-6), np.eye(5)[1]
        A = np.kron(np.eye(5) - 0.2, X.T @ X)
        A += 1e12 * np.kron(np.outer(between - np.eye(5)[3], between - np.eye(5)[3]), np.outer(far, far))
        start = rng.standard_normal((5, 8))
        linear = (A @ start.ravel()).reshape(5, 8) + rng.standard_normal((5, 8))
        FullQuadratic(A).minimise(linear, objective, start + 0.01 * rng.standard_normal((5, 8)))
    assert len(calls) < 20 * 100


def columns_of(X, size):
    columns = Columns()
    for start in range(0, len(X), size):
        part = X[start : start + size]
        columns = columns.with_batch(Block(part, np.zeros((1, len(part))), np.ones(len(part)), None))
    return columns.centre_and_spread()


@pytest.mark.parametrize("row", [0, 20, 500, 990])
@pytest.mark.parametrize("size", [50, 1000])
def test_an_outlier_moves_no_centre(row, size):
    X = np.random.default_rng(0).standard_normal((1000, 1)) + 5
    X[row] = 1e12
    centre, spread = columns_of(X, size)
    assert 4 < centre < 6
    assert 0.5 < spread < 2


def test_centres_are_those_of_the_whole_stream():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((5000, 3))
    X[:50, 0] = 7.0  # constant in the first batch
    X[:, 1] = rng.random(5000) < 0.01  # rare
    X[:, 2] += np.linspace(0, 100, 5000)  # adrift
    centre, spread = columns_of(X, 50)
    assert abs(centre[0]) < 0.5
    assert 0.5 < spread[0] < 4
    assert abs(centre[1] - 0.01) < 0.05
    assert 0.05 < spread[1] < 0.5
    assert 25 < centre[2] < 75
    assert 15 < spread[2] < 60


def test_groups_of_a_long_stream_are_few():
    columns = Columns()
    for seed in range(300):
        columns = columns.with_batch(block(10, 2, 2, seed))
    assert len(columns.means) <= 16
    assert columns.batches == 300
