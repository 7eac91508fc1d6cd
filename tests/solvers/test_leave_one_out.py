"""Leave-one-out from one fit where one Newton step is not enough, against fits without each row."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import LeaveOneOut

from sklearn_xent import CrossEntropyClassifier, CrossEntropyClassifierCV
from sklearn_xent.cross_validation import leave_one_out
from sklearn_xent.solvers import leave_one_out as solver
from tests.fuzz.leave_one_out import problem
from tests.problems import overlapping
from tests.solvers.test_deletion import left_out_of, without


def by_fits(X, y, Cs, l1_ratio=0.0, weights=None, **options):
    """Mean losses (n_Cs,) of rows by fits of the others, without rows that take their class along."""
    weights = np.ones(len(y)) if weights is None else weights
    losses, counted = np.zeros((len(Cs), len(y))), weights.copy()
    for i in range(len(y)):
        rest = (np.arange(len(y)) != i) & (weights > 0)
        if y[i] not in y[rest]:
            counted[i] = 0.0
            continue
        for c, C in enumerate(Cs):
            model = CrossEntropyClassifier(C=C, l1_ratio=l1_ratio, tol=1e-10, **options)
            model.fit(X[rest], y[rest], sample_weight=weights[rest])
            losses[c, i] = -model.predict_log_proba(X[[i]])[0, np.searchsorted(model.classes_, y[i])]
    return losses @ counted / counted.sum()


def hard(n=20, d=2, K=2, seed=0):
    """Classes that hardly overlap: a row left out may leave the others separable."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    return X, (X @ rng.normal(size=(d, K)) + 0.1 * rng.gumbel(size=(n, K))).argmax(axis=1)


@pytest.mark.parametrize(("K", "l1_ratio"), [(2, 0.0), (3, 0.0), (2, 1.0), (3, 0.5)])
def test_a_weak_penalty_on_classes_that_hardly_overlap(K, l1_ratio):
    X, y = hard(K=K)
    Cs = [1.0, 1e4]
    model = CrossEntropyClassifierCV(Cs=Cs, l1_ratios=[l1_ratio]).fit(X, y)
    np.testing.assert_allclose(-model.mean_score_[0], by_fits(X, y, Cs, l1_ratio), rtol=0.01)


