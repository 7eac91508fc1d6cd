"""The number of threads changes the time of a fit, and no bit of it; and a fit leaves BLAS its threads."""

import gc
import os
import subprocess
import sys
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from threadpoolctl import ThreadpoolController, threadpool_limits

from sklearn_xent import CrossEntropyClassifier
from sklearn_xent.isolation import isolated
from sklearn_xent.rows.threads import WORTH_LIMIT, WORTH_THREADS, Team, usable_cores
from tests.fuzz.interrupts import Trace, allowed, is_interrupt, stray_threads

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


def blas():
    return [library.num_threads for library in ThreadpoolController().select(user_api="blas").lib_controllers]


@pytest.fixture
def two_threads():
    """BLAS on two threads, as it is before a fit."""
    with threadpool_limits(limits=2, user_api="blas"):
        if not blas() or set(blas()) != {2}:
            pytest.skip("there is no BLAS here that takes two threads")
        yield


@pytest.fixture
def four_cores(monkeypatch):
    """A machine of four cores, so that there is a pool wherever the test runs."""
    monkeypatch.setattr("sklearn_xent.rows.threads.usable_cores", lambda: 4)


def work(team):
    with team:
        return list(team.map(lambda i: i, 8))


def test_an_interrupt_at_any_place_of_a_team_leaves_blas_its_threads(two_threads, four_cores):
    call = isolated(lambda _: work(Team(WORTH_THREADS)))
    rehearsal, known = Trace(), set(threading.enumerate())
    assert rehearsal.run(call, None) == (list(range(8)), None)
    # Python's Condition: an interrupt leaves it locked, and the threads that want it waiting for ever
    used = {p[3] for p in rehearsal.seen if p[0] == threading.__file__}
    assert not used & {"wait", "notify", "start", "join", "_acquire_restore", "_release_save"}
    places = [(p, turn) for p in rehearsal.seen if allowed(p) for turn in (1, rehearsal.seen[p])]
    assert len({p for p, _ in places if p[0].endswith("threads.py")}) > 30
    for place, turn in places:
        _, error = Trace(place, turn).run(call, None)
        assert error is None or is_interrupt(error), place
        del error
        assert set(blas()) == {2}, place
        assert not stray_threads(known), place


def test_one_thread_while_any_team_wants_it(two_threads):
    first, second = Team(WORTH_LIMIT), Team(WORTH_LIMIT)
    cores = usable_cores()
    with first:
        assert set(blas()) == {1}
        second.__enter__()
        assert usable_cores() == cores
    assert set(blas()) == {1}
    first.close()  # once more is nothing
    assert set(blas()) == {1}
    second.close()
    assert set(blas()) == {2}


def test_a_team_that_was_never_left_counts_until_it_is_collected(two_threads):
    cores = usable_cores()
    team = Team(WORTH_LIMIT).__enter__()
    assert set(blas()) == {1}
    with Team(WORTH_LIMIT):
        del team
        gc.collect()
        assert usable_cores() == cores
    assert set(blas()) == {2}


def test_what_the_user_tells_blas_meanwhile_stays(two_threads):
    with Team(WORTH_LIMIT):
        threadpool_limits(limits=3, user_api="blas")
        mine = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        assert usable_cores() == min(3, mine)
    assert set(blas()) == {3}


def test_teams_in_many_threads_leave_blas_its_threads(two_threads):
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: work(Team(WORTH_LIMIT)), range(200)))
    assert results == [list(range(8))] * 200
    assert set(blas()) == {2}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_process_forked_while_another_thread_fits_has_all_its_threads(two_threads):
    cores, entered, leave = usable_cores(), threading.Event(), threading.Event()

    def fit():
        with Team(WORTH_THREADS):
            entered.set()
            leave.wait(60)

    thread = threading.Thread(target=fit)
    thread.start()
    entered.wait(60)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside threads: that is the point
        child = os.fork()
    if not child:
        fine = set(blas()) == {2} and usable_cores() == cores and work(Team(WORTH_LIMIT)) == list(range(8))
        os._exit(0 if fine and set(blas()) == {2} else 1)
    leave.set()
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_fit_goes_on_in_a_process_forked_from_it(two_threads, four_cores):
    with Team(WORTH_THREADS) as team:
        list(team.map(lambda i: i, 8))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if not child:  # where none of the pool's threads is
            os._exit(0 if list(team.map(lambda i: i, 8)) == list(range(8)) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_closed_team_does_not_begin_another_item(four_cores):
    begun, go = [], threading.Event()

    def item(i):
        begun.append(i)
        go.wait(60)

    team = Team(WORTH_THREADS).__enter__()
    mapping = threading.Thread(target=team.map, args=(item, 400))
    mapping.start()
    closing = threading.Thread(target=team.close)
    closing.start()
    while not team._closing:
        time.sleep(0.001)
    go.set()
    closing.join(60)
    mapping.join(60)
    assert len(begun) <= 4


def test_a_fit_inside_a_fit_has_the_same_cores(two_threads):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((3000, 8))
    y = (X[:, 0] + rng.logistic(size=3000) > 0).astype(int)
    outer = Team(WORTH_LIMIT)
    cores = usable_cores()
    with outer:
        CrossEntropyClassifier().fit(X, y)
        assert usable_cores() == cores
        assert set(blas()) == {1}
    assert set(blas()) == {2}


def test_the_first_error_of_the_threads_is_raised_and_they_go_on(four_cores):
    def item(i):
        if i in (3, 6):
            raise ZeroDivisionError(f"item {i}")
        return i

    with Team(WORTH_THREADS) as team:
        for _ in range(3):
            with pytest.raises(ZeroDivisionError, match="item 3"):
                team.map(item, 8)
            assert list(team.map(lambda i: -i, 5)) == [0, -1, -2, -3, -4]


def test_threads_that_the_system_does_not_start_are_done_without(four_cores, monkeypatch):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert work(Team(WORTH_THREADS)) == list(range(8))
