"""A plain LogisticRegression with the same predictions, and through it every exporter."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from sklearn_xent import CrossEntropyClassifier
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
def test_onnx_gives_the_same_probabilities(K):
    skl2onnx, runtime = pytest.importorskip("skl2onnx"), pytest.importorskip("onnxruntime")
    X, y = overlapping(K=K)
    X = X.astype(np.float32)
    model = CrossEntropyClassifier().fit(X, y)
    graph = skl2onnx.to_onnx(model.to_sklearn(), X[:1], options={"zipmap": False})
    session = runtime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    _, probabilities = session.run(None, {session.get_inputs()[0].name: X})
    np.testing.assert_allclose(probabilities, model.predict_proba(X), atol=1e-6)
