"""Medium problems: rows to 6000, columns to 2200, classes to 200."""

from tests.fuzz.checker import check as _check


def check(seed):
    """Verdict on the seed's medium problem."""
    return _check(seed, "medium")
