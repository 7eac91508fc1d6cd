"""Problems of the generator; ``python -m tests.fuzz small --count 10000`` is the long run."""

import pytest

from tests.fuzz import medium, small

FAILURES = "violation", "hang", "error"
SHORT, LONG = range(0, 120, 20), range(120, 400, 20)


def failures(check, seeds):
    verdicts = {seed: check(seed) for seed in seeds}
    return {seed: verdict for seed, verdict in verdicts.items() if verdict.kind in FAILURES}


@pytest.mark.parametrize("first", [*SHORT, *(pytest.param(seed, marks=pytest.mark.slow) for seed in LONG)])
def test_small_problems_are_optimal_or_warned(first):
    assert failures(small.check, range(first, first + 20)) == {}


def test_directions_whose_entries_are_far_apart_separate():
    # the linear program's entries span 1e17, and its solver saw no ray
    assert failures(small.check, [6002624]) == {}


def test_a_step_that_makes_up_for_no_slopes_gives_no_bound():
    # a factor of a Hessian whose columns an outlying row makes all but equal solves half of them
    assert failures(small.check, [353]) == {}


def test_a_hessian_that_overflows_raises_nothing():
    assert "refused" not in small.check(12001659).detail


@pytest.mark.parametrize("seed", [6006497, 6007192, 6008240])
def test_what_all_classes_share_of_a_slope_is_no_slope(seed):
    # a row that is far out makes it larger than the sizes of the slope's terms let expect
    assert failures(small.check, [seed]) == {}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_medium_problems_are_optimal_or_warned(seed):
    assert failures(medium.check, [seed]) == {}
