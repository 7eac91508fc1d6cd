"""Group lasso and sparse group lasso: an independent proximal method, optimality conditions, the protocol."""

import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.special import log_softmax, softmax

from sklearn_xent import CrossEntropyClassifier, CrossEntropyClassifierCV, cross_entropy_path

GROUPS = np.array(["b", "a", "a", "c", "b", "c", "c", "d"])


def problem(n_classes, seed=0, n=150):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, len(GROUPS))) * np.array([1, 2, 0.5, 1, 3, 1, 1, 1]) + 1
    logits = np.column_stack([np.zeros(n), X[:, [1, 2]].sum(axis=1) - 2, X[:, 3], 0 * X[:, 3]])
    y = (logits[:, :n_classes] + rng.gumbel(size=(n, n_classes))).argmax(axis=1)
    return X, y, rng.uniform(0.5, 2, n)


def penalty_of(coef, C, l1_ratio, factors, groups=GROUPS):
    """The documentation's penalty of coefficients (K or 1, d), written without the package."""
    total = l1_ratio * (factors * np.abs(coef)).sum()
    for g in np.unique(groups):
        where = groups == g
        total += (1 - l1_ratio) * np.sqrt(where.sum()) * factors[where][0] * np.linalg.norm(coef[:, where])
    return total / C


def independent_minimum(X, y, weights, C, l1_ratio, factors, n_steps=60_000):
    """Coefficients and least J by proximal gradient steps with momentum and restarts, on X as it is."""
    K = y.max() + 1
    T = np.eye(K)[y]
    binary = K == 2
    A = np.column_stack([X, np.ones(len(X))])
    step = 1 / (np.linalg.norm(A * np.sqrt(weights)[:, None], 2) ** 2 * (0.25 if binary else 0.5))
    W = ahead = np.zeros((1 if binary else K, A.shape[1]))
    momentum, best = 1.0, np.inf

    def logits(W):
        Z = A @ W.T
        return np.column_stack([np.zeros(len(Z)), Z]) if binary else Z

    def value(W):
        return -(weights[:, None] * T * log_softmax(logits(W), axis=1)).sum() + penalty_of(
            W[:, :-1], C, l1_ratio, factors
        )

    for i in range(n_steps):
        R = weights[:, None] * (softmax(logits(ahead), axis=1) - T)
        V = ahead - step * (R[:, 1:] if binary else R).T @ A
        l1 = np.append(step * l1_ratio / C * factors, 0.0)
        V = np.sign(V) * np.maximum(np.abs(V) - l1, 0)
        for g in np.unique(GROUPS):
            where = np.append(g == GROUPS, False)
            norm, held = np.linalg.norm(V[:, where]), np.sqrt(where.sum()) * factors[g == GROUPS][0]
            held *= step * (1 - l1_ratio) / C
            V[:, where] *= max(0.0, 1 - held / norm) if norm else 0.0
        if ((ahead - V) * (V - W)).sum() > 0:
            momentum = 1.0
        faster = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead = V + (momentum - 1) / faster * (V - W)
        done = np.abs(V - W).max() < 1e-15
        W, momentum = V, faster
        if i % 100 == 0 or done:
            best = min(best, value(W))
        if done:
            break
    return W, min(best, value(W))


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("l1_ratio", [0.0, 0.4])
@pytest.mark.parametrize("solver", ["auto", "accelerated-gradient"])
def test_the_minimum_is_that_of_an_independent_proximal_method(n_classes, l1_ratio, solver):
    X, y, weights = problem(n_classes)
    factors = np.where(GROUPS == "d", 0.0, np.where(GROUPS == "c", 2.0, 1.0))
    W, least = independent_minimum(X, y, weights, 0.05, l1_ratio, factors)
    model = CrossEntropyClassifier(
        C=0.05,
        l1_ratio=l1_ratio,
        groups=GROUPS,
        penalty_factor=factors,
        tol=1e-10,
        solver=solver,
        max_iter=20_000,
    )
    model.fit(X, y, sample_weight=weights)
    logs = model.predict_log_proba(X)
    found = -(weights * logs[np.arange(len(y)), y]).sum() + penalty_of(model.coef_, 0.05, l1_ratio, factors)
    np.testing.assert_allclose(found, least, rtol=1e-9)
    np.testing.assert_allclose(model.coef_, W[:, :-1], atol=1e-5)
    np.testing.assert_array_equal(model.coef_ == 0, np.abs(W[:, :-1]) < 1e-12)
    assert (model.coef_ == 0).any()


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("C", [0.02, 0.3, 1e4])
def test_optimality_conditions_of_each_group(n_classes, C):
    X, y, weights = problem(n_classes, seed=1)
    model = CrossEntropyClassifier(C=C, groups=GROUPS, tol=1e-12).fit(X, y, sample_weight=weights)
    P, T = model.predict_proba(X), np.eye(n_classes)[y]
    G = (weights[:, None] * (P - T)).T @ X
    G = G[1:] if n_classes == 2 else G
    for g in np.unique(GROUPS):
        where = g == GROUPS
        w, slope, held = model.coef_[:, where], G[:, where], np.sqrt(where.sum()) / C
        if w.any():
            np.testing.assert_allclose(slope, -held * w / np.linalg.norm(w), atol=1e-6 * held + 1e-7)
        else:
            assert np.linalg.norm(slope) <= held * (1 + 1e-9)


