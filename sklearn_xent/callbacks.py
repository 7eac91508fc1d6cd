"""scikit-learn's callbacks (1.9, experimental), or nothing below that version."""

from __future__ import annotations

from collections.abc import Callable
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


__all__ = ["CallbackSupportMixin", "FitTask", "with_callbacks"]


class FitTask:
    """The task tree of one fit: a root, and a subtask for each iteration.

    ``shown`` is a copy of the estimator that knows the columns of X: callbacks see it, and ``attributes``
    builds, only when one asks, what makes it ready to predict.
    """

    def __init__(
        self, estimator: Any, shown: Any, X: Any, y: Any, metadata: dict[str, Any], max_iter: int
    ) -> None:
        self._shown = {"estimator": shown, "X": X, "y": y, "metadata": metadata}
        self._root: Any = None
        self._iteration: Any = None
        self._errors: Any = np.geterr()  # a method may call back while its own are ignored
        if hasattr(estimator, "_init_callback_context"):
            self._root = estimator._init_callback_context(max_subtasks=max_iter + 1)
            self._root.call_on_fit_task_begin(**self._shown)

    def iterate(self, attributes: Callable[[], dict[str, Any]]) -> bool:
        """End the running iteration, if one runs, and begin the next; whether a callback asks to stop."""
        if self._root is None:
            return False
        with np.errstate(**self._errors):
            stop = self._end_iteration(attributes)
            if not stop:
                self._iteration = self._root.subcontext(task_name="iteration")
                self._iteration.call_on_fit_task_begin(**self._shown, reconstruction_attributes=attributes)
        return stop

    def end(self, attributes: Callable[[], dict[str, Any]]) -> None:
        """End what runs."""
        self._end_iteration(attributes)
        if self._root is not None:
            self._root.call_on_fit_task_end(**self._shown, reconstruction_attributes=attributes)

    def _end_iteration(self, attributes: Callable[[], dict[str, Any]]) -> bool:
        if self._iteration is None:
            return False
        ending, self._iteration = self._iteration, None
        return bool(ending.call_on_fit_task_end(**self._shown, reconstruction_attributes=attributes))
