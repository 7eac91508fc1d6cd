"""Dask collections: the answer of one machine, in few rounds, whatever happens on the workers."""

import gc
import os
import signal
import threading
import time

import numpy as np
import pytest
import scipy.sparse as sp

from sklearn_xent import (
    CrossEntropyClassifier,
    CrossEntropyClassifierCV,
    MiniBatchCrossEntropyClassifier,
    cross_entropy_path,
)
from sklearn_xent.intake.partitions import client_of

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")
distributed = pytest.importorskip("distributed")

# Dask's own: sockets that its event loop closes after the test, and what its parts say of each other
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:distributed.*"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:dask.*"),
    pytest.mark.filterwarnings("ignore::FutureWarning:dask.*"),
    pytest.mark.filterwarnings("ignore:Sending large graph:UserWarning"),
    pytest.mark.xdist_group("dask"),
]
TIGHT = 1e-20  # of the objective: coefficients are then right to about its square root


def softmax_rows(n=4000, d=5, K=2, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d)) * np.geomspace(0.1, 100, d) + 3
    z = (X - 3) / np.geomspace(0.1, 100, d) @ rng.standard_normal((d, K))
    return X, np.argmax(z + rng.gumbel(size=z.shape), axis=1)


@pytest.fixture(scope="module")
def cluster():
    with distributed.LocalCluster(
        processes=False, n_workers=2, threads_per_worker=1, dashboard_address=":0"
    ) as cluster:
        yield cluster


@pytest.fixture(params=["threads", "cluster", pytest.param("address", marks=pytest.mark.slow)])
def scheduler(request):
    """Dask's threads, a client of a cluster in this process, and one that only knows an address."""
    if request.param == "threads":
        assert client_of() is None
        yield None
        return
    cluster = request.getfixturevalue("cluster")
    where = cluster if request.param == "cluster" else cluster.scheduler_address
    with distributed.Client(where) as client:
        yield client


@pytest.fixture
def client(cluster):
    with distributed.Client(cluster) as client:
        yield client


def same(model, expected, rtol=1e-8):
    np.testing.assert_array_equal(model.classes_, expected.classes_)
    atol = rtol * np.abs(expected.coef_).max()
    np.testing.assert_allclose(model.coef_, expected.coef_, rtol=rtol, atol=atol)
    np.testing.assert_allclose(model.intercept_, expected.intercept_, rtol=rtol, atol=1e-8)


OPTIONS = [
    {},
    {"C": np.inf},
    {"l1_ratio": 1.0, "C": 0.01},
    {"class_weight": "balanced", "label_smoothing": 0.1, "prior_correction": True},
    {"solver": "truncated-newton"},
]


@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_fit_is_that_in_memory(scheduler, K, options):
    X, y = softmax_rows(K=K)
    w = np.random.default_rng(1).random(len(y))
    # chunks of columns as well, and labels cut elsewhere
    model = CrossEntropyClassifier(tol=TIGHT, **options).fit(
        da.from_array(X, chunks=(700, 2)), da.from_array(y, chunks=900), da.from_array(w, chunks=4000)
    )
    same(model, CrossEntropyClassifier(tol=TIGHT, **options).fit(X, y, w))
    assert type(model.coef_) is type(model.classes_) is np.ndarray


@pytest.mark.parametrize("solver", ["lbfgs", "newton-cg", "accelerated-gradient", "progressive"])
def test_every_kind_of_solver_runs_on_a_cluster(client, solver):
    X, y = softmax_rows()
    options = {"solver": solver, "tol": 1e-7}
    model = CrossEntropyClassifier(**options).fit(da.from_array(X, chunks=(900, -1)), y)
    same(model, CrossEntropyClassifier(**options).fit(X, y), rtol=1e-6)


@pytest.mark.parametrize("kind", [sp.csr_matrix, sp.csr_array, sp.csc_matrix])
@pytest.mark.parametrize("options", [{}, {"l1_ratio": 0.5, "C": 0.01}], ids=str)
def test_sparse_blocks(scheduler, kind, options):
    X, y = softmax_rows(K=3)
    X = np.where(np.abs(X - 3) > np.geomspace(0.05, 50, 5), X, 0.0)
    blocks = da.from_array(X, chunks=(600, -1)).map_blocks(kind)
    model = CrossEntropyClassifier(tol=TIGHT, **options).fit(blocks, y)
    same(model, CrossEntropyClassifier(tol=TIGHT, **options).fit(kind(X), y))
    p = model.predict_proba(blocks).compute()
    np.testing.assert_allclose(p, model.predict_proba(X), atol=1e-12)


