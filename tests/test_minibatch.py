"""MiniBatchCrossEntropyClassifier: what one pass reaches, what a fault leaves, what cannot matter."""

import copy
import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import SGDClassifier

from sklearn_xent import CrossEntropyClassifier, MiniBatchCrossEntropyClassifier, cross_entropy_loss
from sklearn_xent.solvers.stream import FULL_LIMIT


def softmax_rows(n, d, K, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d))
    z = X @ rng.standard_normal((d, K)) / np.sqrt(d) * 3 + rng.standard_normal(K)
    return X, np.argmax(z + rng.gumbel(size=z.shape), axis=1)


def text_rows(n, d, seed=0):
    """Sparse rows of norm 1, a few columns frequent and most rare."""
    rng = np.random.default_rng(seed)
    columns = np.minimum(d ** rng.random((n, 30)), d - 1).astype(int)
    X = sp.csr_array((np.ones(n * 30), (np.repeat(np.arange(n), 30), columns.ravel())), shape=(n, d))
    X = X.multiply(1 / np.sqrt(X.multiply(X).sum(axis=1))[:, None]).tocsr()
    X.indices, X.indptr = X.indices.astype(np.int32), X.indptr.astype(np.int32)  # as SGDClassifier wants
    z = X @ (rng.standard_normal(d) * 4)
    return X, (rng.random(n) < 1 / (1 + np.exp(-z))).astype(int)


def loss_of(model, X, y):
    return cross_entropy_loss(y, model.decision_function(X), labels=model.classes_, from_logits=True)


def learnt_in_parts(model, X, y, size=1000, **options):
    for start in range(0, X.shape[0], size):
        part = slice(start, start + size)
        model.partial_fit(X[part], y[part], classes=np.unique(y), **options)
    return model


@pytest.mark.parametrize("K", [2, 3, 5])
@pytest.mark.parametrize("options", [{}, {"C": np.inf}, {"l1_ratio": 0.5}])
def test_one_pass_over_many_rows_is_as_good_as_the_optimum(K, options):
    X, y = softmax_rows(22_000, 12, K)
    model = learnt_in_parts(MiniBatchCrossEntropyClassifier(**options), X[:20_000], y[:20_000])
    optimum = CrossEntropyClassifier(**options).fit(X[:20_000], y[:20_000])
    assert loss_of(model, X[20_000:], y[20_000:]) < 1.01 * loss_of(optimum, X[20_000:], y[20_000:])


@pytest.mark.parametrize("size", [20, 50, 200, 1000])
@pytest.mark.parametrize("K", [2, 4])
def test_small_batches_are_as_good_as_large_ones(K, size):
    X, y = softmax_rows(8_000, 12, K, seed=1)
    model = learnt_in_parts(MiniBatchCrossEntropyClassifier(), X[:6000], y[:6000], size)
    optimum = CrossEntropyClassifier().fit(X[:6000], y[:6000])
    assert loss_of(model, X[6000:], y[6000:]) < 1.005 * loss_of(optimum, X[6000:], y[6000:])


def test_one_pass_over_sparse_rows_with_many_columns_beats_tuned_sgd():
    X, y = text_rows(24_000, 5000)
    assert X.shape[1] + 1 > FULL_LIMIT
    train, test = slice(0, 20_000), slice(20_000, None)
    model = learnt_in_parts(MiniBatchCrossEntropyClassifier(), X[train], y[train])
    ours = loss_of(model, X[test], y[test])
    optimum = CrossEntropyClassifier().fit(X[train], y[train])
    assert ours < 1.01 * loss_of(optimum, X[test], y[test])
    for eta0 in (0.01, 0.1, 1.0, 10.0):
        for schedule in ("optimal", "invscaling", "constant"):
            sgd = SGDClassifier(
                loss="log_loss", alpha=1 / 20_000, learning_rate=schedule, eta0=eta0, random_state=0
            ).partial_fit(X[train], y[train], classes=[0, 1])
            assert ours < loss_of(sgd, X[test], y[test])


@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize("l1_ratio", [0.0, 0.7])
def test_passes_lead_to_the_optimum(K, l1_ratio):
    X, y = softmax_rows(3000, 5, K)
    model = MiniBatchCrossEntropyClassifier(l1_ratio=l1_ratio, batch_size=300, max_iter=40, tol=0.0)
    model.set_params(n_iter_no_change=40)
    with pytest.warns(ConvergenceWarning, match="max_iter=40"):
        model.fit(X, y)
    optimum = CrossEntropyClassifier(l1_ratio=l1_ratio).fit(X, y)
    np.testing.assert_allclose(model.predict_proba(X), optimum.predict_proba(X), atol=1e-3)


