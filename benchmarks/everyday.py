"""Time every peer on the data that people have every day: `python benchmarks/everyday.py [workload ...]`.

Real data as users have it, raw, one-hot or tf-idf, and generated rows of the sizes between. As in
benchmarks/run.py at equal gap; "LogisticRegression()" is scikit-learn's with nothing but C set, and its best
gap what one then gets. Data that are not at hand are left out, with a line that says so.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from workloads import DATA, WORKLOADS, Workload, labels

import run

FILES = {
    "adult": "adult.csv.gz",
    "sms": "sms.tsv.gz",
    "cover": "covtype.20k.data.gz",
    "golub": "golub-train.csv.gz",
}
FILES |= {"mushrooms": "agaricus.svm.gz", "arcene": "arcene_train.txt.gz"}


def adult(*, sparse: bool) -> tuple[Any, Any]:
    """Census income, 32k x 108: raw numbers, and categories one-hot."""
    import pandas as pd
    from sklearn.compose import make_column_transformer
    from sklearn.preprocessing import OneHotEncoder

    frame = pd.read_csv(DATA / FILES["adult"])
    y = frame.pop("income-per-year")
    words = frame.columns[[not pd.api.types.is_numeric_dtype(kind) for kind in frame.dtypes]]
    encode = make_column_transformer(
        (OneHotEncoder(sparse_output=sparse), list(words)),
        remainder="passthrough",
        sparse_threshold=float(sparse),
    )
    X = encode.fit_transform(frame)
    return (sp.csr_array(X) if sparse else np.asarray(X, float)), np.unique(y, return_inverse=True)[1]


def sms() -> tuple[Any, Any]:
    """Messages, 5574 x 8713: spam or not, tf-idf."""
    import pandas as pd
    from sklearn.feature_extraction.text import TfidfVectorizer

    table = pd.read_csv(DATA / FILES["sms"], sep="\t", header=None, quoting=3)
    return TfidfVectorizer().fit_transform(table[1]), (table[0] == "spam").to_numpy().astype(np.int64)


def cover() -> tuple[Any, Any]:
    """Forest cover, 20k x 54, seven classes, raw."""
    table = np.loadtxt(DATA / FILES["cover"], delimiter=",")
    return table[:, :-1], table[:, -1].astype(np.int64)


def mushrooms() -> tuple[Any, Any]:
    """Edible or not, 6513 x 126, one-hot: separated."""
    from sklearn.datasets import load_svmlight_file

    X, y = load_svmlight_file(str(DATA / FILES["mushrooms"]))
    return X, y.astype(np.int64)


def golub() -> tuple[Any, Any]:
    """Gene expression, 38 x 7129."""
    import pandas as pd

    table = pd.read_csv(DATA / FILES["golub"])
    numbers = table.select_dtypes("number")
    words = table.columns.difference(numbers.columns)
    return numbers.to_numpy(float), np.unique(table[words[-1]], return_inverse=True)[1]


def arcene() -> tuple[Any, Any]:
    """Mass spectra, 100 x 10,000."""
    table = np.loadtxt(DATA / FILES["arcene"])
    return table[:, 1:], (table[:, 0] > 0).astype(np.int64)


def physics() -> tuple[Any, Any]:
    """7000 x 28, ten columns skewed."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((7000, 28))
    X[:, :10] = np.exp(X[:, :10])
    return X, labels(X @ rng.standard_normal(28) / 2, rng)


def thousand_classes() -> tuple[Any, Any]:
    """2000 x 5, 1000 classes, each seen."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((2000, 5))
    return X, np.concatenate([np.arange(1000), rng.integers(0, 1000, 1000)])


def rare_classes() -> tuple[Any, Any]:
    """5000 x 80, 20 classes of which the rarest is a thousandth of the most frequent."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((5000, 80))
    return X, labels(0.3 * X @ rng.standard_normal((80, 20)) + np.log(np.geomspace(1, 1e-3, 20)), rng)


def square(n: int = 6000, d: int = 1600) -> tuple[Any, Any]:
    """6000 x 1600, 20 columns matter."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, d))
    return X, labels(0.3 * X[:, :20] @ rng.standard_normal(20), rng)


EVERYDAY: dict[str, Workload] = {
    "adult-csr": Workload(lambda: adult(sparse=True), 1.0, "Adult, one-hot, CSR", 1.5),
    "adult": Workload(lambda: adult(sparse=False), 1.0, "Adult, one-hot, dense", 4),
    "adult-csr-l1": Workload(lambda: adult(sparse=True), 10.0, "Adult, one-hot, CSR, lasso, C=10", 1, 1.0),
    "physics": Workload(physics, 1.0, "7000 x 28", 1.5),
    "cover": Workload(cover, 1.0, "forest cover, 20k x 54, K=7", 1),
    "mushrooms": Workload(mushrooms, 1.0, "mushrooms, one-hot, CSR", 1),
    "golub": Workload(golub, 1.0, "golub, 38 x 7129", 1),
    "arcene": Workload(arcene, 1.0, "arcene, 100 x 10,000", 1),
    "thousand-classes": Workload(thousand_classes, 1.0, "2000 x 5, K=1000", 1.5),
    "rare-classes": Workload(rare_classes, 1e5, "5000 x 80, K=20, rare classes, C=1e5", 1),
    "no-penalty": Workload(square, np.inf, "6000 x 1600, C=inf", 1),
} | {
    f"sms-l1-{C:g}": Workload(sms, C, f"SMS, tf-idf, lasso, C={C:g}", 1, 1.0)
    for C in (1.0, 10.0, 100.0, 1000.0)
}

NAMES = [
    name
    for name in EVERYDAY
    if name.split("-")[0] not in FILES or (DATA / FILES[name.split("-")[0]]).exists()
]

if __name__ == "__main__":
    for name in EVERYDAY.keys() - set(NAMES):
        print(f"{name}: its data are not in {DATA}")
    bundled = [
        name for name in WORKLOADS if name.split("-")[0] in ("iris", "wine", "breast_cancer", "digits")
    ]
    WORKLOADS |= EVERYDAY
    run.main([*NAMES, *(name for name in bundled if "l1" not in name)], script=__file__)
