"""`%claude panel data`: a frame of the kernel, what would be told of it, up, and asked about.

What stands under “What Claude is told” is the text of the request itself (`containers.mount_blocks`), made by the same
functions; the panel has no words of its own for it.
"""

from __future__ import annotations

import keyword
import shlex
import time
from typing import TYPE_CHECKING, Any

from ipywidgets import HTMLMath

from claude_magic import frames, rendering, uploads
from claude_magic.errors import ClaudeMagicError, Interrupted, UsageError
from claude_magic.frames import schema
from claude_magic.frames.description import parse_share
from claude_magic.options import Options
from claude_magic.panels import commands
from claude_magic.panels.base import Panel
from claude_magic.panels.charts import Charts
from claude_magic.panels.kernel_frames import CellWatch, frame_names, frame_of, part_name, part_of, text_of, told
from claude_magic.panels.view import View, module
from claude_magic.rendering import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from claude_magic.panels.tasks import Task
    from claude_magic.reply import Reply

_LISTED = 300  # columns that the table shows; the others go along
_PAUSE = 0.2  # seconds after a change before the text is made
_PAINT = 0.3  # seconds between two paints of a growing answer; five times what a paint takes, where that is longer


class DataView(View):
    """The browser side."""

    _esm = module("data")


class Data(Panel):
    """Pick, choose, look, upload, ask."""

    title = "Data"

    def build(self) -> Sequence[Any]:
        """Return the form, the answer, its charts."""
        self.view = DataView(
            frames=[],
            frame="",
            columns=None,
            total=0,
            rows=0,
            told="",
            share="schema",
            receipt=None,
            asking=False,
            bound="",
        )
        self._name = ""
        self._left_out: frozenset[int] = frozenset()
        self._share = str(self.session.settings.share)
        self._columns: tuple[str, ...] = ()
        self._task: Task | None = None
        self._preview_soon = self.debounced(_PAUSE)(self.preview)
        self.answer, self.charts = HTMLMath(), Charts()
        self.view.on(
            look=self.guarded(lambda _, __: self.look()),
            pick=self.guarded(lambda message, _: self.pick(str(message.get("name") or ""))),
            columns=self.guarded(lambda message, _: self.leave_out(message.get("out"))),
            share=self.guarded(lambda message, _: self.share(str(message.get("level") or ""))),
            upload=self.guarded(lambda _, __: self.upload()),
            ask=self.guarded(
                lambda message, _: self.ask(str(message.get("prompt") or ""), str(message.get("out") or ""))
            ),
            stop=self.guarded(lambda _, __: self.stop()),
        )
        self._watch = CellWatch(self.shell, self.look)
        return [self.view, self.answer, self.charts]

    def start(self) -> None:
        """Look for frames; later, every cell does."""
        self.view.show(share=self._share)
        self.look()

    # What there is

    def look(self) -> None:
        """Show the names of the frames that there are now."""
        names = frame_names(self.namespace)
        if names != self.view.state["frames"]:
            self.view.show(frames=names)

    def pick(self, name: str) -> None:
        """Show a frame's columns; a lazy frame is computed for that."""
        frame = frame_of(self.namespace, name)
        self._name, self._left_out, self._columns = name, frozenset(), ()
        self.view.show(frame=name, columns=None, told="", receipt=None)

        def done(outline: schema.Outline) -> None:
            self._columns = tuple(field.name for field in outline.fields)
            shown = [{"name": plain(f.name), "dtype": f.dtype, "missing": f.missing} for f in outline.fields[:_LISTED]]
            self.view.show(columns=shown, total=len(outline.fields), rows=outline.rows)
            self.preview()

        self.background(lambda _: schema.look(frames.collect(frame, name)), done=done, busy="Looking…", key="look")

    def leave_out(self, positions: Any) -> None:
        """Leave columns out, by position; True leaves out all of them."""
        every = range(len(self._columns))
        wanted = every if positions is True else positions if isinstance(positions, list) else ()
        self._left_out = frozenset(n for n in wanted if n in every)
        self.view.show(receipt=None)  # it is about other columns
        self._preview_soon()

    def share(self, level: str) -> None:
        """Set how much of the frame may be told.

        Raises:
            UsageError: there is no such level.

        """
        parse_share(level)
        self._share = level
        self._preview_soon()

    def _chosen(self) -> tuple[str, str, Any]:
        """Return the name that goes up, the line of code that makes it (or none), and the frame."""
        frame = frame_of(self.namespace, self._name)
        if not self._left_out:
            return self._name, "", frame
        kept = [n for n in range(len(self._columns)) if n not in self._left_out]
        if not kept:
            raise UsageError("No column is chosen.", advice="Choose at least one.")
        expression, part = part_of(frame, self._name, kept)
        name = part_name(self._name, self.namespace)
        return name, f"{name} = {expression}\n", part

    def preview(self) -> None:
        """Show the text that Claude would be told; none while it cannot be said."""
        self.view.show(told="")
        name, _, frame = self._chosen()
        share, mask = self._share, tuple(self.session.settings.mask)
        self.background(
            lambda _: told(self.session, frame, name, share, mask),
            done=lambda text: self.view.show(told=plain(text)),
            key="told",
        )

    # Up

    def upload(self) -> None:
        """Send the frame, unless the server has it, and show the receipt."""
        name, code, frame = self._chosen()
        share = self._share

        def work(task: Task) -> tuple[str, uploads.Receipt]:
            terms = self.session.terms(Options(share=share), self._progress(task))
            mounted, receipt = uploads.mount(self.session, name, {name: frame}, terms)
            return text_of(mounted), receipt

        def done(sent: tuple[str, uploads.Receipt]) -> None:
            self.view.show(told=plain(sent[0]), receipt=_receipt(sent[1]))
            self.say(str(sent[1]))
            self.repeat(code + commands.line(shlex.join(["upload", name])))

        self._run(work, done, f"Sending {name}…")

    def _progress(self, task: Task) -> Callable[[str, int, int], None]:
        shown = rendering.Progress(self.say)

        def report(name: str, done: int, total: int) -> None:
            if task.cancelled.is_set():
                raise Interrupted("Stopped while a file was sent.")
            shown(name, done, total)

        return report

    def _run(self, work: Callable[[Task], Any], done: Callable[[Any], None], busy: str) -> None:
        """Run `work`, with the Stop button, unless something runs already."""
        if self._task is not None and self._task.running:
            raise UsageError("Something is still going on.", advice="Stop it first, or wait.")

        def whole(task: Task) -> Any:
            try:
                with self.session.server():
                    return work(task)
            finally:
                self.view.show(asking=False)

        self.view.show(asking=True)
        self._task = self.background(whole, done=done, busy=busy)

    def stop(self) -> None:
        """End what goes on; of an answer, what has arrived stays."""
        if self._task is not None and self._task.running:
            self._task.cancel()
            self.say("Stopped.")

    # Asked

    def ask(self, text: str, out: str = "") -> None:
        """Ask about the frame, which goes into the container; the reply is bound to the name `out`.

        Raises:
            UsageError: there is nothing to ask, or `out` is no name.

        """
        if not text.strip():
            raise UsageError("There is nothing to ask.", advice="Write a question.")
        if out and (not out.isidentifier() or keyword.iskeyword(out)):
            raise UsageError(f"`{out}` is no Python name.", advice="Give a name such as `reply`.")
        name, code, frame = self._chosen()
        namespace = {**self.namespace, name: frame}
        options = Options(upload=(name,), run=True, share=self._share, out=out or None)
        words = ["--upload", name, "--share", self._share, *(("--out", out) if out else ())]

        def work(task: Task) -> None:
            blocks = self.session.compose(text, options, namespace)
            prepared = self.session.prepare(blocks, options, namespace, self._progress(task))
            answer = self.session.turn(prepared)
            task.on_cancel(answer.stop)
            self._forget_answer()
            with answer:
                paint = self._painter()
                for growing in answer:
                    paint(growing)
            self._settle(answer.reply, out)

        self.repeat((code and f"{code}# and in a cell of its own:\n") + commands.cell(shlex.join(words), text))
        self._run(work, lambda _: None, "Asking…")

    def _painter(self) -> Callable[[Any], None]:
        due = 0.0

        def paint(growing: Any) -> None:
            nonlocal due
            began = time.monotonic()
            if began >= due:
                made = rendering.bundle(growing.message(), footer=None, settled=False)
                self.answer.value = made["text/html"]
                due = began + max(_PAINT, 5 * (time.monotonic() - began))

        return paint

    def _forget_answer(self) -> None:
        self.charts.show(())
        self.answer.value = ""
        self.view.show(bound="")

    def _settle(self, reply: Reply, out: str) -> None:
        """Show the whole reply, its charts as images, and where it is bound."""
        if self.tasks.closed:
            return
        self.answer.value = reply.bundle()["text/html"]
        pictures = list(reply.pictures())
        names = [chart.name for chart in reply.charts]
        named = names if len(names) == len(pictures) else map(str, range(1, len(pictures) + 1))
        self.charts.show(list(zip(named, pictures, strict=True)))
        if out and self.shell is not None:
            self.shell.push({out: reply}, interactive=False)
            self.view.show(bound=out)
        error: ClaudeMagicError | None = reply.error
        if error is not None and not isinstance(error, Interrupted):
            self.fail(error)

    def close(self) -> None:
        """Stop what runs and look no more."""
        self._watch.close()
        super().close()


def _receipt(receipt: uploads.Receipt) -> list[list[Any]]:
    rows: list[list[Any]] = [
        ["file", plain(receipt.filename)],
        ["id", ", ".join(map(plain, receipt.file_ids))],
        ["rows", receipt.rows],
        ["columns", receipt.columns],
        ["bytes", receipt.size],
        ["sent", "now" if receipt.sent else "was there already"],
        ["told in the prompt", receipt.share],
    ]
    return [row for row in rows if row[1] is not None] + [["converted", plain(c)] for c in receipt.conversions]
