"""Classes that a plane separates, and no penalty: no optimum, and a warning that says which columns do it."""

import warnings

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse as sp

from sklearn_xent import CrossEntropyClassifier, SeparationWarning
from sklearn_xent.problem.design import Design
from sklearn_xent.problem.losses import loss_for
from sklearn_xent.problem.objective import Objective
from sklearn_xent.problem.penalties import elastic_net
from sklearn_xent.rows import as_rows
from sklearn_xent.solvers.methods import METHODS
from sklearn_xent.solvers.separation import are_separated
from tests.problems import overlapping


def separable(K=2):
    X, _ = overlapping(n=90, d=4, K=K)
    y = np.digitize(X[:, 2], np.quantile(X[:, 2], np.linspace(0, 1, K + 1)[1:-1]))
    return X, y


@pytest.mark.parametrize("K", [2, 3])
def test_separation_is_finite_right_and_named(K):
    pd = pytest.importorskip("pandas")
    X, y = separable(K)
    frame = pd.DataFrame(X, columns=["age", "height", "income", "weight"])
    with pytest.warns(SeparationWarning, match="'income'"):
        model = CrossEntropyClassifier(C=np.inf).fit(frame, y)
    assert not model.converged_
    assert np.isfinite(model.coef_).all()
    if K == 2:  # three ordered classes on one column are separated by halves, not wholly
        np.testing.assert_array_equal(model.predict(frame), y)
        np.testing.assert_allclose(model.predict_proba(frame).max(axis=1).min(), 1, atol=0.5)


def test_quasi_separation_is_named():
    X, y = overlapping(n=90)
    rare = (np.arange(90) < 12).astype(float)
    y[rare == 1] = 1
    with pytest.warns(SeparationWarning, match="quasi-separation.* column 4"):
        CrossEntropyClassifier(C=np.inf).fit(np.column_stack([X, rare]), y)


def test_raw_iris_without_penalty(raw):
    with pytest.warns(SeparationWarning):
        CrossEntropyClassifier(C=np.inf).fit(*raw("iris"))


@pytest.mark.parametrize("solver", sorted(set(METHODS) - {"proximal-newton"}))
def test_every_solver_ends_on_separable_classes(solver):
    X, y = separable()
    with pytest.warns(SeparationWarning):
        model = CrossEntropyClassifier(C=np.inf, solver=solver, max_iter=200).fit(X, y)
    assert np.isfinite(model.coef_).all()
    assert model.score(X, y) == 1.0


@pytest.mark.parametrize("C", [1.0, 1e4, 1e10, 1e20])
def test_a_finite_C_has_an_optimum(C):
    model = CrossEntropyClassifier(C=C).fit(*separable())
    assert model.converged_


@pytest.mark.parametrize("K", [2, 3])
def test_classes_that_overlap_do_not_warn(K):
    assert CrossEntropyClassifier(C=np.inf).fit(*overlapping(K=K)).converged_
    # nearly separable: one row on the wrong side
    X, y = separable()
    y[np.argmin(X[:, 2])] = 1
    assert CrossEntropyClassifier(C=np.inf).fit(X, y).converged_


def test_soft_labels_never_separate():
    X, y = separable()
    soft = 0.98 * np.eye(2)[y] + 0.01
    model = CrossEntropyClassifier(C=np.inf).fit(X, soft)
    assert model.converged_
    smooth = CrossEntropyClassifier(C=np.inf, label_smoothing=0.02).fit(X, y)
    np.testing.assert_allclose(smooth.coef_, model.coef_, rtol=1e-9)


def test_an_offset_does_not_hide_or_make_separation():
    X, y = overlapping()
    offset = np.where(y == 1, 50.0, -50.0)  # every row is already right
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        CrossEntropyClassifier(C=np.inf, max_iter=300).fit(X, y, offset=offset)
    assert not any("are separated by" in str(w.message) and "Some" not in str(w.message) for w in caught)


@pytest.mark.parametrize("container", [np.asarray, sp.csr_array, sp.csc_array])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("K", [2, 3])
def test_a_level_all_of_one_class_is_named(K, weighted, container):
    rng = np.random.default_rng(0)
    X, y = overlapping(n=2000, d=3, K=K)
    level = rng.choice(6, size=2000, p=[0.4, 0.3, 0.2, 0.08, 0.015, 0.005])
    y[level == 5] = 1
    weights = rng.integers(0, 3, 2000) if weighted else None
    design = container(np.column_stack([X, np.eye(6)[level]]))
    with pytest.warns(SeparationWarning, match=r"quasi-separation.* column 8:"):
        model = CrossEntropyClassifier(C=np.inf).fit(design, y, sample_weight=weights)
    assert not model.converged_
    rest = level != 5
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        CrossEntropyClassifier(C=np.inf).fit(container(np.column_stack([X, np.eye(6)[level]])[rest]), y[rest])


