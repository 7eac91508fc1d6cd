"""Real data as they are: raw scales, rows in their original order, wide, sparse, separable."""

import gzip

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.datasets import load_svmlight_file
from sklearn.feature_extraction.text import TfidfVectorizer

from sklearn_xent import CrossEntropyClassifier, SeparationWarning
from tests.problems import reference_objective

pytestmark = pytest.mark.data


def check_gap(X, y, **options):
    """Fit by default, without a warning; no other solver may find a lower objective."""
    model = CrossEntropyClassifier(**options).fit(X, y)
    codes = np.searchsorted(model.classes_, y)
    best = reference_objective(model, X, codes)
    other = CrossEntropyClassifier(solver="lbfgs", tol=1e-7, max_iter=3000, **options).fit(X, y)
    assert best <= reference_objective(other, X, codes) * (1 + 1e-6)
    return model


@pytest.mark.slow
def test_forest_cover_raw(shared_data):
    data = np.loadtxt(shared_data / "covtype.20k.data.gz", delimiter=",")
    X, y = data[:, :-1], data[:, -1].astype(int)
    assert len(np.unique(y)) == 7
    check_gap(X, y)
    check_gap(X, y == 2)


def test_census_income_raw(shared_data):
    pd = pytest.importorskip("pandas")
    frame = pd.read_csv(shared_data / "adult.csv.gz")
    y = (frame.pop("income-per-year").str.strip().str.rstrip(".") == ">50K").to_numpy()
    X = pd.get_dummies(frame, dtype=float)
    model = check_gap(X.to_numpy(), y)
    assert model.score(X.to_numpy(), y) > 0.84


@pytest.fixture(scope="module")
def census(request):
    """Columns of the census as strings and numbers, and whether an income is above 50,000."""
    pd = pytest.importorskip("pandas")
    frame = pd.read_csv(request.getfixturevalue("shared_data") / "adult.csv.gz")
    y = (frame.pop("income-per-year").str.strip().str.rstrip(".") == ">50K").to_numpy()
    return frame, y


@pytest.mark.slow
@pytest.mark.parametrize(("C", "l1_ratio"), [(10.0, 1.0), (3.0, 1.0), (10.0, 0.99)])
def test_census_lasso_of_sparse_raw_columns(census, C, l1_ratio):
    import pandas as pd

    frame, y = census
    X = pd.get_dummies(frame, dtype=float).to_numpy()
    model = CrossEntropyClassifier(C=C, l1_ratio=l1_ratio).fit(sp.csr_array(X), y)
    assert model.converged_
    lowest = CrossEntropyClassifier(C=C, l1_ratio=l1_ratio).fit(X, y)
    best = reference_objective(lowest, X, y.astype(int))
    assert reference_objective(model, X, y.astype(int)) <= best * (1 + 1e-6)
    assert model.history_["objective"][-1] < 0.3165


@pytest.mark.parametrize("container", [np.asarray, sp.csr_array])
def test_census_level_of_one_class_is_named(census, container):
    # without pay or never worked: the few rows of the second are all of one class
    import pandas as pd

    frame, y = census
    levels = pd.get_dummies(frame["workclass"], dtype=float)
    alone = [name for name in levels if len(np.unique(y[levels[name] == 1])) == 1]
    assert alone
    others = frame[["age", "education-num"]].to_numpy(float)
    X = np.column_stack([levels.to_numpy(), others])
    columns = "|".join(str(list(levels).index(name)) for name in alone)
    with pytest.warns(SeparationWarning, match=f"quasi-separation.* columns? ({columns})"):
        model = CrossEntropyClassifier(C=np.inf).fit(container(X), y)
    assert not model.converged_


def test_mushrooms_are_separable(shared_data):
    X, y = load_svmlight_file(str(shared_data / "agaricus.svm.gz"))
    check_gap(X.toarray(), y)
    with pytest.warns(SeparationWarning):
        model = CrossEntropyClassifier(C=np.inf).fit(X, y)
    assert model.score(X, y) == 1.0


def test_messages_as_tf_idf(shared_data):
    with gzip.open(shared_data / "sms.tsv.gz", "rt", encoding="utf-8") as file:
        lines = file.read().splitlines()
    labels, texts = zip(*(line.split("\t", 1) for line in lines), strict=True)
    X, y = TfidfVectorizer().fit_transform(texts), np.array(labels)
    model = CrossEntropyClassifier(C=10.0).fit(X, y)
    assert model.converged_
    assert model.score(X, y) > 0.97


def test_gene_expression_is_wide(shared_data):
    data = np.loadtxt(shared_data / "arcene_train.txt.gz")
    X, y = data[:, 1:], data[:, 0].astype(int)
    assert X.shape == (100, 10_000)
    for C in (1e-6, 1.0):
        model = CrossEntropyClassifier(C=C).fit(X, y)
        finer = CrossEntropyClassifier(C=C, tol=1e-11).fit(X, y)
        lowest = finer.history_["objective"][-1]
        assert model.history_["objective"][-1] <= lowest * (1 + 1e-6)
