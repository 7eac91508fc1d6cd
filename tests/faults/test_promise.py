"""Warned or optimal, on data of the kinds that deceive a certificate.

Each fit is held against the minimum that `tests.fuzz` finds and proves in long double.
"""

import numpy as np
import pytest
import scipy.sparse as sp

from sklearn_xent import CrossEntropyClassifier
from sklearn_xent.solvers.methods import METHODS
from tests.fuzz.checker import fit, verdict_of
from tests.fuzz.generator import Problem
from tests.problems import overlapping

CONTAINERS = {
    "C": np.ascontiguousarray,
    "Fortran": np.asfortranarray,
    "float32": lambda X: X.astype(np.float32),
    "csr": sp.csr_array,
    "csc": sp.csc_array,
}
SECOND_ORDER = sorted(set(METHODS) - {"gradient-descent", "accelerated-gradient"})
SMOOTH = [s for s in ("auto", *SECOND_ORDER) if s not in ("proximal-newton", "orthant-newton")]


def posed(X, y, weights=None, offset=None, first=None, **parameters):
    K = y.shape[1] if y.ndim == 2 else len(np.unique(y))
    return Problem(0, "small", X, y, weights, offset, {"C": np.inf} | parameters, K, first=first)


def assert_optimal(problem, *, may_warn=False):
    """No warning and within 1e-6 of the proved minimum; or, where it may, a warning that is deserved."""
    model, caught = fit(problem)
    kind, detail = verdict_of(problem, model, caught)
    assert kind == "ok" or (may_warn and kind == "warned"), (kind, detail, model.solver_)
    return model


def gumbel_labels(rng, logits, K):
    """Labels of K classes whose logits are multiples of one: 0, z, 2 z, ..."""
    return np.argmax(np.outer(logits, np.arange(K)) + rng.gumbel(size=(len(logits), K)), axis=1)


@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize("value", [0.1, 1e6 + 0.1, -1e-5])
@pytest.mark.parametrize("position", range(5))
def test_a_constant_column_changes_nothing_wherever_it_is(position, value, K):
    X, y = overlapping(n=100, K=K)
    model = assert_optimal(posed(np.insert(X, position, value, axis=1), y))
    plain = CrossEntropyClassifier(C=np.inf).fit(X, y)
    np.testing.assert_allclose(np.delete(model.coef_, position, axis=1), plain.coef_, rtol=1e-6)
    assert not model.coef_[:, position].any()


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("seed", range(4))
def test_a_constant_column_in_every_container(container, seed):
    X, y = overlapping(n=100, seed=seed)
    assert_optimal(posed(CONTAINERS[container](np.insert(X, 1, 0.1, axis=1)), y))


@pytest.mark.parametrize("solver", SMOOTH)
def test_a_constant_column_under_every_solver(solver):
    X, y = overlapping(n=100)
    assert_optimal(posed(np.insert(X, 1, 0.1, axis=1), y, solver=solver), may_warn=solver != "auto")


@pytest.mark.parametrize(
    ("distance", "K"), [(1e-4, 2), (1e-4, 3), (5e-7, 2), (5e-7, 3), (1e-8, 2), (1e-9, 2)]
)
def test_the_signal_in_the_difference_of_two_columns_is_found(distance, K):
    rng = np.random.default_rng(0)
    x, e = rng.normal(size=(2, 500))
    assert_optimal(posed(np.column_stack([x, x + distance * e]), gumbel_labels(rng, 2 * e, K)))


@pytest.mark.parametrize("container", ["Fortran", "csr", "csc"])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_two_columns_that_nearly_agree_in_every_container(container, fit_intercept):
    rng = np.random.default_rng(1)
    x, e = rng.normal(size=(2, 500))
    X = CONTAINERS[container](np.column_stack([x, rng.normal(size=500), x + 5e-7 * e]))
    assert_optimal(posed(X, gumbel_labels(rng, 2 * e, 2), fit_intercept=fit_intercept))


def outlying(size, K, seed=0, n=1000):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    y = gumbel_labels(rng, 2 * x, K)
    x[0], y[0] = size, K - 1
    return x[:, None], y


