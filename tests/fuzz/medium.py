"""Medium problems: rows to 6000, columns to 2200, classes to 200."""

from tests.fuzz import checker

SIZE = "medium"


def check(seed):
    """Verdict on the seed's problem."""
    return checker.check(seed, SIZE)


def compare(seed):
    """What becomes of the seed's problem with other solvers, and with ours."""
    from tests.fuzz.peers import outcomes

    return outcomes(seed, SIZE)
