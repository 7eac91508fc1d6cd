"""Pickles that name the modules where classes were before they had a folder."""

import pickle
import subprocess
import sys

import numpy as np
import pytest

from sklearn_xent import BiasReducedClassifier, CrossEntropyClassifier, infer, infer_profile
from tests.problems import overlapping

# where each class is, and where pickles of older versions look for it
MOVED = {
    "bias_reduced BiasReducedClassifier": "bias_reduced",
    "hypothesis_tests ChiSquared": "hypothesis_tests",
    "jeffreys JeffreysLikelihood": "jeffreys",
    "jeffreys JeffreysPoint": "jeffreys",
    "jeffreys_profile PenalizedProfile": "penalized_profile",
    "likelihood Likelihood": "likelihood",
    "profile ProfileInference": "profile_inference",
    "wald Inference": "inference",
}


def as_before(thing):
    """Its pickle as older versions wrote it, of protocol 0: there a class is ``c``, its module, its name."""
    pickled = pickle.dumps(thing, protocol=0)
    for now, before in MOVED.items():
        module, name = now.split()
        pickled = pickled.replace(
            f"csklearn_xent.inference.{module}\n{name}\n".encode(),
            f"csklearn_xent.{before}\n{name}\n".encode(),
        )
    assert b"csklearn_xent.inference." not in pickled
    return pickled


@pytest.fixture
def made():
    X, y = overlapping(n=60, d=2, K=3)
    model, less_biased = CrossEntropyClassifier(C=np.inf).fit(X, y), BiasReducedClassifier().fit(X, y)
    return less_biased, infer(model, X, y), infer_profile(less_biased, X, y)


def test_estimators_and_results_are_those_that_were_pickled(made):
    model, result, profile = (pickle.loads(as_before(thing)) for thing in made)
    np.testing.assert_array_equal(model.coef_, made[0].coef_)
    np.testing.assert_array_equal(result.covariance, made[1].covariance)
    assert result.wald_test(["x1"]) == made[1].wald_test(["x1"])
    np.testing.assert_array_equal(profile.interval(), made[2].interval())
    test = made[2].likelihood_ratio_test()
    assert pickle.loads(as_before(test)) == test


def test_the_package_need_not_have_been_imported(made):
    code = "import pickle, sys; print(pickle.load(sys.stdin.buffer).coef_.tolist())"
    ended = subprocess.run(
        [sys.executable, "-c", code], input=as_before(made[0]), capture_output=True, check=True
    )
    assert ended.stdout.decode().strip() == str(made[0].coef_.tolist())
