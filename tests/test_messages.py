"""What a user is told who passes what was not expected: the argument, what was got, and what to write."""

import re

import numpy as np
import pandas as pd
import pytest

from sklearn_xent import (
    CoefficientDisplay,
    CrossEntropyClassifier,
    CrossEntropyClassifierCV,
    MiniBatchCrossEntropyClassifier,
    RegularizationPathDisplay,
    cross_entropy_loss,
    cross_entropy_path,
)
from tests.problems import overlapping

X, y = overlapping(n=60, d=3)


def fit(X=X, y=y, **options):
    return CrossEntropyClassifier().fit(X, y, **options)


@pytest.mark.parametrize(
    "call",
    [
        fit,
        lambda X: CrossEntropyClassifierCV(Cs=2, cv=2).fit(X, y),
        lambda X: MiniBatchCrossEntropyClassifier().partial_fit(X, y, classes=[0, 1]),
        lambda X: fit(pd.DataFrame(np.zeros((60, 2)), columns=["age", "smokes"])).predict(X),
    ],
)
def test_text_in_a_column_of_x_is_named_with_its_encoder(call):
    frame = pd.DataFrame({"age": np.arange(60.0), "smokes": ["yes", "no"] * 30})
    with pytest.raises(ValueError, match=r"X must hold numbers; column 'smokes' holds 'yes'.*OneHotEncoder"):
        call(frame)


def test_text_in_an_array_is_named_by_its_place():
    with pytest.raises(ValueError, match=r"column 1 holds 'no'"):
        fit([[0.0, "no"], [1.0, "yes"]], [0, 1])


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: fit(sample_weight=["no"] * 60), "sample_weight"),
        (lambda: fit(offset=["no"] * 60), "offset"),
        (lambda: fit(y=[["no", "yes"]] * 60), "y, soft labels"),
        (lambda: cross_entropy_loss(["no", "yes"], ["no", "yes"]), "y_prob"),
        (lambda: cross_entropy_loss([0, 1], [0.5, 0.5], sample_weight=["no", "no"]), "sample_weight"),
        (lambda: cross_entropy_loss([["no", "yes"]], [[0.5, 0.5]]), "y_true"),
    ],
)
def test_text_instead_of_numbers_names_its_argument(call, name):
    with pytest.raises(ValueError, match=rf"{name}.* must hold numbers; got text: .*'no'"):
        call()


def advice(message):
    """The two expressions that a message about counts proposes."""
    return re.search(r"(total = np.sum\(.*?\)); pass (.*), and sample_weight=total", message).groups()


@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize("framed", [False, True])
def test_what_is_said_of_counts_of_votes_fits_them(K, framed):
    votes = np.random.default_rng(0).integers(1, 9, (60, K))
    given = pd.DataFrame(votes, columns=list("abc")[:K]) if framed else votes
    with pytest.raises(ValueError, match=r"row \d+ sums to \d+\. Counts of votes are divided") as error:
        fit(y=given)
    place = {"np": np, "y": given}
    total, share = advice(str(error.value))
    exec(total, place)
    model = fit(y=eval(share, place), sample_weight=place["total"])
    rows, labels = np.nonzero(votes)
    times = votes[rows, labels]
    each = fit(np.repeat(X[rows], times, axis=0), np.repeat(labels, times))
    np.testing.assert_allclose(model.coef_, each.coef_, rtol=1e-5)


def test_what_is_said_of_counts_scores_them():
    y_true, p = np.array([[3, 1], [2, 5]]), np.array([[0.6, 0.4], [0.3, 0.7]])
    with pytest.raises(
        ValueError, match=r"y_true must hold probabilities in \[0, 1\]; got 3.0. Counts"
    ) as error:
        cross_entropy_loss(y_true, p)
    place = {"np": np, "y_true": y_true}
    total, share = advice(str(error.value))
    exec(total, place)
    loss = cross_entropy_loss(eval(share, place), p, sample_weight=place["total"], reduction="sum")
    assert loss == pytest.approx(-(y_true * np.log(p)).sum())


def test_several_labels_of_a_row_are_no_counts():
    with pytest.raises(ValueError, match="Multilabel targets are not supported"):
        fit(y=np.tile([1, 1, 0], (60, 1)))


def test_what_is_said_of_one_column_of_probabilities_fits_it():
    p = np.random.default_rng(0).uniform(size=60)
    with pytest.raises(
        ValueError, match=r"Unknown label type.*Soft labels are given.*np\.column_stack"
    ) as error:
        fit(y=p)
    proposed = re.search(r"np\.column_stack\(\[.*?\]\)", str(error.value)).group()
    model = fit(y=eval(proposed, {"np": np, "y": p}))
    assert model.predict_proba(X)[:, 1].mean() == pytest.approx(p.mean(), rel=1e-4)


@pytest.mark.parametrize(
    ("names", "got"), [(["a"], "1"), (list("abcd"), "4"), ("abc", "'abc'")], ids=["few", "many", "text"]
)
def test_feature_names_are_one_for_each_column(names, got):
    with pytest.raises(ValueError, match=rf"feature_names must be 3 names, one for each column; got {got}\."):
        CoefficientDisplay.from_estimator(fit(), feature_names=names)
    path = cross_entropy_path(X, y, Cs=[0.1, 1.0])
    with pytest.raises(ValueError, match=rf"feature_names must be 3 names, one for each column; got {got}\."):
        RegularizationPathDisplay.from_path(path, feature_names=names)
