import pytest

from tests.fuzz.names import check


@pytest.mark.parametrize("seed", range(12))
def test_any_name_is_drawn_as_it_is(seed):
    assert check(seed).kind == "ok", check(seed).detail
