"""What has no distribution and what the rows do not determine: refused, and by the names of columns."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import ConvergenceWarning

from sklearn_xent import CrossEntropyClassifier, CrossEntropyClassifierCV, infer
from tests.fuzz.inference import Reference
from tests.problems import overlapping, unpenalised

SEPARATED = "are separated, wholly or partly, by column"


def quietly(X, y, **options):
    """A fit without a penalty whose warnings, of separation, are not the matter."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return CrossEntropyClassifier(C=np.inf).fit(X, y, **options)


def separable(kind):
    """Rows (n, 3) and labels that column 1 separates, and what fits them otherwise."""
    rng = np.random.default_rng(1)
    X, options = rng.normal(size=(120, 3)), {}
    y = (X[:, 0] + rng.logistic(size=120) > 0).astype(int)
    if kind == "wholly":
        y = (X[:, 1] > 0).astype(int)
        X[:, 1] += np.where(y, 0.2, -0.2)
    elif kind == "a level of one class":
        X[:, 1] = 0.0
        X[np.flatnonzero(y == 1)[:7], 1] = 1.0
    elif kind == "touching":
        X[:, 1] = rng.integers(1, 5, 120) * (2 * y - 1.0)
        X[:10, 1] = 0.0
    elif kind == "three classes":
        y = np.where(X[:, 1] > 0.5, 2, y)
    elif kind == "weights":
        y = (X[:, 1] > 0).astype(int)
        X[:, 1] += np.where(y, 0.2, -0.2)
        y[:5] = 1 - y[:5]
        options["sample_weight"] = np.where(np.arange(120) < 5, 0.0, 2.5)
    elif kind == "far from zero":
        X[:, 1] = 1e6 + (X[:, 1] > 1.5)
        y[X[:, 1] > 1e6] = 0
    return X, y, options


def test_what_has_no_distribution_is_refused():
    X, y = overlapping()
    with pytest.raises(ValueError, match="l1 penalty"):
        infer(CrossEntropyClassifier(l1_ratio=1.0).fit(X, y), X, y, penalized=True)
    with pytest.raises(ValueError, match="coef_bounds"):
        infer(CrossEntropyClassifier(C=np.inf, coef_bounds=(0, None)).fit(X, y), X, y)
    twice = np.hstack([X, X])
    with pytest.raises(ValueError, match="collinear"):
        infer(unpenalised(twice, y), twice, y)
    with pytest.raises(ValueError, match="ridge penalty"):
        infer(CrossEntropyClassifierCV(Cs=3).fit(X, y), X, y)


@pytest.mark.parametrize("overlap", [False, True])
def test_a_fit_that_was_stopped_is_told_from_separation(overlap):
    X, y = overlapping(n=300, d=3)
    if not overlap:
        y = (X[:, 0] > 0).astype(int)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = CrossEntropyClassifier(C=np.inf, max_iter=1).fit(X, y)
    with pytest.raises(ValueError, match="not at an optimum" if overlap else SEPARATED):
        infer(model, X, y)


@pytest.mark.parametrize(
    "kind",
    ["wholly", "a level of one class", "touching", "three classes", "weights", "far from zero"],
)
@pytest.mark.parametrize("covariance", ["model", "robust"])
def test_separated_classes_are_refused_by_the_name_of_their_columns(kind, covariance):
    X, y, options = separable(kind)
    frame = pd.DataFrame(X, columns=["age", "level", "size"])
    model = quietly(frame, y, **options)
    with pytest.raises(ValueError, match=rf"{SEPARATED} 'level': .* finite C .*penalized=True"):
        infer(model, frame, y, covariance=covariance, **options)
    ridge = CrossEntropyClassifier(C=1.0, tol=1e-12).fit(frame, y, **options)
    assert np.isfinite(infer(ridge, frame, y, penalized=True, **options).std_error).all()


@pytest.mark.parametrize("far", [20.0, 30.0, 50.0, 90.0, 1e3, 1e9])
def test_separated_rows_are_found_however_certain_the_fit_is_of_them(far):
    X, y, _ = separable("far from zero")
    model = quietly(X, y)
    model.intercept_ += 1e6 * (model.coef_[0, 1] + far)
    model.coef_[0, 1] = -far
    with pytest.raises(ValueError, match=SEPARATED):
        infer(model, X, y)


def test_a_rare_level_of_one_class_is_found_whatever_the_fit_said():
    rng = np.random.default_rng(0)
    n = 20_000
    level = rng.choice(["common", "rare", "rarer", "other"], n, p=[0.7, 0.0007, 0.0003, 0.299])
    y = (rng.random(n) < 0.2).astype(int)
    y[np.char.startswith(level, "rare")] = 0
    X = pd.get_dummies(pd.Series(level)).drop(columns="common").astype(float)
    model = quietly(X, y)
    with pytest.raises(ValueError, match=rf"{SEPARATED}s '(rare|rarer)', '(rare|rarer)': "):
        infer(model, X, y)
    kept = X[["other"]]
    assert infer(unpenalised(kept, y), kept, y).std_error.max() < 0.1


def test_separation_of_soft_labels_needs_certain_ones():
    X, y, _ = separable("wholly")
    certain = np.eye(2)[y]
    with pytest.raises(ValueError, match=SEPARATED):
        infer(quietly(X, certain), X, certain)
    soft = 0.98 * certain + 0.01
    assert np.isfinite(infer(unpenalised(X, soft), X, soft).std_error).all()


def test_rows_of_large_leverage_are_not_taken_for_separation():
    rng = np.random.default_rng(2)
    X = rng.normal(size=(300, 2))
    y = (X[:, 0] + rng.logistic(size=300) > 0).astype(int)
    X[0], y[0] = [300.0, 0.0], 1
    result = infer(unpenalised(X, y), X, y)
    exact = Reference(X, np.eye(2)[y], np.ones(300), np.zeros((300, 2)), True)
    np.testing.assert_allclose(result.std_error, exact.errors()[0], rtol=1e-8)


def test_collinear_and_constant_columns_are_named():
    X, y = overlapping(n=200, d=3)
    frame = pd.DataFrame(X, columns=["a", "b", "c"]).assign(total=X[:, 0] + X[:, 2], d=X[:, 1] ** 2)
    with pytest.raises(ValueError, match=r"column 'total' is a linear combination .*Drop"):
        infer(unpenalised(frame, y), frame, y)
    fixed = frame[["a", "b"]].assign(one=7.0)
    with pytest.raises(ValueError, match=r"constant columns: drop column 'one', or fit"):
        infer(unpenalised(fixed, y), fixed, y)
    wide = np.random.default_rng(0).normal(size=(6, 9))
    labels = np.array([0, 1, 0, 1, 0, 1])
    with pytest.raises(ValueError, match=r"collinear"):
        infer(quietly(wide, labels), wide, labels)
    ridge = CrossEntropyClassifier(C=4.0, tol=1e-12).fit(fixed, y)
    result = infer(ridge, fixed, y, penalized=True)
    # of what the rows say nothing about, the posterior is the prior
    assert result.std_error[2] == pytest.approx(2.0, rel=1e-9)
    assert result.effective_df < 3
