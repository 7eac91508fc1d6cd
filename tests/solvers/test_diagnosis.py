"""The one warning of a fit: what it says of the distance to the minimum, and of separated classes."""

import numpy as np
import pytest

from sklearn_xent import CrossEntropyClassifier, SeparationWarning
from sklearn_xent.solvers.diagnosis import diagnose
from sklearn_xent.solvers.history import History
from sklearn_xent.solvers.optimality_gap import Gap, Kind
from sklearn_xent.solvers.solve import Solution
from sklearn_xent.solvers.visit import Status
from tests.fuzz.generator import problem as generate
from tests.problem.test_derivatives import pose


@pytest.mark.parametrize("kind", Kind)
def test_only_a_bound_is_printed_as_a_distance(kind):
    objective, W = pose(2)
    solution = Solution(objective.at(W), Gap(1e-3, kind), Status.STALLED, History(), None)
    assert ("within 0.001 nats" in str(diagnose(solution, 1e-6))) == (kind is Kind.BOUND)


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