def test_two_classes_of_three_that_a_level_rules_out():
    # every row of the level is of class 0 or 1: only what class 2 has there falls for ever
    X, y = overlapping(n=900, d=2, K=3)
    level = (np.arange(900) < 60).astype(float)
    y[(level == 1) & (y == 2)] = 0
    with pytest.warns(SeparationWarning, match="column 2:"):
        CrossEntropyClassifier(C=np.inf).fit(np.column_stack([X, level]), y)


@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize("size", [3.0, 10.0, 30.0])
def test_confident_classes_that_overlap_do_not_warn(size, K):
    rng = np.random.default_rng(1)
    x = size * rng.normal(size=(3000, 1))
    y = np.argmax(x * np.arange(K) + rng.gumbel(size=(3000, K)), axis=1)
    y[np.argsort(np.abs(x[:, 0]))[: 3 * K]] = np.tile(np.arange(K), 3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = CrossEntropyClassifier(C=np.inf).fit(np.column_stack([x, rng.normal(size=(3000, 3))]), y)
    assert model.converged_


@pytest.mark.parametrize("K", [3, 4])
@pytest.mark.parametrize("far", [1e4, 1e6, 1e8])
def test_rounding_in_what_all_classes_share_is_no_separation(far, K):
    rng = np.random.default_rng(0)
    x = rng.normal(size=1000)
    y = np.argmax(np.outer(x, np.arange(K)) + rng.gumbel(size=(1000, K)), axis=1)
    x[0], y[0] = far, K - 1
    assert CrossEntropyClassifier(C=np.inf).fit(x[:, None], y).converged_


def test_a_wide_problem_is_not_asked_whether_it_is_separable_at_any_cost():
    X = sp.random(300, 20_000, density=0.01, random_state=0, format="csr")
    y = np.random.default_rng(0).integers(0, 2, 300)
    with pytest.warns(SeparationWarning):
        CrossEntropyClassifier(C=np.inf).fit(X, y)


@pytest.mark.parametrize("solver", ["auto", "lbfgs", "newton-cholesky", "truncated-newton"])
@pytest.mark.parametrize("K", [2, 3])
def test_separable_classes_are_fitted_to_a_thousandth_of_a_nat(K, solver):
    X, _ = overlapping(n=90, d=4)
    y = np.argmax(X[:, :K], axis=1)
    with pytest.warns(SeparationWarning):
        model = CrossEntropyClassifier(C=np.inf, solver=solver).fit(X, y)
    assert 0 < model.history_["objective"][-1] < 1e-3
    np.testing.assert_array_equal(model.predict(X), y)


def test_separable_classes_of_soft_weights_are_fitted_as_far():
    X, y = separable()
    with pytest.warns(SeparationWarning):
        model = CrossEntropyClassifier(C=np.inf).fit(X, y, sample_weight=np.linspace(0.01, 5, len(y)))
    assert model.history_["objective"][-1] < 1e-3


@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize("solver", ["auto", "lbfgs", "orthant-newton"])
def test_an_outlying_row_does_not_hide_that_all_are_separated(K, solver):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(12, 1)), np.arange(12) % K
    X[:, 0] = np.abs(X[:, 0]) * np.where(y == 0, -1, 1)
    X = np.column_stack([X, X * (y == K - 1)])
    X[y == K - 1, 1] += 1.0
    X[0] *= 1e9
    with pytest.warns(SeparationWarning):
        model = CrossEntropyClassifier(C=np.inf, solver=solver).fit(X, y)
    assert model.n_iter_ < 200


def test_a_level_is_found_among_columns_that_outlying_rows_stretch():
    # the null space of a Gram matrix is known to 1e-8 of its largest entries only
    rng = np.random.default_rng(0)
    X, y = overlapping(n=300, d=6)
    X[5, 0], X[7, 1] = 1e7, 3e8
    level = (np.arange(300) < 9).astype(float)
    y[level == 1] = 1
    twin = X[:, 2] + 1e-4 * rng.normal(size=300)
    with pytest.warns(SeparationWarning, match="column 6"):
        CrossEntropyClassifier(C=np.inf).fit(np.column_stack([X, level, twin]), y)


