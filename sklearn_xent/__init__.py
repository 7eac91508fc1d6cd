"""Cross-entropy (log loss) classifiers: fit exactly, score honestly, look closely."""

from sklearn_xent.calibration import fit_temperature
from sklearn_xent.classifier import CrossEntropyClassifier
from sklearn_xent.classifier_cv import CrossEntropyClassifierCV
from sklearn_xent.comparison import Comparison, compare_cv_scores, compare_losses
from sklearn_xent.decomposition import (
    Decomposition,
    cross_entropy_decomposition,
    discrimination_scorer,
    expected_calibration_error,
    neg_miscalibration_scorer,
    uncertainty_scorer,
)
from sklearn_xent.displays import (
    CoefficientDisplay,
    ConvergenceDisplay,
    CrossEntropyLossDisplay,
    LossContributionDisplay,
    RegularizationPathDisplay,
    ReliabilityDisplay,
)
from sklearn_xent.formulas import (
    cross_entropy_loss,
    entropy,
    kl_divergence,
    log_sigmoid,
    log_softmax,
    sigmoid,
    softmax,
)
from sklearn_xent.inference import (
    BiasReducedClassifier,
    Inference,
    ProfileInference,
    compare_nested,
    infer,
    infer_profile,
)
from sklearn_xent.metrics import (
    cross_entropy_skill,
    cross_entropy_skill_scorer,
    neg_cross_entropy_scorer,
)
from sklearn_xent.minibatch import MiniBatchCrossEntropyClassifier
from sklearn_xent.path import CrossEntropyPath, cross_entropy_path
from sklearn_xent.reports import Report, report
from sklearn_xent.solvers.separation import SeparationWarning

__version__ = "0.1.0"

__all__ = [
    "BiasReducedClassifier",
    "CoefficientDisplay",
    "Comparison",
    "ConvergenceDisplay",
    "CrossEntropyClassifier",
    "CrossEntropyClassifierCV",
    "CrossEntropyLossDisplay",
    "CrossEntropyPath",
    "Decomposition",
    "Inference",
    "LossContributionDisplay",
    "MiniBatchCrossEntropyClassifier",
    "ProfileInference",
    "RegularizationPathDisplay",
    "ReliabilityDisplay",
    "Report",
    "SeparationWarning",
    "__version__",
    "compare_cv_scores",
    "compare_losses",
    "compare_nested",
    "cross_entropy_decomposition",
    "cross_entropy_loss",
    "cross_entropy_path",
    "cross_entropy_skill",
    "cross_entropy_skill_scorer",
    "discrimination_scorer",
    "entropy",
    "expected_calibration_error",
    "fit_temperature",
    "infer",
    "infer_profile",
    "kl_divergence",
    "log_sigmoid",
    "log_softmax",
    "neg_cross_entropy_scorer",
    "neg_miscalibration_scorer",
    "report",
    "sigmoid",
    "softmax",
    "uncertainty_scorer",
]
