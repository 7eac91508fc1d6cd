"""One problem under many penalties in turn: each optimum, from where the last one ended."""

import numpy as np
import pytest

from sklearn_xent.problem.penalties import elastic_net
from sklearn_xent.solvers.fit import fit
from sklearn_xent.solvers.path import follow
from tests.problem.test_derivatives import pose
from tests.solvers.test_row_space import wide

OPTIONS = {"tol": 1e-10, "max_iter": 200}


def penalties(objective, strengths, l1_ratio=0.0, bounds=None):
    return [elastic_net(objective.design, s, l1_ratio, None, bounds) for s in strengths]


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5])
@pytest.mark.parametrize("K", [2, 3])
def test_each_is_the_optimum_that_a_fit_from_nothing_finds(K, l1_ratio):
    objective, _ = pose(K, n=80)
    given = penalties(objective, [1.0, 0.3, 0.1, 0.03], l1_ratio)
    found = list(follow(objective, iter(given), **OPTIONS))
    assert len(found) == 4
    for penalty, one in zip(given, found, strict=True):
        alone = fit(objective.under(penalty), objective.design.zeros(objective.shape[0]), **OPTIONS)
        point = one.solution.point
        assert point.objective.penalty is penalty
        assert point.value == pytest.approx(alone.solution.point.value, rel=1e-9)
        np.testing.assert_allclose(one.coef, alone.coef, atol=1e-4)
        assert one.warning is None


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5])
def test_each_goes_on_from_the_last_whose_optimum_is_not_read_again(l1_ratio):
    objective, _ = pose(2, n=80)
    given = penalties(objective, [0.1, 0.09], l1_ratio)
    found = follow(objective, given, **OPTIONS)
    last = next(found).solution.point.coefficients
    passes = [objective.rows.passes]
    next(found)
    passes.append(objective.rows.passes)
    fit(objective.under(given[1]), last, **OPTIONS)
    passes.append(objective.rows.passes)
    known, alone = np.diff(passes)
    assert known == alone - 1


def test_fits_are_made_as_they_are_asked_for():
    objective, _ = pose(2)
    asked = []

    def one_by_one():
        for penalty in penalties(objective, [1.0, 0.1, 0.01]):
            asked.append(penalty)
            yield penalty

    found = follow(objective, one_by_one(), **OPTIONS)
    assert not asked
    next(found)
    assert len(asked) == 1


def test_a_start_outside_new_bounds_is_brought_inside():
    """The first optimum has a coefficient above 0.1, and the next penalty keeps all below 0.01."""
    objective, _ = pose(2, n=80)
    free, ends = penalties(objective, [0.01])[0], (np.full(4, -0.01), np.full(4, 0.01))
    bounded = penalties(objective, [0.01], bounds=ends)[0]
    seen = []
    options = OPTIONS | {"report": lambda name, point, history: seen.append(point)}
    wide, narrow = follow(objective, [free, bounded], **options)
    assert np.abs(wide.coef).max() > 0.1
    within = [point for point in seen if point.objective.penalty is bounded]
    for point in within:  # the first of them, too
        assert np.abs(objective.to_original(point.coefficients)[0]).max() <= 0.01 * (1 + 1e-12)
    assert within
    assert np.abs(narrow.coef).max() <= 0.01 * (1 + 1e-12)
    alone = fit(objective.under(bounded), objective.design.zeros(1), **OPTIONS)
    assert narrow.solution.point.value == pytest.approx(alone.solution.point.value, rel=1e-9)


def test_what_methods_remember_is_left_to_who_asks():
    objective, options = wide(2), OPTIONS | {"solver": "row-space"}
    memory = {}
    first, second = follow(objective, penalties(objective, [0.1, 0.05]), memory=memory, **options)
    assert first.solver == second.solver == "row-space"
    assert memory
    kept = dict(memory)
    passes = objective.rows.passes
    (third,) = follow(objective, penalties(objective, [0.05]), memory=memory, **options)
    assert third.solution.point.value == pytest.approx(second.solution.point.value, rel=1e-9)
    with_memory = objective.rows.passes - passes
    list(follow(objective, penalties(objective, [0.05]), **options))
    assert with_memory < objective.rows.passes - passes - with_memory
    assert memory.keys() == kept.keys()
