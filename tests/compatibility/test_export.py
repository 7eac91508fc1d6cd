"""A plain LogisticRegression with the same predictions, and through it every exporter."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

from sklearn_xent import CrossEntropyClassifier, CrossEntropyClassifierCV, MiniBatchCrossEntropyClassifier
from tests.problems import overlapping


@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize("options", [{}, {"fit_intercept": False}, {"l1_ratio": 1.0, "C": 0.1}])
def test_to_sklearn_predicts_the_same(K, options):
    X, y = overlapping(K=K)
    y = np.array(["a", "b", "c"])[y]
    model = CrossEntropyClassifier(**options).fit(X, y)
    plain = model.sparsify().to_sklearn()
    assert type(plain) is LogisticRegression
    np.testing.assert_allclose(plain.predict_proba(X), model.predict_proba(X), rtol=1e-12)
    np.testing.assert_array_equal(plain.predict(X), model.predict(X))
    plain.coef_[:] = 0.0
    assert model.densify().coef_.any()


def test_to_sklearn_keeps_the_names_of_columns():
    pd = pytest.importorskip("pandas")
    X, y = overlapping()
    frame = pd.DataFrame(X, columns=list("abcd"))
    plain = CrossEntropyClassifier().fit(frame, y).to_sklearn()
    assert plain.feature_names_in_.tolist() == list("abcd")
    plain.predict(frame)


@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_onnx_gives_the_same_probabilities_and_labels(K, fit_intercept):
    skl2onnx, runtime = pytest.importorskip("skl2onnx"), pytest.importorskip("onnxruntime")
    X, y = overlapping(K=K)
    X, y = X.astype(np.float32), np.array(["no", "perhaps", "yes"])[y]
    model = CrossEntropyClassifier(fit_intercept=fit_intercept).fit(X, y)
    graph = skl2onnx.to_onnx(model.to_sklearn(), X[:1], options={"zipmap": False})
    session = runtime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    labels, probabilities = session.run(None, {session.get_inputs()[0].name: X})
    np.testing.assert_allclose(probabilities, model.predict_proba(X), atol=1e-6)
    clear = np.abs(np.diff(np.sort(model.predict_proba(X), axis=1)[:, -2:])).ravel() > 1e-4
    np.testing.assert_array_equal(labels[clear], model.predict(X)[clear])


def test_to_sklearn_of_a_model_without_names_has_none():
    X, y = overlapping()
    plain = CrossEntropyClassifier(C=7.0).fit(X, y).to_sklearn()
    assert not hasattr(plain, "feature_names_in_")
    assert plain.C == 7.0
    assert plain.n_features_in_ == 4


@pytest.mark.parametrize("K", [2, 3])
def test_coefficients_go_out_to_scikit_learn_and_come_back(K):
    X, y = overlapping(K=K)
    model = CrossEntropyClassifier().fit(X, np.array(["a", "bb", "c"])[y])
    plain = model.to_sklearn()
    back = CrossEntropyClassifier.from_coefficients(plain.coef_, plain.intercept_, plain.classes_)
    np.testing.assert_array_equal(back.predict_log_proba(X), model.predict_log_proba(X))
    np.testing.assert_array_equal(back.predict(X), model.predict(X))
    again = back.to_sklearn()
    np.testing.assert_array_equal(again.coef_, plain.coef_)
    np.testing.assert_array_equal(again.intercept_, plain.intercept_)


def test_one_intercept_is_every_class_s():
    three = CrossEntropyClassifier.from_coefficients(np.eye(3), 2.0, [0, 1, 2])
    np.testing.assert_array_equal(three.decision_function(np.zeros((1, 3))), [[2.0, 2.0, 2.0]])


@pytest.mark.parametrize(
    ("coef", "intercept", "classes", "message"),
    [
        (np.ones((2, 3)), 0.0, ["a", "b"], r"2 classes need coef \(1, n_features\)"),
        (np.ones((1, 3)), 0.0, ["a", "b", "c"], r"3 classes need coef \(3, n_features\)"),
        (np.ones((3, 3)), [0.0, 1.0], ["a", "b", "c"], r"got \(3, 3\) and \(2,\)"),
        ([1.0, np.nan], 0.0, [0, 1], "coef contains NaN"),
        ([1.0], 0.0, [1], "at least two distinct"),
        ([1.0], 0.0, [[0, 1]], "at least two distinct"),
    ],
)
def test_coefficients_that_fit_no_model_are_refused(coef, intercept, classes, message):
    with pytest.raises(ValueError, match=message):
        CrossEntropyClassifier.from_coefficients(coef, intercept, classes)


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5, 1.0])
def test_a_clone_of_what_to_sklearn_gives_is_the_same_model(l1_ratio):
    X, y = overlapping(n=300)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    options = {"C": 0.1, "l1_ratio": l1_ratio, "class_weight": "balanced", "fit_intercept": False}
    model = CrossEntropyClassifier(**options, tol=1e-8, max_iter=5000).fit(X, y)
    plain = model.to_sklearn()
    np.testing.assert_allclose(clone(plain).fit(X, y).coef_, model.coef_, rtol=1e-2, atol=1e-4)
    assert plain.get_params()["class_weight"] == "balanced"


@pytest.mark.parametrize("l1_ratios", [[0.0], [1.0]])
def test_what_cross_validation_chose_is_carried_to_sklearn(l1_ratios):
    X, y = overlapping(n=200)
    model = CrossEntropyClassifierCV(Cs=[0.01, 0.1, 1.0], l1_ratios=l1_ratios, cv=3).fit(X, y)
    plain = model.to_sklearn()
    assert plain.C == model.C_
    np.testing.assert_allclose(plain.predict_proba(X), model.predict_proba(X), rtol=1e-12)


def test_a_minibatch_model_is_converted():
    X, y = overlapping(n=200, K=3)
    model = MiniBatchCrossEntropyClassifier(C=2.0).fit(X, y)
    assert model.to_sklearn().C == 2.0
