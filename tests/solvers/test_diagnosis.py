"""The one warning of a fit: what it says of the distance to the minimum, and of separated classes."""

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from sklearn_xent import CrossEntropyClassifier, SeparationWarning
from sklearn_xent.solvers.diagnosis import diagnose
from sklearn_xent.solvers.history import History
from sklearn_xent.solvers.optimality_gap import Gap, Kind
from sklearn_xent.solvers.solve import Solution
from sklearn_xent.solvers.visit import Status
from tests.fuzz.generator import problem as generate
from tests.problem.test_derivatives import pose
from tests.problems import overlapping


@pytest.mark.parametrize("kind", Kind)
def test_only_a_bound_is_printed_as_a_distance(kind):
    objective, W = pose(2)
    solution = Solution(objective.at(W), Gap(1e-3, kind), Status.STALLED, History(), None)
    assert ("within 0.001 nats" in str(diagnose(solution, 1e-6))) == (kind is Kind.BOUND)


@pytest.mark.parametrize("status", [Status.ITERATION_LIMIT, Status.STALLED])
def test_the_solver_that_chooses_is_advised_to_those_who_have_not_asked_for_it(status):
    objective, W = pose(2)
    solution = Solution(objective.at(W), Gap(1e-3, Kind.BOUND), status, History(), None, "quasi-newton")
    for asked in ("quasi-newton", "auto"):
        advised = "use solver='auto'" in str(diagnose(solution, 1e-6, asked=asked))
        assert advised == (asked != "auto")


@pytest.mark.parametrize(("solver", "advice"), [("auto", "raise max_iter."), ("lbfgs", "solver='auto'.")])
def test_a_fit_tells_what_it_was_asked_for(solver, advice):
    X, y = overlapping()
    with pytest.warns(ConvergenceWarning, match=f"To help: .*{advice}$"):
        CrossEntropyClassifier(solver=solver, max_iter=1, tol=1e-12).fit(X, y)


def test_classes_that_were_seen_to_be_separated_are_so_wherever_the_fit_ends():
    objective, W = pose(2, strength=0.0)
    point, ray = objective.at(W), np.eye(1, W.size, 2)
    for seen, named in ((ray, "by column 2:"), (None, "The classes are separated")):
        solution = Solution(point, Gap(np.inf), Status.SEPARABLE, History(), None, ray=seen)
        warning = diagnose(solution, 1e-6)
        assert isinstance(warning, SeparationWarning)
        assert named in str(warning)


def test_separated_rows_end_a_small_fit_with_its_first_method():
    # near-dependent columns, of which an outlying row hides one: three methods went on along the ray
    problem = generate(76, "small")
    model = CrossEntropyClassifier(**problem.parameters)
    with pytest.warns(SeparationWarning):
        model.fit(problem.X, problem.y)
    assert model.solver_ == "newton-cholesky"
