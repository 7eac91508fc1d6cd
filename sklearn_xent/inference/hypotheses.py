"""Linear hypotheses about coefficients, from names, text or a matrix: what times the coefficients is what."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.truth import numeric

__all__ = ["Hypotheses", "read_hypotheses"]

NUMBER = re.compile(r"(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")


class Hypotheses(NamedTuple):
    """That ``matrix`` (q, N) times the coefficients is ``value`` (q,); ``labels`` say it in words."""

    labels: list[str]
    matrix: Array
    value: Array


def read_hypotheses(given: Any, names: list[str], columns: list[str], value: Any = None) -> Hypotheses:
    """Hypotheses about coefficients whose names are ``names``: those of ``columns``, class by class.

    Raises
    ------
    ValueError
        For what is none: unknown names, text that is not linear in them, a matrix of another shape.
    """
    if _is_matrix(given):
        return _of_matrix(given, names, value)
    if value is not None:
        raise ValueError("value goes with a matrix; in text it is what stands after '='.")
    terms = [given] if isinstance(given, str) else _listed(given, names)
    parts = [_of_term(term, names, columns) for term in terms]
    if not parts:
        raise ValueError("hypotheses must name one coefficient or more; got none.")
    labels = [label for part in parts for label in part.labels]
    return Hypotheses(
        labels, np.concatenate([p.matrix for p in parts]), np.concatenate([p.value for p in parts])
    )


def _is_matrix(given: Any) -> bool:
    if isinstance(given, str):
        return False
    if isinstance(given, list | tuple):
        return any(isinstance(row, list | tuple | np.ndarray) for row in given)
    return np.ndim(given) == 2


def _listed(given: Any, names: list[str]) -> list[Any]:
    """Terms of a sequence, or indices where a mask is true."""
    try:
        terms = list(given)
    except TypeError:
        terms = [given]
    if terms and all(isinstance(term, bool | np.bool_) for term in terms):
        if len(terms) != len(names):
            raise ValueError(f"a mask of coefficients must have {len(names)} entries; got {len(terms)}.")
        return np.flatnonzero(terms).tolist()
    return terms


def _of_matrix(given: Any, names: list[str], value: Any) -> Hypotheses:
    """Rows of a matrix; a frame's columns are the names of the coefficients, in any order."""
    titles = getattr(given, "columns", None)
    if titles is not None:
        titles = [str(title) for title in titles]
        if sorted(titles) != sorted(names):
            raise ValueError(f"the columns of a matrix of hypotheses must be {_some(names)}; got {titles}.")
        given = np.asarray(given)[:, [titles.index(name) for name in names]]
    try:
        with numeric("a matrix of hypotheses"):
            matrix = np.asarray(given, dtype=np.float64)
    except ValueError as error:
        raise ValueError(f"hypotheses are no matrix: {error}") from None
    if matrix.ndim != 2 or matrix.shape[1] != len(names) or not len(matrix):
        raise ValueError(
            f"a matrix of hypotheses must have shape (n_hypotheses, {len(names)}), a column for each of "
            f"{_some(names)}; got {matrix.shape}."
        )
    if not np.isfinite(matrix).all() or not matrix.any(axis=1).all():
        raise ValueError("each row of a matrix of hypotheses must be finite, and not all zero.")
    with numeric("value"):
        right = np.asarray(0.0 if value is None else value, dtype=np.float64)
    if right.shape not in ((), (len(matrix),)) or not np.isfinite(right).all():
        raise ValueError(f"value must be a finite number, or {len(matrix)} of them; got {value!r}.")
    right = np.broadcast_to(right, len(matrix))
    return Hypotheses([_written(row, q, names) for row, q in zip(matrix, right, strict=True)], matrix, right)


def _written(row: Array, value: float, names: list[str]) -> str:
    terms = [f"{'-' if row[j] < 0 else '+'} {_factor(abs(row[j]))}{names[j]}" for j in np.flatnonzero(row)]
    return f"{' '.join(terms).removeprefix('+ ')} = {value:g}"


def _factor(size: float) -> str:
    return "" if size == 1 else f"{size:g} * "


