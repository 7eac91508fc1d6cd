"""Rows whose loss is above a step's model: the curvature they then have, and what it is for."""

import numpy as np
import pytest

from sklearn_xent import CrossEntropyClassifier
from sklearn_xent.problem.curvature_floors import CurvatureFloors
from sklearn_xent.problem.design import Design
from sklearn_xent.problem.extended import extended
from sklearn_xent.problem.losses import loss_for
from sklearn_xent.problem.objective import Objective
from sklearn_xent.problem.penalties import ElasticNet
from sklearn_xent.rows import as_rows


@pytest.mark.parametrize("n_classes", [2, 3, 6])
def test_a_floor_is_the_curvature_of_probabilities_that_are_no_smaller(n_classes):
    rng = np.random.default_rng(0)
    K = 1 if n_classes == 2 else n_classes
    logits, targets = 20 * rng.normal(size=(K, 30)), rng.dirichlet(np.ones(n_classes), 30).T
    e = loss_for(n_classes).expand(logits, targets[-K:])
    floors = np.repeat([0.0, 1e-3, 1.0], 10)
    floored = e.floored(floors)
    np.testing.assert_array_equal(floored.value, e.value)
    np.testing.assert_array_equal(floored.residual, e.residual)
    p = np.maximum(e.of_classes()[0], floors / n_classes)
    p /= p.sum(axis=0)
    np.testing.assert_allclose(floored.of_classes()[0], p, rtol=1e-12)
    np.testing.assert_allclose(floored.of_classes()[1], 1 - p, atol=1e-15)
    np.testing.assert_array_equal(floored.probabilities[:, :10], e.probabilities[:, :10])
    np.testing.assert_allclose(floored.of_classes()[0][:, 20:], 1 / n_classes, rtol=0.5 * n_classes)


def test_rows_above_an_absurd_model_get_floors_that_later_steps_lower():
    X = np.random.default_rng(0).normal(size=(40, 2))
    rows = as_rows(X, (X[:, 0] > 0).astype(float)[None, :], np.full(40, 1 / 40))
    design = Design(np.zeros(2), np.ones(2), np.ones(2), True)
    o = Objective(rows, loss_for(2), ElasticNet(np.zeros(3), np.array([0.1, 0.1, 0.0])), design)
    point, floors = o.at(np.array([[30.0, 0.0, 0.0]])), CurvatureFloors()
    assert floors.model(point) is point
    target = np.array([[-3000.0, 0.0, 0.0]])  # every row certain and wrong
    floors.learn(point, target, promised=1e-9, part=1e-6)
    assert not floors  # a short step whose model promises what can be
    floors.learn(point, target, promised=1e3, part=0.5)
    assert not floors
    floors.learn(point, target, promised=1e3, part=1e-6)
    assert floors
    model = floors.model(point)
    assert model.value == point.value
    np.testing.assert_array_equal(model.gradient, point.gradient)
    more = model.hessian() - point.hessian()
    assert np.linalg.eigvalsh(more)[-1] > 1e-6
    assert np.linalg.eigvalsh(more)[0] > -1e-12
    for _ in range(20):
        floors.learn(model, target, promised=1e-9, part=1.0)
    assert not floors


def test_floors_of_a_point_in_extended_precision_are_those_of_float64():
    X = np.random.default_rng(0).normal(size=(40, 2))
    rows = as_rows(X, (X[:, 0] > 0).astype(float)[None, :], np.full(40, 1 / 40))
    design = Design(np.zeros(2), np.ones(2), np.ones(2), True)
    o = Objective(rows, loss_for(2), ElasticNet(np.zeros(3), np.array([0.1, 0.1, 0.0])), design)
    W, target = np.array([[30.0, 0.0, 0.0]]), np.array([[-3000.0, 0.0, 0.0]])
    models = []
    for objective in (o, extended(o)):
        floors, point = CurvatureFloors(), objective.at(W)
        for _ in range(3):
            floors.learn(floors.model(point), target, promised=1e3, part=1e-6)
        models.append(floors.model(point))
    np.testing.assert_allclose(models[0].hessian(), models[1].hessian(), rtol=1e-9)


@pytest.mark.parametrize("solver", ["auto", "truncated-newton"])
def test_a_fit_whose_rows_are_mostly_far_out_ends_at_the_minimum(solver):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 8)) * (rng.random((600, 8)) < 0.5)
    far = rng.random(600) < 0.5
    X[far] *= 10 ** rng.uniform(1, 7, size=(far.sum(), 1))
    y = (X @ rng.normal(size=(8, 3)) + 0.3 * rng.gumbel(size=(600, 3))).argmax(axis=1)
    model = CrossEntropyClassifier(C=1e3, solver=solver).fit(X, y)
    reference = CrossEntropyClassifier(C=1e3, solver="newton-cholesky", tol=1e-10).fit(X, y)
    assert model.optimality_gap_ <= 1e-6 * model.history_["objective"][-1]
    np.testing.assert_allclose(
        model.history_["objective"][-1], reference.history_["objective"][-1], rtol=2e-6
    )
