"""What docs/extend.rst shows: a method of one's own, run by the loop that all methods share, and a loss."""

import warnings

import numpy as np
import pytest
import scipy.optimize
from scipy.special import log_ndtr
from sklearn.exceptions import ConvergenceWarning

from sklearn_xent import CrossEntropyClassifier
from sklearn_xent.solvers.line_search import line_search
from sklearn_xent.solvers.loop import iterate
from sklearn_xent.solvers.methods import METHODS, Entry
from tests.probit import Probit, ProbitClassifier, probit
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


def probit_objective(v, X, t, C, l1_ratio):
    z, w = X @ v[:-1] + v[-1], v[:-1]
    loss = -(t * log_ndtr(z) + (1 - t) * log_ndtr(-z)).sum()
    return loss + ((1 - l1_ratio) / 2 * w @ w + l1_ratio * np.abs(w).sum()) / C


@pytest.mark.parametrize("C", [0.1, 10.0, np.inf])
@pytest.mark.parametrize("l1_ratio", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("soft", [False, True])
def test_a_loss_of_ones_own_is_fitted_and_certified_as_the_cross_entropy_is(C, l1_ratio, soft):
    X, y = overlapping(n=200, d=4)
    t = 0.1 + 0.8 * y if soft else y.astype(float)
    labels = np.column_stack([1 - t, t]) if soft else y
    model = ProbitClassifier(C=C, l1_ratio=l1_ratio).fit(X, labels)
    assert model.converged_
    assert model.optimality_gap_kind_ == "bound"
    v = np.append(model.coef_[0], model.intercept_)
    here = probit_objective(v, X, t, C, l1_ratio)
    np.testing.assert_allclose(here, 200 * model.history_["objective"][-1], rtol=1e-12)
    method = "L-BFGS-B" if l1_ratio == 0 or np.isinf(C) else "Powell"
    found = scipy.optimize.minimize(
        probit_objective, v + 0.01, (X, t, C, l1_ratio), method, options={"maxiter": 10_000}
    )
    assert here <= found.fun * (1 + 1e-9)
    np.testing.assert_allclose(here, found.fun, rtol=1e-5)


def test_the_gap_of_a_loss_of_ones_own_is_a_bound():
    X, y = overlapping(n=200, d=4)
    best = 200 * ProbitClassifier(C=1.0, tol=1e-12).fit(X, y).history_["objective"][-1]
    for max_iter in range(1, 6):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = ProbitClassifier(C=1.0, solver="lbfgs", max_iter=max_iter).fit(X, y)
        assert 200 * model.optimality_gap_ >= 200 * model.history_["objective"][-1] - best - 1e-9


def test_slopes_curvature_and_divergence_of_the_probit_agree():
    rng = np.random.default_rng(0)
    z, y = np.linspace(-6, 6, 41), np.tile([0.0, 1.0, 0.3], 14)[:41]
    e, h = probit(z, y), 1e-5
    up, down = probit(z + h, y), probit(z - h, y)
    np.testing.assert_allclose(e.residual[0], (up.value - down.value) / (2 * h), rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(e.bend[0], (up.residual - down.residual)[0] / (2 * h), rtol=1e-6, atol=1e-9)
    there = z + rng.normal(size=41)
    other = probit(there, y)
    # f*(r') - f*(r) - z (r' - r), where f* is attained at the logits
    expected = e.value - other.value + other.residual[0] * (there - z)
    np.testing.assert_allclose(e.divergence(other.residual - e.residual), expected, rtol=1e-6, atol=1e-12)


def test_the_probit_is_of_two_classes():
    X, y = overlapping()
    with pytest.raises(ValueError, match="takes 2 classes; got 3"):
        ProbitClassifier().fit(X, y + (X[:, 0] > 1))
    assert Probit().n_logits == 1
