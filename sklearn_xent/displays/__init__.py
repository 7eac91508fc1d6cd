"""Pictures: one file each. They read public attributes and know no solver."""

from sklearn_xent.displays.convergence import ConvergenceDisplay
from sklearn_xent.displays.cross_entropy_loss import CrossEntropyLossDisplay
from sklearn_xent.displays.regularization_path import RegularizationPathDisplay

__all__ = ["ConvergenceDisplay", "CrossEntropyLossDisplay", "RegularizationPathDisplay"]