def test_unknown_chunk_sizes(scheduler):
    X, y = softmax_rows()
    keep = X[:, 0] > 2.95
    DX, Dy = da.from_array(X, chunks=(700, -1)), da.from_array(y, chunks=700)
    mask = DX[:, 0] > 2.95
    expected = CrossEntropyClassifier(tol=TIGHT).fit(X[keep], y[keep])
    same(CrossEntropyClassifier(tol=TIGHT).fit(DX[mask], Dy[mask]), expected)
    model = CrossEntropyClassifier(tol=TIGHT).fit(DX[mask], y[keep], sample_weight=np.ones(keep.sum()))
    same(model, expected)
    assert np.isnan(model.predict(DX[mask]).chunks[0]).all()


@pytest.mark.parametrize("labels", ["dask", "numpy", "pandas"])
def test_frames(scheduler, labels):
    pd, dd = pytest.importorskip("pandas"), pytest.importorskip("dask.dataframe")
    X, y = softmax_rows(K=3)
    names = ["x", "y", "z", "u", "v"]
    frame = pd.DataFrame(X, columns=names).astype({"x": np.float32})
    frame["label"] = np.array(["ant", "bee", "cow"])[y]
    frame["weight"] = np.random.default_rng(1).random(len(y))
    parts = dd.from_pandas(frame, npartitions=4)
    given = {
        "dask": (parts.label, parts.weight),
        "numpy": (frame.label.to_numpy(), frame.weight.to_numpy()),
        "pandas": (frame.label, frame.weight),
    }[labels]
    model = CrossEntropyClassifier(tol=TIGHT).fit(parts[names], *given)
    expected = CrossEntropyClassifier(tol=TIGHT).fit(frame[names].astype(float), frame.label, frame.weight)
    same(model, expected)
    assert model.feature_names_in_.tolist() == names
    predicted = model.predict(parts[names])
    assert isinstance(predicted, da.Array)
    assert predicted.compute().tolist() == expected.predict(frame[names]).tolist()
    with pytest.raises(TypeError, match="column 'label' of X holds"):
        model.fit(parts[["x", "label"]], parts.label)


def test_soft_labels_and_offsets(scheduler):
    X, y = softmax_rows(K=3)
    rng = np.random.default_rng(1)
    soft = 0.8 * np.eye(3)[y] + 0.2 * rng.dirichlet(np.ones(3), len(y))
    offset = rng.standard_normal((len(y), 3))
    model = CrossEntropyClassifier(tol=TIGHT).fit(
        da.from_array(X, chunks=(900, -1)),
        da.from_array(soft, chunks=(900, 2)),
        offset=da.from_array(offset, chunks=(500, 1)),
    )
    same(model, CrossEntropyClassifier(tol=TIGHT).fit(X, soft, offset=offset))


def test_predictions_wait_and_are_those_in_memory(scheduler):
    X, y = softmax_rows(K=3)
    model = CrossEntropyClassifier().fit(X, y)
    asked = []

    def noticed(block):
        asked.append(len(block))
        return block

    DX = da.from_array(X, chunks=(900, 3)).map_blocks(noticed, dtype=float, meta=np.empty((0, 0)))
    for name in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
        lazy = getattr(model, name)(DX)
        expected = getattr(model, name)(X)
        assert isinstance(lazy, da.Array)
        assert lazy.shape == expected.shape
        assert lazy.dtype == expected.dtype
        assert not asked
        np.testing.assert_array_equal(lazy.compute(), expected)
        asked.clear()
    assert model.score(DX, da.from_array(y, chunks=900)) == model.score(X, y)
    with pytest.raises(ValueError, match="offset must be None"):
        model.predict(DX, offset=np.zeros((4000, 3)))
    with pytest.raises(ValueError, match="3 features"):
        model.predict(DX[:, :3])


def test_an_empty_partition_and_a_class_that_one_lacks(scheduler):
    X, y = softmax_rows(K=3)
    order = np.argsort(y, kind="stable")
    X, y = X[order], y[order]
    DX, Dy = da.from_array(X, chunks=(800, -1)), da.from_array(y, chunks=800)
    keep = (DX[:, 0] > -1e9) & (da.arange(4000, chunks=800) >= 800)
    assert keep[:800].compute().sum() == 0
    model = CrossEntropyClassifier(tol=TIGHT).fit(DX[keep], Dy[keep])
    same(model, CrossEntropyClassifier(tol=TIGHT).fit(X[800:], y[800:]))
    np.testing.assert_array_equal(model.predict(DX[keep]).compute(), model.predict(X[800:]))


def test_mixed_dtypes(scheduler):
    X, y = softmax_rows()
    X = np.round(X, 2)
    blocks = [
        da.from_array(X[:1000].astype(np.float32), chunks=(500, -1)),
        da.from_array(np.round(X[1000:2000]).astype(np.int32), chunks=(500, -1)),
        da.from_array(X[2000:], chunks=(500, -1)),
    ]
    whole = np.concatenate([b.compute() for b in blocks]).astype(float)
    # each block keeps its own type: concatenated as Dask would, they had one
    parts = [dask.delayed(b) for block in blocks for b in block.to_delayed().ravel()]
    arrays = [da.from_delayed(p, (500, 5), dtype=float) for p in parts]
    model = CrossEntropyClassifier(tol=TIGHT).fit(da.concatenate(arrays), y)
    same(model, CrossEntropyClassifier(tol=TIGHT).fit(whole, y))


def fault(name):
    """Rows and labels with something wrong in partition 2, and what is said of it."""
    X, y = softmax_rows(2000)
    X, y, w = X.copy(), y.astype(object if name == "text" else np.int64), np.ones(2000)
    chunks = {"X": (500, -1), "y": 500}
    message = ""
    if name == "NaN":
        X[1200, 3], message = np.nan, r"NaN or infinity in column 3, first in partition 2"
    elif name == "infinity":
        X[1200, 3], message = np.inf, r"NaN or infinity in column 3, first in partition 2"
    elif name == "weight":
        w[1200], message = -1, r"negative"
    elif name == "one class":
        y[:], message = 1, "one class only"
    elif name == "rows":
        y, message = y[:-1], "y has 1999 rows, but X has 2000"
    return da.from_array(X, chunks=chunks["X"]), da.from_array(y, chunks=chunks["y"]), w, message


@pytest.mark.parametrize("name", ["NaN", "infinity", "weight", "one class", "rows"])
def test_what_is_wrong_is_named_and_the_estimator_unchanged(scheduler, name):
    X, y, w, message = fault(name)
    model = CrossEntropyClassifier().fit(*softmax_rows(300))
    before = dict(model.__dict__)
    with pytest.raises(ValueError, match=message):
        model.fit(X, y, sample_weight=da.from_array(w, chunks=500))
    assert model.__dict__ == before


def test_partitions_that_do_not_match_are_named(scheduler):
    X, y = softmax_rows(2000)
    DX, Dy = da.from_array(X, chunks=(500, -1)), da.from_array(y, chunks=500)
    model = CrossEntropyClassifier()
    unknown = DX[DX[:, 0] > -1e9]
    with pytest.raises(ValueError, match="y has 5 partitions, but X has 4"):
        model.fit(unknown, Dy.rechunk(400))
    with pytest.raises(ValueError, match=r"partition 0: y has 499 rows, but X has 500"):
        model.fit(unknown, da.concatenate([Dy[:499], Dy[500:1000], Dy[1000:1500], Dy[1500:]]))
    wide = da.concatenate([DX[:1000, :], da.from_delayed(dask.delayed(X[1000:, :3]), (1000, 5), float)])
    with pytest.raises(ValueError, match="X has 5 columns in partition 0, but 3 in partition 2"):
        model.fit(wide, y)
    with pytest.raises(ValueError, match="two dimensions"):
        model.fit(Dy, Dy)
    with pytest.raises(ValueError, match="y"):
        model.fit(DX, None)
    assert not hasattr(model, "coef_")


def test_rows_that_do_not_fit_are_computed_anew_for_every_reading(monkeypatch):
    X, y = softmax_rows()
    computed = []

    def noticed(block):
        computed.append(len(block))
        return block

    DX = da.from_array(X, chunks=(1000, -1)).map_blocks(noticed, dtype=float, meta=np.empty((0, 0)))
    monkeypatch.setattr("sklearn_xent.intake.collection.SHARE", 0.0)
    model = CrossEntropyClassifier(tol=TIGHT).fit(DX, y)
    same(model, CrossEntropyClassifier(tol=TIGHT).fit(X, y))
    assert len(computed) > 4 * 5
    computed.clear()
    monkeypatch.undo()
    CrossEntropyClassifier(tol=TIGHT).fit(DX, y)
    assert len(computed) == 4


def test_a_round_for_each_reading_and_the_same_bits_each_time(client, monkeypatch):
    from sklearn_xent.rows.dask import ClusterRows

    made = []
    original = ClusterRows.__enter__
    monkeypatch.setattr(ClusterRows, "__enter__", lambda self: made.append(self) or original(self))
    X, y = softmax_rows(20_000)
    DX = da.from_array(X, chunks=(1500, -1)).persist()
    first = CrossEntropyClassifier().fit(DX, y)
    assert first.history_["passes"][-1] <= 8
    assert made[0].rounds <= 12
    again = CrossEntropyClassifier().fit(DX, y)
    np.testing.assert_array_equal(first.coef_, again.coef_)


