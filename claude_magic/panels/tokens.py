"""`%claude panel tokens`: what a prompt will cost, while it is typed.

The browser sends each change; the count begins when nothing has changed for a moment, and a change ends the count that
is under way. Nothing is uploaded and no answer is asked for.
"""

from __future__ import annotations

import shlex
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from claude_magic.errors import FileProblem, Interrupted
from claude_magic.panels import commands
from claude_magic.panels.base import Panel
from claude_magic.panels.counting import Asked, Counted, Counter, reading
from claude_magic.panels.kernel_frames import CellWatch, frame_names
from claude_magic.panels.view import View, module
from claude_magic.rendering import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from claude_magic.panels.tasks import Task

_PAUSE = 0.4  # seconds without a key before a count begins
_LARGEST_TEXT = 5_000_000  # bytes: more than any window holds
_PICTURES = frozenset({".png", ".jpg", ".jpeg", ".gif", ".webp"})
_LISTED = 200


class TokensView(View):
    """The browser side."""

    _esm = module("tokens")


class Tokens(Panel):
    """Counts by part, against each model's window, with prices."""

    title = "Tokens"

    def build(self) -> Sequence[Any]:
        """Return the one widget of the body."""
        self._counter = Counter(self.session)
        self._lock = threading.Lock()
        self._typed = 0  # how often something was typed: only the count of the last is shown
        self._task: Task | None = None
        self._asked = Asked("")
        self._soon = self.debounced(_PAUSE)(self._begin)
        self.view = TokensView(frames=[], files=[], models=[], model="", system="", thread="", counted=None)
        self.view.on(
            typed=self.guarded(lambda message, _: self.typed(_asked(message))),
            now=self.guarded(lambda message, _: self.count(_asked(message, run=True))),
            file=self.guarded(lambda message, _: self.add_file(str(message.get("path") or ""))),
            frame=self.guarded(lambda message, _: self.add_frame(str(message.get("name") or ""))),
            look=self.guarded(lambda _, __: self.look()),
        )
        self._watch = CellWatch(self.shell, self._look_frames)
        return [self.view]

    def start(self) -> None:
        """Look for frames and files, and ask which models there are."""
        self.look()

    def _look_frames(self) -> None:
        names = frame_names(self.namespace)
        if names != self.view.state["frames"]:
            self.view.show(frames=names)

    def close(self) -> None:
        """Stop counting and look no more."""
        self._watch.close()
        super().close()

    def look(self) -> None:
        """Show what the kernel and its folder have now."""
        there = sorted(p.name for p in Path.cwd().iterdir() if p.is_file() and not p.name.startswith("."))
        self._look_frames()
        self.view.show(files=[plain(name) for name in there[:_LISTED]])
        self.background(lambda _: self.session.models(), done=self._show_models, key="models")

    def _show_models(self, models: list[dict[str, Any]]) -> None:
        ids = [plain(str(m.get("id"))) for m in models if m.get("lifecycle", "active") != "retired"]
        settings = self.session.settings
        self.view.show(
            models=ids, model=settings.model, system=settings.system or "", thread=plain(self.session.thread().name)
        )

    def typed(self, asked: Asked) -> None:
        """Take a change: end the count that is under way and begin one soon."""
        self._new(asked)
        self._soon()

    def count(self, asked: Asked) -> None:
        """Count at once."""
        self._new(asked)
        self._begin()

    def _new(self, asked: Asked) -> None:
        with self._lock:
            self._typed += 1
            self._asked, task = asked, self._task
        if task is not None:
            task.cancel()

    def _begin(self) -> None:
        with self._lock:
            number, asked = self._typed, self._asked
        if not asked.prompt.strip():
            self._show(number, None)
            return

        def work(task: Task) -> None:
            def check() -> None:
                if task.cancelled.is_set():
                    raise Interrupted("A newer count has begun.")

            for counted in self._counter.count(asked, self.namespace, check):
                self._show(number, counted)
            if self._is_last(number):
                self.repeat(_command(asked, self.namespace))

        self._task = self.background(work, busy="Counting…", key="count")

    def _is_last(self, number: int) -> bool:
        with self._lock:
            return number == self._typed

    def _show(self, number: int, counted: Counted | None) -> None:
        """Show a count, unless something was typed since it began."""
        with self._lock:
            if number == self._typed:
                self.view.show(counted=None if counted is None else _json(counted))

    def add_frame(self, name: str) -> None:
        """Put a variable into the prompt."""
        if name in frame_names(self.namespace):
            self.view.post({"kind": "insert", "text": f"{{{{ {name} }}}}"})

    def add_file(self, path: str) -> None:
        """Put a text file or a picture into the prompt.

        Raises:
            FileProblem: it is not there, or neither.

        """
        found = Path(path).expanduser()
        if not path or not found.is_file():
            raise FileProblem(f"There is no file {path}.", advice="Give its path, from the notebook's folder.")
        picture = found.suffix.lower() in _PICTURES
        if not picture:
            _check_text(found)
        self.view.post({"kind": "insert", "text": reading(str(found), picture=picture)})


def _check_text(path: Path) -> None:
    other = f"Files that are no text go into the container: `%claude upload {shlex.quote(path.name)}`."
    try:
        size = path.stat().st_size
        if size > _LARGEST_TEXT:
            raise FileProblem(f"{path.name} has {size / 1e6:,.1f} MB; no prompt holds that.", advice=other)
        path.read_text("utf-8")
    except UnicodeDecodeError:
        raise FileProblem(f"{path.name} is neither text nor a picture.", advice=other) from None
    except OSError as problem:
        raise FileProblem(f"{path.name} cannot be read: {problem.strerror}.", advice="Give another.") from None


def _asked(message: dict[str, Any], *, run: bool = False) -> Asked:
    return Asked(
        prompt=str(message.get("prompt") or ""),
        system=str(message.get("system") or ""),
        model=str(message.get("model") or ""),
        history=message.get("history") is not False,
        run=run,
    )


def _json(counted: Counted) -> dict[str, Any]:
    return {
        "model": plain(counted.model),
        "tokens": counted.tokens,
        "parts": [{"name": name, "tokens": tokens} for name, tokens in counted.parts.items()],
        "prices": [
            {"model": plain(p.model), "tokens": p.tokens, "window": p.window, "cost": p.cost} for p in counted.prices
        ],
    }


def _command(asked: Asked, namespace: dict[str, Any]) -> str:
    """Return the command that counts the same."""
    text = asked.prompt.strip()
    if all(word in namespace for word in text.split()):
        text = f"{{{{ {text!r} }}}}"  # `%claude count` takes words that are all variables as variables
    options = [
        *(("-m", asked.model) if asked.model else ()),
        *(("-s", asked.system) if asked.system else ()),
        *(() if asked.history else ("--no-history",)),
        *(("--",) if text.startswith("-") else ()),
    ]
    return commands.line(" ".join(["count", *map(shlex.quote, options), text]))
