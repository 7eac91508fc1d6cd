"""Bias-reduced fits: closed forms, an independent maximisation, invariances, faults."""

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse as sp
from sklearn.exceptions import ConvergenceWarning

from sklearn_xent import BiasReducedClassifier, entropy, infer_profile
from sklearn_xent.inference.bias_reduced import likelihood_of
from sklearn_xent.inference.intercepts import calibrating_shift


def problem(n_classes, seed=0, n=24, d=2, separated=False):
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(n, d)), rng.integers(0, n_classes, n)
    y[:n_classes] = range(n_classes)
    if separated:
        y = np.digitize(X[:, 0], np.quantile(X[:, 0], np.linspace(0, 1, n_classes + 1)[1:-1]))
    return X, y, rng.integers(1, 4, n) * rng.choice([0.5, 1.0, 2.0], n), rng.normal(size=(n, n_classes))


def penalised_likelihood(V, X, y, weights, offset):
    """Its definition, in contrasts V (K - 1, d + 1) to the first class."""
    A = np.column_stack([X, np.ones(len(X))])
    Z = np.column_stack([np.zeros(len(A)), A @ V.T]) + offset
    logp = Z - np.logaddexp.reduce(Z, axis=1)[:, None]
    P = np.exp(logp[:, 1:])
    curvatures = P[:, :, None] * (np.eye(P.shape[1]) - P[:, None, :])
    information = np.einsum("n,nkl,ni,nj->kilj", weights, curvatures, A, A).reshape(V.size, V.size)
    return weights @ logp[np.arange(len(y)), y] + np.linalg.slogdet(information)[1] / 2


def contrasts(model):
    W = np.column_stack([model.coef_, model.intercept_])
    return W if len(W) == 1 else W[1:] - W[0]


@pytest.mark.parametrize("counts", [(3, 17), (0.5, 2), (7, 5, 1), (1, 1, 2, 30)])
def test_intercepts_alone_add_a_half_to_each_class(counts):
    # as Dirichlet's prior of 1 / 2; two classes: log (k + 1 / 2) / (n - k + 1 / 2)
    model = BiasReducedClassifier().fit(
        np.zeros((len(counts), 1)), np.arange(len(counts)), sample_weight=counts
    )
    expected = (np.array(counts) + 0.5) / (sum(counts) + len(counts) / 2)
    np.testing.assert_allclose(model.predict_proba([[0.0]])[0], expected, rtol=1e-10)


@pytest.mark.parametrize(
    "table", [[(4, 0), (0, 3)], [(3, 1), (0, 4)], [(0.01, 0.02), (5, 9)], [(3, 0, 1), (0, 0, 5), (2, 2, 2)]]
)
def test_saturated_tables_add_a_half_to_each_cell(table):
    counts = np.array(table, dtype=float)
    R, K = counts.shape
    X = np.repeat(np.eye(R)[:, 1:], K, axis=0)
    model = BiasReducedClassifier().fit(X, np.tile(np.arange(K), R), sample_weight=counts.ravel())
    expected = (counts + 0.5) / (counts.sum(axis=1, keepdims=True) + K / 2)
    np.testing.assert_allclose(model.predict_proba(np.eye(R)[:, 1:]), expected, rtol=1e-9)


