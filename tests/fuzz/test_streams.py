"""A few seeds of the hard streams; `python -m tests.fuzz streams --count 1000` runs more."""

import pytest

from tests.fuzz.streams import check


@pytest.mark.parametrize("seed", range(24))
def test_a_hard_stream_is_learnt_or_warned_of(seed):
    verdict = check(seed)
    assert verdict.kind in ("ok", "warned"), verdict.detail
