"""Small problems: rows 4 to 400, columns 1 to 30, classes 2 to 6."""

from tests.fuzz.checker import check as _check


def check(seed):
    """Verdict on the seed's small problem."""
    return _check(seed, "small")
