"""Singular vectors where LAPACK's faster method gives up."""

import numpy as np
import pytest

from sklearn_xent.arrays import singular_vectors


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 4)])
@pytest.mark.parametrize("fails", [False, True])
def test_singular_vectors_do_not_depend_on_the_method(monkeypatch, shape, fails):
    R = np.random.default_rng(0).normal(size=shape)

    def gives_up(*_):
        raise np.linalg.LinAlgError("SVD did not converge")

    _, expected, _ = np.linalg.svd(R)
    if fails:
        monkeypatch.setattr(np.linalg, "svd", gives_up)
    values, vectors = singular_vectors(R)
    np.testing.assert_allclose(values, expected, rtol=1e-14)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(shape[1]), atol=1e-14)
    np.testing.assert_allclose(np.linalg.norm(R @ vectors, axis=0)[: len(values)], values, rtol=1e-13)
