"""The blocks of the pages on large data that need optional packages: they run as they are printed."""

import pathlib
import re

import numpy as np
import pytest

from sklearn_xent import CrossEntropyClassifier

DOCS = pathlib.Path(__file__).resolve().parents[1] / "docs"


def blocks(page):
    """The literal blocks of a page, outdented."""
    found = re.findall(r"::\n\n((?:    .*\n|\n)+)", (DOCS / page).read_text())
    return [re.sub(r"^    ", "", block, flags=re.MULTILINE) for block in found]


@pytest.fixture
def names(tmp_path):
    """What the page has defined before."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((5000, 4))
    y = (rng.random(5000) < 1 / (1 + np.exp(-X @ [1.0, -1.0, 0.5, 0.0]))).astype(int)
    return {"X": X, "y": y, "folder": tmp_path, "CrossEntropyClassifier": CrossEntropyClassifier}


def test_the_parquet_block(names):
    pytest.importorskip("pyarrow")
    (block,) = [b for b in blocks("large_data.rst") if "pyarrow" in b]
    exec(block, names)
    assert names["model"].feature_names_in_.tolist() == ["a", "b", "c", "d"]
    expected = CrossEntropyClassifier().fit(names["X"], names["y"])
    np.testing.assert_allclose(names["model"].coef_, expected.coef_, rtol=1e-3, atol=1e-3)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore::DeprecationWarning:distributed.*")
@pytest.mark.filterwarnings("ignore::DeprecationWarning:dask.*")
def test_the_dask_block(names):
    pytest.importorskip("distributed")
    (block,) = [b for b in blocks("clusters.rst") if "Client(" in b]
    exec(block, names)
    expected = CrossEntropyClassifier().fit(names["X"], names["y"])
    np.testing.assert_allclose(names["model"].coef_, expected.coef_, rtol=1e-3, atol=1e-3)
