"""Mean, spread and size of the columns against exact sums, where squares have lost them, too."""

from fractions import Fraction

import numpy as np
import pytest
import scipy.sparse as sp

from sklearn_xent.problem.moments import moments_of, name_columns
from sklearn_xent.rows import as_rows


def exact(x, weights):
    """Weighted mean, spread and root mean square in rational numbers."""
    x, w = [Fraction(v) for v in x.tolist()], [Fraction(v) for v in weights.tolist()]
    mean = sum(a * b for a, b in zip(w, x, strict=True))
    variance = sum(a * (b - mean) ** 2 for a, b in zip(w, x, strict=True))
    square = sum(a * b**2 for a, b in zip(w, x, strict=True))
    return float(mean), float(variance) ** 0.5, float(square) ** 0.5


COLUMNS = {
    "plain": lambda rng: rng.normal(size=64),
    "far": lambda rng: rng.normal(size=64) + 1e7,
    "constant": lambda rng: np.full(64, 0.1),
    "zero": lambda rng: np.zeros(64),
    "sparse": lambda rng: np.where(rng.random(64) < 0.2, rng.normal(size=64), 0.0),
    "small": lambda rng: 1e-150 * rng.normal(size=64),
    "large": lambda rng: 1e150 * rng.normal(size=64),
}


@pytest.mark.parametrize("container", [np.asarray, sp.csr_array, sp.csc_array])
@pytest.mark.parametrize("name", COLUMNS)
def test_they_are_those_of_exact_sums(name, container):
    rng = np.random.default_rng(0)
    x = COLUMNS[name](rng)
    weights = rng.integers(0, 5, 64).astype(float)
    weights[0] += 128 - weights.sum() % 128  # a sum that is divided by exactly enough
    weights /= weights.sum()
    X = np.column_stack([x, rng.normal(size=64)])
    mean, spread, size = (m[0] for m in moments_of(as_rows(container(X), np.zeros((1, 64)), weights, None)))
    mean_, spread_, size_ = exact(x, weights)
    total = float(sum(Fraction(w) for w in weights.tolist()))
    assert total == pytest.approx(1.0, rel=1e-15)
    assert mean == pytest.approx(mean_, rel=1e-13, abs=1e-15 * size_)
    assert size == pytest.approx(size_, rel=1e-12)
    if name in ("constant", "zero"):
        assert spread == 0
    else:
        assert spread == pytest.approx(spread_, rel=1e-7 if name == "far" else 1e-11)


@pytest.mark.parametrize("container", [np.asarray, sp.csr_array, sp.csc_array])
@pytest.mark.parametrize("seed", range(5))
def test_a_mean_that_is_off_by_as_much_as_the_spread_is_put_right(seed, container):
    """Values of 2^50 a quarter apart, which is their last digit: a sum of them is off by more than that."""
    rng = np.random.default_rng(seed)
    x = 2.0**50 + rng.integers(0, 2, 1000) / 4
    weights = rng.random(1000)
    weights /= weights.sum()
    mean, spread, size = (
        m[0] for m in moments_of(as_rows(container(x[:, None]), np.zeros((1, 1000)), weights))
    )
    total = sum(Fraction(w) for w in weights.tolist())
    mean_ = sum(Fraction(w) * Fraction(v) for w, v in zip(weights.tolist(), x.tolist(), strict=True)) / total
    variance = sum(
        Fraction(w) * (Fraction(v) - mean_) ** 2 for w, v in zip(weights.tolist(), x.tolist(), strict=True)
    )
    assert spread == pytest.approx(float(variance) ** 0.5, rel=1e-12)
    assert abs(float(Fraction(mean) - mean_)) <= 0.126  # half a last digit
    assert size == pytest.approx(2.0**50, rel=1e-12)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_named(bad):
    X = np.zeros((5, 4))
    X[3, 2] = bad
    rows = as_rows(X, np.zeros((1, 5)), np.full(5, 0.2), None)
    with pytest.raises(ValueError, match="contains NaN or infinity in column 2"):
        moments_of(rows)
    with pytest.raises(ValueError, match="in column 'c'"):
        moments_of(rows, ["a", "b", "c", "d"])


def test_some_of_many_columns_are_named():
    assert name_columns(np.zeros(3, bool), None) == ""
    assert name_columns(np.array([False, True]), None) == "column 1"
    assert name_columns(np.ones(5, bool), None) == "columns 0, 1, 2 and 2 more"
    assert name_columns(np.array([True, True]), ["a", "b"]) == "columns 'a', 'b'"
