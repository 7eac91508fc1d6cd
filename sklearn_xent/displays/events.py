"""The event whose forecasts are looked at: a class against the rest, or the predicted class being right."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_xent.arrays import Array

__all__ = ["event_of"]


def event_of(
    log_p: Array, targets: Array, classes: Array, target_class: Any
) -> tuple[str, Array, Array, Array]:
    """What the event is called, log forecasts of it and of its opposite, and its outcomes, (n,) each.

    Raises
    ------
    ValueError
        If ``target_class`` is neither "top", nor a class, nor None for what suits the number of classes.
    """
    event: Any = target_class
    if event is None:
        event = classes[1] if len(classes) == 2 else "top"
    if isinstance(event, str) and event == "top" and "top" not in classes.tolist():
        text, column = "the predicted class", log_p.argmax(axis=1)
    else:
        found = np.flatnonzero(classes == event)
        if not found.size:
            raise ValueError(f"target_class must be 'top' or one of {classes.tolist()}; got {event!r}.")
        text, column = f"class {event}", np.full(len(log_p), found[0])
    rows = np.arange(len(log_p))
    others = log_p.copy()
    others[rows, column] = -np.inf
    with np.errstate(under="ignore"):
        no = np.logaddexp.reduce(others, axis=1)
    return text, log_p[rows, column], no, targets[rows, column]
