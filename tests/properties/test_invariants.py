"""What must not change a fit, and what must change it just so: on small problems that hypothesis makes."""

import copy
import io
import pickle

import joblib
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from sklearn_xent import CrossEntropyClassifier, neg_cross_entropy_scorer
from sklearn_xent.problem.losses import MultinomialCrossEntropy
from sklearn_xent.problem.moments import moments_of
from sklearn_xent.problem.objective import Objective
from sklearn_xent.problem.penalties import elastic_net
from sklearn_xent.problem.scaling import design_for
from sklearn_xent.rows import as_rows
from sklearn_xent.solvers.newton import newton_cholesky
from sklearn_xent.solvers.solve import Stage, minimise
from tests.problems import reference_objective

few = settings(max_examples=20, deadline=None, derandomize=True)


@st.composite
def problems(draw):
    """X (n, d), codes y with all K classes present, and C."""
    K, d = draw(st.integers(2, 5)), draw(st.integers(1, 8))
    n = draw(st.integers(max(K, 4), 60))
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    y = np.concatenate([np.arange(K), rng.integers(0, K, n - K)])
    X = rng.normal(size=(n, d)) + 0.5 * rng.normal(size=(K, d))[y]
    return X, y, 10.0 ** draw(st.floats(-3, 3))


def fit(X, y, C, **options):
    weights = {k: options.pop(k) for k in ("sample_weight", "offset") if k in options}
    return CrossEntropyClassifier(C=C, **options).fit(X, y, **weights)


def same(a, b, rtol=1e-7, atol=1e-9):
    np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)


@few
@given(problems(), st.sampled_from([0.0, 0.5, 1.0]), st.sampled_from([None, "balanced"]))
def test_weights_equal_repeated_rows(problem, l1_ratio, class_weight):
    X, y, C = problem
    weights = np.random.default_rng(len(y)).integers(0, 4, len(y))
    weights[: y.max() + 1] = 1
    options = {"l1_ratio": l1_ratio, "class_weight": class_weight}
    a = fit(X, y, C, sample_weight=weights, **options)
    b = fit(np.repeat(X, weights, axis=0), np.repeat(y, weights), C, **options)
    same(a.predict_proba(X), b.predict_proba(X))


@few
@given(problems(), st.sampled_from([0.0, 1.0]))
def test_names_of_classes_do_not_matter(problem, l1_ratio):
    X, y, C = problem
    order = np.roll(np.random.default_rng(0).permutation(y.max() + 1), 1)  # of two classes: the flip
    a, b = fit(X, y, C, l1_ratio=l1_ratio), fit(X, order[y], C, l1_ratio=l1_ratio)
    same(a.predict_proba(X), b.predict_proba(X)[:, order])


@few
@given(problems(), st.sampled_from([0.0, 0.5, 1.0]))
def test_flipping_two_classes_flips_the_signs(problem, l1_ratio):
    X, y, C = problem
    y = np.minimum(y, 1)
    a, b = fit(X, y, C, l1_ratio=l1_ratio), fit(X, 1 - y, C, l1_ratio=l1_ratio)
    same(a.coef_, -b.coef_)
    same(a.intercept_, -b.intercept_)


@few
@given(problems())
def test_softmax_of_two_classes_is_the_sigmoid_with_twice_C(problem):
    X, y, C = problem
    y = np.minimum(y, 1)
    rows = as_rows(X, np.eye(2)[y].T.copy(), np.full(len(y), 1 / len(y)))
    strength = 1 / (C * len(y))
    design = design_for(
        rows,
        moments_of(rows),
        fit_intercept=True,
        strength=np.full(X.shape[1], strength),
        l1_ratio=0.0,
    )
    objective = Objective(rows, MultinomialCrossEntropy(2), elastic_net(design, strength, 0.0), design)
    start = np.zeros(objective.shape)
    solution = minimise(objective, [Stage("newton-cholesky", newton_cholesky)], start, tol=1e-8, max_iter=100)
    z = np.concatenate(solution.point.logits, axis=1)
    same(z[1] - z[0], fit(X, y, 2 * C).decision_function(X), rtol=1e-6, atol=1e-8)


