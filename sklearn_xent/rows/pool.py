"""Threads that take work from a queue, and that no interrupt of the main thread can block.

Python's ``Condition`` stays locked where Ctrl-C comes as it is about to be left, and threads that wait for it
wait for ever: those of ``concurrent.futures``, and any that ``Thread.start`` waits for. ``SimpleQueue`` is of
C, where nothing is left half done.
"""

from __future__ import annotations

from _thread import start_new_thread
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any

__all__ = ["Pool"]


class Pool:
    """Some threads, once they are started, until they are told to end."""

    def __init__(self, size: int) -> None:
        self._tasks: SimpleQueue[Any] = SimpleQueue()
        self._wake: SimpleQueue[None] = SimpleQueue()
        self._alive: list[None] = [None] * size
        self._size, self._started = size, False

    def start(self) -> None:
        """Start the threads; another thread does it, in which an interrupt does not arrive."""
        start_new_thread(_launch, (self._size, self._tasks, self._alive, self._wake))
        self._started = True

    def run(self, jobs: list[Callable[[], Any]]) -> list[Any]:
        """What the jobs return, in order; the first error in their order is raised once all have ended."""
        done: SimpleQueue[tuple[int, Any, BaseException | None]] = SimpleQueue()
        for i, job in enumerate(jobs):
            self._tasks.put((i, job, done))
        ended = sorted((done.get() for _ in jobs), key=lambda entry: entry[0])
        for _, _, error in ended:
            if error is not None:
                raise error
        return [value for _, value, _ in ended]

    def end(self) -> None:
        """Tell the threads to end after what is queued; again is nothing."""
        for _ in range(self._size):
            self._tasks.put(None)

    def join(self) -> None:
        """Wait until they have ended; again is nothing."""
        # each that ends leaves the list before it wakes us: as long as there are some, one will
        while self._started and self._alive:
            self._wake.get()


def _launch(size: int, *queues: Any) -> None:
    for _ in range(size):
        try:
            Thread(target=_work, args=queues, daemon=True).start()
        except RuntimeError:  # the system allows no more threads
            _work(*queues)


def _work(tasks: SimpleQueue[Any], alive: list[None], wake: SimpleQueue[None]) -> None:
    while (task := tasks.get()) is not None:
        i, job, done = task
        result: tuple[int, Any, BaseException | None]
        try:
            result = (i, job(), None)
        except BaseException as error:  # it is raised where the job was given
            result = (i, None, error)
        done.put(result)
        del task, job, done, result  # an idle thread holds nothing
    alive.pop()
    wake.put(None)
