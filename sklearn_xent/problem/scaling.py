"""Shift and scale of the columns, and whether small rows are centred and scaled once for all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
import scipy.sparse as sp

from sklearn_xent.arrays import Array
from sklearn_xent.problem.design import AppliedDesign, Design
from sklearn_xent.problem.moments import LARGEST_VALUE, SMALLEST_SPREAD, Moments, beyond_range, name_columns
from sklearn_xent.rows import LocalRows, Rows
from sklearn_xent.rows.entries import CACHED, dense

__all__ = ["LARGE", "SINGLE_PRECISION", "applied", "design_for"]

CANCELLATION = 1e2  # |shift| * scale beyond which dense blocks are centred: one more pass while in cache
LARGE = 16 << 20  # bytes of X from which one reading takes milliseconds
# float32 rows are multiplied in float32 if they are large, if their columns' means are no more spreads
# away than this, and if the fit need not be nearer than this to the minimum: logits are off by some 1e-6.
NEAR, SINGLE_PRECISION = 10.0, 1e-8
MEDIAN_ROWS, OUTLYING = 63, 1e3  # rows of a median; small deviations from it beyond which a mean is no use
SMALL = 1 << 23  # bytes of dense rows up to which the design matrix is made once


def design_for(
    rows: Rows,
    moments: Moments,
    *,
    fit_intercept: bool,
    strength: Array,
    l1_ratio: float,
    names: Any = None,
    tol: float = 0.0,
    groups: Array | None = None,
) -> Design:
    """Choose shift and scale: the weighted mean, and 1 / sqrt(variance / 4 + ridge).

    The scale makes the curvature of every coordinate about 1, the ridge (1 - l1_ratio) strength (d,) of its
    penalty included, so that a column too small to matter beside its penalty does not blow up. It also
    decides whether float32 rows are multiplied as they are. Columns of one of the ``groups`` (d,) have one
    scale, that of the column of most spread: the norm of their coefficients is then one in the design, too.

    Raises
    ------
    ValueError
        If a column's values are too large for float64 arithmetic or, where nothing penalises it, its
        spread is too small.
    """
    mean, spread, size = moments
    if not fit_intercept:
        mean, spread = np.zeros_like(mean), size
    columns = name_columns(~(size < LARGEST_VALUE), names)
    if columns:
        _, (in_row,) = rows.sweep(beyond_range)
        place = rows.place(int(np.argmax(np.concatenate(in_row.flat()))))
        raise ValueError(f"X holds values beyond {LARGEST_VALUE:g} in {columns}{place}; rescale them.")
    ridge = (1 - l1_ratio) * strength if groups is None else np.zeros_like(strength)
    tiny = (spread > 0) & (spread < SMALLEST_SPREAD) & (ridge == 0)
    columns = name_columns(tiny & (strength == 0), names)
    if columns:
        raise ValueError(
            f"X varies by less than {SMALLEST_SPREAD:g} in {columns}: no finite coefficient can "
            "use that; rescale or drop them."
        )
    spread = np.where(tiny, 0.0, spread)  # l1 holds such a column at zero
    scale = _scale(spread, ridge, groups)
    shift = np.where(scale > 0, _centre(rows, mean) if fit_intercept else mean, 0.0)
    cancels = np.max(np.abs(shift) * scale, initial=0.0) > CANCELLATION and not rows.sparse
    variance = (spread * scale) ** 2
    far = np.max(np.abs(shift) * scale, initial=0.0)
    rows.single = bool(
        rows.dtype == np.float32 and rows.bytes > LARGE and far < NEAR and tol >= SINGLE_PRECISION
    )
    return Design(shift, scale, variance, fit_intercept, centred=bool(cancels), sparse=rows.sparse)


def _scale(spread: Array, ridge: Array, groups: Array | None) -> Array:
    """Scale of each column, 0 where it does not vary; see ``design_for``."""
    size = np.hypot(spread / 2, np.sqrt(ridge))
    if groups is not None:
        most = np.zeros(groups.max(initial=0) + 1)
        np.maximum.at(most, groups, size)
        size = most[groups]
    return np.where(spread > 0, 1 / np.where(size > 0, size, 1.0), 0.0)


def _centre(rows: Rows, mean: Array) -> Array:
    """The mean of each column, or the median of a few rows where an outlier has taken the mean far away.

    Any shift will do that is no further from the mean than the spread is. Less a mean that is 1e3 small
    deviations away, all but the outlier would lose three digits, and near-duplicates what tells them apart.
    """
    count = min(rows.n_rows, MEDIAN_ROWS, max(1, CACHED // max(rows.n_features, 1)))
    if not rows.local or count < 3:
        return mean
    X = rows.take(np.arange(count) * (rows.n_rows - 1) // (count - 1)).X
    X = np.sort(np.asarray(dense(X), dtype=np.float64), axis=0)
    middle = count // 2
    median = X[middle]
    nearest = np.minimum(X[middle + 1] - median, median - X[middle - 1])
    # most columns show by the deviation next to the median that no outlier has taken their mean far away
    asked = np.flatnonzero(np.abs(mean - median) > OUTLYING * nearest)
    distance = np.abs(X[:, asked] - median[asked])
    equal = distance == 0
    distance[equal] = np.inf
    # of those that are not 0 the first tenth
    small = np.sort(distance, axis=0)[(count - equal.sum(axis=0)) // 10, np.arange(len(asked))]
    far = asked[np.abs(mean - median)[asked] > OUTLYING * small]
    centre = mean.copy()
    centre[far] = median[far]
    return centre


def applied(design: Design, rows: Rows) -> tuple[Design, Rows]:
    """Put the design matrix in place of small dense rows; what is large or sparse stays as it is.

    But for sparse columns far from zero for their spread, which hardly have a zero: those are centred, lest
    their products cancel.
    """
    if not rows.local:
        return design, rows
    if rows.sparse:
        far = np.abs(design.shift) * design.scale > CANCELLATION
        if not far.any():
            return design, rows
        mapped = cast(LocalRows, rows).mapped(lambda X: _with_centred(X, far, design.shift))
        return replace(design, stored=far), mapped
    if rows.bytes > SMALL:
        return design, rows
    done = AppliedDesign(design.shift, design.scale, design.variance, design.fit_intercept)
    return done, cast(LocalRows, rows).mapped(design.matrix)


def _with_centred(X: Any, far: Array, shift: Array) -> sp.csr_array:
    """X with the shift taken off some columns, whose entries are all stored then."""
    where = np.flatnonzero(far)
    D = X[:, where].toarray().astype(np.float64) - shift[where]
    n, k = D.shape
    full = sp.csr_array((D.ravel(), np.tile(where, n), np.arange(n + 1) * k), shape=X.shape)
    return sp.csr_array(X.tocsr() @ sp.diags_array(np.where(far, 0.0, 1.0)) + full)
