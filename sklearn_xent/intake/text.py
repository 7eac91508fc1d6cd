"""Text where numbers are expected: which column of X holds it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

__all__ = ["text_named"]


@contextmanager
def text_named(X: Any) -> Iterator[None]:
    """Name the first column of X that holds text, with what to do about it, where a check of X refuses it."""
    try:
        yield
    except ValueError as error:
        if "could not convert" not in str(error):
            raise
        raise ValueError(
            f"X must hold numbers; {_first_text(X)}. Encode such columns first, in a Pipeline by "
            "make_column_transformer((OneHotEncoder(drop='first'), columns), remainder='passthrough')."
        ) from None


def _first_text(X: Any) -> str:
    names = getattr(X, "columns", None)
    for j, column in enumerate(np.asarray(X, dtype=object).T):
        for value in column:
            try:
                float(value)
            except (TypeError, ValueError):
                name = j if names is None else str(list(names)[j])
                return f"column {name!r} holds {value!r}"
    return "it holds text"
