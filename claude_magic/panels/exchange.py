"""One question of the chat and its answer, asked off the main thread through the session, as a cell asks."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from claude_magic.errors import Interrupted
from claude_magic.options import Options
from claude_magic.panels import attachments
from claude_magic.rendering import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from claude_magic.answering import Prepared
    from claude_magic.messages import Block
    from claude_magic.panels.incoming import Arrived
    from claude_magic.panels.segments import Painter
    from claude_magic.panels.tasks import Task
    from claude_magic.reply import Reply
    from claude_magic.sessions import Session
    from claude_magic.threads import Turn


@dataclass(slots=True)
class Exchange:
    """What is asked, and how far its answer is.

    Attributes:
        key: what the browser calls it.
        thread: the conversation it belongs to.
        text: as typed, `{{ }}` included.
        run: let Claude run code.
        files: what is attached.
        instead: a turn of the thread that this one takes the place of.
        painter: what is shown of it.
        task: the work.
        began: something of the answer is there.
        over: nothing more is expected of it.
        turn: what the thread keeps of it, once it is settled.

    """

    key: str
    thread: str
    text: str
    painter: Painter
    run: bool = False
    files: tuple[Arrived, ...] = ()
    instead: Turn | None = None
    task: Task | None = field(default=None, repr=False)
    began: bool = False
    over: bool = False
    turn: Turn | None = None

    def command(self) -> str:
        """Return the cell that asks the same; attached files are named as if they lay beside the notebook."""
        words = ["%%claude", "--thread", shlex.quote(self.thread)]
        words += ["--run"] if self.run else []
        words += [word for file in self.files for word in ("-u", shlex.quote(file.name))]
        return " ".join(words) + f"\n{self.text}"

    def ask(self, session: Session, namespace: Mapping[str, Any], task: Task, progress: Callable[[str], None]) -> Reply:
        """Ask, paint what comes, and return what was settled. Runs in a thread of its own.

        Raises:
            Interrupted: it was stopped before the answer began.
            ClaudeMagicError: as a cell.

        """
        thread = session.thread(self.thread)
        old = self.instead
        thread.turns[:] = [turn for turn in thread.turns if turn is not old]
        prepared: Prepared | None = None
        try:
            with session.server():
                prepared = self._prepared(session, namespace, task, progress)
                answer = session.turn(prepared)
                task.on_cancel(answer.stop)
                with answer:
                    for growing in answer:
                        self.began = self.began or growing.started
                        self.painter.show(growing)
        finally:
            # What was to be replaced comes back when nothing took its place; a cell may have added a turn meanwhile.
            replaced = prepared is not None and any(turn.asked is prepared.asked for turn in thread.turns)
            if old is not None and not replaced:
                thread.turns.append(old)
        return answer.reply

    def _prepared(
        self, session: Session, namespace: Mapping[str, Any], task: Task, progress: Callable[[str], None]
    ) -> Prepared:
        said, mounted = attachments.split(self.files)
        run = self.run or any(b.get("type") == "container_upload" for b in self._sent())
        options = Options(thread=self.thread, run=run or bool(mounted), upload=tuple(mounted))
        blocks: list[Block] = [*said, *self._blocks(session, options, namespace)]
        told = Progress(progress)

        def show(name: str, done: int, total: int) -> None:
            if task.cancelled.is_set():
                raise Interrupted("Stopped while a file was sent.", advice="Nothing was asked.")
            told(name, done, total)

        return session.prepare(blocks, options, {**namespace, **mounted}, show)

    def _blocks(self, session: Session, options: Options, namespace: Mapping[str, Any]) -> list[Block]:
        return self._sent() or session.compose(self.text, options, namespace)

    def _sent(self) -> list[Block]:
        """Return what a cell had sent in the turn that this one replaces; nothing where the text is known."""
        return list(self.instead.asked) if self.instead is not None and not self.text else []