def test_one_batch_with_a_strong_l1_penalty_has_the_optimums_zeros():
    X, y = softmax_rows(2000, 8, 2)
    X[:, 4:] = np.random.default_rng(1).standard_normal((2000, 4))
    model = MiniBatchCrossEntropyClassifier(C=0.02, l1_ratio=1.0, max_iter=1).fit(X, y)
    optimum = CrossEntropyClassifier(C=0.02, l1_ratio=1.0).fit(X, y)
    np.testing.assert_array_equal(model.coef_ == 0, optimum.coef_ == 0)
    assert (model.coef_ == 0).any()


def test_an_l1_penalty_keeps_most_of_many_columns_at_zero():
    X, y = text_rows(6000, 3000)
    model = MiniBatchCrossEntropyClassifier(C=0.3, l1_ratio=1.0).partial_fit(X, y, classes=[0, 1])
    assert 0 < (model.coef_ != 0).mean() < 0.3


@pytest.mark.parametrize("wide", [False, True], ids=["full", "diagonal"])
def test_units_and_offsets_of_the_columns_cannot_matter(wide):
    X, y = softmax_rows(4000, 1200 if wide else 6, 2)
    units = np.geomspace(1e-6, 1e6, X.shape[1])
    as_it_is = MiniBatchCrossEntropyClassifier(C=np.inf, max_iter=1).fit(X, y)
    other = MiniBatchCrossEntropyClassifier(C=np.inf, max_iter=1).fit((X + 50) * units, y)
    expected = as_it_is.decision_function(X)
    np.testing.assert_allclose(other.decision_function((X + 50) * units), expected, atol=1e-6)


@pytest.mark.parametrize("wide", [False, True], ids=["full", "diagonal"])
def test_sparse_rows_are_learnt_from_as_dense_ones_are(wide):
    X, y = text_rows(3000, 1500 if wide else 40)
    options = {"C": 1.0, "max_iter": 2, "n_iter_no_change": 2, "tol": 0.0, "fit_intercept": wide is False}
    if wide:  # without an intercept nothing is centred, and the columns' scales cannot matter either
        options["C"] = np.inf
    with pytest.warns(ConvergenceWarning):
        dense = MiniBatchCrossEntropyClassifier(**options).fit(X.toarray(), y)
    with pytest.warns(ConvergenceWarning):
        sparse = MiniBatchCrossEntropyClassifier(**options).fit(X, y)
    np.testing.assert_allclose(sparse.coef_, dense.coef_, rtol=1e-5, atol=1e-5)


def test_csc_and_float32_rows_are_accepted():
    X, y = text_rows(2000, 60)
    expected = MiniBatchCrossEntropyClassifier(max_iter=1).fit(X, y).coef_
    csc = MiniBatchCrossEntropyClassifier(max_iter=1).fit(X.tocsc(), y)
    np.testing.assert_allclose(csc.coef_, expected, rtol=1e-10, atol=1e-12)
    single = MiniBatchCrossEntropyClassifier(max_iter=1).fit(X.astype(np.float32), y)
    np.testing.assert_allclose(single.coef_, expected, rtol=1e-3, atol=1e-4)


def test_weights_equal_repeated_rows():
    X, y = softmax_rows(400, 5, 3)
    weights = np.random.default_rng(0).integers(0, 4, 400)
    weighted = MiniBatchCrossEntropyClassifier(max_iter=1).fit(X, y, sample_weight=weights)
    repeated = MiniBatchCrossEntropyClassifier(max_iter=1, batch_size=10_000).fit(
        np.repeat(X, weights, axis=0), np.repeat(y, weights)
    )
    np.testing.assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), atol=1e-4)


@pytest.mark.parametrize("wide", [False, True], ids=["full", "diagonal"])
def test_soft_labels_of_zeros_and_ones_are_labels(wide):
    X, y = softmax_rows(1500, 1200 if wide else 6, 3)
    hard = MiniBatchCrossEntropyClassifier().partial_fit(X, y, classes=[0, 1, 2])
    soft = MiniBatchCrossEntropyClassifier().partial_fit(X, np.eye(3)[y], classes=[0, 1, 2])
    np.testing.assert_array_equal(soft.coef_, hard.coef_)


def test_a_frame_of_soft_labels_names_its_classes():
    pd = pytest.importorskip("pandas")
    X, y = softmax_rows(500, 4, 3)
    names = np.array(["ant", "bee", "cow"])
    expected = MiniBatchCrossEntropyClassifier().partial_fit(X, names[y], classes=names)
    frame = pd.DataFrame(np.eye(3)[y][:, [2, 0, 1]], columns=["cow", "ant", "bee"])
    model = MiniBatchCrossEntropyClassifier().partial_fit(X, frame, classes=names)
    np.testing.assert_array_equal(model.coef_, expected.coef_)


