"""What a browser shows of the pages: traps of the markup that no build warns of."""

import pathlib
import re

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.model_selection import train_test_split

from sklearn_xent import CrossEntropyClassifier, cross_entropy_loss

ROOT = pathlib.Path(__file__).resolve().parents[1]
SOURCES = sorted(
    path for pattern in ("docs/*.rst", "sklearn_xent/**/*.py", "examples/*.py") for path in ROOT.glob(pattern)
)
QUICKSTART, CONVERGENCE = (
    (ROOT / "examples" / f"plot_{name}.py").read_text() for name in ("quickstart", "convergence")
)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_reference_begins_with_an_initial_which_would_be_the_number_of_a_list(path):
    assert not re.findall(r"^[ #]*(?:\.\. \[\d+\]|\*) [A-Z]\. .*", path.read_text(), re.M)


@pytest.mark.parametrize("path", sorted((ROOT / "docs").glob("*.rst")), ids=lambda path: path.name)
def test_no_cell_of_a_table_is_a_bullet(path):
    assert not re.findall(r"^ +(?:\* )?- -$", path.read_text(), re.M)


def test_the_quickstart_s_five_samples_cost_more_than_the_others():
    X, X_test, y, y_test = train_test_split(*load_breast_cancer(return_X_y=True), random_state=0)
    forecast = CrossEntropyClassifier(C=1.0).fit(X, y).predict_log_proba(X_test)
    losses = np.sort(cross_entropy_loss(y_test, forecast, from_logits=True, reduction="none"))
    assert "The five samples of the largest loss cost more than the other 138" in QUICKSTART
    assert len(losses) == 5 + 138
    assert losses[-5:].sum() > losses[:-5].sum()


def test_the_means_of_the_wine_data_are_those_that_the_example_states():
    means = load_wine().data.mean(axis=0)
    assert f"one feature has a mean of {means.max():.0f}, another of {means.min():.2f}" in CONVERGENCE
