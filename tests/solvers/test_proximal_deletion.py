"""Models that leave one row out each with an l1 penalty, against fits without the row."""

import numpy as np
import pytest

from sklearn_xent.solvers.proximal_deletion import ProximalDeletion
from tests.solvers.test_deletion import left_out_of, made, without


@pytest.mark.parametrize("l1_ratio", [0.5, 1.0])
@pytest.mark.parametrize("K", [2, 3])
def test_losses_are_those_of_fits_within_their_bounds(K, l1_ratio):
    best, scored, data = left_out_of(K, l1_ratio, strength=0.05, n=60)
    assert (best.coefficients == 0).any()
    rows = np.arange(60)
    losses, errors = made(ProximalDeletion, best, scored, data).without(rows)
    exact = np.array([without(best, data, i) for i in rows])
    known = np.isfinite(errors)
    assert known.sum() >= 40
    assert (np.abs(losses - exact) <= errors + 1e-7 * exact)[known].all()
    assert (errors < 0.02)[known].all()
