import inspect
import tracemalloc
import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.exceptions import ConvergenceWarning

from sklearn_xent import CrossEntropyClassifier, CrossEntropyClassifierCV, MiniBatchCrossEntropyClassifier
from sklearn_xent.solvers.methods import METHODS
from tests.problems import overlapping


@pytest.mark.parametrize("solver", ["auto", *sorted(METHODS)])
def test_the_iteration_limit_warns_once_with_what_is_left(solver):
    X, y = overlapping(n=200, K=3)
    model = CrossEntropyClassifier(C=1e6, solver=solver, max_iter=1, tol=1e-14)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X, y)
    assert [w.category for w in caught] == [ConvergenceWarning]
    message = str(caught[0].message)
    for part in ("iterations", "nats", "tol=1e-14", "max_iter"):
        assert part in message
    # neither fewer rows than columns, nor enough to sample
    runs = "newton-cholesky" if solver in ("auto", "row-space", "progressive") else solver
    assert runs in message
    assert model.n_iter_ == 1


@pytest.mark.parametrize("solver", ["auto", *sorted(METHODS)])
def test_no_iterations_leave_zeros(solver):
    with pytest.warns(ConvergenceWarning):
        model = CrossEntropyClassifier(solver=solver, max_iter=0).fit(*overlapping())
    assert not model.coef_.any()
    assert not model.intercept_.any()
    assert model.n_iter_ == 0


def test_the_gap_in_the_warning_covers_the_true_one():
    X, y = overlapping(n=200)
    best = CrossEntropyClassifier().fit(X, y).history_["objective"][-1]
    for k in range(1, 5):
        with pytest.warns(ConvergenceWarning):
            model = CrossEntropyClassifier(solver="gradient-descent", max_iter=k).fit(X, y)
        true = model.history_["objective"][-1] - best
        assert true / 2 <= model.optimality_gap_ <= 50 * true


@pytest.mark.parametrize("solver", ["newton-cholesky", "bfgs", "trust-exact"])
def test_a_dense_solver_refuses_before_it_allocates(solver):
    X = sp.random(30, 20_000, density=0.01, random_state=0, format="csr")
    tracemalloc.start()
    with pytest.raises(ValueError, match=f"{solver}.*20001 coefficients.*limit is 1 GiB"):
        CrossEntropyClassifier(solver=solver).fit(X, np.arange(30) % 2)
    assert tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()


def test_an_unknown_solver_names_those_there_are():
    with pytest.raises(ValueError, match=r"solver must be .*newton-cholesky.*got 'sgd'"):
        CrossEntropyClassifier(solver="sgd").fit(*overlapping())


@pytest.mark.parametrize("solver", sorted(name for name, entry in METHODS.items() if not entry.l1))
def test_a_smooth_solver_names_those_that_can_treat_l1(solver):
    with pytest.raises(
        ValueError,
        match=r"l1_ratio > 0.*'accelerated-gradient', 'lbfgs', 'orthant-newton', 'proximal-newton'",
    ):
        CrossEntropyClassifier(solver=solver, l1_ratio=0.5).fit(*overlapping())


@pytest.mark.slow
@pytest.mark.parametrize("C", [1.0, np.inf])
def test_wide_sparse_data_stay_small(C):
    X = sp.random(2000, 50_000, density=0.001, random_state=0, format="csr")
    y = np.random.default_rng(0).integers(0, 2, 2000)
    tracemalloc.start()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # without a penalty they are separable
        CrossEntropyClassifier(C=C).fit(X, y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100e6


@pytest.mark.slow
def test_a_thousand_classes():
    rng = np.random.default_rng(0)
    y = np.concatenate([np.arange(1000), rng.integers(0, 1000, 1000)])
    model = CrossEntropyClassifier(C=0.1, tol=1e-6).fit(rng.normal(size=(2000, 3)), y)
    assert model.coef_.shape == (1000, 3)
    assert model.converged_


@pytest.mark.parametrize(
    ("name", "value", "instead"),
    [
        ("penalty", "l1", "l1_ratio=1"),
        ("penalty", None, "C=np.inf"),
        ("dual", False, "leave it out"),
        ("intercept_scaling", 1.0, "leave it out"),
        ("multi_class", "ovr", "fitted together"),
        ("n_jobs", 2, "leave it out"),
        ("alpha", 1.0, "C=1 / alpha"),
        ("strength", 1.0, "it has .*l1_ratio"),
    ],
)
def test_a_parameter_of_another_estimator_is_refused_with_what_to_write_instead(name, value, instead):
    others = [] if name == "n_jobs" else [CrossEntropyClassifierCV]  # its folds are fitted by processes
    for estimator in (CrossEntropyClassifier, MiniBatchCrossEntropyClassifier, *others):
        with pytest.raises(TypeError, match=rf"{estimator.__name__} has no parameter '{name}': .*{instead}"):
            estimator(**{name: value})


@pytest.mark.parametrize("solver", ["liblinear", "sag", "saga"])
def test_a_solver_of_scikit_learn_only_is_refused_with_the_one_that_suits(solver):
    with pytest.raises(ValueError, match=r"solver must be 'auto', which suits every problem"):
        CrossEntropyClassifier(solver=solver).fit([[0.0], [1.0], [2.0]], [0, 1, 0])


def test_signatures_are_those_of_the_parameters():
    for estimator in (CrossEntropyClassifier, CrossEntropyClassifierCV, MiniBatchCrossEntropyClassifier):
        names = list(inspect.signature(estimator).parameters)
        assert sorted(names) == sorted(estimator().get_params())


@pytest.mark.parametrize(
    ("parameter", "error"),
    [
        ({"warm_start": "x"}, TypeError),
        ({"fit_intercept": "no"}, TypeError),
        ({"random_state": "a"}, ValueError),
        ({"random_state": -1}, ValueError),
    ],
    ids=str,
)
def test_parameters_of_another_kind_are_refused_by_name(parameter, error):
    ((name, value),) = parameter.items()
    with pytest.raises(error, match=rf"{name} must be .*; got {value!r}"):
        CrossEntropyClassifier(**parameter).fit([[0.0], [1.0], [2.0]], [0, 1, 0])