@pytest.mark.parametrize("container", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("apart", [1e-4, 1e-8, 1e-10])
def test_an_outlying_row_does_not_hide_what_near_duplicates_separate(apart, container):
    rng = np.random.default_rng(0)
    x = rng.standard_normal(60)
    X = np.column_stack([x, x * (1 + apart * rng.standard_normal(60))])
    X[0] = 1e6, 1e6 * (1 + apart)
    y = (X[:, 1] > X[:, 0]).astype(int)
    with pytest.warns(SeparationWarning):
        CrossEntropyClassifier(C=np.inf).fit(container(X), y)


@pytest.mark.skipif(np.finfo(np.longdouble).eps > 1e-18, reason="long double has no more digits than float64")
def test_a_margin_far_below_its_terms_is_seen_in_extended_precision():
    rng = np.random.default_rng(0)
    x, y = rng.uniform(1, 2, 20), np.arange(20) % 2
    X = np.column_stack([x, x * (1 + np.where(y, 1e-13, -1e-13))])
    rows = as_rows(X, y[None, :].astype(float), np.full(20, 1 / 20), None)
    design = Design(np.zeros(2), np.ones(2), np.ones(2), fit_intercept=False)
    objective = Objective(rows, loss_for(2), elastic_net(design, 0.0, 0.0), design)
    W = 1e15 * np.array([[-1.0, 1.0, 0.0]])
    assert not objective.at(W).separates()
    assert are_separated(objective.at(W))
    assert not are_separated(objective.at(-W))


@pytest.mark.parametrize("seed", range(5))
def test_bounds_of_dependent_columns_do_not_hide_a_separation(seed):
    # of the two ways along which a, b and their sum change nothing, the bounds allow neither
    rng = np.random.default_rng(seed)
    a, b = rng.standard_normal((2, 60))
    y = (a + rng.logistic(size=60) > 0).astype(int)
    a[0], y[0] = 1e10, 1  # beside it the columns are next to nothing in all other rows
    rare = (np.arange(60) < 5).astype(float)
    y[rare == 1] = 1
    X = np.column_stack([a, b, a + b, rare, rng.standard_normal(60)])
    bounds = [(-1.0, None), (None, 1.0), (-1.0, None), (None, None), (None, 1.0)]
    with pytest.warns(SeparationWarning, match="quasi-separation.* column 3:"):
        CrossEntropyClassifier(C=np.inf, coef_bounds=bounds).fit(X, y)


def test_a_busy_machine_does_not_hide_that_rows_are_separated(monkeypatch):
    # a program that ends at its limit of time on the wall, and has had next to none of the processor
    linprog, calls = scipy.optimize.linprog, []

    def interrupted(*args, **options):
        calls.append(options)
        found = linprog(*args, **options)
        if len(calls) == 1:
            found.status, found.x = 1, None
        return found

    monkeypatch.setattr(scipy.optimize, "linprog", interrupted)
    rng = np.random.default_rng(0)
    level = np.arange(200) < 8
    X = np.column_stack([rng.normal(size=200), level])
    y = np.where(level, 1, rng.integers(0, 2, 200))
    with pytest.warns(SeparationWarning, match="quasi-separation"):
        CrossEntropyClassifier(C=np.inf).fit(X, y)
    assert len(calls) > 1


def test_a_row_far_out_does_not_hide_what_separates_the_others():
    # entries of a null vector are 1e15 apart: the program of the least norm finds a ray that is none
    X = np.zeros((6, 5))
    X[:, 4], X[[0, 4], 3], X[[2, 3, 5], 0] = 0.1, 1.0, 1.0
    X[1, :2] = 3.33919541e11, 6.26125710e07
    with pytest.warns(SeparationWarning, match="quasi-separation"):
        CrossEntropyClassifier(C=np.inf).fit(X, [0, 4, 1, 2, 1, 3])


def test_separated_rows_of_outlying_size_are_named_and_end_soon():
    # the loss falls for ever, and no method is to follow it
    rng = np.random.default_rng(0)
    X = rng.standard_cauchy(size=(80, 6)) ** 3
    y = (X @ rng.normal(size=(6, 4))).argmax(axis=1)
    with pytest.warns(SeparationWarning):
        model = CrossEntropyClassifier(C=np.inf).fit(X, y)
    assert model.history_["objective"][-1] < 1e-3
    assert model.n_iter_ < 400
