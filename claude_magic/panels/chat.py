"""The chat panel: the session's conversations, streamed off the main thread.

What it asks and what comes back is in the same threads and the same ledger as the cells'; `%claude show` makes any
answer an ordinary output. Everything the browser sees of an answer is HTML that `rendering` made.
"""

from __future__ import annotations

import contextlib
import shlex
from typing import TYPE_CHECKING, Any

from claude_magic import rendering
from claude_magic.errors import Interrupted, UsageError, harmless
from claude_magic.panels.base import Panel
from claude_magic.panels.exchange import Exchange
from claude_magic.panels.foot import script, style
from claude_magic.panels.front import Front
from claude_magic.panels.incoming import Arrived, Incoming
from claude_magic.panels.segments import Painter
from claude_magic.panels.transcript import foot, live_turn, settled_turn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from claude_magic.panels.tasks import Task
    from claude_magic.reply import Reply

_LONGEST_NAME = 60


class View(Front):
    """The browser side: `static/chat.js`."""

    _esm = script("upload", "chat")
    _css = style("chat")


class Chat(Panel):
    """Ask, watch, stop, retry; threads, attachments, code into cells."""

    title = "Chat"

    def build(self) -> Sequence[Any]:
        """Return the one widget that talks."""
        self.view = View()
        self.incoming = Incoming(self.view.post, lambda _: None)
        self.thread_name = self.session.current
        self.exchange: Exchange | None = None
        self._keys = 0
        self._shown: tuple[object, ...] = ()
        self._heard: dict[str, Callable[[Mapping[str, Any]], None]] = {
            "hello": lambda _: self.show(),
            "ask": self._asked,
            "stop": lambda _: self.stop(),
            "retry": lambda _: self.retry(),
            "thread": lambda message: self.choose(str(message.get("name", ""))),
        }
        self.view.hear(self._hear)
        return [self.view]

    def start(self) -> None:
        """Look after every cell whether it added to the conversation."""
        if self.shell is not None:
            self.shell.events.register("post_run_cell", self._look)

    # What the browser says

    def _hear(self, message: Mapping[str, Any], buffers: Sequence[Any]) -> None:
        if self.incoming.take(message, buffers):
            return
        act = self._heard.get(str(message.get("kind")))
        if act is not None:
            self.guarded(act)(message)

    def _asked(self, message: Mapping[str, Any]) -> None:
        wanted = message.get("files")
        files = [self.incoming.files.get(str(key)) for key in (wanted if isinstance(wanted, list) else [])]
        text = str(message.get("text", ""))
        try:
            self.ask(text, run=bool(message.get("run")), files=[f for f in files if f])
        except UsageError:
            # The browser has already taken it for sent.
            self.view.post({"kind": "refused-message", "asked": text, "busy": self.busy})
            raise

    # What it does

    @property
    def busy(self) -> bool:
        """Whether an answer is expected."""
        return self.exchange is not None and not self.exchange.over

    def ask(self, text: str, *, run: bool = False, files: Sequence[Arrived] = ()) -> None:
        """Ask in the chosen thread; the answer streams in while the kernel is free.

        Raises:
            UsageError: there is nothing to ask, or an answer is still expected.

        """
        if self.busy:
            raise UsageError("An answer is still coming.", advice="Stop it first, or wait.")
        if not text.strip():
            raise UsageError("There is nothing to ask.", advice="Write a message.")
        self._begin(self._exchange(text, run=run, files=files))

    def stop(self) -> None:
        """End the answer that is coming; what has arrived stays."""
        exchange = self.exchange
        if exchange is None or exchange.over:
            return
        if exchange.task is not None:
            exchange.task.cancel()
        if not exchange.began:
            # The server has not begun: nothing can end the wait, but nobody has to.
            self._end(exchange, "Stopped before an answer began; the thread is as it was.")

    def retry(self) -> None:
        """Ask the thread's last question again; its answer, also one that is still coming, gives way to the new one.

        Raises:
            UsageError: nothing was asked yet.

        """
        before = self.exchange if self.exchange is not None and self.exchange.thread == self.thread_name else None
        if before is None and not self.session.thread(self.thread_name).turns:
            raise UsageError("Nothing was asked in this thread yet.", advice="Write a message.")
        if self.busy and before is None:
            raise UsageError("An answer is still coming in another thread.", advice="Stop it first, or wait.")
        if before is None or before.over:
            self._again(before)
            return
        self.stop()
        # Off the thread that hears the browser: what was stopped may take a moment to settle.
        self.background(lambda _: before.task and before.task.wait(5), done=lambda _: self._again(before))

    def _again(self, before: Exchange | None) -> None:
        turns = self.session.thread(self.thread_name).turns
        last = turns[-1] if turns else None
        if before is not None and before.turn is None:
            self._begin(self._exchange(before.text, run=before.run, files=before.files))
            return
        known = before is not None and before.turn is last
        exchange = (
            self._exchange(before.text, run=before.run, files=before.files)
            if known and before is not None
            else self._exchange("")
        )
        exchange.instead = last
        self._begin(exchange)

    def choose(self, name: str) -> None:
        """Show another thread (it begins when it is new) and let it be the cells' current one, too.

        Raises:
            UsageError: the name is empty or too long.

        """
        name = name if name in self.session.threads else harmless(name)
        if name not in self.session.threads and not 0 < len(name) <= _LONGEST_NAME:
            raise UsageError("A thread needs a name of 1 to 60 characters.", advice="Give another name.")
        self.session.current = self.thread_name = name
        self.session.thread(name)
        self.repeat(f"%claude thread {shlex.quote(name)}")
        self.show()

    # One exchange

    def _exchange(self, text: str, *, run: bool = False, files: Sequence[Arrived] = ()) -> Exchange:
        self._keys += 1
        key = f"live-{self._keys}"

        def send(at: int, pieces: list[str], frozen: int) -> None:
            self.view.post({"kind": "paint", "turn": key, "from": at, "pieces": pieces, "frozen": frozen})

        return Exchange(key, self.thread_name, text, Painter(send), run=run, files=tuple(files))

    def _begin(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.repeat(exchange.command() if exchange.text else "")
        self.show()
        exchange.task = self.background(lambda task: self._work(exchange, task), key="answer")
        self.say("Answering…")

    def _work(self, exchange: Exchange, task: Task) -> None:
        try:
            reply = exchange.ask(self.session, self.namespace, task, self.say)
        except Interrupted as stopped:
            self._end(exchange, stopped.message)
        except Exception:
            self._end(exchange, "There is no answer; what went wrong stands below.")
            raise  # into the panel's error place, unless it was stopped
        else:
            self._settle(exchange, reply)

    def _settle(self, exchange: Exchange, reply: Reply) -> None:
        turns = self.session.thread(exchange.thread).turns
        exchange.turn = next((turn for turn in turns if turn.answer is reply.message), None)
        exchange.painter.settle(reply.message, foot(reply))
        pictures = list(reply.pictures())
        number = turns.index(exchange.turn) + 1 if exchange.turn is not None else 0
        settled = {"kind": "settled", "turn": exchange.key, "number": number, "text": rendering.plain(reply.text)}
        exchange.over = True
        self.view.post({**settled, "pictures": len(pictures)}, pictures)
        if {*self._state()} - {*self._shown, id(exchange.turn)}:
            self.show()  # cells, or another panel, have added something meanwhile
        self._shown = self._state()
        self.say("Stopped." if isinstance(reply.error, Interrupted) else "The answer is complete.")
        if reply.error is not None and not isinstance(reply.error, Interrupted):
            self.fail(reply.error)

    def _end(self, exchange: Exchange, why: str) -> None:
        """Say that nothing came of an exchange; its question goes back to where it was typed."""
        if exchange.over:
            return
        exchange.over = True
        self.view.post({"kind": "ended", "turn": exchange.key, "why": why, "asked": exchange.text})
        self.say(why)

    # What is shown

    def show(self) -> None:
        """Send the whole conversation: when the browser appears, and when another one is chosen."""
        turns = list(self.session.thread(self.thread_name).turns)  # a cell may add one meanwhile
        names = {file_id: upload.file.filename for file_id, upload in list(self.session.uploads.items())}
        shown, pictures = [], []
        for number, turn in enumerate(turns, 1):
            reply = self.session.replies.get(turn.answer.id)
            made = list(reply.pictures()) if reply is not None and reply.message is turn.answer else []
            shown.append(settled_turn(turn, number, reply, len(made), names))
            pictures += made
        exchange = self.exchange
        if exchange is not None and not exchange.over and exchange.thread == self.thread_name:
            shown = [entry for entry, turn in zip(shown, turns, strict=True) if turn is not exchange.instead]
            shown.append(live_turn(exchange, names))
        threads = sorted({*self.session.threads, self.thread_name})
        state = {"kind": "transcript", "thread": self.thread_name, "threads": threads, "busy": self.busy}
        self.view.post({**state, "turns": shown}, pictures)
        self._shown = self._state()

    def _state(self) -> tuple[object, ...]:
        turns = self.session.thread(self.thread_name).turns
        return (self.thread_name, tuple(self.session.threads), *map(id, turns))

    def _look(self, _result: Any = None) -> None:
        """Show what a cell has added, unless an answer is just being painted."""
        if self.busy or self._state() == self._shown:
            return
        try:
            self.show()
        except Exception as error:  # noqa: BLE001 - what is raised here would be printed below somebody's cell
            self.fail(error)

    def close(self) -> None:
        """Stop the answer, forget the attachments, take everything away."""
        if self.shell is not None:
            with contextlib.suppress(ValueError):  # closed before
                self.shell.events.unregister("post_run_cell", self._look)
        super().close()
        self.incoming.close()