@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize("size", [1e1, 1e2, 1e4, 1e6, 1e8, 1e12])
@pytest.mark.parametrize("C", [1.0, np.inf])
def test_a_far_outlier_that_is_right(size, K, C):
    assert_optimal(posed(*outlying(size, K), C=C))


@pytest.mark.parametrize("size", [1e3, 1e8])
def test_a_far_outlier_that_is_wrong(size):
    X, y = outlying(-size, 2)
    assert_optimal(posed(X, y))


@pytest.mark.parametrize("container", CONTAINERS)
def test_a_far_outlier_in_every_container(container):
    X, y = outlying(1e8, 2)
    assert_optimal(posed(CONTAINERS[container](X), y))


@pytest.mark.parametrize("solver", SMOOTH)
@pytest.mark.parametrize("size", [1e3, 1e8])
def test_a_far_outlier_under_every_solver(solver, size):
    X, y = outlying(size, 2, n=300)
    assert_optimal(posed(X, y, C=10.0, solver=solver), may_warn=solver != "auto")


@pytest.mark.parametrize("l1_ratio", [0.5, 1.0])
@pytest.mark.parametrize("solver", ["auto", "proximal-newton", "orthant-newton"])
def test_a_far_outlier_under_a_lasso(solver, l1_ratio):
    X, y = outlying(1e6, 2, n=300)
    assert_optimal(posed(X, y, C=10.0, l1_ratio=l1_ratio, solver=solver), may_warn=solver != "auto")


@pytest.mark.parametrize("K", [2, 3])
def test_a_far_outlier_with_soft_labels(K):
    X, y = outlying(1e6, K, n=300)
    soft = 0.9 * np.eye(K)[y] + 0.1 / K
    soft[0] = np.eye(K)[K - 1]
    assert_optimal(posed(X, soft))


@pytest.mark.parametrize("first", [0.0, 1e2, 1e4])
def test_a_warm_start_that_looks_stationary_goes_on(first):
    # the fit before knows an outlier that is nearer, wrong, or of another label
    X, y = outlying(1e8, 2)
    before = X.copy()
    before[0] = first
    assert_optimal(posed(X, y, first=(before, y, {"C": np.inf})))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("C", [1.4e11, np.inf])
def test_bounds_and_a_column_that_nothing_penalises(C, seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(300, 6)) * 10.0 ** rng.uniform(-3, 3, 6)
    y = gumbel_labels(rng, (X / X.std(axis=0)) @ rng.normal(size=6), 2)
    factor = np.ones(6)
    factor[2] = 0.0
    model = assert_optimal(
        posed(
            X,
            y,
            C=C,
            penalty_factor=factor,
            coef_bounds=[(0, None), (None, 0), (None, None), (-1, 1), (0, None), (None, 0)],
        )
    )
    assert model.optimality_gap_ <= 1e-6


@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize("C", [1e-2, 1.0, 1e6, 1e11])
@pytest.mark.parametrize("l1_ratio", [0.5, 1.0])
def test_a_lasso_with_a_column_that_nothing_penalises(l1_ratio, C, K):
    X, y = overlapping(n=150, d=5, K=K)
    X = X * 10.0 ** np.arange(-2, 3)
    assert_optimal(posed(X, y, C=C, l1_ratio=l1_ratio, penalty_factor=[1, 0, 1, 1, 1]))


@pytest.mark.parametrize(
    "bounds",
    [
        [(None, -0.5), (None, None), (None, None)],
        [(0.5, None), (None, None), (None, 0.1)],
        [(None, None), (-0.2, 0.2), (0, None)],
    ],
)
@pytest.mark.parametrize("container", sorted(set(CONTAINERS) - {"float32"}))  # in which a sum is rounded
def test_bounds_hold_on_dependent_columns(bounds, container):
    X, y = overlapping(n=100, d=2)
    X = np.column_stack([X, X.sum(axis=1)])
    model = assert_optimal(posed(CONTAINERS[container](X), y, coef_bounds=bounds))
    for w, (low, high) in zip(model.coef_[0], bounds, strict=True):
        assert (-np.inf if low is None else low) <= w <= (np.inf if high is None else high)


