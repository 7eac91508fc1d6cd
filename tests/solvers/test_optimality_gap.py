"""Bounds of the gap are never below it, and are near it where Newton's model is right."""

import contextlib
import warnings

import numpy as np
import pytest
import scipy.optimize
from sklearn.exceptions import ConvergenceWarning

from sklearn_xent import CrossEntropyClassifier
from sklearn_xent.problem.duality import DualPoint, duality_gap
from sklearn_xent.problem.losses import loss_for
from sklearn_xent.problem.moments import moments_of
from sklearn_xent.problem.objective import Objective
from sklearn_xent.problem.penalties import ElasticNet, elastic_net
from sklearn_xent.problem.scaling import design_for
from sklearn_xent.rows import as_rows
from sklearn_xent.solvers import optimality_gap
from sklearn_xent.solvers.accelerated_gradient import accelerated_gradient
from sklearn_xent.solvers.hessian import curvature_at
from sklearn_xent.solvers.monitor import Monitor
from sklearn_xent.solvers.optimality_gap import Gap, Kind, certify, factored_bound
from sklearn_xent.solvers.proximal_newton import proximal_newton
from sklearn_xent.solvers.solve import Stage, minimise
from sklearn_xent.solvers.visit import Stop
from tests.problem.test_derivatives import assemble

PENALTIES = {  # strength, l1_ratio, factors, bounds
    "none": (0.0, 0.0, None, None),
    "ridge": (1e-2, 0.0, None, None),
    "weak ridge": (1e-9, 0.0, None, None),
    "lasso": (2e-2, 1.0, None, None),
    "elastic net": (2e-2, 0.5, None, None),
    "free column": (2e-2, 1.0, [0, 1, 1, 1], None),
    "ridge, free column": (1e-2, 0.0, [1, 1, 0, 1], None),
    "bounds": (0.0, 0.0, None, ([0, -np.inf, -0.1, -np.inf], [np.inf, 0, 0.1, np.inf])),
    "lasso, bounds": (1e-2, 0.5, [1, 0, 1, 0], ([0, -np.inf, -0.1, -np.inf], [np.inf, np.inf, 0.1, 0.3])),
}


def pose(penalty, K, *, soft=False, weighted=False, offset=False, outlier=None, n=40, seed=0, intercept=True):
    """An objective with chosen ingredients, on classes that overlap."""
    strength, l1_ratio, factors, bounds = PENALTIES[penalty]
    factors = None if factors is None else np.array(factors, float)
    bounds = None if bounds is None else tuple(np.array(b, float) for b in bounds)
    rng = np.random.default_rng([seed, K, len(penalty)])
    X = rng.normal(size=(n, 4)) * [1, 3, 0.3, 1] + [0, 1, 0, -2]
    if outlier:
        X[0, 0] = outlier
    y = np.argmax(0.5 * X @ rng.normal(size=(4, K)) + 2 * rng.gumbel(size=(n, K)), axis=1)
    targets = rng.dirichlet(np.ones(K), n).T if soft else np.eye(K)[y].T
    weights = rng.choice([0.0, 0.1, 1.0, 5.0], n) if weighted else np.ones(n)
    shifts = 2 * offset * rng.normal(size=(1 if K == 2 else K, n)) if offset else None
    rows = as_rows(X, targets[1:] if K == 2 else targets, weights / weights.sum(), shifts)
    strengths = np.full(4, strength) if factors is None else strength * factors
    design = design_for(
        rows, moments_of(rows), fit_intercept=intercept, strength=strengths, l1_ratio=l1_ratio
    )
    return Objective(rows, loss_for(K), elastic_net(design, strength, l1_ratio, factors, bounds), design)


def lowest(objective):
    """The minimiser as two unlike methods see it: the lower of the package's and scipy's L-BFGS-B."""
    start = np.clip(np.zeros(objective.shape), *objective.penalty.bounds)
    best = minimise(
        objective, [Stage("proximal-newton", proximal_newton)], start, tol=1e-15, max_iter=300
    ).point
    lower, upper = (np.tile(b, len(start)) for b in objective.penalty.bounds)
    size = start.size
    l1 = np.tile(objective.penalty.l1, len(start))
    # W = P - N with P and N at least 0: smooth, and a bound of W is one of P or N
    ends = [np.maximum(upper, 0), np.maximum(-lower, 0)]
    begin = np.concatenate(
        [np.maximum(best.coefficients.ravel(), 0), np.maximum(-best.coefficients.ravel(), 0)]
    )

    def split(v):
        point = objective.at((v[:size] - v[size:]).reshape(start.shape))
        G = point.gradient.ravel()
        return point.smooth_value + l1 @ (v[:size] + v[size:]), np.concatenate([G + l1, l1 - G])

    found = scipy.optimize.minimize(
        split, begin, jac=True, method="L-BFGS-B", bounds=[(0, b) for b in np.concatenate(ends)]
    )
    W = (found.x[:size] - found.x[size:]).reshape(start.shape)
    other = objective.at(np.clip(W, *objective.penalty.bounds))
    return best if best.value <= other.value else other