@pytest.mark.parametrize(("n_classes", "separated"), [(2, False), (2, True), (3, False), (3, True)])
def test_coefficients_are_those_of_an_independent_maximisation(n_classes, separated):
    mp = pytest.importorskip("mpmath")
    X, y, weights, offset = problem(n_classes, n=10, d=1, separated=separated)
    with mp.workdps(40):
        rows = [
            ([mp.mpf(float(x)), mp.mpf(1)], w, list(map(mp.mpf, o)))
            for (x,), w, o in zip(X, weights, offset, strict=True)
        ]

        def likelihood(*v):
            K = n_classes - 1
            value, information = mp.mpf(0), mp.zeros(2 * K)
            for (a, w, o), label in zip(rows, y, strict=True):
                z = [o[0]] + [o[k + 1] + sum(v[2 * k + i] * a[i] for i in range(2)) for k in range(K)]
                total = sum(mp.exp(t) for t in z)
                p = [mp.exp(t) / total for t in z[1:]]
                value += w * (z[label] - mp.log(total))
                for r in range(2 * K):
                    for c in range(2 * K):
                        k, l = r // 2, c // 2
                        information[r, c] += w * p[k] * ((k == l) - p[l]) * a[r % 2] * a[c % 2]
            return value + mp.log(mp.det(information)) / 2

        def score(*v):
            h = mp.mpf(10) ** -12
            steps = [[h * (i == j) for i in range(len(v))] for j in range(len(v))]
            ahead = [[t + s for t, s in zip(v, step, strict=True)] for step in steps]
            behind = [[t - s for t, s in zip(v, step, strict=True)] for step in steps]
            return [(likelihood(*f) - likelihood(*b)) / (2 * h) for f, b in zip(ahead, behind, strict=True)]

        model = BiasReducedClassifier(tol=1e-11).fit(X, y, sample_weight=weights, offset=offset)
        found = contrasts(model).ravel()
        exact = mp.findroot(score, found.tolist(), tol=1e-30, verify=False)
        expected = np.array([float(t) for t in exact])
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_maximum_is_found_from_elsewhere_too(n_classes):
    X, y, weights, offset = problem(n_classes, seed=3)
    V = contrasts(BiasReducedClassifier().fit(X, y, sample_weight=weights, offset=offset))

    def loss(v):
        return -penalised_likelihood(v.reshape(V.shape), X, y, weights, offset)

    other = scipy.optimize.minimize(loss, np.random.default_rng(0).normal(size=V.size))
    assert loss(V) <= other.fun + 1e-12
    np.testing.assert_allclose(V.ravel(), other.x, atol=1e-4)


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_units_and_offsets_of_columns_do_not_matter(n_classes, fit_intercept):
    X, y, weights, _ = problem(n_classes, separated=True)
    scale, shift = np.array([1e8, 1e-6]), np.array([3e9, 1e-3]) * fit_intercept
    model = BiasReducedClassifier(fit_intercept=fit_intercept).fit(X, y, sample_weight=weights)
    other = BiasReducedClassifier(fit_intercept=fit_intercept)
    other.fit(X * scale + shift, y, sample_weight=weights)
    np.testing.assert_allclose(other.coef_ * scale, model.coef_, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(other.predict_proba(X * scale + shift), model.predict_proba(X), rtol=1e-6)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_order_of_classes_and_rows_does_not_matter(n_classes):
    X, y, weights, _ = problem(n_classes)
    model = BiasReducedClassifier().fit(X, y, sample_weight=weights)
    other = BiasReducedClassifier().fit(X[::-1], (n_classes - 1 - y)[::-1], sample_weight=weights[::-1])
    sign = -1 if n_classes == 2 else 1
    np.testing.assert_allclose(sign * other.coef_[::-1], model.coef_, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(sign * other.intercept_[::-1], model.intercept_, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_weights_are_frequencies(n_classes):
    X, y, _, _ = problem(n_classes)
    counts = np.random.default_rng(1).integers(0, 4, len(y))
    counts[:n_classes] = 2
    model = BiasReducedClassifier().fit(X, y, sample_weight=counts)
    repeated = BiasReducedClassifier().fit(np.repeat(X, counts, axis=0), np.repeat(y, counts))
    split = BiasReducedClassifier().fit(
        np.vstack([X, X]), np.append(y, y), sample_weight=np.append(0.3 * counts, 0.7 * counts)
    )
    for other in (repeated, split):
        np.testing.assert_allclose(other.coef_, model.coef_, rtol=1e-9, atol=1e-11)
        np.testing.assert_allclose(other.intercept_, model.intercept_, rtol=1e-9, atol=1e-11)


def test_shares_of_groups_are_their_rows():
    X = np.array([[0.0], [1.0], [2.0]])
    ill, size = np.array([0, 2, 5]), np.array([6, 5, 5])
    shares = np.column_stack([1 - ill / size, ill / size])
    model = BiasReducedClassifier().fit(X, shares, sample_weight=size)
    rows = BiasReducedClassifier().fit(
        np.vstack([X, X]), np.repeat([0, 1], 3), sample_weight=np.append(size - ill, ill)
    )
    np.testing.assert_allclose(model.coef_, rows.coef_, rtol=1e-9)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_collinear_columns_share_what_one_would_have(n_classes):
    X, y, weights, _ = problem(n_classes)
    alone = BiasReducedClassifier().fit(X, y, sample_weight=weights)
    wide = np.column_stack([X, 2 * X[:, 0] + 5, np.full(len(X), 7.0)])
    model = BiasReducedClassifier().fit(wide, y, sample_weight=weights)
    np.testing.assert_allclose(model.predict_proba(wide), alone.predict_proba(X), rtol=1e-8)
    np.testing.assert_allclose(model.coef_[:, 0] + 2 * model.coef_[:, 2], alone.coef_[:, 0], rtol=1e-8)
    assert not model.coef_[:, 3].any()
    with pytest.raises(ValueError, match="constant columns: drop column 'x3'"):
        infer_profile(model, wide, y, sample_weight=weights)
    model.fit(wide[:, :3], y, sample_weight=weights)
    with pytest.raises(ValueError, match=r"collinear.*column 'x2'"):
        infer_profile(model, wide[:, :3], y, sample_weight=weights)


def test_sparse_rows_become_dense():
    X, y, weights, _ = problem(3)
    X[np.abs(X) < 0.5] = 0.0
    dense = BiasReducedClassifier().fit(X, y, sample_weight=weights)
    for kind in (sp.csr_array, sp.csc_matrix):
        model = BiasReducedClassifier().fit(kind(X), y, sample_weight=weights)
        np.testing.assert_allclose(model.coef_, dense.coef_, rtol=1e-9)
        np.testing.assert_allclose(model.predict_proba(kind(X)), dense.predict_proba(X), rtol=1e-12)
    with pytest.raises(ValueError, match=r"X takes 7\.5 GiB as a dense array"):
        model.fit(sp.csr_array((1_000_000, 1000)), np.arange(1_000_000) % 2)


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ({"tol": 0}, ValueError),
        ({"max_iter": 0}, ValueError),
        ({"max_iter": 2.5}, TypeError),
        ({"fit_intercept": 1}, TypeError),
        ({"calibrate_intercept": "yes"}, TypeError),
    ],
)
def test_parameters_out_of_range_are_named(parameters, error):
    (name,) = parameters
    with pytest.raises(error, match=f"{name} must be .*; got"):
        BiasReducedClassifier(**parameters).fit([[0.0], [1.0]], [0, 1])
    with pytest.raises(ValueError, match="calibrate_intercept must be False where fit_intercept is"):
        BiasReducedClassifier(fit_intercept=False, calibrate_intercept=True).fit([[0.0], [1.0]], [0, 1])
    with pytest.raises(TypeError, match="no parameter 'C'"):
        BiasReducedClassifier(C=1.0)


def test_a_fit_that_is_cut_off_says_how_far_it_came():
    X, y, _, _ = problem(3, separated=True)
    model = BiasReducedClassifier(max_iter=2)
    with pytest.warns(ConvergenceWarning, match="reached its limit after 2 iterations.*standard errors long"):
        model.fit(X, y)
    assert not model.converged_
    assert model.score_norm_ > model.tol
    with pytest.raises(ValueError, match="not at a maximum of these rows"):
        infer_profile(model, X, y)


def test_an_offset_that_leaves_no_row_uncertain_is_refused():
    X, y, _, _ = problem(2)
    with pytest.raises(ValueError, match="offset must leave rows uncertain"):
        BiasReducedClassifier().fit(X, y, offset=np.full(len(y), 1e6))


def test_a_fit_that_fails_leaves_the_last_one():
    X, y, _, _ = problem(2)
    model = BiasReducedClassifier().fit(X, y)
    before = dict(vars(model))
    with pytest.raises(ValueError, match="NaN or infinity in column 1"):
        model.fit(np.where([False, True] & (X > 0), np.nan, X), y)
    assert vars(model) == before


@pytest.mark.parametrize("n_classes", [2, 3])
def test_scikit_learn_gets_the_same_model(n_classes):
    X, y, _, _ = problem(n_classes)
    model = BiasReducedClassifier().fit(X, y)
    np.testing.assert_allclose(model.to_sklearn().predict_proba(X), model.predict_proba(X), rtol=1e-12)


def calibrated_and_not(X, y, **data):
    return (BiasReducedClassifier(calibrate_intercept=own).fit(X, y, **data) for own in (True, False))


@pytest.mark.parametrize(("n_classes", "separated"), [(2, False), (2, True), (3, False), (4, True)])
def test_calibrated_intercepts_make_the_mean_probabilities_the_frequencies(n_classes, separated):
    X, y, weights, offset = problem(n_classes, seed=3, n=40, separated=separated)
    model, plain = calibrated_and_not(X, y, sample_weight=weights, offset=offset)
    frequencies = np.bincount(y, weights) / weights.sum()
    means = [np.average(m.predict_proba(X, offset=offset), axis=0, weights=weights) for m in (model, plain)]
    np.testing.assert_allclose(means[0], frequencies, atol=1e-12)
    assert np.abs(means[1] - frequencies).max() > 1e-4
    np.testing.assert_array_equal(model.coef_, plain.coef_)
    np.testing.assert_allclose(model.intercept_ - model.intercept_shift_, plain.intercept_, atol=1e-14)
    assert not plain.intercept_shift_.any()
    logs = model.predict_log_proba(X, offset=offset)[np.arange(len(y)), y]
    assert model.log_likelihood_ == pytest.approx(weights @ logs, rel=1e-12)
    assert model.log_likelihood_ > plain.log_likelihood_


def test_the_mean_of_rare_events_is_right_however_rare():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(100_000, 2)), np.zeros(100_000, dtype=int)
    y[:3] = 1
    model, plain = calibrated_and_not(X, y)
    assert model.predict_proba(X)[:, 1].sum() == pytest.approx(3, rel=1e-9)
    assert plain.predict_proba(X)[:, 1].sum() > 3.5


