"""Pictures: one file each. They read public attributes and know no solver."""

from sklearn_xent.displays.coefficients import CoefficientDisplay
from sklearn_xent.displays.convergence import ConvergenceDisplay
from sklearn_xent.displays.cross_entropy_loss import CrossEntropyLossDisplay
from sklearn_xent.displays.loss_contribution import LossContributionDisplay
from sklearn_xent.displays.regularization_path import RegularizationPathDisplay
from sklearn_xent.displays.reliability import ReliabilityDisplay

__all__ = [
    "CoefficientDisplay",
    "ConvergenceDisplay",
    "CrossEntropyLossDisplay",
    "LossContributionDisplay",
    "RegularizationPathDisplay",
    "ReliabilityDisplay",
]
