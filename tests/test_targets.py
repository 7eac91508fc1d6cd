"""Labels of any kind, soft labels, weights and offsets: what they mean, and every error about them."""

import numpy as np
import pytest
from sklearn.exceptions import DataConversionWarning

from sklearn_xent import CrossEntropyClassifier
from tests.problems import overlapping

X, Y = overlapping(n=90, d=3)
X3, Y3 = overlapping(n=90, d=3, K=3)


def fit(y=Y, X=X, **options):
    data = {k: options.pop(k) for k in ("sample_weight", "offset") if k in options}
    return CrossEntropyClassifier(**options).fit(X, y, **data)


@pytest.mark.parametrize(
    "labels",
    [
        np.array([False, True]),
        np.array([-5, -1]),
        np.array([2**40, 2**41]),
        np.array([0, 255], dtype=np.uint8),
        np.array([1.0, 2.0]),
        np.array(["a", "much longer"]),
        np.array(["x", "y"], dtype=object),
        np.array([-1, 70]),
    ],
)
def test_labels_of_any_kind(labels):
    model = fit(labels[Y])
    np.testing.assert_array_equal(model.classes_, labels)
    np.testing.assert_array_equal(model.coef_, fit().coef_)
    assert set(model.predict(X).tolist()) == set(labels.tolist())


def test_pandas_labels():
    pd = pytest.importorskip("pandas")
    expected = fit(np.array(["no", "yes"])[Y])
    for series in (
        pd.Series(np.array(["no", "yes"])[Y]),
        pd.Series(np.array(["no", "yes"])[Y], dtype="string"),
        pd.Series(pd.Categorical(np.array(["no", "yes"])[Y], categories=["maybe", "no", "yes"])),
    ):
        model = fit(series)
        assert model.classes_.tolist() == ["no", "yes"]
        np.testing.assert_array_equal(model.coef_, expected.coef_)
    for kind in ("Int64", "boolean"):
        np.testing.assert_array_equal(fit(pd.Series(Y).astype(kind)).coef_, expected.coef_)


def test_frames_of_soft_labels_name_the_classes():
    pd, pl = pytest.importorskip("pandas"), pytest.importorskip("polars")
    P = np.random.default_rng(0).dirichlet([1, 1, 1], len(X))
    expected = fit(P)
    for frame in (pd.DataFrame(P, columns=["a", "b", "c"]), pl.DataFrame(P, schema=["a", "b", "c"])):
        model = fit(frame)
        assert model.classes_.tolist() == ["a", "b", "c"]
        np.testing.assert_allclose(model.coef_, expected.coef_)
    unsorted = fit(pd.DataFrame(P[:, ::-1], columns=["c", "b", "a"]))
    np.testing.assert_allclose(unsorted.coef_, expected.coef_)


def test_a_column_vector_warns():
    with pytest.warns(DataConversionWarning):
        model = fit(Y[:, None])
    np.testing.assert_array_equal(model.coef_, fit().coef_)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "requires y"),
        (np.zeros(90, int), r"one class only, \[0\]"),
        (Y[:-1], "y has 89 rows, but X has 90"),
        (Y + 0.5, "Unknown label type.*Soft labels"),
        (np.where(Y, np.nan, 1.0), "y contains NaN"),
        (np.tile([0.7, 0.7], (90, 1)), "sum to 1; row 0 sums to 1.4"),
        (np.tile([1.5, -0.5], (90, 1)), "negative probability, -0.5"),
        (np.tile([np.nan, 1.0], (90, 1)), "y contains NaN"),
        (np.tile([0.5, 0.5, 0.0], (90, 1)), "class 2 has no weight"),
        (np.zeros((90, 2, 2)), "should be a 1d array|dim 3"),
    ],
)
def test_errors_about_labels(y, message):
    with pytest.raises(ValueError, match=message):
        fit(y)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.zeros(90), "sample_weight must hold a positive weight; all of them are zero"),
        (-np.ones(90), "sample_weight must not be negative; got -1"),
        (np.full(90, np.nan), "sample_weight contains NaN"),
        (np.full(90, np.inf), "sample_weight contains infinity"),
        (np.ones(89), r"sample_weight must have shape \(90,\); got \(89,\)"),
        (np.ones((90, 1)), "sample_weight must have shape"),
        (np.full(90, 1e308), "sum is not finite"),
        (np.where(Y == 1, 0.0, 1.0), "class 1 has no weight"),
    ],
)
def test_errors_about_weights(weights, message):
    with pytest.raises(ValueError, match=message):
        fit(sample_weight=weights)