def test_the_stream_can_be_cut_anywhere_a_batch_ends():
    X, y = softmax_rows(3000, 6, 3)
    whole = MiniBatchCrossEntropyClassifier(batch_size=250).partial_fit(X, y, classes=[0, 1, 2])
    parts = learnt_in_parts(MiniBatchCrossEntropyClassifier(batch_size=250), X, y, size=500)
    np.testing.assert_array_equal(parts.coef_, whole.coef_)
    assert parts.n_samples_seen_ == whole.n_samples_seen_ == 3000
    assert parts.history_["loss"].shape == (6,)
    np.testing.assert_allclose(parts.history_["loss"].mean(), whole.history_["loss"][0])


def test_a_class_may_come_late():
    X, y = softmax_rows(6000, 5, 3)
    order = np.argsort(y == 2, kind="stable")
    rest = np.random.default_rng(0).permutation(order[2000:])
    order = np.concatenate([order[:2000], rest])
    model = learnt_in_parts(MiniBatchCrossEntropyClassifier(), X[order], y[order], size=500)
    optimum = CrossEntropyClassifier().fit(X, y)
    assert loss_of(model, X, y) < 1.05 * loss_of(optimum, X, y)
    assert model.intercept_[2] > optimum.intercept_[2] - 1


def test_a_column_may_be_constant_at_first():
    X, y = softmax_rows(8000, 5, 2)
    X[:1000, 2] = 7.0
    model = learnt_in_parts(MiniBatchCrossEntropyClassifier(), X, y, size=1000)
    optimum = CrossEntropyClassifier().fit(X, y)
    assert loss_of(model, X, y) < 1.01 * loss_of(optimum, X, y)


def test_a_stream_goes_on_after_a_pickle_and_after_fit():
    X, y = softmax_rows(3000, 5, 2)
    model = MiniBatchCrossEntropyClassifier(max_iter=1).fit(X[:2000], y[:2000])
    twin = pickle.loads(pickle.dumps(model))
    for m in (model, twin):
        m.partial_fit(X[2000:], y[2000:])
    np.testing.assert_array_equal(model.coef_, twin.coef_)
    assert model.n_samples_seen_ == 3000
    assert loss_of(model, X, y) < 1.01 * loss_of(CrossEntropyClassifier().fit(X, y), X, y)


def test_fit_forgets_what_was_learnt_before():
    X, y = softmax_rows(2000, 5, 2)
    fresh = MiniBatchCrossEntropyClassifier(max_iter=1).fit(X, y)
    used = MiniBatchCrossEntropyClassifier(max_iter=1).partial_fit(X[:, :3], 1 - y, classes=[0, 1])
    np.testing.assert_array_equal(used.fit(X, y).coef_, fresh.coef_)
    assert used.n_samples_seen_ == 2000


def test_validation_rows_choose_the_pass():
    X, y = load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    wrong = y[:300].copy()
    noisy = rng.random(300) < 0.3
    wrong[noisy] = rng.integers(0, 10, noisy.sum())
    model = MiniBatchCrossEntropyClassifier(C=1e4, batch_size=50, max_iter=30, n_iter_no_change=3)
    model.fit(X[:300], wrong, X_val=X[300:], y_val=y[300:])
    validation = model.history_["validation_loss"]
    assert len(validation) == model.n_iter_ < 30
    assert loss_of(model, X[300:], y[300:]) == pytest.approx(validation.min(), rel=1e-12)
    assert validation[-1] > validation.min()


def test_the_loss_is_that_of_rows_not_yet_learnt_from():
    X, y = softmax_rows(1000, 4, 2)
    model = MiniBatchCrossEntropyClassifier().partial_fit(X, y, classes=[0, 1])
    before = loss_of(model, X[:500], y[:500])
    model.partial_fit(X[:500], y[:500])
    np.testing.assert_allclose(model.history_["loss"], [np.log(2), before], rtol=1e-9)


def test_balanced_class_weights_are_those_of_fit():
    X, y = softmax_rows(3000, 4, 2)
    keep = (y == 1) | (np.arange(3000) % 5 == 0)
    X, y = X[keep], y[keep]
    balanced = MiniBatchCrossEntropyClassifier(class_weight="balanced", max_iter=1).fit(X, y)
    factors = {k: len(y) / (2 * (y == k).sum()) for k in (0, 1)}
    by_hand = MiniBatchCrossEntropyClassifier(class_weight=factors, max_iter=1).fit(X, y)
    np.testing.assert_allclose(balanced.coef_, by_hand.coef_, rtol=1e-10)


