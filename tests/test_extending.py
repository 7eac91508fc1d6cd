"""What docs/extend.rst shows: a method of one's own, run by the loop that all methods share."""

import numpy as np
import pytest

from sklearn_xent import CrossEntropyClassifier
from sklearn_xent.solvers.line_search import line_search
from sklearn_xent.solvers.loop import iterate
from sklearn_xent.solvers.methods import METHODS, Entry
from tests.problems import overlapping


# a method
class DiagonalModel:
    """The Hessian's diagonal in place of the Hessian."""

    def look(self, point):
        self.step_to = point.coefficients - point.gradient / point.hessian_diagonal()
        return {}  # nothing is known of the gap: the monitor guesses, and certifies

    def step(self, point):
        new, _ = line_search(point, self.step_to)
        return new


def diagonal_newton(objective, start, visit):
    iterate(DiagonalModel(), objective.at(start), visit)


# end


@pytest.mark.parametrize("K", [2, 3])
def test_a_method_of_ones_own_is_certified_as_the_others_are(monkeypatch, K):
    X, y = overlapping()
    y = y if K == 2 else y + (X[:, 0] > 1)
    monkeypatch.setitem(METHODS, "diagonal-newton", Entry(diagonal_newton, l1=False))
    model = CrossEntropyClassifier(solver="diagonal-newton").fit(X, y)
    assert model.converged_
    assert model.optimality_gap_kind_ == "bound"
    assert model.solver_.startswith("diagonal-newton")
    exact = CrossEntropyClassifier(tol=1e-12).fit(X, y)
    np.testing.assert_allclose(model.coef_, exact.coef_, atol=1e-3)
    with pytest.raises(ValueError, match="'diagonal-newton' cannot treat l1_ratio"):
        CrossEntropyClassifier(solver="diagonal-newton", l1_ratio=0.5).fit(X, y)
