"""Threads that take jobs from a queue: order, errors, and an end that is one for all."""

import threading
import time

import pytest

from sklearn_xent.rows.pool import Pool


@pytest.fixture
def pool():
    pool = Pool(2)
    pool.start()
    yield pool
    pool.end()
    pool.join()


def test_results_come_in_the_order_of_the_jobs(pool):
    def job(i):
        time.sleep(0.01 * (3 - i % 3))
        return i

    assert pool.run([lambda i=i: job(i) for i in range(9)]) == list(range(9))
    assert pool.run([]) == []


def test_jobs_run_on_other_threads(pool):
    barrier = threading.Barrier(2, timeout=60)

    def job():
        barrier.wait()  # two at once
        return threading.get_ident()

    mine = threading.get_ident()
    found = set(pool.run([job, job]))
    assert len(found) == 2
    assert mine not in found


def test_the_first_error_in_order_is_raised_once_all_have_ended(pool):
    ended = []

    def fails(error, after):
        time.sleep(after)
        ended.append(error)
        raise error

    with pytest.raises(KeyError, match="first"):
        pool.run([lambda: fails(KeyError("first"), 0.05), lambda: fails(ValueError("second"), 0.0)])
    assert len(ended) == 2
    assert pool.run([lambda: 1]) == [1]  # and goes on


def test_jobs_given_before_the_end_are_done():
    pool = Pool(2)
    pool.start()
    assert pool.run([lambda: 1, lambda: 2]) == [1, 2]
    pool.end()
    pool.join()
    pool.join()


def test_a_pool_that_was_never_started_has_nothing_to_wait_for():
    pool = Pool(2)
    pool.end()
    pool.join()