@pytest.mark.parametrize("solver", ["auto", "progressive"])
@pytest.mark.parametrize("width", [1.0, 30.0, 300.0])
def test_one_column_and_a_wide_offset(width, solver):
    rng = np.random.default_rng(0)
    x, offset = rng.normal(size=2000), width * rng.normal(size=2000)
    y = (x + offset + rng.logistic(size=2000) > 0).astype(int)
    y[:3], y[3:6] = 0, 1
    assert_optimal(posed(x[:, None], y, offset=offset, C=1.4e10, solver=solver))


@pytest.mark.parametrize("size", [1e2, 1e3, 1e6, 1e12])
@pytest.mark.parametrize("l1_ratio", [0.0, 1.0])
def test_an_offset_that_decides_every_row_leaves_an_optimum(l1_ratio, size):
    # the loss is all but 0 or all but linear in each row
    X, y = overlapping(n=100)
    offset = np.where(np.arange(100) % 2, size, -size)
    problem = posed(X, y, offset=offset, C=1.0, l1_ratio=l1_ratio, fit_intercept=False)
    assert_optimal(problem, may_warn=size > 1e6)


@pytest.mark.parametrize("C", [1.0, 1e10])
def test_offsets_that_are_right_leave_nothing_to_find(C):
    X, y = overlapping(n=100)
    model = assert_optimal(posed(X, y, offset=np.where(y == 1, 40.0, -40.0), C=C, fit_intercept=False))
    assert model.optimality_gap_ <= 1e-8 * model.history_["objective"][-1]


@pytest.mark.parametrize("C", [1e8, 1e12, 1e16])
@pytest.mark.parametrize("l1_ratio", [0.0, 0.5, 1.0])
def test_a_penalty_too_weak_to_matter(l1_ratio, C):
    X, y = overlapping(n=120)
    model = assert_optimal(posed(X * [1e3, 1, 1e-3, 1], y, C=C, l1_ratio=l1_ratio))
    assert model.optimality_gap_ < 1e-6


@pytest.mark.parametrize("name", ["weights", "sorted", "rare"])
@pytest.mark.parametrize("K", [2, 3])
def test_a_far_outlier_with_other_ingredients(name, K):
    X, y = outlying(1e6, K, n=300)
    weights = None
    if name == "weights":
        weights = np.random.default_rng(0).choice([0.0, 1e-6, 1.0, 1e3], size=300)
        weights[0], weights[1:50] = 1.0, 1.0
    elif name == "sorted":
        order = np.argsort(y, kind="stable")
        X, y = X[order], y[order]
    else:
        X = np.column_stack([X, np.arange(300) < 6])
    assert_optimal(posed(X, y, weights=weights))


@pytest.mark.parametrize("solver", ["auto", "lbfgs"])
@pytest.mark.parametrize("seed", range(2))
def test_a_row_on_its_way_to_certainty_is_no_room_for_the_slopes_of_others(seed, solver):
    # what rounding hides of a slope may be a row's that is 1e14 times smaller, and cost more than rounding
    rng = np.random.default_rng(seed)
    X = np.column_stack([np.ones(29), rng.standard_normal(29)])
    y = rng.permutation(np.arange(29) % 3 > 0).astype(int)
    X[:3, 0], y[:3] = [-4.8e23, -1.9e19, -2.2e5], 1
    assert_optimal(posed(X, y, C=1.56, l1_ratio=1.0, solver=solver), may_warn=True)


@pytest.mark.parametrize("solver", ["auto", "tnc"])
def test_what_an_earlier_method_has_shown_is_rounded_as_its_objective_is(solver):
    # the gap of the first method is all of its objective, 1e-23 nats, and the minimum is 1e-41
    X = np.array([[-1.5e22], [4.5e4], [2.9e4], [-2.7e30]])
    problem = posed(X, np.array([1, 0, 0, 1]), offset=np.array([0.8, 0.0, 0.1, -0.3]), C=5.7, solver=solver)
    assert_optimal(problem, may_warn=True)
