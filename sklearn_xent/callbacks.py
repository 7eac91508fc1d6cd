"""scikit-learn's callbacks (1.9, experimental), or nothing below that version."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # scikit-learn < 1.9

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Stands in for scikit-learn's mixin where there is none."""

    def with_callbacks(method: Any) -> Any:
        """Return the method as it is."""
        return method


__all__ = ["CallbackSupportMixin", "Iterations", "Task", "with_callbacks"]

Attributes = Callable[[], dict[str, Any]]  # built only when a callback asks for the fitted estimator


class Task:
    """A task of a fit, and the subtasks it has; ``Task()`` is one that nobody is told of.

    ``estimator`` is the copy that is fitted: callbacks are set up for it and are shown it.
    """

    def __init__(self, estimator: Any = None, context: Any = None, errors: Any = None) -> None:
        self.estimator = estimator
        self._context = context
        self._shown: dict[str, Any] = {}
        self._ended = False
        # of the caller of the fit: a method may call back while its own are ignored
        self._errors = np.geterr() if errors is None else errors

    @classmethod
    def root(
        cls, estimator: Any, X: Any, y: Any, sample_weight: Any, n_subtasks: int, name: str = "fit"
    ) -> Task:
        """Begin a fit, in a function of ``estimator`` that is decorated by ``with_callbacks``."""
        context = None
        # a tree of tasks takes a small fit a tenth more time, and without a callback nobody hears of it
        if getattr(estimator, "_skl_callbacks", None) and hasattr(estimator, "_init_callback_context"):
            context = estimator._init_callback_context(task_name=name, max_subtasks=n_subtasks)
        return cls(estimator, context).begin(X, y, sample_weight)

    def subtask(self, name: str, n_subtasks: int = 0, number: int | None = None) -> Task:
        """A task within this one, to begin; those of a task that are ``parallel`` have numbers."""
        if self._context is None:
            return self
        return Task(self.estimator, self._context.subcontext(name, number, n_subtasks), self._errors)

    def parallel(self, name: str, subtask: str, n: int, n_subtasks: int = 0) -> tuple[Task, list[Task]]:
        """A task within this one, begun on the same data, and n tasks of it that other processes may do.

        These are made beforehand: the tree must not change while it is sent.
        """
        if self._context is None:
            return self, [self] * n
        context = self._context.subcontext(name, None, n, sequential_subtasks=False)
        task = Task(self.estimator, context, self._errors)._begin(self._shown)
        return task, [task.subtask(subtask, n_subtasks, i) for i in range(n)]

    def begin(self, X: Any = None, y: Any = None, sample_weight: Any = None) -> Task:
        """Tell that it begins, on some data."""
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        return self._begin({"X": X, "y": y, "metadata": metadata})

    def start(self, name: str, n_subtasks: int = 0, attributes: Attributes | None = None) -> Task:
        """Begin a task within this one, on the same data."""
        return self.subtask(name, n_subtasks)._begin(self._shown, attributes)

    def end(self, attributes: Attributes | None = None) -> bool:
        """Tell that it ends, and what the estimator has become; whether a callback asks to stop."""
        if self._context is None:
            return False
        self._ended = True
        with np.errstate(**self._errors):
            return bool(
                self._context.call_on_fit_task_end(
                    estimator=self.estimator, **self._shown, reconstruction_attributes=attributes
                )
            )

    def __enter__(self) -> Task:
        return self

    def __exit__(self, *raised: object) -> None:
        """End it where it has not ended."""
        if not self._ended:
            self.end()

    def hand_over(self, estimator: Any) -> AbstractContextManager[Any]:
        """While another estimator is fitted as this task, callbacks hear of its tasks, too."""
        if self._context is None:
            return nullcontext()
        manager: AbstractContextManager[Any] = self._context.propagate_callback_context(estimator)
        return manager

    def _begin(self, shown: dict[str, Any], attributes: Attributes | None = None) -> Task:
        if self._context is not None:
            self._shown = shown
            with np.errstate(**self._errors):
                self._context.call_on_fit_task_begin(
                    estimator=self.estimator, **shown, reconstruction_attributes=attributes
                )
        return self


class Iterations:
    """Tasks within one, each of which begins as the one before it ends."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._running: Task | None = None

    def next(self, attributes: Attributes) -> bool:
        """End the running iteration, if one runs, and begin the next; whether a callback asks to stop."""
        stop = self.end(attributes)
        if not stop:
            self._running = self._task.start("iteration", attributes=attributes)
        return stop

    def end(self, attributes: Attributes) -> bool:
        """End the running iteration, if one runs."""
        running, self._running = self._running, None
        return running is not None and running.end(attributes)
