"""The rows kept of the iterates."""

import numpy as np

from sklearn_xent.solvers.history import History
from tests.problem.test_derivatives import pose


def test_a_row_is_what_is_known_of_a_point():
    objective, W = pose(2)
    history = History()
    point = objective.at(W)
    passes = objective.rows.passes
    history.add(point, 0.5)
    history.add(objective.at(2 * W), 0.25)
    table = history.to_dict()
    assert list(table) == ["objective", "gradient_norm", "gap", "passes", "seconds", "rows"]
    assert len(history) == 2
    assert table["objective"][0] == point.value
    assert table["gradient_norm"][0] == np.linalg.norm(point.stationarity)
    assert table["gap"].tolist() == [0.5, 0.25]
    assert table["passes"].tolist() == [passes, passes + 1]
    assert (table["rows"] == 30).all()
    assert 0 <= table["seconds"][0] <= table["seconds"][1]


def test_passes_of_a_sample_are_those_given():
    objective, W = pose(2)
    history = History()
    history.add(objective.at(W), 0.5, passes=7)
    assert history.passes == [7]


def test_the_last_row_is_judged_anew():
    objective, W = pose(3)
    history, other = History(), objective.at(0 * W)
    history.add(objective.at(W), 0.5)
    history.add(objective.at(2 * W), 0.4)
    history.judge_last(other, 0.1)
    assert len(history) == 2
    assert history.objective[1] == other.value
    assert history.gap == [0.5, 0.1]
