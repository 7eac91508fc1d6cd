"""How fits end, and what says so: kinds of gaps, methods that hand over, and one warning for many fits."""

import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose
from sklearn.exceptions import ConvergenceWarning

from sklearn_xent import (
    CrossEntropyClassifier,
    CrossEntropyClassifierCV,
    SeparationWarning,
    cross_entropy_path,
)
from sklearn_xent.solvers import methods
from sklearn_xent.solvers.fit import PATIENCE
from sklearn_xent.solvers.methods import METHODS
from sklearn_xent.solvers.visit import IDLE
from tests.problems import overlapping


def fitted(X, y, **options):
    """A model and the warnings of its fit."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = CrossEntropyClassifier(**options).fit(X, y)
    return model, [w.message for w in caught]


LARGE = {"n": 130_000, "d": 4}  # beyond what is finished in extended precision


def separable(n=90):
    X, _ = overlapping(n=n, d=4)
    return X, (X[:, 2] > 0).astype(int)


@pytest.mark.parametrize(
    ("solver", "l1_ratio"),
    [
        *((name, 0.0) for name in ("auto", "progressive", "row-space", "lbfgs", "proximal-newton")),
        *((name, 1.0) for name in ("auto", "lbfgs", "proximal-newton", "orthant-newton")),
    ],
)
def test_the_gap_of_a_penalised_fit_is_a_bound(solver, l1_ratio):
    X, y = overlapping(n=200, d=6)
    model, caught = fitted(X, y, solver=solver, l1_ratio=l1_ratio, C=0.1)
    assert not caught
    assert model.optimality_gap_kind_ == "bound"


def wide(d, n=30_000):
    """Sparse rows of d columns whose classes overlap."""
    rng = np.random.default_rng(0)
    X = sp.random_array((n, d), density=0.004, rng=rng, format="csr", data_sampler=rng.standard_normal)
    return X, (rng.random(n) < 1 / (1 + np.exp(-(X @ rng.standard_normal(d))))).astype(int)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("d", "C", "kind"), [(4600, np.inf, "estimate"), (4600, 1.0, "bound"), (1600, np.inf, "bound")]
)
def test_only_without_a_penalty_and_beyond_a_size_the_gap_is_an_estimate(d, C, kind):
    model, caught = fitted(*wide(d), C=C)
    assert not caught
    assert model.optimality_gap_kind_ == kind


def test_the_gap_of_a_small_fit_that_max_iter_ends_is_known():
    X, y = overlapping(n=120, d=5)
    model, (warning,) = fitted(X, y, solver="gradient-descent", max_iter=1)
    best = CrossEntropyClassifier(tol=1e-13).fit(X, y)
    gap = model.history_["objective"][-1] - best.history_["objective"][-1]
    assert model.optimality_gap_ == pytest.approx(gap, rel=1e-6)
    assert f"within {gap:.2g} nats" in str(warning)


def test_a_fit_that_max_iter_ends_at_the_minimum_does_not_warn():
    X, y = overlapping(n=120, d=5)
    steps = CrossEntropyClassifier(solver="gradient-descent", tol=1e-4).fit(X, y).n_iter_
    model, caught = fitted(X, y, solver="gradient-descent", max_iter=steps + 1, tol=1e-4)
    assert not caught
    assert model.converged_


def test_an_unknown_gap_is_not_printed_as_a_number():
    model, (warning,) = fitted(*separable(LARGE["n"]), C=1e9, solver="gradient-descent", max_iter=1)
    assert not model.optimality_gap_ < model.history_["objective"][-1]
    assert "at an unknown distance of the minimum" in str(warning)
    assert "inf" not in str(warning)


@pytest.mark.parametrize("solver", ["auto", "lbfgs", "gradient-descent"])
def test_separated_classes_are_fitted_to_a_thousandth_of_a_nat(solver):
    model, (warning,) = fitted(*separable(), C=np.inf, solver=solver, max_iter=100_000)
    assert isinstance(warning, SeparationWarning)
    assert 0 < model.history_["objective"][-1] < 1e-3


def test_partly_separated_classes_are_fitted_to_the_lowest_loss():
    X, y = overlapping(n=90)
    rare = (np.arange(90) < 12).astype(float)
    y[rare == 1] = 1
    model, (warning,) = fitted(np.column_stack([X, rare]), y, C=np.inf)
    assert isinstance(warning, SeparationWarning)
    without = CrossEntropyClassifier(C=np.inf).fit(X[rare == 0], y[rare == 0])
    lowest = without.history_["objective"][-1] * 78 / 90
    assert model.history_["objective"][-1] == pytest.approx(lowest, rel=1e-8)
    assert np.isfinite(model.coef_).all()


def test_a_factor_of_zero_leaves_separating_columns_without_an_optimum():
    X, y = separable()
    _, (warning,) = fitted(X, y, penalty_factor=[1, 1, 0, 1])
    assert isinstance(warning, SeparationWarning)
    assert "column 2" in str(warning)
    _, caught = fitted(X, y, penalty_factor=[0, 1, 1, 1])
    assert not caught


@pytest.fixture
def gives_up(monkeypatch):
    """Have the methods that "auto" takes for these data propose their start and no more."""
    entry = methods.Entry(lambda objective, start, visit: visit(objective.at(start)), l1=True, bounds=True)
    for name in ("newton-cholesky", "progressive", "proximal-newton"):
        monkeypatch.setitem(METHODS, name, entry)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "progressive, truncated-newton"),
        ({"l1_ratio": 1.0}, "proximal-newton, orthant-newton"),
        ({"coef_bounds": (0, None)}, "proximal-newton, orthant-newton"),
    ],
)
def test_auto_hands_over_where_a_method_stalls_and_says_which_ran(gives_up, options, expected):
    model, caught = fitted(*overlapping(**LARGE), **options)
    assert model.solver_ == expected
    assert not caught
    assert model.converged_


@pytest.mark.parametrize("solver", ["auto", "newton-cholesky"])
def test_a_small_problem_is_finished_in_extended_precision_whatever_its_solver(gives_up, solver):
    model, caught = fitted(*overlapping(n=120, d=5), solver=solver)
    assert model.solver_ == "newton-cholesky, newton-cholesky (extended precision)"
    assert not caught


@pytest.mark.parametrize("options", [{"l1_ratio": 1.0}, {"coef_bounds": (0, None)}])
def test_so_is_one_with_kinks_or_bounds(gives_up, options):
    X, y = overlapping(n=120, d=5)
    model, caught = fitted(X, y, **options)
    assert model.solver_ == "proximal-newton, active-set (extended precision)"
    assert not caught
    other = CrossEntropyClassifier(solver="orthant-newton", tol=1e-12, **options).fit(X, y)
    assert_allclose(model.coef_, other.coef_, atol=1e-8)


def test_auto_hands_over_where_a_method_goes_on_and_on(monkeypatch):
    def endless(objective, start, visit):
        while True:
            start = start + 1e-9
            visit(objective.at(start))

    monkeypatch.setitem(METHODS, "progressive", methods.Entry(endless, l1=False))
    model, caught = fitted(*overlapping(**LARGE))
    assert not caught
    assert model.solver_ == "progressive, truncated-newton"
    assert IDLE < model.n_iter_ < PATIENCE + 20


def test_a_method_that_repeats_itself_has_stalled(monkeypatch):
    def repeats(objective, start, visit):
        while True:
            visit(objective.at(start))

    monkeypatch.setitem(METHODS, "newton-cholesky", methods.Entry(repeats, l1=False))
    model, (warning,) = fitted(*overlapping(**LARGE), solver="newton-cholesky")
    assert "no further progress is possible" in str(warning)
    assert model.n_iter_ == IDLE + 1


def test_a_named_solver_of_a_larger_problem_does_not_hand_over(gives_up):
    model, (warning,) = fitted(*overlapping(**LARGE), solver="newton-cholesky")
    assert model.solver_ == "newton-cholesky"
    assert "no further progress is possible" in str(warning)


def test_a_path_warns_once_and_keeps_what_it_counts():
    with pytest.warns(ConvergenceWarning, match=r"^2 of 3 fits did not converge: C=1, C=10\. At C=1: ") as w:
        path = cross_entropy_path(*overlapping(), Cs=[1e-9, 1, 10], max_iter=1, l1_ratio=0)
    assert len(w) == 1
    assert path.converged.tolist() == [True, False, False]
    assert [C for C, _ in path.failures] == [1.0, 10.0]
    assert all(isinstance(warning, ConvergenceWarning) for _, warning in path.failures)


def test_separable_points_of_a_path_are_named():
    with pytest.warns(SeparationWarning, match="1 of 2 fits did not converge: C=inf") as w:
        path = cross_entropy_path(*separable(), Cs=[1.0, np.inf], l1_ratio=0)
    assert len(w) == 1
    assert isinstance(path.failures[0][1], SeparationWarning)


@pytest.mark.parametrize("cv", [None, 3])
def test_cross_validation_warns_once(cv):
    with pytest.warns(
        ConvergenceWarning, match=r"fits did not converge: the fit of all rows, C=.*l1_ratio=0"
    ) as w:
        model = CrossEntropyClassifierCV(Cs=[1.0, 10.0], cv=cv, max_iter=1).fit(*overlapping())
    assert len(w) == 1
    assert not model.converged_
    failures = [path.failures for paths in model.paths_ for path in paths]
    assert f"{1 + sum(map(len, failures))} of {1 + 2 * len(failures)} fits" in str(w[0].message)


@pytest.mark.parametrize("K", [2, 3])
def test_on_dependent_columns_a_path_has_the_least_norm_of_a_fit(K):
    X, y = overlapping(n=150, d=3, K=K)
    X = np.column_stack([X, X[:, 0] + X[:, 1], np.full(150, 0.1)])
    path = cross_entropy_path(X, y, Cs=[1.0, np.inf], l1_ratio=0.0)
    model = CrossEntropyClassifier(C=np.inf).fit(X, y)
    np.testing.assert_allclose(path.coefs[1], model.coef_, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(path.coefs[1] @ [1, 1, 0, -1, 0], 0, atol=1e-8)


@pytest.mark.slow
def test_a_float32_fit_ends_in_float64_where_float32_products_stall():
    rng = np.random.default_rng(0)
    x, e = rng.standard_normal((2, 90_000))
    X = np.column_stack([x, x + 1e-4 * e, rng.standard_normal((90_000, 48))]).astype(np.float32)
    y = (rng.random(90_000) < 1 / (1 + np.exp(-e))).astype(int)
    model, caught = fitted(X, y, C=np.inf, solver="lbfgs")
    assert not caught
    assert model.solver_ == "lbfgs"
    exact, _ = fitted(X.astype(np.float64), y, C=np.inf)
    lowest = exact.history_["objective"][-1]
    assert model.history_["objective"][-1] <= lowest * (1 + 1e-6)