@few
@given(problems())
def test_units_of_columns_do_not_matter_without_penalty(problem):
    X, _, _ = problem
    rng = np.random.default_rng(0)
    P = rng.dirichlet(np.ones(3), len(X))  # soft labels: an optimum exists
    scale = 10.0 ** rng.uniform(-8, 8, X.shape[1])
    a, b = fit(X, P, np.inf), fit(X * scale, P, np.inf)
    assert a.history_["objective"][-1] == pytest.approx(b.history_["objective"][-1], rel=1e-8)
    same(a.predict_proba(X), b.predict_proba(X * scale), rtol=1e-5, atol=1e-6)


@few
@given(problems(), st.sampled_from([0.0, 0.7, 1.0]))
def test_a_shift_of_columns_moves_only_the_intercept(problem, l1_ratio):
    X, y, C = problem
    shift = np.linspace(-50, 50, X.shape[1])
    a, b = fit(X, y, C, l1_ratio=l1_ratio), fit(X + shift, y, C, l1_ratio=l1_ratio)
    same(a.predict_proba(X), b.predict_proba(X + shift), rtol=1e-6, atol=1e-8)
    if len(a.classes_) % 2 or not l1_ratio:  # l1 leaves the common shift of an even number of classes open
        same(a.coef_, b.coef_, rtol=1e-6, atol=1e-8)


@few
@given(problems(), st.sampled_from([0.0, 1.0]))
def test_order_of_rows_and_columns_does_not_matter(problem, l1_ratio):
    X, y, C = problem
    rng = np.random.default_rng(0)
    rows, columns = rng.permutation(len(X)), rng.permutation(X.shape[1])
    a, b = fit(X, y, C, l1_ratio=l1_ratio), fit(X[rows][:, columns], y[rows], C, l1_ratio=l1_ratio)
    same(a.predict_proba(X), b.predict_proba(X[:, columns]))


@few
@given(problems(), st.sampled_from([0.0, 0.3, 1.0]))
def test_no_perturbation_lowers_the_objective(problem, l1_ratio):
    X, y, C = problem
    model = fit(X, y, C, l1_ratio=l1_ratio)
    best = reference_objective(model, X, y)
    assert best == pytest.approx(model.history_["objective"][-1] * len(y), rel=1e-10)
    rng = np.random.default_rng(0)
    for size in (1e-1, 1e-3, 1e-5):
        other = copy.deepcopy(model)
        other.coef_ = model.coef_ + size * rng.normal(size=model.coef_.shape)
        other.intercept_ = model.intercept_ + size * rng.normal(size=model.intercept_.shape)
        assert reference_objective(other, X, y) >= best * (1 - 1e-12)


def _gradient(model, X, y):
    """Gradient of the summed loss in coef_ (K or 1, d)."""
    R = model.predict_proba(X) - np.eye(len(model.classes_))[y]
    return (R[:, 1:] if len(model.coef_) == 1 else R).T @ X


@few
@given(problems())
def test_ridge_is_stationary(problem):
    X, y, C = problem
    model = fit(X, y, C)
    same(_gradient(model, X, y), -model.coef_ / C, rtol=1e-6, atol=1e-9 * len(y))


@few
@given(problems(), st.sampled_from([0.4, 1.0]))
def test_l1_satisfies_its_optimality_conditions_with_exact_zeros(problem, rho):
    X, y, C = problem
    model = fit(X, y, C, l1_ratio=rho)
    G = _gradient(model, X, y) + (1 - rho) / C * model.coef_
    zero, tolerance = model.coef_ == 0, 1e-7 * len(y)
    assert (np.abs(G[zero]) <= rho / C + tolerance).all()
    same(G[~zero], -np.sign(model.coef_[~zero]) * rho / C, rtol=1e-6, atol=tolerance)


@few
@given(problems(), st.sampled_from([0.0, 0.5, 1.0]))
def test_gap_is_certified(problem, l1_ratio):
    X, y, C = problem
    model = fit(X, y, C, l1_ratio=l1_ratio)
    assert 0 <= model.optimality_gap_ <= 1e-6 * model.history_["objective"][-1]