def around(objective, best, size, seed):
    """A point some way from the best, within the bounds; every other has the same zeros."""
    rng = np.random.default_rng(seed)
    V = size * rng.normal(size=objective.shape)
    if not objective.design.fit_intercept:
        V[:, -1] = 0
    if objective.penalty.kinked:
        V[(best.coefficients == 0) & (rng.random(V.shape) < (0.5 if seed % 2 else 1.0))] = 0
    W = np.clip(objective.symmetric(best.coefficients + V), *objective.penalty.bounds)
    return objective.at(W)


INGREDIENTS = [
    {},
    {"soft": True},
    {"weighted": True},
    {"offset": True},
    {"outlier": 1e3},
    {"outlier": 1e8},
    {"soft": True, "weighted": True, "offset": True, "intercept": False},
]


def points_on_the_way(objective):
    """The best point, and others 1 to 1e-5 away from it."""
    best = lowest(objective)
    return best, [around(objective, best, 10.0 ** -(seed % 6), seed) for seed in range(12)]


@pytest.mark.parametrize("ingredients", INGREDIENTS, ids=lambda v: "+".join(v) or "plain")
@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("K", [2, 3])
def test_no_bound_is_below_the_gap(K, penalty, ingredients):
    objective = pose(penalty, K, **ingredients)
    best, points = points_on_the_way(objective)
    rounding = 1e-14 * abs(best.value)
    finite = 0
    for point in points:
        gap = point.value - best.value
        curvature = curvature_at(point)
        for bound in (factored_bound(point, curvature, 0.0), duality_gap(point), certify(point, 0.0)[0].nats):
            assert bound >= gap * (1 - 1e-9) - rounding
            finite += bound < np.inf
    assert finite or ingredients.get("outlier") == 1e8


@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize("penalty", PENALTIES)
def test_near_the_minimum_the_bound_is_half_the_squared_decrement(penalty, K):
    objective = pose(penalty, K)
    best = lowest(objective)
    for size, within in ((1e-3, 0.2), (1e-4, 0.05)):
        rng = np.random.default_rng(0)
        V = np.where(objective.penalty.movable(best.coefficients), rng.normal(size=objective.shape), 0.0)
        if not objective.penalty.kinked:
            V = objective.symmetric(V)
        point = objective.at(best.coefficients + size * V * np.abs(best.coefficients).clip(0.1))
        curvature = curvature_at(point)
        bound = factored_bound(point, curvature, 0.0)
        assert bound == pytest.approx(curvature.gap(point.stationarity), rel=within)
        assert bound == pytest.approx(point.value - best.value, rel=within)


@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize("penalty", PENALTIES)
def test_at_the_minimum_the_bound_is_rounding(penalty, K):
    best = lowest(pose(penalty, K, offset=True))
    gap, _ = certify(best, 1e-12 * best.value)
    assert gap.kind is Kind.BOUND
    assert gap.nats <= 1e-12 * best.value


