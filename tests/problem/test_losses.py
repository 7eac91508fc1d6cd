"""The root of the curvature, beside the curvature itself."""

import numpy as np
import pytest

from sklearn_xent.problem.losses import loss_for


@pytest.mark.parametrize("K", [2, 3, 5])
@pytest.mark.parametrize("size", [1.0, 30.0, 900.0])
def test_the_contrasts_root_squares_to_their_curvature(K, size):
    rng = np.random.default_rng(0)
    loss = loss_for(K)
    Z = size * rng.normal(size=(loss.n_logits, 50))
    targets = np.full((loss.n_logits, 50), 1 / K)
    with np.errstate(under="ignore", all="raise"):
        e = loss.expand(Z, targets)
    with np.errstate(under="ignore", over="raise", divide="raise", invalid="raise"):
        C = e.contrast_root()
    assert not np.triu(C.transpose(2, 0, 1), 1).any()
    product = np.einsum("kri,lri->kli", C, C)
    first = 0 if K == 2 else 1
    for k in range(K - 1):
        for l in range(K - 1):
            expected = e.curvature(k + first, l + first)
            # each class's to its own last digits: a curvature of 1e-26 is not 0
            size = np.sqrt(product[k, k]) * np.sqrt(product[l, l])
            assert (np.abs(product[k, l] - expected) <= 1e-12 * size + 1e-300).all()


def test_the_least_curvature_of_contrasts_keeps_its_digits():
    z = np.array([[-60.0], [0.0], [0.3]])  # the first class is all but excluded
    C = loss_for(3).expand(z, np.full((3, 1), 1 / 3)).contrast_root()[:, :, 0]
    p = np.exp(z[:, 0]) / np.exp(z[:, 0]).sum()
    # along (1, 1) the curvature is p_0 (1 - p_0), which p_1 + p_2 - (p_1 + p_2)^2 is not in doubles
    assert ((np.ones(2) @ C) ** 2).sum() == pytest.approx(p[0], rel=1e-12)