@few
@given(problems(), st.sampled_from([0.0, 1.0]))
def test_loss_falls_and_penalty_grows_with_C(problem, l1_ratio):
    X, y, C = problem
    losses, penalties = [], []
    for factor in (1, 3, 9):
        model = fit(X, y, C * factor, l1_ratio=l1_ratio)
        losses.append(-neg_cross_entropy_scorer(model, X, y))
        size = np.abs(model.coef_).sum() if l1_ratio else (model.coef_**2).sum()
        penalties.append(size)
    assert (np.diff(losses) <= 1e-9).all()
    assert (np.diff(penalties) >= -1e-9 * (1 + penalties[-1])).all()


@few
@given(problems(), st.sampled_from([0.0, 1.0]), st.booleans())
def test_sparse_is_dense(problem, l1_ratio, fit_intercept):
    X, y, C = problem
    X = np.where(np.abs(X) < 0.5, 0.0, X)
    dense = fit(X, y, C, l1_ratio=l1_ratio, fit_intercept=fit_intercept)
    for container in (sp.csr_array, sp.csc_array, sp.csr_matrix, sp.coo_array):
        sparse = fit(container(X), y, C, l1_ratio=l1_ratio, fit_intercept=fit_intercept)
        same(dense.predict_proba(X), sparse.predict_proba(container(X)))


@few
@given(problems())
def test_float32_is_nearly_float64(problem):
    X, y, C = problem
    X = X.astype(np.float32)
    same(fit(X, y, C).predict_proba(X), fit(X.astype(float), y, C).predict_proba(X), rtol=1e-7)


@few
@given(problems())
def test_predictions_agree_with_each_other(problem):
    X, y, C = problem
    model = fit(X, y, C)
    p = model.predict_proba(X)
    same(p.sum(axis=1), 1.0, rtol=1e-14)
    np.testing.assert_array_equal(model.classes_[p.argmax(axis=1)], model.predict(X))
    same(np.exp(model.predict_log_proba(X)), p, rtol=1e-12)
    same(np.vstack([model.predict_proba(row[None]) for row in X]), p, rtol=1e-12)


@few
@given(problems(), st.sampled_from([None, "balanced"]))
def test_one_hot_soft_labels_are_labels(problem, class_weight):
    X, y, C = problem
    a = fit(X, y, C, class_weight=class_weight)
    b = fit(X, np.eye(y.max() + 1)[y], C, class_weight=class_weight)
    same(a.coef_, b.coef_)


@few
@given(problems())
def test_soft_labels_are_weighted_hard_rows(problem):
    X, y, C = problem
    K = y.max() + 1
    P = np.random.default_rng(0).dirichlet(np.ones(K), len(X))
    hard = fit(np.repeat(X, K, axis=0), np.tile(np.arange(K), len(X)), C, sample_weight=P.ravel())
    same(fit(X, P, C).coef_, hard.coef_)


@few
@given(problems())
def test_copies_predict_the_same(problem):
    X, y, C = problem
    model = fit(X, y, C)
    expected = model.predict_proba(X)
    buffer = io.BytesIO()
    joblib.dump(model, buffer)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model)), joblib.load(buffer)):
        np.testing.assert_array_equal(other.predict_proba(X), expected)
    np.testing.assert_array_equal(clone(model).fit(X, y).predict_proba(X), expected)


@few
@given(problems(), st.floats(0.1, 10))
def test_scaling_weights_is_scaling_C(problem, factor):
    X, y, C = problem
    weights = np.random.default_rng(1).random(len(y)) + 0.1
    a = fit(X, y, C, sample_weight=factor * weights)
    same(a.coef_, fit(X, y, C * factor, sample_weight=weights).coef_, rtol=1e-6)


@few
@given(problems())
def test_ridge_stays_in_the_space_of_the_rows(problem):
    X, y, C = problem
    rng = np.random.default_rng(0)
    wide = X @ rng.normal(size=(X.shape[1], 30))
    model = fit(wide, y, C)
    centred = wide - wide.mean(axis=0)
    _, s, Vt = np.linalg.svd(centred, full_matrices=False)
    basis = Vt[s > 1e-9 * s[0]]
    same(model.coef_ @ basis.T @ basis, model.coef_, atol=1e-8 * np.abs(model.coef_).max())


