"""Cross-entropy (log loss) classifiers: fit exactly, score honestly, look closely."""

from sklearn_xent.classifier import CrossEntropyClassifier
from sklearn_xent.classifier_cv import CrossEntropyClassifierCV
from sklearn_xent.cross_entropy import (
    cross_entropy_loss,
    entropy,
    kl_divergence,
    log_sigmoid,
    log_softmax,
    sigmoid,
    softmax,
)
from sklearn_xent.displays import ConvergenceDisplay, CrossEntropyLossDisplay, RegularizationPathDisplay
from sklearn_xent.metrics import (
    cross_entropy_skill,
    cross_entropy_skill_scorer,
    neg_cross_entropy_scorer,
)
from sklearn_xent.path import CrossEntropyPath, cross_entropy_path
from sklearn_xent.solvers.separation import SeparationWarning

__version__ = "0.1.0"

__all__ = [
    "ConvergenceDisplay",
    "CrossEntropyClassifier",
    "CrossEntropyClassifierCV",
    "CrossEntropyLossDisplay",
    "CrossEntropyPath",
    "RegularizationPathDisplay",
    "SeparationWarning",
    "__version__",
    "cross_entropy_loss",
    "cross_entropy_path",
    "cross_entropy_skill",
    "cross_entropy_skill_scorer",
    "entropy",
    "kl_divergence",
    "log_sigmoid",
    "log_softmax",
    "neg_cross_entropy_scorer",
    "sigmoid",
    "softmax",
]
