"""Intervals and tests of bias-reduced fits: by an independent profile, invariances, faults."""

import numpy as np
import pytest
import scipy.optimize
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_xent import (
    BiasReducedClassifier,
    CoefficientDisplay,
    CrossEntropyClassifier,
    infer,
    infer_profile,
)
from tests.inference.test_bias_reduced import contrasts, penalised_likelihood, problem


@pytest.mark.parametrize(("n_classes", "separated"), [(2, False), (2, True), (3, True)])
def test_ends_of_intervals_are_where_the_test_rejects(n_classes, separated):
    X, y, weights, offset = problem(n_classes, seed=2, n=16, separated=separated)
    model = BiasReducedClassifier().fit(X, y, sample_weight=weights, offset=offset)
    result = infer_profile(model, X, y, sample_weight=weights, offset=offset)
    V = contrasts(model)
    best = penalised_likelihood(V, X, y, weights, offset)
    for j, ends in enumerate(result.interval(0.9)[:3]):
        for end in ends:
            assert 2 * (best - profile(V, j, end, X, y, weights, offset)) == pytest.approx(2.705543, abs=2e-5)


def profile(V, j, end, *data):
    """The penalised likelihood's maximum where coefficient j is given, followed from that of all."""
    others = np.delete(V.ravel(), j)
    for given in np.linspace(V.ravel()[j], end, 9)[1:]:

        def loss(v, given=given):
            return -penalised_likelihood(np.insert(v, j, given).reshape(V.shape), *data)

        others = scipy.optimize.minimize(loss, others, method="Nelder-Mead", options={"maxfev": 500}).x
    return -scipy.optimize.minimize(loss, others).fun


def test_an_interval_of_the_confidence_of_a_test_ends_at_zero():
    X, y, weights, _ = problem(3, seed=5)
    result = infer_profile(
        BiasReducedClassifier().fit(X, y, sample_weight=weights), X, y, sample_weight=weights
    )
    for i, p in enumerate(result.p_value):
        assert np.abs(result.interval(1 - p)[i]).min() < 1e-6


def test_a_test_of_all_classes_does_not_depend_on_their_order():
    X, y, weights, _ = problem(3, seed=2)
    results = []
    for labels in (y, np.array([1, 0, 2])[y]):
        model = BiasReducedClassifier().fit(X, labels, sample_weight=weights)
        results.append(infer_profile(model, X, labels, sample_weight=weights))
    first, second = results
    assert first.likelihood_ratio_test(["x0"]).df == 2
    for terms in (["x0"], ["x1"], None):
        one, other = (result.likelihood_ratio_test(terms) for result in results)
        assert one.statistic == pytest.approx(other.statistic, rel=1e-7)
    # class 1 less class 0 is the same contrast with the other sign
    assert first.names[:3] == second.names[:3] == ["1: x0", "1: x1", "1: intercept"]
    np.testing.assert_allclose(first.interval()[:3], -second.interval()[:3, ::-1], rtol=1e-6)
    np.testing.assert_allclose(first.std_error[:3], second.std_error[:3], rtol=1e-6)


def test_intervals_follow_the_units_of_columns():
    X, y, _, _ = problem(2, separated=True)
    scale, shift = np.array([1e5, 1e-7]), np.array([1e9, 1.0])
    ends = infer_profile(BiasReducedClassifier().fit(X, y), X, y).interval()
    Z = X * scale + shift
    moved = infer_profile(BiasReducedClassifier().fit(Z, y), Z, y).interval()
    np.testing.assert_allclose(moved[:2] * scale[:, None], ends[:2], rtol=1e-5)


def test_pipelines_frames_and_pictures():
    pd = pytest.importorskip("pandas")
    X, y, _, _ = problem(2)
    frame = pd.DataFrame(X, columns=["age", "dose"])
    plain = infer_profile(BiasReducedClassifier().fit(frame, y), frame, y)
    assert plain.names == ["age", "dose", "intercept"]
    assert list(plain.frame().columns) == ["term", "estimate", "std_error", "chi2", "p_value", "low", "high"]
    np.testing.assert_allclose(plain.odds_ratios()[:, 1:], np.exp(plain.interval()))
    pipe = make_pipeline(StandardScaler(), BiasReducedClassifier())
    search = GridSearchCV(pipe, {"biasreducedclassifier__tol": [1e-9]}, cv=2).fit(frame, y)
    inside = infer_profile(search, frame, y)
    assert inside.names == plain.names
    np.testing.assert_allclose(inside.statistic[:2], plain.statistic[:2], rtol=1e-6)
    display = CoefficientDisplay.from_inference(plain)
    np.testing.assert_allclose(display.interval, plain.interval()[:2])


def test_a_higher_maximum_that_a_profile_meets_is_told():
    # separated by one row: two maxima, by the independent penalised likelihood, too
    rng = np.random.default_rng(34)
    n, d = int(rng.integers(6, 30)), int(rng.integers(1, 4))
    X = rng.normal(size=(n, d))
    y = (X[:, 0] >= np.quantile(X[:, 0], 0.5)).astype(int)
    model = BiasReducedClassifier().fit(X, y)
    V = contrasts(model)

    def loss(v):
        return -penalised_likelihood(v.reshape(V.shape), X, y, np.ones(n), 0.0)

    other = scipy.optimize.minimize(loss, 2.5 * V.ravel())
    assert other.fun < loss(V) - 0.05
    result = infer_profile(model, X, y)
    with pytest.warns(ConvergenceWarning, match="the fit, which then is at a local maximum"):
        result.interval()


def test_other_rows_estimators_and_terms_are_refused():
    X, y, _, _ = problem(2)
    model = BiasReducedClassifier().fit(X, y)
    with pytest.raises(ValueError, match="not at a maximum of these rows"):
        infer_profile(model, X, 1 - y)
    with pytest.raises(ValueError, match="y holds the classes"):
        infer_profile(model, X, y + 1)
    with pytest.raises(TypeError, match=r"CrossEntropyClassifier, for which there is infer\(\)"):
        infer_profile(CrossEntropyClassifier().fit(X, y), X, y)
    with pytest.raises(TypeError, match=r"use infer_profile\(\)"):
        infer(model, X, y)
    result = infer_profile(model, X, y)
    for terms in ("x0", ["x7"], [9], [], ["x0", 0]):
        with pytest.raises(ValueError, match="terms must be"):
            result.likelihood_ratio_test(terms)
    with pytest.raises(ValueError, match="confidence must be"):
        result.interval(95)
