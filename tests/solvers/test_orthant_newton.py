"""Newton's method within an orthant: its step by dense algebra, and what it never crosses."""

import itertools

import numpy as np
import pytest

from sklearn_xent.problem.penalties import ElasticNet, elastic_net
from sklearn_xent.solvers import orthant_newton as module
from sklearn_xent.solvers.line_search import line_search
from sklearn_xent.solvers.orthant_newton import orthant_newton
from sklearn_xent.solvers.proximal_newton import proximal_newton
from tests.problem.test_derivatives import pose
from tests.problems import iterates

LOW, HIGH = np.array([-0.1, 0.0, -np.inf, -np.inf, -np.inf]), np.array([0.2, np.inf, np.inf, 0.1, np.inf])


def within(objective, name):
    net = elastic_net(objective.design, 0.1, 0.0 if name == "bounds" else 0.7)
    return objective.under(net if name == "elastic net" else ElasticNet(net.l1, net.l2, LOW, HIGH))


@pytest.mark.parametrize("name", ["elastic net", "bounds", "elastic net within bounds"])
@pytest.mark.parametrize("seed", range(3))
def test_a_step_is_newton_s_on_what_can_move_projected_on_the_orthant(monkeypatch, name, seed):
    monkeypatch.setattr(module, "LOOSEST", 1e-14)
    monkeypatch.setattr(module, "TIGHTEST", 1e-14)
    objective, _ = pose(2, n=60)
    objective = within(objective, name)
    W = np.clip(np.random.default_rng(seed).normal(size=objective.shape), *objective.penalty.bounds)
    checked = 0
    for old, new in itertools.pairwise(iterates(orthant_newton, objective, W, 6)):
        w, slope, penalty = old.coefficients[0], old.stationarity[0], objective.penalty
        moves = penalty.movable(old.coefficients)[0] | (slope != 0)
        step = np.zeros_like(w)
        step[moves] = np.linalg.solve(old.hessian()[np.ix_(moves, moves)], slope[moves])
        orthant = np.where(w != 0, np.sign(w), -np.sign(slope))
        target = w - step
        target[(penalty.l1 > 0) & (target * orthant < 0)] = 0.0
        target = np.clip(target, *penalty.bounds)[None]
        if line_search(old, target, part_of_the_way=False)[0] is not None:  # else a part of it, or no part
            checked += 1
            np.testing.assert_allclose(new.coefficients, target, atol=1e-8)
    assert checked > 1


@pytest.mark.parametrize("name", ["elastic net", "bounds", "elastic net within bounds"])
@pytest.mark.parametrize("K", [2, 3])
def test_no_step_crosses_zero_or_a_bound(K, name):
    objective, W = pose(K, n=60)
    objective = within(objective, name)
    points = iterates(orthant_newton, objective, 3 * W, 20)
    kinked, lower, upper = objective.penalty.l1 > 0, *objective.penalty.bounds
    for point in points:
        assert ((point.coefficients >= lower) & (point.coefficients <= upper)).all()
    for old, new in itertools.pairwise(points):
        assert (old.coefficients * new.coefficients)[:, kinked].min(initial=0.0) >= 0
        assert new.value <= old.value * (1 + 1e-14)


@pytest.mark.parametrize("name", ["elastic net", "bounds", "elastic net within bounds"])
@pytest.mark.parametrize("K", [2, 3])
def test_it_ends_where_proximal_newton_ends(K, name):
    objective, _ = pose(K, n=60)
    objective = within(objective, name)
    here, there = (
        iterates(method, objective, np.zeros(objective.shape), 100)[-1]
        for method in (orthant_newton, proximal_newton)
    )
    assert here.value == pytest.approx(there.value, rel=1e-13)
    np.testing.assert_array_equal(here.coefficients == 0, there.coefficients == 0)
