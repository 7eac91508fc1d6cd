"""Arrays of other libraries: fitted where they are, with numpy's answer.

scipy must be told of them before it is imported: the tests run in a process of their own, which the last one
starts.
"""

import os
import subprocess
import sys

import numpy as np
import pytest
import sklearn

from sklearn_xent import CrossEntropyClassifier

TOLD = os.environ.get("SCIPY_ARRAY_API") == "1"
told = pytest.mark.skipif(not TOLD, reason="run by test_arrays_of_other_libraries, with SCIPY_ARRAY_API=1")
TIGHT = 1e-20


def libraries():
    for name in ("array_api_strict", "torch"):
        for dtype in ("float64", "float32"):
            yield pytest.param((name, dtype), id=f"{name} {dtype}")


@pytest.fixture(params=libraries())
def place(request):
    """Puts arrays where the library keeps them: a mock device, where it has one."""
    name, dtype = request.param
    xp = pytest.importorskip(name)
    if name == "torch":
        pytest.importorskip("array_api_compat")
    device = xp.Device("device1") if name == "array_api_strict" else "cpu"

    def put(values):
        kind = getattr(xp, dtype) if np.asarray(values).dtype.kind == "f" else None
        return xp.asarray(values, dtype=kind, device=device)

    put.tol, put.device, put.xp = (1e-8 if dtype == "float64" else 1e-5), device, xp
    put.numpy = lambda a: a.numpy() if name == "torch" else np.asarray(a.to_device(xp.Device("CPU_DEVICE")))
    with sklearn.config_context(array_api_dispatch=True):
        yield put


def softmax_rows(n=2000, d=6, K=3, seed=0):
    rng = np.random.default_rng(seed)
    # of few digits, so that float32 holds them exactly
    X = np.round(rng.standard_normal((n, d)) * 3 + 1, 2).astype(np.float32).astype(float)
    z = (X - 1) / 3 @ rng.standard_normal((d, K))
    return X, np.argmax(z + rng.gumbel(size=z.shape), axis=1)


@told
@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"C": np.inf},
        {"l1_ratio": 1.0, "C": 0.01},
        {"solver": "newton-cholesky", "class_weight": "balanced"},
        {"solver": "truncated-newton"},
        {"solver": "row-space"},
        {"solver": "lbfgs", "tol": 1e-12},
    ],
    ids=str,
)
def test_a_fit_is_that_of_numpy_and_stays_where_X_is(place, K, options):
    X, y = softmax_rows(K=K)
    options = {"tol": TIGHT} | options
    expected = CrossEntropyClassifier(**options).fit(X, y)
    model = CrossEntropyClassifier(**options).fit(place(X), place(y))
    for name in ("coef_", "intercept_"):
        value = getattr(model, name)
        assert type(value) is type(place(X))
        assert value.dtype == place.xp.float64  # as from numpy's float32
        assert str(value.device) == str(place(X).device)
        np.testing.assert_allclose(
            place.numpy(value), getattr(expected, name), rtol=place.tol, atol=place.tol
        )
    for name in ("predict_proba", "predict_log_proba", "decision_function"):
        value = getattr(model, name)(place(X))
        assert value.dtype == place.xp.float64  # as from numpy's float32
        assert str(value.device) == str(place(X).device)
        np.testing.assert_allclose(place.numpy(value), getattr(expected, name)(X), atol=100 * place.tol)
    labels = model.predict(place(X))
    assert type(labels) is type(place(X))
    np.testing.assert_array_equal(place.numpy(labels), expected.predict(X))


@told
def test_weights_offsets_and_text_labels(place):
    X, y = softmax_rows(K=3)
    rng = np.random.default_rng(1)
    w, offset = rng.integers(1, 9, len(y)) / 8, rng.integers(-9, 9, (len(y), 3)) / 8
    text = np.array(["ant", "bee", "cow"])[y]
    expected = CrossEntropyClassifier(tol=TIGHT).fit(X, text, w, offset)
    model = CrossEntropyClassifier(tol=TIGHT).fit(place(X), text, place(w), place(offset))
    np.testing.assert_allclose(place.numpy(model.coef_), expected.coef_, rtol=place.tol, atol=place.tol)
    assert model.predict(place(X)).tolist() == expected.predict(X).tolist()