@pytest.mark.parametrize("far", [5.0, 30.0, 300.0, 700.0])
def test_calibrated_intercepts_are_found_from_far_away(far):
    # where full Newton steps would go further and further
    X, y = np.zeros((40, 1)), np.repeat([0, 1], [39, 1])
    likelihood, _ = likelihood_of(BiasReducedClassifier(), X, y, None, np.full(40, far), reset=True)
    shift, log_likelihood = calibrating_shift(likelihood, np.zeros(1))
    assert shift + far == pytest.approx(-np.log(39), rel=1e-9)
    assert log_likelihood == pytest.approx(-40 * entropy([1 / 40, 39 / 40]), rel=1e-9)


def test_where_all_rows_are_certain_no_intercept_is_calibrated():
    X, y = np.zeros((4, 1)), [0, 1, 0, 1]
    likelihood, _ = likelihood_of(BiasReducedClassifier(), X, y, None, np.full(4, 1e6), reset=True)
    np.testing.assert_array_equal(calibrating_shift(likelihood, np.zeros(1))[0], [0.0])


def test_calibrated_intercepts_change_no_test_and_no_interval():
    X, y, weights, _ = problem(3, seed=1)
    first, second = (
        infer_profile(model, X, y, sample_weight=weights).frame()
        for model in calibrated_and_not(X, y, sample_weight=weights)
    )
    assert (first["term"] == second["term"]).all()
    np.testing.assert_allclose(first.iloc[:, 1:], second.iloc[:, 1:], rtol=1e-6, atol=1e-9)


def test_documented_attributes_are_those_of_a_fit():
    X, y, _, _ = problem(2)
    for name in ("score_norm_", "log_likelihood_", "n_iter_", "converged_", "intercept_shift_"):
        assert f"    {name} : " in BiasReducedClassifier.__doc__
    model = BiasReducedClassifier().fit(X, y)
    assert model.score_norm_ <= model.tol
    logs = model.predict_log_proba(X)[np.arange(len(y)), y]
    assert model.log_likelihood_ == pytest.approx(logs.sum())
