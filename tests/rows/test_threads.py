"""The number of threads changes the time of a fit, and no bit of it."""

import os
import subprocess
import sys

import pytest

FITS = """
import numpy as np
import scipy.sparse as sp
from sklearn_xent import CrossEntropyClassifier

rng = np.random.default_rng(0)
X = rng.standard_normal((120_000, 40))
y = np.digitize(X[:, 0] + rng.logistic(size=len(X)), [-1, 1])
wide = rng.standard_normal((200, 8000))
sparse = sp.random(30_000, 3000, density=0.02, random_state=0, format="csr")
for rows, labels, options in (
    (X, np.minimum(y, 1), {}),
    (X, y, {}),
    (X, np.minimum(y, 1), {"C": 1e-3, "l1_ratio": 1.0}),
    (wide, (wide[:, 0] > 0).astype(int), {}),
    (sparse, (np.asarray(sparse[:, :20].sum(axis=1)).ravel() > 0.1).astype(int), {}),
):
    model = CrossEntropyClassifier(**options).fit(rows, labels)
    print(model.coef_.tobytes().hex()[:4000], model.intercept_.tobytes().hex())
"""


@pytest.mark.slow
def test_one_thread_and_several_give_the_same_bits():
    outputs = []
    for threads in ("1", "2"):
        environment = os.environ | {"OPENBLAS_NUM_THREADS": threads}
        run = subprocess.run(
            [sys.executable, "-c", FITS], env=environment, capture_output=True, text=True, check=True
        )
        outputs.append(run.stdout)
    assert outputs[0].count("\n") == 5
    assert outputs[0] == outputs[1]