@told
def test_integers_become_floats_and_far_columns_are_centred(place):
    X, y = softmax_rows(K=2)
    whole = np.round(X * 8).astype(np.int64) + 1_000_000
    model = CrossEntropyClassifier(tol=TIGHT).fit(place(whole), place(y))
    expected = CrossEntropyClassifier(tol=TIGHT).fit(whole, y)
    np.testing.assert_allclose(place.numpy(model.coef_), expected.coef_, rtol=1e-6)


@told
def test_a_fit_goes_on_from_the_last_and_can_leave_the_device(place):
    X, y = softmax_rows(K=3)
    model = CrossEntropyClassifier(warm_start=True, solver="newton-cholesky").fit(place(X), place(y))
    first = model.n_iter_
    assert model.fit(place(X), place(y)).n_iter_ < first
    plain = model.to_sklearn()
    np.testing.assert_allclose(
        plain.predict_proba(X), place.numpy(model.predict_proba(place(X))), atol=1e2 * place.tol
    )


@told
def test_what_is_wrong_is_named(place):
    X, y = softmax_rows(200)
    wrong = X.copy()
    wrong[17, 2] = np.nan
    model = CrossEntropyClassifier()
    with pytest.raises(ValueError, match="NaN or infinity in column 2"):
        model.fit(place(wrong), place(y))
    with pytest.raises(ValueError, match="y has 199 rows, but X has 200"):
        model.fit(place(X), place(y[:-1]))
    with pytest.raises(ValueError, match="two dimensions"):
        model.fit(place(X[:, 0]), place(y))
    assert not hasattr(model, "coef_")
    model.fit(place(X), place(y))
    with pytest.raises(ValueError, match="5 features"):
        model.predict(place(X[:, :5]))


@told
def test_large_products_are_taken_where_X_is(place, monkeypatch):
    """Nothing but a sample of the rows is copied to the host."""
    from sklearn_xent.rows.array_api import DeviceBlock

    def refused(*_, **__):
        raise AssertionError("a block was copied")

    monkeypatch.setattr(DeviceBlock, "__array__", refused)
    X, y = softmax_rows(5000, K=3)
    for options in ({}, {"solver": "newton-cholesky"}, {"solver": "lbfgs"}, {"solver": "truncated-newton"}):
        CrossEntropyClassifier(tol=1e-6, **options).fit(place(X), place(y))


@told
def test_rows_from_elsewhere_than_the_fit_are_refused(place):
    X, y = softmax_rows(200)
    model = CrossEntropyClassifier().fit(place(X), place(y))
    for name in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
        with pytest.raises(ValueError, match=rf"{name}\(\) must use the same namespace .* got numpy on cpu"):
            getattr(model, name)(X)
    with pytest.raises(ValueError, match="fitted with numpy on cpu"):
        CrossEntropyClassifier().fit(X, y).predict(place(X))


@told
def test_without_dispatch_an_array_of_another_library_is_converted(place):
    if place.device != "cpu":
        pytest.skip("a mock device cannot be read")
    X, y = softmax_rows(300)
    with sklearn.config_context(array_api_dispatch=False):
        assert type(CrossEntropyClassifier().fit(place(X), y).coef_) is np.ndarray


@pytest.mark.skipif(TOLD, reason="this is the process that it starts")
def test_arrays_of_other_libraries():
    pytest.importorskip("array_api_strict")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", __file__]
    environment = os.environ | {"SCIPY_ARRAY_API": "1"}
    for name in [name for name in environment if name.startswith(("PYTEST_", "COV_CORE"))]:
        del environment[name]
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment, check=False, cwd=os.path.dirname(__file__)
    )
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout
