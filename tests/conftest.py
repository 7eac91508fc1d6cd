import os
import pathlib
import warnings

import matplotlib
import numpy as np
import pytest
import sklearn.datasets
from threadpoolctl import threadpool_limits

matplotlib.use("Agg")


def pytest_configure(config):
    # importing statsmodels or onnx may warn; that is theirs, and must not fail a collection
    warnings.filterwarnings("ignore", category=DeprecationWarning, module="statsmodels")
    if "PYTEST_XDIST_WORKER_COUNT" in os.environ:
        # workers share the cores: threads of BLAS that wait for one another would take the time
        share = (os.cpu_count() or 1) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
        threadpool_limits(max(share, 1), "blas")


@pytest.fixture(scope="session")
def raw():
    """Load a bundled data set by name, in the units it was measured in."""

    def load(name):
        return getattr(sklearn.datasets, f"load_{name}")(return_X_y=True)

    return load


@pytest.fixture(scope="session")
def standardised(raw):
    def load(name):
        X, y = raw(name)
        spread = X.std(axis=0)
        return (X - X.mean(axis=0)) / np.where(spread > 0, spread, 1.0), y

    return load


@pytest.fixture(scope="session")
def shared_data():
    beside = pathlib.Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = pathlib.Path(os.environ.get("SKLEARN_XENT_DATA", beside))
    if not folder.is_dir():
        pytest.skip("the real data beside the repository are not here; SKLEARN_XENT_DATA names their folder")
    return folder


@pytest.fixture(autouse=True)
def close_figures():
    yield
    import matplotlib.pyplot as plt

    plt.close("all")