def test_an_interrupted_fit_leaves_nothing_on_the_cluster(client, monkeypatch):
    from sklearn_xent.rows.dask import ClusterRows

    X, y = softmax_rows()
    DX = da.from_array(X, chunks=(500, -1)).persist()
    model, before, original = CrossEntropyClassifier(), set(client.futures), ClusterRows.sweep
    attributes, rounds = dict(vars(model)), []

    def sweep(rows, *args, **options):
        result = original(rows, *args, **options)
        rounds.append(None)
        if len(rounds) == 3:
            raise KeyboardInterrupt
        return result

    monkeypatch.setattr(ClusterRows, "sweep", sweep)
    with pytest.raises(KeyboardInterrupt):
        model.fit(DX, y)
    gc.collect()
    assert vars(model) == attributes
    assert set(client.futures) == before


def test_verbose_says_what_the_cluster_holds(client, capsys):
    X, y = softmax_rows()
    CrossEntropyClassifier(verbose=1).fit(da.from_array(X, chunks=(500, -1)), y)
    out = capsys.readouterr().out
    assert "[dask] 2 workers, 8 partitions in 2 groups" in out
    assert "passes" in out


def test_progress_bar_runs_beside_a_cluster(client, capsys):
    callback = pytest.importorskip("sklearn.callback")
    X, y = softmax_rows()
    model = CrossEntropyClassifier()
    model.set_callbacks(callback.ProgressBar())
    model.fit(da.from_array(X, chunks=(500, -1)), y)
    assert model.converged_


def test_grid_search_on_the_workers(client):
    from joblib import parallel_config
    from sklearn.model_selection import GridSearchCV

    X, y = softmax_rows(600)
    search = GridSearchCV(CrossEntropyClassifier(), {"C": [0.01, 1.0]}, scoring="neg_log_loss", cv=3)
    expected = search.fit(X, y).cv_results_["mean_test_score"]
    with parallel_config(backend="dask"):
        found = search.fit(X, y).cv_results_["mean_test_score"]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_estimators_that_need_the_rows_here_say_so():
    X, y = softmax_rows(400)
    DX = da.from_array(X, chunks=(200, -1))
    for call in (
        lambda: CrossEntropyClassifierCV().fit(DX, y),
        lambda: MiniBatchCrossEntropyClassifier().fit(DX, y),
        lambda: MiniBatchCrossEntropyClassifier().partial_fit(DX, y, classes=[0, 1]),
        lambda: cross_entropy_path(DX, y),
    ):
        with pytest.raises(TypeError, match=r"X is a Dask collection.* CrossEntropyClassifier"):
            call()


def killed_soon(pid, when):
    """Kill a worker's process once a condition holds."""

    def run():
        while not when():
            time.sleep(0.005)
        os.kill(pid, signal.SIGKILL)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


@pytest.mark.slow
def test_a_worker_killed_in_the_middle_of_a_fit_changes_nothing(monkeypatch):
    from sklearn_xent.rows.dask import ClusterRows

    X, y = softmax_rows(200_000, 10)
    expected = CrossEntropyClassifier(tol=TIGHT, solver="newton-cholesky").fit(X, y)
    sweeps = []
    original = ClusterRows.sweep
    monkeypatch.setattr(
        ClusterRows,
        "sweep",
        lambda self, *a, **k: (sweeps.append(1), time.sleep(0.2), original(self, *a, **k))[2],
    )
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        distributed.Client(cluster.scheduler_address) as client,  # tcp://..., as of any other machine
    ):
        DX, Dy = da.from_array(X, chunks=(20_000, -1)), da.from_array(y, chunks=20_000)
        pids = set(client.run(os.getpid).values())
        killer = killed_soon(min(pids), lambda: len(sweeps) >= 4)
        model = CrossEntropyClassifier(tol=TIGHT, solver="newton-cholesky").fit(DX, Dy)
        killer.join()
        client.wait_for_workers(2, timeout=60)
        assert set(client.run(os.getpid).values()) != pids
    same(model, expected)


@pytest.mark.slow
def test_rows_lost_with_their_worker_leave_the_estimator_unchanged(monkeypatch):
    """Rows that were scattered, and that nothing can compute again."""
    X, y = softmax_rows(20_000)
    model = CrossEntropyClassifier().fit(*softmax_rows(300))
    before = dict(model.__dict__)
    with (
        distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as cluster,
        distributed.Client(cluster) as client,
    ):
        parts = client.scatter([X[:10_000], X[10_000:]])
        DX = da.concatenate([da.from_delayed(dask.delayed(p), (10_000, 5), float) for p in parts])
        (pid,) = client.run(os.getpid).values()
        os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and parts[0].status != "lost" and not parts[0].cancelled():
            time.sleep(0.05)
        with pytest.raises(
            (distributed.client.FutureCancelledError, distributed.scheduler.KilledWorker, KeyError)
        ):
            model.fit(DX, y)
    assert model.__dict__ == before