def test_a_number_weighs_every_row():
    np.testing.assert_allclose(fit(sample_weight=2.0).coef_, fit(C=2.0).coef_, rtol=1e-9)


def test_weight_zero_is_an_absent_row():
    weights = np.where(np.arange(90) % 3 == 0, 0.0, 1.0)
    Z = np.where(weights[:, None] == 0, 1e6, X)
    kept = weights > 0
    np.testing.assert_allclose(
        fit(X=Z, sample_weight=weights).coef_, fit(Y[kept], X=X[kept]).coef_, rtol=1e-8
    )


@pytest.mark.parametrize(
    ("class_weight", "message"),
    [
        ({0: 1, 7: 2}, r"class_weight names classes \[7\]"),
        ({0: -1}, "class_weight must be finite and not negative; got -1.0 for class 0"),
        ({0: np.nan}, "class_weight must be finite"),
        ("equal", "class_weight must be None, 'balanced' or a dict; got 'equal'"),
        (3, "class_weight must be"),
        ({0: 0}, "class 0 has no weight"),
    ],
)
def test_errors_about_class_weights(class_weight, message):
    with pytest.raises(ValueError, match=message):
        fit(class_weight=class_weight)


def test_class_weights_are_weights():
    by_class = fit(class_weight={0: 2.0, 1: 0.5})
    np.testing.assert_allclose(by_class.coef_, fit(sample_weight=np.where(Y, 0.5, 2.0)).coef_, rtol=1e-9)
    names = np.array(["no", "yes"])[Y]
    np.testing.assert_allclose(by_class.coef_, fit(names, class_weight={"no": 2.0, "yes": 0.5}).coef_)


@pytest.mark.parametrize("smoothing", [0.1, 0.5])
def test_label_smoothing_is_soft_labels(smoothing):
    soft = (1 - smoothing) * np.eye(3)[Y3] + smoothing / 3
    smooth = fit(Y3, X=X3, label_smoothing=smoothing)
    np.testing.assert_allclose(smooth.coef_, fit(soft, X=X3).coef_, rtol=1e-8)


def test_an_offset_is_a_column_with_coefficient_one():
    rng = np.random.default_rng(0)
    offset = rng.normal(size=90)
    # a column whose optimal coefficient is c, as an offset with that coefficient, leaves the rest alone
    full = fit(X=np.column_stack([X, offset]), C=np.inf)
    part = fit(offset=full.coef_[0, -1] * offset, C=np.inf)
    np.testing.assert_allclose(part.coef_[0], full.coef_[0, :-1], rtol=1e-7)
    Z = np.column_stack([X, offset])
    np.testing.assert_allclose(
        part.predict_proba(X, offset=full.coef_[0, -1] * offset), full.predict_proba(Z), rtol=1e-7
    )


def test_offsets_of_classes():
    rng = np.random.default_rng(0)
    offset = rng.normal(size=(90, 3))
    model = fit(Y3, X=X3, offset=offset)
    shifted = fit(Y3, X=X3, offset=offset + rng.normal(size=(90, 1)))  # all logits of a row alike
    np.testing.assert_allclose(model.coef_, shifted.coef_, rtol=1e-6, atol=1e-9)
    z = model.decision_function(X3, offset=offset)
    np.testing.assert_allclose(z, model.decision_function(X3) + offset)
    two = rng.normal(size=(90, 2))
    np.testing.assert_allclose(fit(offset=two).coef_, fit(offset=two[:, 1] - two[:, 0]).coef_)


@pytest.mark.parametrize(
    ("offset", "message"),
    [
        (np.zeros(89), r"offset must have shape \(90,\) or \(90, 2\); got \(89,\)"),
        (np.zeros((90, 3)), "offset must have shape"),
        (np.full(90, np.inf), "offset contains infinity"),
    ],
)
def test_errors_about_offsets(offset, message):
    with pytest.raises(ValueError, match=message):
        fit(offset=offset)
    with pytest.raises(ValueError, match=message):
        fit().predict(X, offset=offset)
    with pytest.raises(ValueError, match=r"\(90, 3\); got \(90,\)"):
        fit(Y3, X=X3, offset=np.zeros(90))
