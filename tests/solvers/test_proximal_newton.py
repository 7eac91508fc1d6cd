"""Proximal Newton: each step leads to the minimiser of model and penalty, found by trying every face."""

import itertools

import numpy as np
import pytest

from sklearn_xent.problem.penalties import ElasticNet, elastic_net
from sklearn_xent.solvers.line_search import line_search
from sklearn_xent.solvers.proximal_newton import proximal_newton
from sklearn_xent.solvers.visit import Near, StopWithin
from tests.problem.test_derivatives import assemble, pose
from tests.problems import iterates, overlapping

LOW, HIGH = np.array([-0.1, 0.0, -np.inf, -np.inf, -np.inf]), np.array([0.2, np.inf, np.inf, 0.1, np.inf])


def penalties(objective):
    net = elastic_net(objective.design, 0.1, 0.7)
    return {
        "elastic net": net,
        "lasso": elastic_net(objective.design, 0.1, 1.0),
        "bounds": ElasticNet(0 * net.l1, net.l2, LOW, HIGH),
        "elastic net within bounds": ElasticNet(net.l1, net.l2, LOW, HIGH),
    }


def best_of_all_faces(H, g, w, l1, lower, upper):
    """Minimiser of (v - w)' H (v - w) / 2 + g'v + sum l1 |v| within bounds: of all faces the lowest."""
    n = len(w)

    def value(v):
        return 0.5 * (v - w) @ H @ (v - w) + g @ v + l1 @ np.abs(v)

    states = []
    for j in range(n):
        fixed = {0.0} if l1[j] > 0 and lower[j] <= 0 <= upper[j] else set()
        fixed |= {end for end in (lower[j], upper[j]) if np.isfinite(end)}
        signs = (-1.0, 1.0) if l1[j] > 0 else (0.0,)
        states.append([("at", v) for v in sorted(fixed)] + [("sign", s) for s in signs])
    found, lowest = None, np.inf
    for face in itertools.product(*states):
        free = np.array([kind == "sign" for kind, _ in face])
        v = np.array([0.0 if kind == "sign" else at for kind, at in face])
        s = np.array([sign if kind == "sign" else 0.0 for kind, sign in face])
        rest = H[np.ix_(free, ~free)] @ (v - w)[~free]
        v[free] = w[free] - np.linalg.solve(H[np.ix_(free, free)], (g + l1 * s)[free] + rest)
        inside = ((v >= lower) & (v <= upper)).all() and (v[free] * s[free] >= 0).all()
        if inside and value(v) < lowest:
            found, lowest = v, value(v)
    return found


@pytest.mark.parametrize("name", ["elastic net", "lasso", "bounds", "elastic net within bounds"])
@pytest.mark.parametrize("seed", range(3))
def test_a_step_leads_to_the_minimiser_of_model_and_penalty(name, seed):
    objective, _ = pose(2, n=60)
    objective = objective.under(penalties(objective)[name])
    penalty = objective.penalty
    W = np.clip(np.random.default_rng(seed).normal(size=objective.shape), *penalty.bounds)
    points = iterates(proximal_newton, objective, W, 4)
    assert len(points) > 2
    for old, new in itertools.pairwise(points):
        w = old.coefficients[0]
        args = old.gradient[0], w, penalty.l1, *penalty.bounds
        best = best_of_all_faces(old.hessian(), *args)[None]
        _, part = line_search(old, best)
        np.testing.assert_allclose(new.coefficients, w + part * (best - w), atol=1e-8)
    # the last of them were not shortened, and the lasso has found its zeros
    assert part == 1.0
    np.testing.assert_array_equal(new.coefficients == 0, best == 0)


@pytest.mark.parametrize("K", [2, 3])
def test_what_it_says_of_the_gap_is_what_model_and_penalty_fall_by(K):
    objective, W = pose(K, n=60)
    objective = objective.under(elastic_net(objective.design, 0.1, 0.7))
    best = iterates(proximal_newton, objective, W, 60)[-1].coefficients
    start = best * (1 + 1e-3 * np.random.default_rng(0).normal(size=W.shape))
    told = []

    class Stops(Exception):
        pass

    class Listens:
        tol = 0.0

        def goal(self, point):
            return 0.0

        def __call__(self, point, *, gap, **known):
            told.append((point, gap))
            if len(told) == 2:
                raise Stops

    with pytest.raises(Stops):
        proximal_newton(objective, start, Listens())
    (old, gap), (new, _) = told
    # near the minimum the model is right
    assert gap.nats == pytest.approx(old.value - new.value, rel=0.02)


@pytest.mark.parametrize("K", [2, 3])
def test_a_model_is_remembered_for_another_penalty(K):
    objective, W = pose(K, n=60)
    memory = {}
    for strength, l1_ratio in ((0.3, 0.5), (0.1, 0.5), (0.1, 0.9)):
        objective = objective.under(elastic_net(objective.design, strength, l1_ratio))
        kept = iterates(proximal_newton, objective, W, 5, memory=memory)
        fresh = iterates(proximal_newton, objective, W, 5)
        for point, other in zip(kept, fresh, strict=True):
            np.testing.assert_allclose(point.coefficients, other.coefficients, atol=1e-9)
    assert "model" in memory


def test_a_working_set_grows_to_what_the_slopes_ask_for():
    # more columns than are taken at once: those outside are judged by exact gradients
    X, y = overlapping(n=120, d=700, seed=3)
    objective = assemble(X, np.eye(2)[y].T, np.full(120, 1 / 120), None, strength=0.05, l1_ratio=1.0)
    points = iterates(proximal_newton, objective, np.zeros(objective.shape), 60, tol=1e-12)
    best = points[-1]
    assert 0 < np.count_nonzero(best.coefficients) < 200
    assert best.steepness < 1e-6


def test_it_tells_what_its_hessians_have_taken_and_drops_those_of_coefficients_no_longer_wanted():
    # all start in use, and few stay so
    X, y = overlapping(n=80, d=700, seed=3)
    objective = assemble(X, np.eye(2)[y].T, np.full(80, 1 / 80), None, strength=0.05, l1_ratio=1.0)
    told = []

    class Listens(StopWithin):
        def __call__(self, point, *, products, **known):
            told.append((np.count_nonzero(point.coefficients), products))
            super().__call__(point, **known)

    start = 0.01 * np.random.default_rng(0).normal(size=objective.shape)
    with pytest.raises(Near):
        proximal_newton(objective, start, Listens(lambda point: 1e-10))
    (first, of_all), (last, of_few) = told[0], told[-2]
    assert first > 600
    assert last < 200
    assert of_all > 80 * 600**2 / 4
    assert 0 < of_few < of_all / 4


@pytest.mark.parametrize("K", [2, 3])
def test_a_start_outside_the_bounds_is_brought_within(K):
    objective, W = pose(K, n=60)
    net = elastic_net(objective.design, 0.1, 0.7)
    objective = objective.under(ElasticNet(net.l1, net.l2, LOW, HIGH))
    for point in iterates(proximal_newton, objective, 100 * W, 5):
        assert ((point.coefficients >= LOW) & (point.coefficients <= HIGH)).all()
