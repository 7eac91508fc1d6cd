"""l1, factors and bounds against an independent optimiser, and their optimality conditions."""

import itertools
import warnings

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse as sp
from scipy.special import log_softmax

from sklearn_xent import CrossEntropyClassifier
from tests.problems import overlapping

INF = np.inf


def penalised_objective(coef, intercept, X, T, weights, offset, C, l1_ratio, factors):
    """The documentation's J for coefficients (K or 1, d), written without the package."""
    z = X @ coef.T + intercept
    z = np.column_stack([np.zeros(len(X)), z]) if len(coef) == 1 else z
    loss = -(weights[:, None] * T * log_softmax(z + offset, axis=1)).sum()
    penalty = (factors * (l1_ratio * np.abs(coef) + (1 - l1_ratio) / 2 * coef**2)).sum()
    return loss + (0.0 if np.isinf(C) else penalty / C)


def independent_minimum(X, T, weights, offset, C, l1_ratio, factors, lower, upper):
    """Least J by scipy's SLSQP on W = A - B with A, B >= 0, where the l1 norm is linear."""
    K, d = (1 if T.shape[1] == 2 else T.shape[1]), X.shape[1]

    def unpack(v):
        A, B, b = v[: K * d], v[K * d : 2 * K * d], v[2 * K * d :]
        return A.reshape(K, d), B.reshape(K, d), b

    def value_and_gradient(v):
        A, B, b = unpack(v)
        W = A - B
        z = X @ W.T + b
        full = np.column_stack([np.zeros(len(X)), z]) if K == 1 else z
        logp = log_softmax(full + offset, axis=1)
        R = weights[:, None] * (np.exp(logp) - T)
        R = R[:, 1:] if K == 1 else R
        G = R.T @ X
        strength = 0.0 if np.isinf(C) else 1 / C
        value = -(weights[:, None] * T * logp).sum()
        value += strength * (factors * (l1_ratio * (A + B) + (1 - l1_ratio) / 2 * W**2)).sum()
        smooth = G + strength * (1 - l1_ratio) * factors * W
        l1 = strength * l1_ratio * factors
        return value, np.concatenate([(smooth + l1).ravel(), (l1 - smooth).ravel(), R.sum(axis=0)])

    low, high = np.tile(lower, K), np.tile(upper, K)
    bounds = scipy.optimize.Bounds(
        np.concatenate([np.maximum(low, 0), np.maximum(-high, 0), np.full(K, -INF)]),
        np.concatenate([np.maximum(high, 0), np.maximum(-low, 0), np.full(K, INF)]),
    )
    start = np.clip(np.full(2 * K * d + K, 0.01), bounds.lb, bounds.ub)
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", RuntimeWarning
        )  # older scipy's steps leave the bounds and are clipped
        found = scipy.optimize.minimize(
            value_and_gradient,
            start,
            jac=True,
            bounds=bounds,
            method="SLSQP",
            options={"maxiter": 2000, "ftol": 1e-14},
        )
    A, B, b = unpack(found.x)
    return penalised_objective(A - B, b, X, T, weights, offset, C, l1_ratio, factors)


LIMITS = {
    "none": None,
    "positive": (0, None),
    "box": [(-0.2, 0.3), (None, 0.1), (0, None), (0.05, 0.4), (-0.1, -0.1)],
}


