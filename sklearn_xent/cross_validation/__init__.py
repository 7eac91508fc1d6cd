"""What rows that a fit has not seen say of a grid of strengths: by folds, or each row by itself."""

from sklearn_xent.cross_validation.data import Data, encoded
from sklearn_xent.cross_validation.scores import scores_of

__all__ = ["Data", "encoded", "scores_of"]
