"""What rows that a fit has not seen say of a grid of strengths: by folds, or each row by itself."""

from sklearn_xent.cross_validation.data import Data, encoded
from sklearn_xent.cross_validation.folds import by_folds
from sklearn_xent.cross_validation.leave_one_out import by_leave_one_out

__all__ = ["Data", "by_folds", "by_leave_one_out", "encoded"]
