"""How far coefficients are known: standard errors, tests and intervals of a fit, and fits with less bias.

`wald` for maximum likelihood and ridge, by a normal distribution; `profile` for bias-reduced fits.
"""

import sys

from sklearn_xent.inference import (
    bias_reduced,
    hypothesis_tests,
    jeffreys,
    jeffreys_profile,
    likelihood,
    profile,
)
from sklearn_xent.inference.bias_reduced import BiasReducedClassifier
from sklearn_xent.inference.hypothesis_tests import ChiSquared
from sklearn_xent.inference.nested import compare_nested
from sklearn_xent.inference.profile import ProfileInference, infer_profile
from sklearn_xent.inference.wald import Inference, infer

__all__ = [
    "BiasReducedClassifier",
    "ChiSquared",
    "Inference",
    "ProfileInference",
    "compare_nested",
    "infer",
    "infer_profile",
]

# Pickles name the module of a class; those of older versions name these as modules of the package itself.
for _path, _module in {
    "bias_reduced": bias_reduced,
    "hypothesis_tests": hypothesis_tests,
    "jeffreys": jeffreys,
    "likelihood": likelihood,
    "penalized_profile": jeffreys_profile,
    "profile_inference": profile,
}.items():
    sys.modules[f"sklearn_xent.{_path}"] = _module
