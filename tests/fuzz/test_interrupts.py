"""A few seeds of the fuzz check; many more by ``python -m tests.fuzz interrupts``."""

import pytest

from tests.fuzz.interrupts import check


@pytest.mark.parametrize("seed", range(4))
def test_an_interrupted_call_leaves_nothing(seed):
    verdict = check(seed)
    assert verdict.kind == "ok", verdict.detail