def _with(array, where, value):
    array = array.astype(np.asarray(value).dtype if not np.isscalar(value) else array.dtype, copy=True)
    array[where] = value
    return array


X0, Y0 = softmax_rows(60, 3, 2)
FAULTS = {
    "unknown class": (X0, _with(Y0, 5, 9), {}, r"classes \[9\]"),
    "labels of another kind": (X0, np.array(["a", "b"])[Y0], {}, "not those known"),
    "wrong width": (X0[:, :2], Y0, {}, "2 features"),
    "NaN": (_with(X0, (3, 1), np.nan), Y0, {}, "NaN"),
    "infinity": (_with(X0, (3, 1), np.inf), Y0, {}, "infinity"),
    "a value whose square overflows": (_with(X0, (3, 1), 1e300), Y0, {}, "too large"),
    "rows of y": (X0, Y0[:-1], {}, "59"),
    "negative weight": (X0, Y0, {"sample_weight": -np.ones(60)}, "negative"),
    "another set of classes": (X0, Y0, {"classes": [0, 1, 2]}, "first call"),
    "soft labels of another number": (X0, np.full((60, 3), 1 / 3), {}, "not those known"),
    "no labels": (X0, None, {}, "y"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_a_batch_leaves_the_state_unchanged(fault):
    X, y, options, message = FAULTS[fault]
    model = MiniBatchCrossEntropyClassifier().partial_fit(X0, Y0, classes=[0, 1])
    before, stream = copy.deepcopy(model.__dict__), model._stream
    with pytest.raises(ValueError, match=message):
        model.partial_fit(X, y, **options)
    assert model._stream is stream
    assert before.keys() == model.__dict__.keys()
    for name in ("coef_", "intercept_", "n_samples_seen_"):
        np.testing.assert_array_equal(getattr(model, name), before[name])
    np.testing.assert_array_equal(model._stream.W, before["_stream"].W)


@pytest.mark.parametrize("fault", ["NaN", "no labels", "rows of y", "negative weight"])
def test_a_fault_in_fit_leaves_the_state_unchanged(fault):
    X, y, options, message = FAULTS[fault]
    model = MiniBatchCrossEntropyClassifier().partial_fit(X0, Y0, classes=[0, 1])
    before = dict(model.__dict__)
    with pytest.raises(ValueError, match=message):
        model.fit(X, y, **options)
    assert before == model.__dict__


def test_what_is_missing_is_named():
    with pytest.raises(ValueError, match="classes must be given in the first call"):
        MiniBatchCrossEntropyClassifier().partial_fit(X0, Y0)
    with pytest.raises(ValueError, match="X_val and y_val"):
        MiniBatchCrossEntropyClassifier().fit(X0, Y0, X_val=X0)
    with pytest.raises(ValueError, match=r"class_weight .* partial_fit"):
        MiniBatchCrossEntropyClassifier(class_weight="balanced").partial_fit(X0, Y0, classes=[0, 1])
    with pytest.raises(ValueError, match="one class only"):
        MiniBatchCrossEntropyClassifier().partial_fit(X0, Y0, classes=[1])


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("C", 0.0, ValueError),
        ("C", "1", TypeError),
        ("batch_size", 0, ValueError),
        ("batch_size", 2.5, TypeError),
        ("max_iter", 0, ValueError),
        ("n_iter_no_change", 0, ValueError),
        ("tol", -1.0, ValueError),
        ("l1_ratio", 1.5, ValueError),
    ],
)
def test_a_parameter_out_of_range_is_named(name, value, error):
    model = MiniBatchCrossEntropyClassifier(**{name: value})
    with pytest.raises(error, match=name):
        model.fit(X0, Y0)
    with pytest.raises(error, match=name):
        model.partial_fit(X0, Y0, classes=[0, 1])
    assert not hasattr(model, "coef_")


@pytest.mark.parametrize("wide", [False, True], ids=["full", "diagonal"])
def test_separable_rows_without_a_penalty_give_finite_coefficients(wide):
    X, y = softmax_rows(800, 1100 if wide else 2, 2)
    y = (X[:, 0] > 0).astype(int)
    model = MiniBatchCrossEntropyClassifier(C=np.inf, batch_size=100, max_iter=1).fit(X, y)
    assert np.isfinite(model.coef_).all()
    assert model.score(X, y) > 0.9


def test_rows_without_weight_teach_nothing():
    X, y = softmax_rows(300, 4, 2)
    model = MiniBatchCrossEntropyClassifier().partial_fit(X, y, classes=[0, 1])
    before = model.coef_
    model.partial_fit(X + 5, 1 - y, sample_weight=np.zeros(300))
    np.testing.assert_array_equal(model.coef_, before)
