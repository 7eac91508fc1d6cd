"""Cross-entropy (log loss) classifiers: fit exactly, score honestly, look closely."""

from sklearn_xent.classifier import CrossEntropyClassifier
from sklearn_xent.solvers.separation import SeparationWarning

__version__ = "0.1.0"

__all__ = [
    "CrossEntropyClassifier",
    "SeparationWarning",
]
