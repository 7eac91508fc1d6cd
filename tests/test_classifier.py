import copy
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_xent import CrossEntropyClassifier
from sklearn_xent.solvers.methods import METHODS
from tests.problems import overlapping

X, Y = overlapping(n=150, d=4)
X3, Y3 = overlapping(n=150, d=4, K=3)


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("C", 0.0, ValueError),
        ("C", -1, ValueError),
        ("C", np.nan, ValueError),
        ("C", "1", TypeError),
        ("C", True, TypeError),
        ("l1_ratio", 1.1, ValueError),
        ("l1_ratio", None, TypeError),
        ("tol", 0, ValueError),
        ("tol", np.inf, ValueError),
        ("max_iter", -1, ValueError),
        ("max_iter", 2.5, TypeError),
        ("label_smoothing", 1.0, ValueError),
        ("verbose", -1, ValueError),
    ],
)
def test_a_parameter_out_of_range_is_named_with_its_value(name, value, error):
    with pytest.raises(error, match=rf"^{name} must be .*; got {value!r}\.$".replace("(", r"\(")):
        CrossEntropyClassifier(**{name: value}).fit(X, Y)


def test_history_has_a_row_for_each_iterate():
    model = CrossEntropyClassifier().fit(X, Y)
    assert set(model.history_) == {"objective", "gradient_norm", "gap", "passes", "seconds", "rows"}
    assert {len(column) for column in model.history_.values()} == {model.n_iter_ + 1}
    assert (np.diff(model.history_["passes"]) >= 0).all()
    assert (np.diff(model.history_["seconds"]) >= 0).all()
    assert model.history_["gap"][-1] == model.optimality_gap_


@pytest.mark.parametrize("solver", sorted(METHODS))
def test_descent_descends(solver):
    model = CrossEntropyClassifier(solver=solver, max_iter=2000).fit(X3, Y3)
    objective = model.history_["objective"]
    if solver != "accelerated-gradient":  # momentum may overshoot
        assert (np.diff(objective) <= 1e-14).all()
    assert objective[-1] <= objective.min() * (1 + 1e-15)
    assert model.converged_


def test_the_gradient_of_a_fit_vanishes():
    assert CrossEntropyClassifier().fit(X3, Y3).history_["gradient_norm"][-1] < 1e-12


@pytest.mark.parametrize("solver", ["auto", "lbfgs", "truncated-newton", "gradient-descent"])
def test_tol_is_the_relative_gap(solver):
    best = CrossEntropyClassifier().fit(X3, Y3).history_["objective"][-1]
    for tol in (1e-2, 1e-4, 1e-6):
        model = CrossEntropyClassifier(solver=solver, tol=tol).fit(X3, Y3)
        assert model.history_["objective"][-1] - best <= 2 * tol * best


@pytest.mark.parametrize(("x", "y"), [(X, Y), (X3, Y3)])
@pytest.mark.parametrize("l1_ratio", [0.0, 1.0])
def test_warm_start_arrives_sooner_at_the_same_place(x, y, l1_ratio):
    model = CrossEntropyClassifier(warm_start=True, l1_ratio=l1_ratio).fit(x, y)
    first, expected = model.n_iter_, model.predict_proba(x)
    model.fit(x, y)
    assert model.n_iter_ < first
    np.testing.assert_allclose(model.predict_proba(x), expected, rtol=1e-9)


@pytest.mark.parametrize(("x", "y"), [(X[:, :2], Y), (X, np.array(["a", "b"])[Y]), (X3, Y3), (X, 1 + Y)])
def test_warm_start_of_another_problem_starts_from_zero(x, y):
    warm = CrossEntropyClassifier(warm_start=True).fit(X, Y).fit(x, y)
    cold = CrossEntropyClassifier().fit(x, y)
    np.testing.assert_array_equal(warm.history_["objective"], cold.history_["objective"])


