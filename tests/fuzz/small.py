"""Small problems: rows 4 to 400, columns 1 to 30, classes 2 to 6."""

from tests.fuzz import checker

SIZE = "small"


def check(seed):
    """Verdict on the seed's problem."""
    return checker.check(seed, SIZE)


def compare(seed):
    """What becomes of the seed's problem with other solvers, and with ours."""
    from tests.fuzz.peers import outcomes

    return outcomes(seed, SIZE)
