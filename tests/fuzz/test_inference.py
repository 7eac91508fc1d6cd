"""A few seeds of the fuzz of `infer`."""

import pytest

from tests.fuzz.inference import check

pytest.importorskip("statsmodels.api")


@pytest.mark.parametrize("seed", range(12))
def test_inference_beside_long_doubles(seed):
    verdict = check(seed)
    assert verdict.kind in ("ok", "warned"), verdict.detail