@pytest.mark.parametrize("container", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("l1_ratio", [0.0, 1.0])
def test_a_row_alone_in_its_column_and_an_outlier(l1_ratio, container):
    X, y = overlapping(n=30, d=3)
    X[:, 0] = 0.0
    X[4, 0], X[7, 1] = 1.0, 1e4
    Cs = [0.1, 1e3]
    model = CrossEntropyClassifierCV(Cs=Cs, l1_ratios=[l1_ratio]).fit(container(X), y)
    np.testing.assert_allclose(-model.mean_score_[0], by_fits(X, y, Cs, l1_ratio), rtol=0.01)


@pytest.mark.parametrize("K", [2, 3, 4])
@pytest.mark.parametrize("l1_ratio", [0.0, 1.0])
def test_a_row_that_takes_its_class_along_says_nothing(K, l1_ratio):
    X, y = overlapping(n=25, d=2, K=max(K - 1, 2))
    y = np.where(y == K - 1, 0, y)
    y[3] = K - 1
    Cs = [0.01, 100.0]
    model = CrossEntropyClassifierCV(Cs=Cs, l1_ratios=[l1_ratio]).fit(X, y)
    np.testing.assert_allclose(-model.mean_score_[0], by_fits(X, y, Cs, l1_ratio), rtol=0.01)
    weights = np.append(np.ones(25), 0.0)  # a row without weight does not keep the class
    twice = CrossEntropyClassifierCV(Cs=Cs, l1_ratios=[l1_ratio])
    twice.fit(np.vstack([X, X[[3]]]), np.append(y, y[3]), sample_weight=weights)
    np.testing.assert_allclose(twice.mean_score_, model.mean_score_, rtol=1e-6)
    soft = CrossEntropyClassifierCV(Cs=Cs, l1_ratios=[l1_ratio]).fit(X, np.eye(K)[y])
    np.testing.assert_allclose(soft.mean_score_, model.mean_score_, rtol=1e-6)


def test_rows_that_all_take_their_class_along_leave_nothing_to_choose_by():
    with pytest.raises(ValueError, match="finite score"):
        CrossEntropyClassifierCV(Cs=[1.0]).fit(np.eye(3), [0, 1, 2])


@pytest.mark.parametrize(
    "options",
    [
        {"label_smoothing": 0.2},
        {"class_weight": {0: 3.0, 1: 1.0, 2: 0.5}},
        {"class_weight": {0: 3.0, 1: 1.0, 2: 0.5}, "prior_correction": True},
        {"coef_bounds": (-0.5, None)},
        {"fit_intercept": False},
    ],
)
def test_rows_are_scored_as_folds_score_them(options):
    X, y = overlapping(n=40, d=3, K=3)
    one = CrossEntropyClassifierCV(Cs=[0.1, 100.0], **options).fit(X, y)
    folds = CrossEntropyClassifierCV(Cs=[0.1, 100.0], cv=LeaveOneOut(), **options).fit(X, y)
    np.testing.assert_allclose(one.mean_score_, folds.mean_score_, rtol=0.01)


@pytest.mark.slow
def test_rows_far_out_on_the_wrong_side_are_found_among_many():
    X, y = overlapping(n=700, d=2)
    X[:4] *= 200.0
    y[:4] = 1 - y[:4]
    model = CrossEntropyClassifierCV(Cs=[1.0, 1e4]).fit(X, y)
    np.testing.assert_allclose(-model.mean_score_[0], by_fits(X, y, [1.0, 1e4]), rtol=0.01)


def test_fewer_rows_than_columns_and_hardly_a_penalty():
    X, y = overlapping(n=24, d=1600)
    model = CrossEntropyClassifierCV(Cs=[1.0, 1e4]).fit(X / 40, y)
    np.testing.assert_allclose(-model.mean_score_[0], by_fits(X / 40, y, [1.0, 1e4]), rtol=0.01)


def test_rows_left_out_of_a_fit_are_counted_and_too_many_are_said():
    X, y = hard(n=30, K=3)
    options = {"Cs": [1e-3, 1e4], "l1_ratios": [0.5, 1.0]}
    model = CrossEntropyClassifierCV(**options).fit(X, y)
    assert model.n_refitted_.shape == (2, 2)
    assert (model.n_refitted_[:, 1] > 1).all()
    assert not CrossEntropyClassifierCV(Cs=3).fit(*overlapping()).n_refitted_.any()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(leave_one_out, "MOST_REFITTED", 1)
        with pytest.warns(UserWarning, match=r"not valid for \d+ rows, of which 1 were left out .* cv=5"):
            few = CrossEntropyClassifierCV(**options).fit(X, y)
    assert few.n_refitted_.max() == 1
    assert not CrossEntropyClassifierCV(Cs=3, cv=3).fit(*overlapping()).n_refitted_.any()


def test_fits_without_a_row_that_do_not_converge_are_in_the_warning():
    X, y = hard(n=30, K=3)
    options = {"Cs": [1e4], "l1_ratios": [0.5], "max_iter": 1}
    with pytest.warns(ConvergenceWarning, match=r"\(l1_ratio=0.5, without row \d+\)"):
        model = CrossEntropyClassifierCV(**options).fit(X, y)
    assert model.n_refitted_.sum() > 0


def test_an_outlier_that_holds_all_curvature_until_another_row_is_left_out():
    """Without one outlier the other's curvature vanishes, and that of the rest is 1e-9 of it."""
    X, y, weights, _, Cs, _, _ = problem(5040)
    model = CrossEntropyClassifierCV(Cs=Cs[2:]).fit(X, y, sample_weight=weights)
    np.testing.assert_allclose(-model.mean_score_[0], by_fits(X, y, Cs[2:], weights=weights), rtol=0.01)


@pytest.mark.parametrize("l1_ratio", [0.0, 0.7])
@pytest.mark.parametrize("K", [2, 3])
def test_losses_of_one_point_are_those_of_fits_within_their_errors(K, l1_ratio):
    best, scored, data = left_out_of(K, l1_ratio, strength=0.05, n=60)
    found = solver.leave_one_out(best, {}, scored)
    exact = np.array([without(best, data, i) for i in range(60)])
    known = np.isfinite(found.errors)
    assert (np.abs(found.losses - exact) <= found.errors + 1e-6 * exact)[known].all()
    assert set(np.flatnonzero(~known)) <= set(found.doubtful)
    trusted = np.setdiff1d(np.arange(60), found.doubtful)
    assert len(trusted) >= 40
    assert found.losses[trusted].mean() == pytest.approx(exact[trusted].mean(), rel=0.01)


@pytest.mark.parametrize("K", [2, 3])
def test_with_many_rows_a_single_step_is_enough_and_bounded(monkeypatch, K):
    monkeypatch.setattr(solver, "ALL_PAIRS", 0)
    monkeypatch.setattr(solver, "TOLERANCE", np.inf)  # no row is taken further
    best, scored, data = left_out_of(K, strength=0.5, n=60)
    found = solver.leave_one_out(best, {}, scored)
    exact = np.array([without(best, data, i) for i in range(60)])
    off = np.abs(found.losses - exact)
    assert (off <= found.errors + 1e-9).all()
    assert off.max() > 1e-7  # it is a single step
    assert off.max() < 0.02


def test_too_many_coefficients_are_an_error_of_its_own(monkeypatch):
    monkeypatch.setattr(solver, "CERTIFIED_LIMIT", 3)
    best, scored, _ = left_out_of(2)
    with pytest.raises(solver.TooManyCoefficients, match="Hessian of 4 coefficients; the limit is 3"):
        solver.leave_one_out(best, {}, scored)
