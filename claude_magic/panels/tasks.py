"""Work of a panel off the main thread: a kernel that runs a cell does not hold it up, and it holds up no cell.

Each task runs in a copy of the context of the callback that began it, so that what it prints does not land in the cell
that happens to run (front-ends.md, section 5).
"""

from __future__ import annotations

import contextlib
import threading
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_PATIENCE = 2.0  # seconds that closing waits for a task which was told to stop


class Task:
    """One piece of work in a thread of its own.

    Attributes:
        cancelled: set when nobody wants the result any more; work that takes long looks at it.

    """

    def __init__(self, work: Callable[[Task], None], name: str) -> None:
        self.cancelled = threading.Event()
        self._stops: list[Callable[[], None]] = []
        self._lock = threading.Lock()
        context = copy_context()
        self._thread = threading.Thread(target=lambda: context.run(work, self), name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def on_cancel(self, stop: Callable[[], None]) -> None:
        """Have `stop` called when the task is cancelled (at once, when it is already): it ends a wait of the work's."""
        with self._lock:
            late = self.cancelled.is_set()
            if not late:
                self._stops.append(stop)
        if late:
            stop()

    def cancel(self) -> None:
        """Tell the work to end; its result is not wanted any more. Safe from any thread, and twice."""
        with self._lock:
            self.cancelled.set()
            stops, self._stops = self._stops, []
        for stop in stops:
            stop()

    @property
    def running(self) -> bool:
        """Whether the work goes on."""
        return self._thread.is_alive()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for the end; return whether it has come."""
        if self._thread is not threading.current_thread():
            self._thread.join(seconds)
        return not self._thread.is_alive()


class Tasks:
    """The tasks and timers of one panel."""

    def __init__(self) -> None:
        self._running: set[Task] = set()
        self._latest: dict[str, Task] = {}
        self._timers: set[threading.Timer] = set()
        self._lock = threading.Lock()
        self.closed = False

    def run(self, work: Callable[[Task], None], *, name: str, key: str = "") -> Task:
        """Start `work` in a thread; with a `key`, a task of that key that still runs is cancelled."""

        def whole(task: Task) -> None:
            try:
                work(task)
            finally:
                with self._lock:
                    self._running.discard(task)

        task = Task(whole, name)
        with self._lock:
            if self.closed:
                task.cancelled.set()
                return task
            self._running.add(task)
            before = self._latest.get(key) if key else None
            if key:
                self._latest[key] = task
        if before is not None:
            before.cancel()
        task.start()
        return task

    def later(self, seconds: float, function: Callable[[], None]) -> threading.Timer:
        """Call `function` after some time, in a thread and in this context, unless everything was closed by then."""
        context = copy_context()

        def run() -> None:
            with self._lock:
                self._timers.discard(timer)
                closed = self.closed
            if not closed:
                context.run(function)

        timer = threading.Timer(seconds, run)
        timer.daemon = True
        with self._lock:
            if not self.closed:
                self._timers.add(timer)
                timer.start()
        return timer

    def close(self) -> None:
        """Cancel everything and wait a moment for its end."""
        with self._lock:
            self.closed = True
            timers, tasks = list(self._timers), list(self._running)
        for timer in timers:
            timer.cancel()
        for task in tasks:
            # One that cannot be stopped must not keep the others from it.
            with contextlib.suppress(Exception):
                task.cancel()
        for task in tasks:
            task.wait(_PATIENCE)


def debounce(tasks: Tasks, seconds: float, function: Callable[..., None]) -> Callable[..., None]:
    """Return `function` that runs once its callers have been silent for `seconds`, with the arguments of the last."""
    lock = threading.Lock()
    waiting: list[threading.Timer] = []

    def call(*args: Any, **named: Any) -> None:
        with lock:
            for timer in waiting:
                timer.cancel()
            waiting[:] = [tasks.later(seconds, lambda: function(*args, **named))]

    return call
