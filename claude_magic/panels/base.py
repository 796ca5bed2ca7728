"""What every panel has: a title, a body, an error place, a status line, the command that repeats what was done.

For who builds one::

    class Files(Panel):
        title = "Files"

        def build(self) -> list[Widget]:            # called once, on the main thread; returns the body
            again = Button(description="Refresh")
            again.on_click(self.guarded(lambda _: self.refresh()))
            return [again, ...]

        def refresh(self) -> None:
            self.background(lambda task: list(...), done=self._show, busy="Asking…", key="refresh")

`background` and `guarded` bring whatever is raised into the error place. Text that came over the wire goes through
`rendering.plain` (or `errors.one_line`) into widgets that show text, never into `ipywidgets.HTML` unless
`rendering` made it.
"""

from __future__ import annotations

import functools
import html
from typing import TYPE_CHECKING, Any, ClassVar

from ipywidgets import HTML, Button, HBox, Layout, VBox

from claude_magic.errors import ClaudeMagicError, one_line
from claude_magic.panels.foot import Foot
from claude_magic.panels.tasks import Task, Tasks, debounce
from claude_magic.rendering import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ipywidgets import Widget

    from claude_magic.sessions import Session


class Panel(VBox):
    """One panel; a subclass says `title` and `build`.

    Args:
        session: what it shows and acts through.
        shell: the InteractiveShell whose variables it may offer; None outside of one.

    """

    title: ClassVar[str] = ""

    def __init__(self, session: Session, shell: Any = None) -> None:
        self.session = session
        self.shell = shell
        self.tasks = Tasks()
        self.foot = Foot()
        self.closer = Button(description="Close", tooltip=f"Close the {self.title} panel", layout=Layout(width="auto"))
        head = HTML(f"<h2>{html.escape(self.title)}</h2>")
        super().__init__()
        self.add_class("claude-magic-panel")
        self.closer.on_click(lambda _: self.close())
        self.head = HBox([head, self.closer])
        self.head.add_class("claude-magic-head")
        self.body = VBox(list(self.build()))
        self.children = (self.head, self.body, self.foot)
        self.start()

    def build(self) -> Sequence[Widget]:
        """Return the widgets between title and foot."""
        raise NotImplementedError

    def start(self) -> None:
        """Begin what the panel shows first; called once, when it is complete."""

    def __repr__(self) -> str:
        """Return what stands in the notebook's file, and wherever no widget can be shown."""
        return f"{self.title} panel, alive only in a running notebook: %claude panel {self.title.lower()}"

    # The foot

    def say(self, text: str) -> None:
        """Show what is going on, in one line; empty hides the line."""
        self.foot.status = one_line(text)

    def repeat(self, command: str) -> None:
        """Show the `%claude …` command (or cell) that does what was just done."""
        self.foot.command = plain(command)

    def fail(self, error: BaseException | str) -> None:
        """Show what went wrong, in one line; `clear` takes it away."""
        if isinstance(error, BaseException) and not isinstance(error, ClaudeMagicError):
            error = f"{type(error).__name__}: {error}"
        self.foot.error = one_line(error)

    def clear(self) -> None:
        """Take the error away."""
        self.foot.error = ""

    # Work

    @property
    def namespace(self) -> dict[str, Any]:
        """The user's variables."""
        return {} if self.shell is None else self.shell.user_ns

    def guarded(self, callback: Callable[..., Any]) -> Callable[..., None]:
        """Return `callback` so that whatever it raises appears in the panel, which an older error leaves."""

        @functools.wraps(callback)
        def call(*args: Any, **named: Any) -> None:
            self.clear()
            try:
                callback(*args, **named)
            except Exception as error:  # noqa: BLE001 - a widget's callback has nobody above it; the panel shows it
                self.fail(error)

        return call

    def background(
        self,
        function: Callable[[Task], Any],
        *,
        done: Callable[[Any], None] | None = None,
        busy: str = "",
        key: str = "",
    ) -> Task:
        """Run `function` off the main thread, then `done` with its result in the same thread.

        Args:
            function: takes the task: `task.cancelled` is set, and what `task.on_cancel` was given is called, when the
                panel closes or a newer task of the same key has begun; its result is then dropped.
            done: shows the result.
            busy: stands in the status line while it runs.
            key: of several tasks with the same key only the newest counts.

        """

        def work(task: Task) -> None:
            try:
                result = function(task)
                if done is not None and not task.cancelled.is_set():
                    done(result)
            except Exception as error:  # noqa: BLE001 - a thread has nobody above it; the panel shows it
                if not task.cancelled.is_set():
                    self.fail(error)
            finally:
                if busy and not task.cancelled.is_set() and self.foot.status == one_line(busy):
                    self.say("")

        if busy:
            self.say(busy)
        return self.tasks.run(work, name=f"claude_magic-{self.title.lower()}", key=key)

    def debounced(self, seconds: float) -> Callable[[Callable[..., None]], Callable[..., None]]:
        """Return a decorator: the function runs, off the main thread, once nobody has called it for `seconds`."""
        return lambda function: debounce(self.tasks, seconds, self.guarded(function))

    # The end

    def close(self) -> None:
        """Stop what runs and take the panel and all that is in it away, here and in the browser."""
        if not self.tasks.closed:
            self.tasks.close()
            close_all(self)
        super().close()


def close_all(box: Any) -> None:
    """Close every widget inside a box, innermost first."""
    for child in getattr(box, "children", ()):
        close_all(child)
        child.close()
