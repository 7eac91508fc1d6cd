"""How near is near enough: relative for small problems, in nats of the whole objective for large ones."""

from types import SimpleNamespace

import numpy as np
import pytest

from sklearn_xent import CrossEntropyClassifier
from sklearn_xent.solvers.tolerance import goal
from tests.problems import overlapping


def enough(value, total, tol=1e-6):
    return goal(SimpleNamespace(value=value, objective=SimpleNamespace(total=total)), tol) * total


def test_up_to_5000_nats_it_is_relative():
    assert enough(0.5, 100) == pytest.approx(50e-6)
    assert enough(0.5, 10_000) == pytest.approx(0.005)


def test_beyond_it_is_a_tenth_of_a_standard_error_until_eight_digits_are_asked_for():
    assert enough(0.5, 100_000) == pytest.approx(0.005)
    assert enough(0.5, 1_000_000) == pytest.approx(0.005)
    assert enough(0.5, 10_000_000) == pytest.approx(0.05)


@pytest.mark.parametrize("tol", [1e-8, 1e-11])
def test_a_tol_of_eight_digits_or_more_is_relative(tol):
    assert enough(0.5, 10_000_000, tol) == pytest.approx(tol * 5e6)


def test_the_default_leaves_every_combination_of_coefficients_within_a_tenth_of_its_standard_error():
    X, y = overlapping(n=40_000, d=12)
    default = CrossEntropyClassifier(C=np.inf, solver="lbfgs").fit(X, y)
    exact = CrossEntropyClassifier(C=np.inf, tol=1e-13).fit(X, y)
    p = exact.predict_proba(X)[:, 1]
    A = np.column_stack([X, np.ones(len(X))])
    information = A.T @ ((p * (1 - p))[:, None] * A)
    off = np.append(default.coef_ - exact.coef_, default.intercept_ - exact.intercept_)
    assert off.any()
    # the largest of v'off / sqrt(v' information^-1 v) over all v
    assert off @ information @ off <= 0.1**2