def test_every_column_a_group_selects_columns_for_all_classes_and_their_coefficients_sum_to_zero():
    X, y, weights = problem(4)
    model = CrossEntropyClassifier(C=0.05, groups="columns").fit(X, y, sample_weight=weights)
    used = model.coef_ != 0
    assert used.any()
    assert not used.all()
    np.testing.assert_array_equal(used.any(axis=0), used.all(axis=0))
    np.testing.assert_allclose(model.coef_.sum(axis=0), 0, atol=1e-6)
    same = CrossEntropyClassifier(C=0.05, groups=range(8)).fit(X, y, sample_weight=weights)
    np.testing.assert_array_equal(model.coef_, same.coef_)


def test_groups_of_one_column_and_two_classes_are_the_lasso():
    X, y, weights = problem(2)
    lasso = CrossEntropyClassifier(C=0.1, l1_ratio=1.0, tol=1e-12).fit(X, y, sample_weight=weights)
    for l1_ratio in (0.0, 0.5, 1.0):
        model = CrossEntropyClassifier(C=0.1, l1_ratio=l1_ratio, groups="columns", tol=1e-12)
        model.fit(X, y, sample_weight=weights)
        np.testing.assert_allclose(model.coef_, lasso.coef_, atol=1e-7)


def test_no_penalty_has_no_groups():
    X, y, _ = problem(2)
    model = CrossEntropyClassifier(C=np.inf, groups=GROUPS).fit(X, y)
    plain = CrossEntropyClassifier(C=np.inf).fit(X, y)
    np.testing.assert_allclose(model.coef_, plain.coef_, rtol=1e-10)


@pytest.mark.parametrize("convert", [sp.csr_array, np.asfortranarray, np.float32])
def test_containers_agree(convert):
    X, y, _ = problem(4)
    X = X.astype(np.float32).astype(np.float64)
    expected = CrossEntropyClassifier(C=0.05, groups=GROUPS, tol=1e-10).fit(X, y)
    found = CrossEntropyClassifier(C=0.05, groups=GROUPS, tol=1e-10).fit(convert(X), y)
    np.testing.assert_allclose(found.coef_, expected.coef_, atol=1e-6)
    np.testing.assert_array_equal(found.coef_ == 0, expected.coef_ == 0)


def test_the_same_in_other_units():
    X, y, _ = problem(2)
    here = CrossEntropyClassifier(C=0.1, groups=GROUPS, tol=1e-11).fit(X, y)
    there = CrossEntropyClassifier(C=0.1e-6, groups=GROUPS, tol=1e-11).fit(1e6 * X + 1e7, y)
    np.testing.assert_allclose(there.coef_ * 1e6, here.coef_, atol=1e-6)


@pytest.mark.parametrize("n_classes", [2, 4])
def test_equal_columns_and_constant_ones(n_classes):
    X, y, _ = problem(n_classes)
    model = CrossEntropyClassifier(C=0.1, groups="columns", tol=1e-9).fit(X, y)
    double = CrossEntropyClassifier(C=0.1, groups="columns", tol=1e-9)
    double.fit(np.hstack([X, np.full((len(X), 1), 7.0), X]), y)
    np.testing.assert_allclose(double.history_["objective"][-1], model.history_["objective"][-1], rtol=1e-8)
    assert (double.coef_[:, 8] == 0).all()


@pytest.mark.parametrize("l1_ratio", [0.0, 0.4])
def test_the_gap_is_finite_and_bounds_what_is_left(l1_ratio):
    X, y, weights = problem(4)
    options = {"C": 0.1, "l1_ratio": l1_ratio, "groups": GROUPS}
    best = CrossEntropyClassifier(tol=1e-12, **options).fit(X, y, sample_weight=weights)
    least = best.history_["objective"][-1]
    for n_iter in (1, 2):
        model = CrossEntropyClassifier(max_iter=n_iter, **options)
        with pytest.warns(match="max_iter"):
            model.fit(X, y, sample_weight=weights)
        excess = model.history_["objective"][-1] - least
        assert excess - 1e-13 <= model.optimality_gap_ < np.inf
        assert model.optimality_gap_kind_ == "bound"