def _of_term(term: Any, names: list[str], columns: list[str]) -> Hypotheses:
    """One index, one name (of a column: all its classes), or text."""
    if isinstance(term, int | np.integer) and not isinstance(term, bool):
        if not -len(names) <= term < len(names):
            raise ValueError(f"an index of a coefficient must be below {len(names)}; got {term}.")
        places = [int(term) % len(names)]
    elif isinstance(term, str):
        repeated = columns * (len(names) // len(columns))
        places = [i for i, both in enumerate(zip(names, repeated, strict=True)) if term in both]
        if not places:
            return _of_text(term, names, columns)
    else:
        raise ValueError(
            f"terms must be among {_some(names)}, indices, or text such as '{names[0]} = 0'; got {term!r}. "
            "A matrix has two dimensions, [[...], [...]]."
        )
    return Hypotheses([f"{names[i]} = 0" for i in places], np.eye(len(names))[places], np.zeros(len(places)))


def _of_text(text: str, names: list[str], columns: list[str]) -> Hypotheses:
    """Hypotheses in text; those that name a column without a class are of each class."""
    n, m = len(names), len(columns)
    rows: list[Array] = []
    labels: list[str] = []
    readings = []
    for c in range(n // m):
        places = {column: c * m + j for j, column in enumerate(columns)}
        readings.append(_Reader(text, places | {name: i for i, name in enumerate(names)}, n, names).read())
    for of_classes in zip(*readings, strict=True):
        same = all(np.array_equal(of_classes[0][1], row) for _, row in of_classes)
        for c, (label, row) in enumerate(of_classes[:1] if same else of_classes):
            prefix = "" if same else names[c * m].removesuffix(columns[0])
            labels.append(prefix + label)
            rows.append(row)
    R = np.array(rows)
    for label, row in zip(labels, R, strict=True):
        if not row[:-1].any():
            raise ValueError(f"the hypothesis {label!r} is about no coefficient.")
    return Hypotheses(labels, R[:, :-1], 0.0 - R[:, -1])


class _Reader:
    """Sums and multiples of names and numbers, equal to one another; a row (N + 1,) is linear, then constant.

    hypotheses: equation {, equation}; equation: sum {= sum}; sum: product {+|- product}; product: factor
    {*|/ factor}; factor: [+|-] (number, name or (sum)). The longest name that fits is taken; `a name` may
    stand between backticks.
    """

    def __init__(self, text: str, places: dict[str, int], size: int, known: list[str]) -> None:
        self.text, self.places, self.size, self.known, self.at = text, places, size, known, 0
        plain = [name for name in places if name.strip() and not NUMBER.fullmatch(name)]
        names = "|".join(re.escape(name) for name in sorted(plain, key=len, reverse=True))
        # a name that ends within a word is none
        self.name = re.compile(rf"(?:{names})(?!\w)" if names else r"(?!)")

    def read(self) -> list[tuple[str, Array]]:
        """Each hypothesis in words, and its row."""
        found = []
        while True:
            sides = [self._side()]
            while self._take("="):
                sides.append(self._side())
            if len(sides) == 1:
                sides.append(("0", np.zeros(self.size + 1)))
            found += [(f"{a} = {b}", p - q) for (a, p), (b, q) in pairwise(sides)]
            if not self._take(","):
                break
        if self._rest():
            raise self._unread()
        return found

    def _side(self) -> tuple[str, Array]:
        start = self.at
        row = self._sum()
        return self.text[start : self.at].strip(), row

    def _sum(self) -> Array:
        total = self._product()
        while sign := self._take("+-"):
            total = total + (1 if sign == "+" else -1) * self._product()
        return total

    def _product(self) -> Array:
        left = self._factor()
        while sign := self._take("*/"):
            right = self._factor()
            if sign == "*" and not left[:-1].any():
                left, right = right, left
            if right[:-1].any() or (sign == "/" and right[-1] == 0):
                raise ValueError(f"the hypothesis {self.text!r} is not linear in the coefficients.")
            left = left * right[-1] if sign == "*" else left / right[-1]
        return left

    def _factor(self) -> Array:
        if sign := self._take("+-"):
            return (1 if sign == "+" else -1) * self._factor()
        rest, row = self._rest(), np.zeros(self.size + 1)
        if self._take("("):
            row = self._sum()
            if not self._take(")"):
                raise self._unread()
        elif (quoted := re.match(r"`([^`]*)`", rest)) and quoted[1] in self.places:
            row[self._place(quoted[1])] = 1.0
            self.at += quoted.end()
        elif name := self.name.match(rest):
            row[self._place(name[0])] = 1.0
            self.at += name.end()
        elif number := NUMBER.match(rest):
            row[-1] = float(number[0])
            self.at += number.end()
        else:
            raise self._unread()
        return row

    def _place(self, name: str) -> int:
        if self.known.count(name) > 1:
            raise ValueError(f"{name!r} is the name of several coefficients; use indices or a matrix.")
        return self.places[name]

    def _rest(self) -> str:
        self.at += len(self.text[self.at :]) - len(self.text[self.at :].lstrip())
        return self.text[self.at :]

    def _take(self, signs: str) -> str:
        rest = self._rest()
        if not rest or rest[0] not in signs:
            return ""
        self.at += 1
        return rest[0]

    def _unread(self) -> ValueError:
        where = f"at {self._rest()!r}" if self._rest() else "at its end"
        return ValueError(
            f"terms must be among {_some(self.known)}, or text such as '{self.known[0]} = 0'; got "
            f"{self.text!r}, which is neither {where}."
        )


def _some(names: list[str]) -> str:
    """Names for a message, the first ten."""
    return str(names) if len(names) <= 10 else f"{str(names[:10])[:-1]}, ...]"
