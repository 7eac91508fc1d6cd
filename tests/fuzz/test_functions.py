import pytest

pytest.importorskip("mpmath")

from tests.fuzz.functions import check


@pytest.mark.parametrize("seed", range(60))
def test_functions_are_right_to_their_last_digits(seed):
    verdict = check(seed)
    assert verdict.kind == "ok", verdict.detail
