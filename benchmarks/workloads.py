"""The seeded workloads of the speed tables. Each returns X, y and C; sizes are part of the claim."""

from __future__ import annotations

import gzip
import os
import pathlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp

__all__ = ["DATA", "WORKLOADS", "Workload", "labels", "lambda_max", "load"]

DATA = pathlib.Path(
    os.environ.get(
        "SKLEARN_XENT_DATA", pathlib.Path(__file__).resolve().parents[1].parent / "shared" / "data"
    )
)


class Workload(NamedTuple):
    """A problem, what it is, and the ratio to the best peer that it must reach.

    With a ``share`` the strength is the least that keeps all coefficients at zero, divided by it.
    """

    make: Callable[[], tuple[Any, Any]]
    C: float
    title: str
    must: float
    l1_ratio: float = 0.0
    share: float = 0.0


def labels(z: Any, rng: np.random.Generator) -> Any:
    """Labels drawn from logits (n,) or (n, K)."""
    if z.ndim == 1:
        return (rng.random(len(z)) < 1 / (1 + np.exp(-z))).astype(np.int64)
    return np.argmax(z + rng.gumbel(size=z.shape), axis=1)


def tall(scale: float = 1.0) -> tuple[Any, Any]:
    """1M x 50, well conditioned or with column scales 1..scale."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((1_000_000, 50))
    y = labels(X @ (rng.standard_normal(50) * 2 / np.sqrt(50)), rng)
    X *= np.geomspace(1, scale, 50)
    return X, y


def raw_and_one_hot() -> tuple[Any, Any]:
    """581k x 54: ten skewed raw-scale numeric columns, one-hot of 4 and of 40 with rare levels."""
    rng = np.random.default_rng(1)
    n = 581_012
    scales = np.geomspace(5, 3000, 10)
    numeric = rng.gamma(1.5, 1.0, (n, 10)) * scales
    area = rng.choice(4, n, p=[0.45, 0.4, 0.1, 0.05])
    levels = np.geomspace(1, 1e-5, 40)
    soil = rng.choice(40, n, p=levels / levels.sum())
    X = np.hstack([numeric, np.eye(4)[area], np.eye(40)[soil]])
    w = np.concatenate([rng.standard_normal(10) / scales, rng.standard_normal(44)])
    return X, labels(X @ w - np.median(X @ w), rng)


def decaying() -> tuple[Any, Any]:
    """100k x 500 whose spectrum decays as j^-0.75, in a random basis."""
    rng = np.random.default_rng(2)
    d = 500
    basis, _ = np.linalg.qr(rng.standard_normal((d, d)))
    X = (rng.standard_normal((100_000, d)) * np.arange(1, d + 1) ** -0.75) @ basis.T
    return X, labels(X @ (rng.standard_normal(d) * 2), rng)


def unit_rows() -> tuple[Any, Any]:
    """50k x 2000 dense rows of norm 1."""
    rng = np.random.default_rng(3)
    X = rng.standard_normal((50_000, 2000))
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    return X, labels(X @ (rng.standard_normal(2000) * 3), rng)


def tall_100() -> tuple[Any, Any]:
    """1M x 100, of which 30 matter."""
    rng = np.random.default_rng(10)
    X = rng.standard_normal((1_000_000, 100))
    w = np.where(np.arange(100) < 30, rng.standard_normal(100), 0.0) / 2
    return X, labels(X @ w, rng)


def correlated() -> tuple[Any, Any]:
    """500 x 5000, neighbours correlated by 0.6."""
    rng = np.random.default_rng(11)
    X = rng.standard_normal((500, 5000))
    for j in range(1, X.shape[1]):
        X[:, j] = 0.6 * X[:, j - 1] + 0.8 * X[:, j]
    return X, labels(X[:, :500:10] @ rng.standard_normal(50), rng)


def wide() -> tuple[Any, Any]:
    """1000 x 20k dense."""
    rng = np.random.default_rng(4)
    X = rng.standard_normal((1000, 20_000))
    return X, labels(X[:, :50] @ rng.standard_normal(50), rng)


def _text(n: int, d: int, per_row: int, rng: np.random.Generator) -> Any:
    """Rows of norm 1 with Zipf-distributed columns, weighted as tf-idf weighs words."""
    columns = np.minimum((d ** rng.random((n, per_row)) - 1) * d / (d - 1), d - 1).astype(np.int64)
    rows = np.repeat(np.arange(n), per_row)
    X = sp.csr_array((np.ones(n * per_row), (rows, columns.ravel())), shape=(n, d))
    X.sum_duplicates()
    # as scikit-learn's vectorizers have it
    X.indices, X.indptr = X.indices.astype(np.int32), X.indptr.astype(np.int32)
    seen = np.bincount(X.indices, minlength=d)
    X.data = (1 + np.log(X.data)) * np.log(n / np.maximum(seen, 1) + 1)[X.indices]
    norms = np.sqrt(np.asarray(X.multiply(X).sum(axis=1)).ravel())
    X.data /= np.repeat(norms, np.diff(X.indptr))
    return X


def sparse_text() -> tuple[Any, Any]:
    """Sparse 200k x 47k, about 80 entries a row, tf-idf."""
    rng = np.random.default_rng(5)
    X = _text(200_000, 47_000, 95, rng)
    return X, labels(X @ (rng.standard_normal(47_000) * 5), rng)


def sparse_topics() -> tuple[Any, Any]:
    """Sparse 11.3k x 130k, 20 classes."""
    rng = np.random.default_rng(6)
    X = _text(11_300, 130_000, 150, rng)
    return X, labels(X @ (rng.standard_normal((130_000, 20)) * 8), rng)


def mnist(dtype: Any = np.float64) -> tuple[Any, Any]:
    """60k x 784 handwritten digits, 10 classes, pixels scaled to [0, 1]."""

    def read(name: str, offset: int) -> Any:
        return np.frombuffer(gzip.open(DATA / name).read(), np.uint8, offset=offset)

    X = read("train-images-idx3-ubyte.gz", 16).reshape(-1, 784).astype(dtype) / dtype(255)
    return X, read("train-labels-idx1-ubyte.gz", 8).astype(np.int64)


def embeddings() -> tuple[Any, Any]:
    """50k x 768 float32, 100 classes, correlated columns as in embeddings of a network."""
    rng = np.random.default_rng(7)
    mix = rng.standard_normal((768, 768)) * np.arange(1, 769)[:, None] ** -0.5
    centres = rng.standard_normal((100, 768))
    y = rng.integers(0, 100, 50_000)
    X = (centres[y] * 0.35 + rng.standard_normal((50_000, 768))) @ mix / 8
    return X.astype(np.float32), y


def bundled(name: str, *, standardise: bool) -> tuple[Any, Any]:
    """A data set of the scikit-learn wheel."""
    import sklearn.datasets
    from sklearn.preprocessing import StandardScaler

    X, y = getattr(sklearn.datasets, f"load_{name}")(return_X_y=True)
    return (StandardScaler().fit_transform(X) if standardise else X), y


WORKLOADS: dict[str, Workload] = {
    "tall": Workload(tall, 1.0, "1M x 50 dense", 6),
    "tall-scaled": Workload(lambda: tall(1e3), 1.0, "1M x 50, column scales 1..1e3", 6),
    "one-hot": Workload(raw_and_one_hot, 1.0, "581k x 54, raw scales and one-hot", 5),
    "decaying": Workload(decaying, 1.0, "100k x 500, decaying spectrum", 4),
    "unit-rows": Workload(unit_rows, 1.0, "50k x 2000, unit rows", 1),
    "wide": Workload(wide, 0.01, "1000 x 20k dense, C=0.01", 4),
    "sparse-text": Workload(sparse_text, 1.0, "sparse 200k x 47k, tf-idf", 2.5),
    "sparse-topics": Workload(sparse_topics, 1.0, "sparse 11.3k x 130k, K=20", 2),
    "mnist": Workload(mnist, 1.0, "60k x 784, K=10", 5),
    "mnist-float32": Workload(lambda: mnist(np.float32), 1.0, "60k x 784, K=10, float32", 5),
    "embeddings": Workload(embeddings, 0.1, "50k x 768 float32, K=100, C=0.1", 2),
} | {
    f"{name}{'-scaled' if scaled else ''}": Workload(
        lambda name=name, scaled=scaled: bundled(name, standardise=scaled),
        1.0,
        f"{name}, {'standardised' if scaled else 'raw'}",
        2,
    )
    for name in ("iris", "wine", "breast_cancer", "digits")
    for scaled in (False, True)
}


WORKLOADS |= {
    f"{name}-l1{'' if ratio == 1 else '-half'}-{share}": Workload(
        make, 1.0, f"{title}, l1_ratio {ratio:g}, lambda_max / {share}", must, ratio, share
    )
    for name, make, title, must, ratios, shares in (
        ("tall", tall_100, "1M x 100", 4, (1.0, 0.5), (10, 100)),
        ("correlated", correlated, "500 x 5000, correlation 0.6", 1, (1.0,), (5, 20, 100)),
        ("sparse-text", sparse_text, "sparse 200k x 47k", 2, (1.0,), (10, 50)),
        ("mnist", mnist, "60k x 784, K=10", 4, (1.0,), (10, 100)),
    )
    for ratio in ratios
    for share in shares
}


def lambda_max(X: Any, y: Any) -> float:
    """Largest slope of the summed loss in a coefficient where all are zero."""
    slopes = [np.abs(X.T @ ((y == k) - np.mean(y == k))).max() for k in np.unique(y)]
    return float(max(slopes))


def load(name: str) -> tuple[Any, Any, float]:
    """X, y and C of a workload."""
    workload = WORKLOADS[name]
    X, y = workload.make()
    if workload.share:
        return X, y, workload.share * workload.l1_ratio / lambda_max(X, y)
    return X, y, workload.C