@pytest.mark.parametrize("solver", ["auto", "lbfgs", "proximal-newton"])
def test_a_warm_start_from_which_no_slope_leads_back_is_not_taken(solver):
    model = CrossEntropyClassifier(warm_start=True, solver=solver).fit(X, Y)
    model.intercept_ = model.intercept_ + 1e5  # every row is certain, and half of them are wrong
    expected = CrossEntropyClassifier(solver=solver).fit(X, Y).predict_proba(X)
    np.testing.assert_allclose(model.fit(X, Y).predict_proba(X), expected, rtol=1e-6)


def test_verbose_prints_a_line_for_each_iterate(capsys):
    model = CrossEntropyClassifier(verbose=1, solver="lbfgs").fit(X, Y)
    lines = capsys.readouterr().out.splitlines()
    assert 2 <= len(lines) <= model.n_iter_ + 1
    assert "[lbfgs] iteration    0  objective 0.6931" in lines[0]
    assert "digits" in lines[0]


def test_without_an_intercept():
    model = CrossEntropyClassifier(fit_intercept=False).fit(X3, Y3)
    assert not model.intercept_.any()
    assert model.decision_function(np.zeros((1, 4))).max() == 0.0


def test_names_of_columns_come_and_go():
    pd = pytest.importorskip("pandas")
    model = CrossEntropyClassifier().fit(pd.DataFrame(X, columns=list("abcd")), Y)
    assert model.feature_names_in_.tolist() == list("abcd")
    assert not hasattr(model.fit(X, Y), "feature_names_in_")


def test_parameters_survive_clone_and_repr():
    model = CrossEntropyClassifier(C=3.0, solver="lbfgs")
    assert clone(model).get_params() == model.get_params()
    assert "solver='lbfgs'" in repr(model)


def test_shapes_of_attributes():
    binary, three = CrossEntropyClassifier().fit(X, Y), CrossEntropyClassifier().fit(X3, Y3)
    assert (binary.coef_.shape, binary.intercept_.shape) == ((1, 4), (1,))
    assert (three.coef_.shape, three.intercept_.shape) == ((3, 4), (3,))
    assert three.intercept_.sum() == pytest.approx(0, abs=1e-12)
    assert binary.decision_function(X).shape == (150,)
    assert three.decision_function(X3).shape == (150, 3)


def test_tails_of_predictions():
    model = CrossEntropyClassifier.from_coefficients([1.0], 0.0, ["no", "yes"])
    log_p = model.predict_log_proba([[1e4], [40.0]])
    assert log_p[0, 0] == -1e4
    assert log_p[1, 1] == -4.248354255291589e-18


def test_sparse_coefficients_predict_the_same():
    model = CrossEntropyClassifier(l1_ratio=1.0, C=0.1).fit(X3, Y3)
    expected = model.predict_proba(X3)
    assert hasattr(model.sparsify().coef_, "toarray")
    np.testing.assert_array_equal(model.predict_proba(X3), expected)
    assert isinstance(model.densify().coef_, np.ndarray)


def test_unfitted_and_wrong_width_are_refused():
    with pytest.raises(NotFittedError):
        CrossEntropyClassifier().predict(X)
    with pytest.raises(ValueError, match="X has 3 features, but CrossEntropyClassifier is expecting 4"):
        CrossEntropyClassifier().fit(X, Y).predict(X[:, :3])


@pytest.mark.parametrize(
    ("coef", "intercept", "classes", "message"),
    [
        ([[1.0, 2.0]], [0.0], [0, 1, 2], r"3 classes need coef \(3, n_features\)"),
        ([1.0], [np.nan], [0, 1], "finite intercept"),
        ([np.inf], [0.0], [0, 1], "coef contains infinity"),
        ([1.0], [0.0], [1, 0], "sorted"),
        ([1.0], [0.0], [1, 1], "distinct"),
    ],
)
def test_coefficients_from_elsewhere_are_checked(coef, intercept, classes, message):
    with pytest.raises(ValueError, match=message):
        CrossEntropyClassifier.from_coefficients(coef, intercept, classes)


