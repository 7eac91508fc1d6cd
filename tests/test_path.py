"""The path: every point the optimum that a single fit finds, and a grid that starts where it should."""

import numpy as np
import pytest
import scipy.sparse as sp

from sklearn_xent import CrossEntropyClassifier, cross_entropy_path
from tests.problems import overlapping


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5, 1.0])
@pytest.mark.parametrize(
    ("n", "d", "K"), [(200, 8, 2), (200, 8, 3), (60, 500, 2), (60, 500, 3), (20_000, 70, 2)]
)
def test_each_point_is_the_fit_of_its_C(n, d, K, l1_ratio):
    X, y = overlapping(n=n, d=d, K=K, seed=1)
    X = X * np.geomspace(0.1, 10, d) + 3
    path = cross_entropy_path(X, y, Cs=[1.0, 1e-3, 0.03], l1_ratio=l1_ratio, tol=1e-10)
    assert path.converged.all()
    for C, coef, intercept, loss in zip(path.Cs, path.coefs, path.intercepts, path.losses, strict=True):
        model = CrossEntropyClassifier(C=C, l1_ratio=l1_ratio, tol=1e-10).fit(X, y)
        ours, theirs = X @ coef.T + intercept, X @ model.coef_.T + model.intercept_
        if K > 2:  # an even number of classes may share a shift that costs nothing
            ours, theirs = (z - z.mean(axis=1, keepdims=True) for z in (ours, theirs))
        np.testing.assert_allclose(ours, theirs, atol=2e-4 * np.abs(theirs).max())
        objective = loss + (l1_ratio * np.abs(coef).sum() + (1 - l1_ratio) / 2 * (coef**2).sum()) / (C * n)
        assert objective == pytest.approx(model.history_["objective"][-1], rel=1e-8)


@pytest.mark.parametrize("container", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("K", [2, 3])
def test_the_default_grid_starts_at_the_last_empty_model(K, container):
    X, y = overlapping(n=150, d=6, K=K)
    weights, factors = np.arange(1.0, 151), [1.0, 2.0, 1.0, 0.0, 1.0, 1.0]
    options = {"l1_ratio": 0.7, "penalty_factor": factors, "sample_weight": weights}
    path = cross_entropy_path(container(X), y, Cs=20, **options)
    assert path.n_nonzero[0] == 1  # the column without a penalty
    assert path.n_nonzero[1] >= 2
    first = cross_entropy_path(container(X), y, Cs=[path.Cs[0] * 0.999, path.Cs[0] * 1.01], **options)
    assert first.n_nonzero.tolist() == [1, 2]
    np.testing.assert_allclose(np.diff(np.log(path.Cs)), np.log(1e3) / 19)


def test_results_come_in_the_order_asked_for():
    X, y = overlapping()
    up, down = (cross_entropy_path(X, y, Cs=Cs) for Cs in ([0.1, 1, 10], [10, 1, 0.1]))
    np.testing.assert_allclose(up.coefs, down.coefs[::-1], rtol=1e-6, atol=1e-9)
    assert (np.diff(up.losses) < 0).all()


def test_soft_labels_offsets_and_bounds_along_a_path():
    rng = np.random.default_rng(0)
    X, P = rng.normal(size=(80, 3)), rng.dirichlet(np.ones(3), 80)
    shifts = rng.normal(size=(80, 3))
    path = cross_entropy_path(X, P, Cs=[0.1, 1.0], offset=shifts, coef_bounds=(-0.1, 0.2), l1_ratio=0.5)
    model = CrossEntropyClassifier(C=1.0, coef_bounds=(-0.1, 0.2), l1_ratio=0.5).fit(X, P, offset=shifts)
    np.testing.assert_allclose(path.coefs[1], model.coef_, atol=1e-4)
    assert path.coefs.min() >= -0.1
    assert path.coefs.max() <= 0.2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"Cs": 0}, "Cs must be at least 1 value; got 0"),
        ({"Cs": []}, "Cs must be positive numbers; got none"),
        ({"Cs": [1, -1]}, "got -1.0 at entry 1"),
        ({"Cs": [1, np.nan]}, "got nan at entry 1"),
        ({"l1_ratio": 2}, r"l1_ratio must be in \[0, 1\]; got 2"),
        ({"tol": 0}, "tol must be positive"),
        ({"penalty_factor": [0.0] * 4}, "Cs must be given"),
        ({"penalty_factor": [1.0]}, "penalty_factor must have shape"),
    ],
)
def test_wrong_arguments_of_a_path_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        cross_entropy_path(*overlapping(), **options)


def test_verbose_prints_a_line_for_each_optimum(capsys):
    X, y = overlapping(n=80)
    path = cross_entropy_path(X, y, Cs=[0.1, 1.0], verbose=1)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert "C 0.1" in lines[0]
    assert f"gap {path.gaps[1]:.1e}" in lines[1]
    with pytest.raises(TypeError, match="verbose must be"):
        cross_entropy_path(X, y, verbose="yes")
