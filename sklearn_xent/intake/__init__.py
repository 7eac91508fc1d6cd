"""The door: what a user gives, wherever it lies, becomes rows, targets and names; behind it nobody asks."""

from sklearn_xent.intake.read import (
    ACCEPTED,
    answered,
    dense,
    refuse_what_is_elsewhere,
    training_rows,
    validated,
)
from sklearn_xent.intake.text import text_named

__all__ = [
    "ACCEPTED",
    "answered",
    "dense",
    "refuse_what_is_elsewhere",
    "text_named",
    "training_rows",
    "validated",
]