@pytest.mark.parametrize("solver", ["auto", "accelerated-gradient", "orthant-newton"])
@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize("l1_ratio", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("limits", LIMITS)
def test_factors_and_bounds_against_slsqp(limits, l1_ratio, K, solver):
    rng = np.random.default_rng(K)
    X, _ = overlapping(n=60, d=5, K=K, seed=2)
    T = rng.dirichlet(np.ones(K), 60)
    weights, shifts = rng.random(60) + 0.5, rng.normal(size=(60, K)) * 0.3
    factors = np.array([1.0, 0.0, 2.0, 0.5, 1.0])
    C = 0.3
    model = CrossEntropyClassifier(
        C=C,
        l1_ratio=l1_ratio,
        penalty_factor=factors,
        coef_bounds=LIMITS[limits],
        solver=solver,
        tol=1e-10,
        max_iter=20_000,
    ).fit(X, T, sample_weight=weights, offset=shifts)
    pairs = LIMITS[limits] if isinstance(LIMITS[limits], list) else [LIMITS[limits] or (None, None)] * 5
    lower, upper = (
        np.array([e if e is not None else s * INF for e in ends])
        for s, ends in zip((-1, 1), zip(*pairs, strict=True), strict=True)
    )
    assert ((model.coef_ >= lower) & (model.coef_ <= upper)).all()
    args = X, T, weights, shifts, C, l1_ratio, factors
    ours = penalised_objective(model.coef_, model.intercept_, *args)
    theirs = independent_minimum(*args, lower, upper)
    assert ours <= theirs * (1 + 1e-9)
    assert model.converged_


def kkt_violation(model, X, y):
    """Largest violation of the lasso's optimality conditions, in units of the penalty."""
    P = model.predict_proba(X)
    R = P - np.eye(P.shape[1])[y]
    G = np.asarray(X.T @ (R[:, 1:] if P.shape[1] == 2 else R)).T * model.C / model.l1_ratio
    ridge = (1 - model.l1_ratio) / model.l1_ratio * model.coef_
    held = np.where(model.coef_ == 0, np.maximum(np.abs(G) - 1, 0), np.abs(G + ridge + np.sign(model.coef_)))
    return held.max()


@pytest.mark.parametrize(("K", "l1_ratio"), itertools.product([2, 3], [0.5, 1.0]))
@pytest.mark.parametrize(
    ("solver", "n", "d", "container"),
    [
        ("proximal-newton", 80, 600, np.asarray),
        ("proximal-newton", 400, 40, sp.csr_array),
        ("orthant-newton", 80, 600, sp.csr_array),
        ("auto", 60, 3000, sp.csc_array),
    ],
)
def test_optimality_conditions_where_columns_outnumber_rows_or_not(solver, n, d, container, K, l1_ratio):
    X, y = overlapping(n=n, d=d, K=K, seed=8)
    X[np.random.default_rng(0).random(X.shape) < 0.5] = 0.0
    model = CrossEntropyClassifier(C=0.2, l1_ratio=l1_ratio, solver=solver, tol=1e-12).fit(container(X), y)
    assert model.converged_
    assert 0 < np.count_nonzero(model.coef_) < model.coef_.size
    assert kkt_violation(model, X, y) < 1e-4


@pytest.mark.parametrize("K", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_a_sampled_hessian_leads_to_the_minimum_of_all_rows(K):
    X, y = overlapping(n=60_000, d=60, K=K, seed=9)
    X[:, 7] = X[:, 6] + 1e-3 * X[:, 7]
    X, y = X[np.argsort(y, kind="stable")], np.sort(y)
    options = {"C": 2e-3, "l1_ratio": 1.0, "tol": 1e-12}
    model = CrossEntropyClassifier(**options).fit(X, y)
    assert model.converged_
    assert kkt_violation(model, X, y) < 1e-4
    again = CrossEntropyClassifier(random_state=1, **options).fit(X, y)
    # four classes may share a shift of their coefficients that costs nothing: probabilities are unique
    np.testing.assert_allclose(again.predict_proba(X), model.predict_proba(X), atol=1e-4)


def test_the_gap_of_l1_is_a_bound():
    X, y = overlapping(n=200, d=30, seed=3)
    best = CrossEntropyClassifier(C=0.1, l1_ratio=1.0, tol=1e-12).fit(X, y)
    for tol in (1e-2, 1e-4, 1e-6):
        model = CrossEntropyClassifier(C=0.1, l1_ratio=1.0, tol=tol).fit(X, y)
        above = model.history_["objective"][-1] - best.history_["objective"][-1]
        assert above <= model.optimality_gap_ * (1 + 1e-6) + 1e-15


def test_a_factor_of_zero_frees_a_column_and_a_large_one_drops_it():
    X, y = overlapping(n=200, d=4)
    model = CrossEntropyClassifier(C=1e-2, l1_ratio=1.0, penalty_factor=[0, 1, 1e9, 1]).fit(X, y)
    assert model.coef_[0, 0] != 0
    assert model.coef_[0, 2] == 0
    scaled = CrossEntropyClassifier(C=0.5, penalty_factor=[2.0] * 4).fit(X, y)
    np.testing.assert_allclose(scaled.coef_, CrossEntropyClassifier(C=0.25).fit(X, y).coef_, rtol=1e-6)


def test_bounds_make_separable_data_finite():
    X = np.linspace(-1, 1, 40)[:, None]
    y = (X[:, 0] > 0).astype(int)
    model = CrossEntropyClassifier(C=np.inf, coef_bounds=(-3, 3)).fit(X, y)
    assert model.coef_[0, 0] == 3.0
    assert model.converged_
    falling = CrossEntropyClassifier(C=np.inf, coef_bounds=(None, 0)).fit(X, y)
    assert falling.coef_[0, 0] == 0.0
    assert falling.converged_


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"penalty_factor": [1, 2]}, r"penalty_factor must have shape \(4,\); got \(2,\)"),
        ({"penalty_factor": [1, -1, 1, 1]}, "got -1.0 at entry 1"),
        ({"penalty_factor": [1, 1, np.nan, 1]}, "got nan at entry 2"),
        ({"penalty_factor": "much"}, "penalty_factor must be numbers"),
        ({"coef_bounds": (1, 0)}, r"lower <= upper; got \(1, 0\) at entry 0"),
        ({"coef_bounds": [(0, 1)] * 3}, "coef_bounds must be one pair"),
        ({"coef_bounds": [(0, 1), (0, 1), (0,), (0, 1)]}, r"got \(0,\) at entry 2"),
        ({"coef_bounds": 3}, "coef_bounds must be one pair"),
        ({"coef_bounds": (np.nan, 1)}, "lower <= upper"),
        ({"coef_bounds": (0, None), "solver": "lbfgs"}, "cannot treat coef_bounds; use one of"),
        ({"l1_ratio": 1.0, "solver": "progressive"}, "cannot treat l1_ratio > 0; use one of"),
    ],
)
def test_malformed_factors_and_bounds_are_named(parameters, message):
    X, y = overlapping()
    model = CrossEntropyClassifier(**parameters)
    with pytest.raises(ValueError, match=message):
        model.fit(X, y)
    assert not hasattr(model, "coef_")


def test_bounds_that_exclude_zero_for_a_constant_column_are_infeasible():
    X, y = overlapping()
    X[:, 2] = 1.0
    with pytest.raises(ValueError, match="coef_bounds exclude 0 at entry 2"):
        CrossEntropyClassifier(coef_bounds=(0.1, 1)).fit(X, y)
