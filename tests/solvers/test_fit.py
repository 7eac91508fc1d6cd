"""From an objective to what is returned: hand-overs, least norm, the coefficients judged as they are."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from sklearn_xent import (
    CrossEntropyClassifier,
    CrossEntropyClassifierCV,
    SeparationWarning,
    cross_entropy_path,
)
from sklearn_xent.solvers import fit as module
from sklearn_xent.solvers import monitor
from sklearn_xent.solvers.methods import METHODS
from tests.fuzz.checker import judge
from tests.fuzz.generator import problem as generate
from tests.problems import overlapping, reference_objective


def dependent(n=120, K=2):
    """Columns of which the last is the sum of two, and one constant in the middle."""
    X, y = overlapping(n=n, d=3, K=K)
    return np.column_stack([X[:, 0], np.full(n, 0.1), X[:, 1:], X[:, 0] + X[:, 1]]), y


def test_a_method_that_takes_for_ever_hands_over(monkeypatch):
    def crawls(objective, start, visit):
        while True:
            start = start + 1e-9
            visit(objective.at(start))

    for name in ("proximal-newton", "orthant-newton"):
        monkeypatch.setitem(METHODS, name, METHODS[name]._replace(method=crawls, seeded=False, keeps=False))
    model = CrossEntropyClassifier(l1_ratio=1.0).fit(*overlapping(n=130_000))
    assert model.converged_
    assert model.solver_ == "proximal-newton, orthant-newton, lbfgs"
    assert model.n_iter_ > 2 * monitor.IDLE


def descends_slowly(objective, start, visit):
    while True:
        point = objective.at(start)
        visit(point)
        start = start - 1e-4 * point.gradient / point.steepness


@pytest.mark.parametrize("solver", ["truncated-newton", "newton-cholesky"])
@pytest.mark.parametrize("dear", [True, False])
def test_a_method_that_was_named_and_does_not_converge_ends_early_where_it_is_dear(monkeypatch, solver, dear):
    if dear:
        monkeypatch.setattr(module, "DEAR", 1.0)
    slow = METHODS[solver]._replace(method=descends_slowly)
    monkeypatch.setitem(METHODS, solver, slow)
    with pytest.warns(ConvergenceWarning, match="too little progress" if dear else "max_iter before"):
        model = CrossEntropyClassifier(solver=solver, max_iter=100).fit(*overlapping(n=130_000))
    assert model.solver_ == solver
    assert (model.n_iter_ < 100) == dear


def test_products_give_way_to_a_hessian_that_takes_less_time_than_they_have_taken(monkeypatch):
    def reads_much(objective, start, visit):
        while True:
            for _ in range(20):
                point = objective.at(start)
            visit(point)
            start = start - 1e-4 * point.gradient / point.steepness

    for name in ("quasi-newton", "truncated-newton"):
        monkeypatch.setitem(METHODS, name, METHODS[name]._replace(method=reads_much, seeded=False))
    X, y = overlapping(n=3000, d=20, K=80)
    model = CrossEntropyClassifier().fit(X, y)
    assert model.converged_
    assert model.solver_ == "quasi-newton, truncated-newton, newton-cholesky"
    size = 80 * 21  # a Hessian takes as long as a tenth of so many readings
    assert model.history_["passes"][-1] < size / 16 + size / 4 + 100


@pytest.mark.parametrize("solver", sorted(METHODS))
def test_solver_is_the_one_named(solver):
    l1_ratio = 0.5 if solver in ("proximal-newton", "orthant-newton") else 0.0
    model = CrossEntropyClassifier(solver=solver, l1_ratio=l1_ratio, tol=1e-4)
    shape = {"n": 20, "d": 30} if solver == "row-space" else {"n": 400, "d": 4}
    assert model.fit(*overlapping(**shape)).solver_ == solver


def test_a_worse_point_of_less_norm_is_not_returned(monkeypatch):
    X, y = dependent()
    plain = CrossEntropyClassifier(C=np.inf).fit(X, y)
    monkeypatch.setattr(module, "minimum_norm", lambda objective, W: W * [1, 1, 1, 1.01, 1, 1][: W.shape[1]])
    model = CrossEntropyClassifier(C=np.inf).fit(X, y)
    assert model.converged_
    best = reference_objective(plain, X, y)
    assert reference_objective(model, X, y) <= best * (1 + 1e-8)


@pytest.mark.parametrize("solver", ["auto", "gradient-descent"])
def test_coefficients_of_less_norm_whose_logits_are_rounding_are_not_returned(solver):
    # columns far from zero in units 1e20 apart: 4e12 in units of the spread, at a value below the minimum
    problem = generate(43001031, "small")
    problem.parameters["solver"] = solver
    assert judge(problem).kind in ("ok", "warned")


@pytest.mark.parametrize("K", [2, 3])
def test_dependent_columns_get_the_coefficients_of_least_norm(K):
    X, y = dependent(K=K)
    model = CrossEntropyClassifier(C=np.inf).fit(X, y)
    null = np.array([1, 0, 1, 0, -1.0])
    assert np.abs(model.coef_ @ null).max() < 1e-9 * np.abs(model.coef_).max()
    assert not model.coef_[:, 1].any()
    free = CrossEntropyClassifier(C=np.inf).fit(X[:, [0, 2, 3]], y)
    assert reference_objective(model, X, y) == pytest.approx(
        reference_objective(free, X[:, [0, 2, 3]], y), rel=1e-9
    )


@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize("spreads", [1e3, 1e6, 1e8, 1e10])
def test_the_gap_is_that_of_the_coefficients_returned(spreads, K):
    # an intercept of 1e8 keeps eight digits of a logit: what is claimed must hold of these
    X, y = overlapping(n=200, d=2, K=K)
    shift = spreads * np.array([1.0, -0.7])
    far = X + shift
    near = far - shift  # the rows as they can be told apart
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = CrossEntropyClassifier().fit(far, y)
    best = CrossEntropyClassifier(tol=1e-12).fit(near, y)
    z = np.longdouble(far) @ np.longdouble(model.coef_).T + np.longdouble(model.intercept_)
    z = np.column_stack([np.zeros(len(z)), z]) if K == 2 else z
    loss = (
        np.log(np.exp(z - z.max(axis=1, keepdims=True)).sum(axis=1)) + z.max(axis=1) - z[np.arange(len(z)), y]
    )
    J = float(loss.sum() + (model.coef_.astype(np.longdouble) ** 2).sum() / 2)
    excess = J - reference_objective(best, near, y)
    assert excess / len(y) <= model.optimality_gap_ * 1.01 + 1e-10
    assert model.converged_ == (not caught)
    assert excess <= 1e-6 * J or caught


@pytest.mark.parametrize("C", [1.0, 1e3, np.inf])
@pytest.mark.parametrize("seed", range(10))
def test_bounds_hold_exactly(seed, C):
    rng = np.random.default_rng(seed)
    X, y = overlapping(n=80, d=4, seed=seed)
    X = (X + rng.normal(size=4)) * 10.0 ** rng.uniform(-8, 8, 4)
    size = 0.3 / X.std(axis=0) * rng.random(4)
    bounds = [(None, -size[0]), (size[1], None), (-size[2], size[2]), (None, size[3])]
    model = CrossEntropyClassifier(C=C, coef_bounds=bounds, penalty_factor=1 / X.std(axis=0) ** 2).fit(X, y)
    assert model.converged_
    for w, (low, high) in zip(model.coef_[0], bounds, strict=True):
        assert (-np.inf if low is None else low) <= w <= (np.inf if high is None else high)


@pytest.mark.parametrize("K", [2, 3])
def test_paths_and_folds_return_the_point_of_the_fit(K):
    X, y = dependent(K=K)
    fitted = CrossEntropyClassifier(C=np.inf).fit(X, y)
    path = cross_entropy_path(X, y, Cs=[np.inf], l1_ratio=0.0)
    np.testing.assert_allclose(path.coefs[0], fitted.coef_, atol=1e-8)
    np.testing.assert_allclose(path.intercepts[0], fitted.intercept_, atol=1e-8)
    assert path.converged.all()
    assert path.failures == ()
    tuned = CrossEntropyClassifierCV(Cs=[np.inf], cv=3).fit(X, y)
    np.testing.assert_allclose(tuned.coef_, fitted.coef_, atol=1e-8)


def one_warning(call, kind=ConvergenceWarning):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = call()
    (warning,) = [w for w in caught if issubclass(w.category, ConvergenceWarning)]
    assert warning.category is kind
    assert warning.filename == __file__
    return result, str(warning.message)


def test_a_path_warns_once_and_names_the_failures():
    X, y = overlapping()
    path, message = one_warning(lambda: cross_entropy_path(X, y, Cs=[0.1, 10.0], max_iter=1, l1_ratio=0.5))
    assert message.startswith("2 of 2 fits did not converge: C=0.1, C=10. At C=0.1:")
    assert "max_iter" in message
    assert not path.converged.any()
    assert [C for C, _ in path.failures] == [0.1, 10.0]
    assert all(isinstance(w, ConvergenceWarning) for _, w in path.failures)


def test_a_path_names_some_of_many_failures():
    X, y = overlapping()
    path, message = one_warning(
        lambda: cross_entropy_path(X, y, Cs=np.geomspace(1, 1e3, 9), max_iter=1, l1_ratio=0.0, tol=1e-14)
    )
    assert message.startswith(f"{len(path.failures)} of 9 fits did not converge: C=")
    assert f"C=31.6228 and {len(path.failures) - 5} more. At C=1:" in message


def test_a_path_says_that_classes_are_separable():
    x = np.arange(20.0)[:, None]
    path, message = one_warning(
        lambda: cross_entropy_path(x, np.repeat([0, 1], 10), Cs=[np.inf], l1_ratio=0.0), SeparationWarning
    )
    assert message.startswith("1 of 1 fits did not converge: C=inf")
    assert not path.converged.any()
    # one of two: no more is said of all than holds of all
    path, message = one_warning(
        lambda: cross_entropy_path(x, np.repeat([0, 1], 10), Cs=[1.0, np.inf], l1_ratio=0.0),
        SeparationWarning,
    )
    assert message.startswith("1 of 2 fits")
    np.testing.assert_array_equal(path.converged, [True, False])


def test_folds_warn_once_and_are_named():
    X, y = overlapping()
    _, message = one_warning(lambda: CrossEntropyClassifierCV(Cs=[0.1, 10.0], cv=3, max_iter=1).fit(X, y))
    assert "of 7 fits did not converge" in message
    assert "fold 0" in message
    assert "C=0.1" in message
