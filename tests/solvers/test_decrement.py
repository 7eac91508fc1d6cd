"""Whether what conjugate gradients have found of a decrement is believed."""

import numpy as np
import pytest

from sklearn_xent.solvers.decrement import believed
from tests.problem.test_derivatives import pose


@pytest.mark.parametrize(("gains", "expected"), [(None, True), ([1, 5, 9, 9.5], True), ([1, 2, 3, 4], False)])
def test_a_decrement_that_goes_on_growing_is_not_all(gains, expected):
    objective, W = pose(2)
    point = objective.at(W)
    assert believed(point, 0 * W, 0 * W, gains) == expected


@pytest.mark.parametrize("what", ["step", "residual"])
def test_none_is_believed_where_logits_change_by_one(what):
    objective, W = pose(2)
    point = objective.at(0 * W)
    nothing, much = np.zeros_like(W), np.full_like(W, 10.0)
    assert believed(point, nothing, nothing, None)
    assert not believed(point, *((much, nothing) if what == "step" else (nothing, much)), None)