@few
@given(problems(), st.booleans())
def test_an_offset_linear_in_X_is_absorbed_without_a_penalty(problem, as_columns):
    X, _, _ = problem
    rng = np.random.default_rng(0)
    K = 2 + len(X) % 3
    P = rng.dirichlet(np.ones(K), len(X))  # soft labels: an optimum exists
    offset = X @ rng.normal(size=(X.shape[1], K)) + rng.normal(size=K)
    if K == 2 and not as_columns:
        offset = offset[:, 1] - offset[:, 0]
    plain, shifted = fit(X, P, np.inf), fit(X, P, np.inf, offset=offset)
    same(shifted.predict_proba(X, offset=offset), plain.predict_proba(X), rtol=1e-6, atol=1e-8)
    z = shifted.decision_function(X, offset=offset)
    if as_columns and K == 2:
        offset = offset[:, 1] - offset[:, 0]
    same(z, shifted.decision_function(X) + offset, rtol=1e-12)
    np.testing.assert_array_equal(
        shifted.predict(X, offset=offset), shifted.predict_proba(X, offset=offset).argmax(axis=1)
    )


@few
@given(problems(), st.sampled_from([0.0, 1.0]))
def test_an_offset_of_all_rows_alike_goes_into_the_intercept(problem, l1_ratio):
    X, y, C = problem
    K = y.max() + 1
    shift = np.random.default_rng(0).normal(size=K)
    offset = np.tile(shift, (len(X), 1))
    # of an even number of classes l1 has many minimisers, and no polish follows the certificate
    plain = fit(X, y, C, l1_ratio=l1_ratio, tol=1e-13)
    moved = fit(X, y, C, l1_ratio=l1_ratio, tol=1e-13, offset=offset)
    same(moved.predict_proba(X, offset=offset), plain.predict_proba(X), rtol=1e-5, atol=1e-6)
    expected = plain.intercept_ - (shift[1:] - shift[0] if K == 2 else shift - shift.mean())
    if K == 2 or not l1_ratio:
        same(moved.intercept_, expected, rtol=1e-6, atol=1e-7)


@few
@given(problems())
def test_class_weights_are_weights_of_their_rows(problem):
    X, y, C = problem
    factors = np.random.default_rng(0).random(y.max() + 1) + 0.2
    by_class = fit(X, y, C, class_weight=dict(enumerate(factors)))
    same(by_class.coef_, fit(X, y, C, sample_weight=factors[y]).coef_)


@few
@given(problems(), st.floats(0.01, 0.9))
def test_smoothed_labels_are_soft_labels(problem, smoothing):
    X, y, C = problem
    K = y.max() + 1
    soft = (1 - smoothing) * np.eye(K)[y] + smoothing / K
    a, b = fit(X, y, C, label_smoothing=smoothing), fit(X, soft, C)
    same(a.coef_, b.coef_)
    same(a.intercept_, b.intercept_)


@few
@given(problems())
def test_intercepts_reproduce_the_frequencies_of_classes(problem):
    X, y, C = problem
    weights = np.random.default_rng(2).integers(1, 4, len(y)).astype(float)
    p = fit(X, y, C, sample_weight=weights).predict_proba(X)
    same(weights @ p, np.bincount(y, weights), rtol=1e-7)  # the intercept is not penalised


@few
@given(problems(), st.sampled_from([0.0, 1.0]))
def test_weight_zero_is_an_absent_row(problem, l1_ratio):
    X, y, C = problem
    far = np.vstack([X, 1e3 * X[:2] + 1e4])
    weights = np.r_[np.ones(len(X)), 0.0, 0.0]
    a = fit(far, np.r_[y, y[:2]], C, l1_ratio=l1_ratio, sample_weight=weights)
    same(a.predict_proba(X), fit(X, y, C, l1_ratio=l1_ratio).predict_proba(X))