def outlying(size, at):
    """A row far away whose label is the likely one, at ``at`` times the best coefficient for others."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=400)
    y = (2 * x + rng.logistic(size=400) > 0).astype(float)
    x[0], y[0] = size, 1.0
    rows = as_rows(x[:, None], y[None], np.full(400, 1 / 400), None)
    design = design_for(rows, moments_of(rows), fit_intercept=True, strength=np.zeros(1), l1_ratio=0.0)
    objective = Objective(rows, loss_for(2), elastic_net(design, 0.0, 0.0), design)
    near = objective.from_original(np.array([[2.0 * at]]), np.zeros(1))
    return objective.at(near), objective.at(objective.from_original(np.array([[2.0]]), np.zeros(1)))


@pytest.mark.parametrize("size", [1e4, 1e6, 1e8, 1e10])
@pytest.mark.parametrize("at", [0.0, 1e-9, 1e-7, 1e-5, 1e-3, 0.1])
def test_a_bound_knows_what_an_outlier_hides(at, size):
    # the quadratic model sees the outlier's curvature, and next to no gap; a large step would find one
    point, better = outlying(size, at)
    true = point.value - better.value
    bound = min(factored_bound(point, curvature_at(point), 0.0), duality_gap(point))
    assert bound >= true
    assert certify(point, 1e-8 * point.value)[0].nats >= true


def test_the_decrement_alone_would_have_lied():
    point, better = outlying(1e8, 1e-7)
    decrement = curvature_at(point).gap(point.stationarity)
    assert decrement < 1e-2 * (point.value - better.value)


@pytest.mark.parametrize("K", [2, 3])
def test_a_newton_step_that_leaves_the_simplex_gives_no_bound(K):
    # saturated rows: their curvature is all but 0, the step is huge, and its probabilities are none
    objective = pose("none", K)
    W = 50 * np.random.default_rng(1).normal(size=objective.shape)
    point = objective.at(objective.symmetric(W))
    curvature = curvature_at(point)
    everything = np.ones(objective.shape, bool)
    dual = DualPoint(point, everything, direction=-curvature.solve(point.gradient))
    assert dual.bound() > point.value - lowest(objective).value
    assert factored_bound(point, curvature, 0.0) > point.value - lowest(objective).value


@pytest.mark.parametrize("ingredients", INGREDIENTS, ids=lambda v: "+".join(v) or "plain")
@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("K", [2, 3])
def test_products_give_bounds_too_or_say_that_they_do_not(monkeypatch, K, penalty, ingredients):
    # as for more coefficients than are factored unasked: the free columns alone are
    free = {"free column": 2, "ridge, free column": 2, "lasso, bounds": 3}.get(penalty, 1)
    monkeypatch.setattr(optimality_gap, "DENSE_LIMIT", K * free if penalty != "none" else 0)
    monkeypatch.setattr(optimality_gap, "CERTIFIED_LIMIT", 0)
    objective = pose(penalty, K, **ingredients)
    best = lowest(objective)
    for seed in range(12):
        point = around(objective, best, 10.0 ** -(seed % 6), seed)
        true = point.value - best.value
        gap, _ = certify(point, 1e-8 * point.value)
        if gap.kind is Kind.BOUND:
            assert gap.nats >= true * (1 - 1e-9) - 1e-14 * best.value
    if penalty in ("ridge", "elastic net", "lasso") and ingredients.get("outlier") != 1e8:
        gap, _ = certify(best, 1e-8 * best.value)
        assert gap.kind is Kind.BOUND
        assert gap.nats <= 1e-8 * best.value


def test_products_do_not_end_a_fit_that_conjugate_gradients_have_not_solved(monkeypatch):
    # curvature over ten decades, next to no penalty: the first products see the steep directions alone
    rng = np.random.default_rng(0)
    n, d = 400, 60
    X = (
        np.linalg.qr(rng.normal(size=(n, d)))[0]
        * np.geomspace(1, 1e-5, d)
        @ np.linalg.qr(rng.normal(size=(d, d)))[0]
    )
    y = (X @ rng.normal(size=d) * 10 + rng.logistic(size=n) > 0).astype(float)
    rows = as_rows(X, y[None], np.full(n, 1 / n), None)
    design = design_for(rows, moments_of(rows), fit_intercept=True, strength=np.zeros(d), l1_ratio=0.0)
    objective = Objective(rows, loss_for(2), elastic_net(design, 1e-13, 0.0), design)
    exact = minimise(
        objective, [Stage("proximal-newton", proximal_newton)], design.zeros(1), tol=1e-13, max_iter=200
    )
    monkeypatch.setattr(optimality_gap, "DENSE_LIMIT", 2)
    monkeypatch.setattr(optimality_gap, "PRODUCTS", (3, 3))
    point = objective.at(design.zeros(1))
    for limit in (0, 4000):
        monkeypatch.setattr(optimality_gap, "CERTIFIED_LIMIT", limit)
        gap, _ = certify(point, 1e-8 * point.value)
        assert gap.nats > 1e-3 * (point.value - exact.point.value)
    near = objective.at(exact.point.coefficients * (1 - 1e-3))
    true = near.value - exact.point.value
    gap, _ = certify(near, 2 * true)
    assert gap.nats > 2 * true or gap.nats >= true


@pytest.mark.parametrize("faintest", [1e-2, 1e-3, 1e-4])
def test_a_decrement_that_products_still_add_to_is_no_estimate(monkeypatch, faintest):
    # residuals of which each direction, however faint, has its share of the decrement
    monkeypatch.setattr(optimality_gap, "DENSE_LIMIT", 0)
    monkeypatch.setattr(optimality_gap, "CERTIFIED_LIMIT", 0)
    monkeypatch.setattr(optimality_gap, "PRODUCTS", (60, 60))
    for seed in range(3):
        rng = np.random.default_rng(seed)
        U, V = (np.linalg.qr(rng.normal(size=(m, 200)))[0] for m in (250, 200))
        t = 0.5 + 1e-4 * rng.normal(size=250)
        X = U * np.geomspace(1, faintest, 200) @ V
        objective = assemble(
            X, np.vstack([1 - t, t]), np.full(250, 1 / 250), None, strength=1e-12, l1_ratio=0.0
        )
        point = objective.at(objective.design.zeros(1))
        true = curvature_at(point).gap(point.stationarity)
        gap, _ = certify(point, true)
        assert gap.nats > 0.9 * true


@pytest.mark.parametrize("K", [2, 3])
def test_a_certificate_does_not_read_the_data_for_ever(monkeypatch, K):
    # products with the Hessian for one certificate: as many as readings so far, within limits
    monkeypatch.setattr(optimality_gap, "DENSE_LIMIT", 2)
    monkeypatch.setattr(optimality_gap, "CERTIFIED_LIMIT", 2)
    rng = np.random.default_rng(0)
    X = np.linalg.qr(rng.normal(size=(300, 40)))[0] * np.geomspace(1, 1e-7, 40) @ rng.normal(size=(40, 40))
    y = rng.integers(0, K, 300)
    model = CrossEntropyClassifier(C=1e12, solver="truncated-newton", max_iter=30)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        passes = model.fit(X, y).history_["passes"]
    assert passes[-1] < 30 * (optimality_gap.PRODUCTS[1] + 100)


def test_kinds_are_words_of_the_documentation():
    assert {kind.value for kind in Kind} == {"bound", "estimate", "guess"}
    assert Gap(1.0).kind is Kind.GUESS


@pytest.mark.parametrize("penalty", ["lasso", "elastic net"])
@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize("soft", [False, True])
def test_probabilities_that_underflow_do_not_lower_the_bound(penalty, K, soft):
    # log p is down to -1e6, which no reciprocal of p shows
    objective = pose(penalty, K, soft=soft, offset=1e6, intercept=False)
    start = objective.at(np.zeros(objective.shape))
    lower = accelerated(objective)
    assert lower < start.value - 5
    least = start.value - lower - 1e-12 * start.value
    assert duality_gap(start) >= least
    assert factored_bound(start, curvature_at(start), 0.0) >= least


def accelerated(objective):
    """A value that 200 steps of proximal gradient descent reach."""
    point = Monitor(0.0, 200)
    with contextlib.suppress(Stop):
        accelerated_gradient(objective, np.zeros(objective.shape), point)
    return point.best.value


@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize("penalty", ["ridge", "lasso"])
def test_an_intercept_that_no_row_answers_to_leaves_no_bound(K, penalty):
    # probabilities of exactly 0 and 1: the curvature in the intercept is 0, its slope is not
    objective = pose(penalty, K)
    W = np.zeros(objective.shape)
    W[0, -1] = 1e4
    point = objective.at(W)
    assert not point.coupling().any()
    assert duality_gap(point) == np.inf


@pytest.mark.parametrize("lower", [-np.inf, -0.3])
def test_a_slope_that_a_bound_makes_feasible_is_not_brought_back(lower):
    objective = pose("lasso", 2)
    free, low, high = np.zeros(5), np.full(5, -np.inf), np.full(5, np.inf)
    low[3], high[3] = lower, 0.3  # the last column goes no further, and has no other penalty
    l1 = objective.penalty.l1 * [1, 1, 1, 0, 0]
    objective = objective.under(ElasticNet(l1, free, low, high))
    point = objective.at(np.array([[0.0, 0.0, 0.0, -0.25, 0.0]]))
    assert point.loss_gradient[0, 3] < -0.01
    intercept = np.zeros(objective.shape, bool)
    intercept[:, -1] = True
    dual = DualPoint(point, intercept, noise=np.append(np.zeros(4), np.inf))
    moved = np.array([[0.0, 0.0, 0.0, 1e-12, 0.0]])
    assert dual.bound(moved=moved) - dual.bound() <= 1e-11


def test_an_outlier_that_is_certain_hides_nothing_of_many_coefficients():
    """Its column's curvature is its own, and goes on falling: no estimate by a quadratic model ends the fit.

    Without the row, whose loss is then nothing, the minimum is the same.
    """
    rng = np.random.default_rng(0)
    n, d, K = 830, 810, 6
    X = rng.normal(size=(n, 60)) @ rng.normal(size=(60, d)) + 0.1 * rng.normal(size=(n, d))
    y = (np.c_[3 * X[:, 0], X[:, 1:K]] / 8 + 0.5 * rng.gumbel(size=(n, K))).argmax(axis=1)
    without = CrossEntropyClassifier(C=0.0012).fit(X[1:], y[1:])
    X[0, 0], y[0] = 5e11, 0
    model = CrossEntropyClassifier(C=0.0012).fit(X, y)
    least = without.history_["objective"][-1] * (n - 1)
    assert model.history_["objective"][-1] * n == pytest.approx(least, rel=2e-6)