def test_coefficients_from_elsewhere_predict():
    fitted = CrossEntropyClassifier().fit(X3, Y3)
    copied = CrossEntropyClassifier.from_coefficients(fitted.coef_, fitted.intercept_, fitted.classes_)
    np.testing.assert_array_equal(copied.predict_proba(X3), fitted.predict_proba(X3))
    fitted.coef_[:] = 0.0
    assert copied.coef_.any()


@pytest.mark.parametrize("C", [1.0, np.inf])
def test_progressive_sampling_finds_the_minimum_of_all_rows(C):
    rng = np.random.default_rng(0)
    n = 20_000
    Z = rng.normal(size=(n, 5)) * [1, 1e3, 1e-3, 1, 1] + [0, 0, 0, 50, 0]
    Z[:, 4] = rng.random(n) < 0.001  # rare: a sample hardly sees it
    y = (Z[:, 0] + 3 * Z[:, 4] + rng.logistic(size=n) > 0).astype(int)
    for order in (np.arange(n), np.argsort(y, kind="stable"), np.argsort(Z[:, 0])):
        best = CrossEntropyClassifier(C=C, solver="newton-cholesky").fit(Z[order], y[order])
        model = CrossEntropyClassifier(C=C, solver="progressive").fit(Z[order], y[order])
        lowest = best.history_["objective"][-1]
        assert model.history_["objective"][-1] <= lowest * (1 + 1e-7)
        np.testing.assert_allclose(model.coef_ * Z.std(axis=0), best.coef_ * Z.std(axis=0), atol=2e-3)


@pytest.mark.parametrize("K", [2, 3])
def test_progressive_sampling_of_hard_rows(K):
    rng = np.random.default_rng(1)
    Z, y = overlapping(n=8000, d=4, K=K)
    Z[17] *= 1e4  # one heavy row
    Z = np.column_stack([Z, Z[:, 0]])  # a duplicated column
    weights = rng.integers(0, 3, len(y))
    best = CrossEntropyClassifier(solver="newton-cholesky").fit(Z, y, sample_weight=weights)
    model = CrossEntropyClassifier(solver="progressive").fit(Z, y, sample_weight=weights)
    assert model.history_["objective"][-1] <= best.history_["objective"][-1] * (1 + 1e-7)


def test_fit_returns_itself_and_deepcopy_of_an_unfitted_model_fits():
    model = copy.deepcopy(CrossEntropyClassifier())
    assert model.fit(X, Y) is model


def test_converged_says_whether_it_warned():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        assert not CrossEntropyClassifier(max_iter=1).fit(X, Y).converged_
    assert CrossEntropyClassifier().fit(X, Y).converged_


def test_the_seed_makes_the_sample():
    X, y = overlapping(n=6000)
    fits = [
        CrossEntropyClassifier(solver="progressive", tol=1e-3, random_state=seed).fit(X, y).coef_
        for seed in (None, None, 0, 7, 7, np.random.RandomState(7))
    ]
    np.testing.assert_array_equal(fits[0], fits[1])
    np.testing.assert_array_equal(fits[0], fits[2])
    np.testing.assert_array_equal(fits[3], fits[4])
    np.testing.assert_array_equal(fits[3], fits[5])
    assert (fits[0] != fits[3]).any()


@pytest.mark.parametrize("search", [False, True])
def test_a_warning_points_at_the_line_that_fits(search):
    X, y = overlapping(n=80)
    estimator = make_pipeline(StandardScaler(), CrossEntropyClassifier(max_iter=1))
    if search:
        estimator = GridSearchCV(estimator, {"crossentropyclassifier__C": [1.0]}, cv=2)
    with pytest.warns(ConvergenceWarning) as caught:
        estimator.fit(X, y)
    assert {warning.filename for warning in caught} == {__file__}