def test_a_path_starts_empty_and_agrees_with_single_fits():
    X, y, _ = problem(4)
    path = cross_entropy_path(X, y, groups=GROUPS, l1_ratio=0.3, Cs=8)
    assert path.converged.all()
    assert path.n_nonzero[0] == 0
    assert path.n_nonzero[1] > 0
    model = CrossEntropyClassifier(C=path.Cs[5], groups=GROUPS, l1_ratio=0.3, tol=1e-10).fit(X, y)
    np.testing.assert_allclose(path.coefs[5], model.coef_, atol=1e-4)
    just = cross_entropy_path(X, y, groups=GROUPS, l1_ratio=0.3, Cs=path.Cs[0] * np.array([1.0, 1.001]))
    assert just.n_nonzero[0] == 0
    assert just.n_nonzero[1] > 0


def test_cross_validation_takes_folds():
    X, y, _ = problem(4)
    model = CrossEntropyClassifierCV(Cs=[0.01, 0.1, 1.0], groups=GROUPS, l1_ratios=[0.0, 0.5]).fit(X, y)
    assert model.scores_.shape == (2, 5, 3)
    single = CrossEntropyClassifier(C=model.C_, l1_ratio=model.l1_ratio_, groups=GROUPS).fit(X, y)
    np.testing.assert_array_equal(model.coef_, single.coef_)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"groups": [1, 2]}, r"groups must be 'columns' or a label for each of 8 columns"),
        ({"groups": "rows"}, "groups must be 'columns' or a label"),
        ({"groups": 3}, "groups must be 'columns' or a label"),
        ({"groups": GROUPS, "penalty_factor": np.arange(8.0)}, "same for all columns of a group.*'a'"),
        ({"groups": GROUPS, "coef_bounds": (0, None)}, "groups and coef_bounds cannot be combined"),
        ({"groups": GROUPS, "solver": "lbfgs"}, "'lbfgs' cannot treat groups; use one of"),
    ],
)
def test_errors_name_the_argument(options, message):
    X, y, _ = problem(2)
    with pytest.raises(ValueError, match=message):
        CrossEntropyClassifier(**options).fit(X, y)


def test_skglm_has_the_same_minimum():
    """skglm minimises the mean loss of labels -1 and 1, and has weights for groups of adjacent columns."""
    pytest.importorskip("skglm", reason="skglm is not installed")
    from skglm.datafits import LogisticGroup
    from skglm.penalties import WeightedGroupL2
    from skglm.solvers import GroupBCD
    from skglm.utils.data import grp_converter

    X, y, _ = problem(2)
    order = np.argsort(GROUPS, kind="stable")
    X, groups = X[:, order], GROUPS[order]
    sizes = [int((groups == g).sum()) for g in np.unique(groups)]
    indices, pointers = grp_converter(sizes, X.shape[1])
    weights = np.sqrt(np.array(sizes, dtype=float))
    C = 0.1
    solver = GroupBCD(fit_intercept=False, tol=1e-12, max_iter=10_000)
    found = solver.solve(
        np.asfortranarray(X),
        2.0 * y - 1,
        LogisticGroup(pointers, indices),
        WeightedGroupL2(1 / (C * len(X)), weights, pointers, indices),
    )
    model = CrossEntropyClassifier(C=C, groups=groups, fit_intercept=False, tol=1e-12).fit(X, y)
    np.testing.assert_allclose(model.coef_[0], found[0], atol=1e-6)


@pytest.mark.parametrize("K", [2, 3])
def test_adelie_has_the_same_minimum(K):
    """adelie minimises the mean loss, of K classes a K-th of it, and takes the starts of adjacent groups."""
    adelie = pytest.importorskip("adelie", reason="adelie is not installed")
    X, y, _ = problem(K)
    order = np.argsort(GROUPS, kind="stable")
    groups = GROUPS[order] if K == 2 else np.arange(len(GROUPS))  # of several classes each column is one
    starts = np.flatnonzero(np.append(True, groups[1:] != groups[:-1]))
    X, C = np.asfortranarray(X[:, order]), 0.1
    if K == 2:
        options = {"groups": starts, "penalty": np.sqrt(np.diff(np.append(starts, len(groups))))}
        options |= {"glm": adelie.glm.binomial(y.astype(float)), "lmda_path": [1 / (C * len(X))]}
    else:
        options = {"glm": adelie.glm.multinomial(np.asfortranarray(np.eye(K)[y])), "penalty": np.ones(8)}
        options |= {"lmda_path": [1 / (C * len(X) * K)]}
    tight = {"tol": 1e-14, "irls_tol": 1e-14, "adev_tol": 1.0, "early_exit": False, "progress_bar": False}
    found = adelie.grpnet(X, **options, **tight).betas.toarray()[-1].reshape(X.shape[1], -1).T
    model = CrossEntropyClassifier(C=C, groups=groups if K == 2 else "columns", tol=1e-12).fit(X, y)
    np.testing.assert_allclose(model.coef_, found, atol=1e-4)
    np.testing.assert_array_equal(model.coef_ == 0, found == 0)


def test_an_estimator_pickled_before_there_were_groups_still_works():
    X, y, _ = problem(2)
    model = CrossEntropyClassifier().fit(X, y)
    del vars(model)["groups"]
    assert model.get_params()["groups"] is None
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.fit(X, y).coef_, model.coef_)
