"""An answer on its way, from the request that is sent to the turn, the ledger entry and the `Reply` it leaves."""

from __future__ import annotations

import logging
import re
import threading
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from claude_magic import catalogue, containers, evidence
from claude_magic.errors import (
    BadRequest,
    ClaudeMagicError,
    ConnectionFailed,
    FileProblem,
    Interrupted,
    NotFound,
    StreamFailed,
    StreamTruncated,
    Unfinished,
    UsageError,
    one_line,
)
from claude_magic.interrupts import Shield
from claude_magic.messages import Growing, Message, Request
from claude_magic.reply import Reply
from claude_magic.store import Entry
from claude_magic.threads import Thread, Turn

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path
    from types import TracebackType

    from claude_magic import uploads
    from claude_magic.backends import Server
    from claude_magic.messages import Block
    from claude_magic.sessions import Session
    from claude_magic.wire import EventStream

log = logging.getLogger(__name__)

# A paused answer goes on by itself; one that pauses this often is not going to end (each round is ten tool calls).
_MAX_ROUNDS = 20
# Errors that pass by themselves, and how long to wait before asking again (seconds); they come inside a stream that
# began with status 200, so the client's own retries never see them.
_PASSING = frozenset({"overloaded_error", "api_error", "timeout_error"})
_PAUSES = (0.5, 1.0)
_FILE_ID = re.compile(r"file_[A-Za-z0-9_]+")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request with what is needed to settle it.

    Attributes:
        request: what goes over the wire.
        asked: the user's own blocks of this turn.
        thread: the conversation it joins; None when it is sent alone.
        fresh: the conversation starts afresh with it.
        receipts: what went up, or was there already.
        save: a folder that gets a copy of every file Claude makes.
        uploaded: the words of this cell's `--upload`.
        verify: the variables to verify the answer with; None when it is not asked for.

    """

    request: Request
    asked: tuple[Block, ...]
    thread: Thread | None
    fresh: bool = False
    stream: bool = True
    receipts: tuple[uploads.Receipt, ...] = ()
    save: Path | None = None
    uploaded: tuple[str, ...] = ()
    verify: Mapping[str, Any] | None = None


class Answering:
    """An answer on its way. Iterate it inside `with`; each step is one event, and the value is the growing message.

    On leaving, whatever arrived is settled: into the thread, the ledger, and `reply`. An answer that broke off, or was
    interrupted, after something had arrived does not raise here; `reply.raise_for_error()` does, once it was shown.
    """

    def __init__(self, session: Session, prepared: Prepared) -> None:
        self.growing = Growing()
        self._reply: Reply | None = None
        self._session = session
        self._server: Server
        self._staying = ExitStack()
        self._prepared = prepared
        self._request = prepared.request
        self._notes = [str(receipt) for receipt in prepared.receipts]
        self._open = ExitStack()
        self._began = time.perf_counter()
        self._headers: Mapping[str, str] = {}
        self._request_id: str | None = None
        self._saved: Mapping[str, Path] = {}
        self._stream: EventStream | None = None
        self._stopped = threading.Event()
        self._shield = Shield()

    def stop(self) -> None:
        """End it, from any thread: what has arrived is settled as stopped, and nothing more is asked.

        A wait before another attempt ends at once. While the server has a request and has not begun to answer this
        cannot end the wait, but nothing comes of it then.
        """
        self._stopped.set()
        stream = self._stream
        if stream is not None:
            stream.close()

    def _check(self) -> None:
        if self._stopped.is_set():
            raise Interrupted("Stopped.", request_id=self._request_id)

    @property
    def reply(self) -> Reply:
        """The settled answer."""
        if self._reply is None:
            raise UsageError("The answer is not settled yet.", advice="Leave the `with` block first.")
        return self._reply

    def __enter__(self) -> Self:
        """Begin; the request is sent when the first event is asked for."""
        # A `use` meanwhile changes neither who is asked, nor where its files come from, nor who is billed.
        self._server = self._staying.enter_context(self._session.server())
        return self

    def __iter__(self) -> Iterator[Growing]:
        """Send, and yield the growing message at each event; `pause_turn` is continued, not an end."""
        yield from self._round()
        for _ in range(_MAX_ROUNDS):
            now = self.growing.message()
            if now.stop_reason != "pause_turn":
                return
            self.growing.go_on()
            self._request = replace(self._request, messages=self._sent).continued(now.content, now.container)
            yield from self._round()

    def _round(self) -> Iterator[Growing]:
        self._check()
        for event in self._events():
            self.growing.feed(event)
            yield self.growing
            self._check()

    def _events(self) -> Iterator[Mapping[str, Any]]:
        """Send and yield events; an error that comes inside the stream before anything was shown is tried again."""
        send = self._streamed if self._prepared.stream else self._whole
        for pause in (*_PAUSES, None):
            try:
                yield from send()
            except StreamFailed as failed:
                if pause is None or self.growing.started or failed.error_type not in _PASSING:
                    raise
                self._open.close()
                self._stopped.wait(pause)
                self._check()
            else:
                return

    def _streamed(self) -> Iterator[Mapping[str, Any]]:
        messages = self._server.client.messages
        stream = self._opened(
            lambda: self._open.enter_context(messages.stream(self._request.body(), stop=self._stopped))
        )
        self._headers, self._request_id = stream.headers, stream.request_id
        self._stream = stream
        self._check()
        yield from stream
        self._open.close()

    def _whole(self) -> Iterator[Mapping[str, Any]]:
        messages = self._server.client.messages
        answer = self._opened(lambda: messages.create(self._request.body(), stop=self._stopped))
        self._headers, self._request_id = answer.headers, answer.request_id
        yield {"type": "message_start", "message": answer.body}
        yield {"type": "message_stop"}

    @property
    def _sent(self) -> tuple[Mapping[str, Any], ...]:
        """The messages up to the user's, as they were last accepted."""
        return self._request.messages[: len(self._prepared.request.messages)]

    def _opened(self, send: Any) -> Any:
        """Send; when the server no longer has the container or a file of the history, send once more without it."""
        for _ in range(2):
            try:
                return send()
            except (BadRequest, NotFound) as refused:
                changed = self._without_what_is_gone(refused)
                if changed is None:
                    raise
                self._request = changed
        return send()

    def _without_what_is_gone(self, refused: BadRequest | NotFound) -> Request | None:
        request = self._request
        lighter = without_gone(request, refused)
        if lighter is not None:
            self._session.gone |= mounted_ids(request.messages) - mounted_ids(lighter.messages)
            self._notes.append("a deleted file was left out of the history")
            return lighter
        if request.container is not None and "container" in refused.message.lower():
            self._notes.append("the container had expired and was made anew")
            return replace(request, container=None)
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """Settle. Swallow only what `reply.raise_for_error()` will raise again.

        A (second) Ctrl-C meanwhile ends the fetching and the judging; what has arrived is put away all the same.
        """
        with self._shield, self._staying:
            self._open.close()
            swallowed = self._ended(error)
        if self._shield.pending and self._reply is not None and self._reply.error is None:
            self._interrupted("Interrupted while the answer was put away.")
        return swallowed

    def _interrupted(self, message: str) -> None:
        """Let the settled reply raise an interrupt."""
        error = Interrupted(message, advice="The answer is whole, in `_`.", request_id=self._request_id)
        self._reply = replace(self.reply, error=error)
        self._session.keep(self._reply)

    def _ended(self, error: BaseException | None) -> bool:
        """Settle what has arrived; return whether the error is one that the reply keeps."""
        if isinstance(error, KeyboardInterrupt):
            error = Interrupted("Interrupted.", request_id=self._request_id)
        elif self._stopped.is_set() and isinstance(
            error, ConnectionFailed | StreamTruncated
        ):  # what closing a stream leads to
            error = Interrupted("Stopped.", request_id=self._request_id)
        if not self.growing.started:
            self._bill_unseen(error)
            if isinstance(error, Interrupted):
                raise Interrupted("Interrupted before an answer began.", advice="The thread is as it was.") from None
            if isinstance(error, Unfinished):  # its own advice is where to find what arrived
                error.hint = "Nothing of it had arrived: run the cell again."
            if error is None:
                self._settle(self.growing.message(), None)
            return False
        known = error if isinstance(error, ClaudeMagicError) else None
        self._settle(self.growing.message(), known)
        return known is not None

    def _bill_unseen(self, error: BaseException | None) -> None:
        """Account for the prompt of an answer of which nothing is shown: it was read, though nothing was written."""
        message = self.growing.message()
        if isinstance(error, Interrupted | ConnectionFailed | StreamTruncated) and message.usage.prompt_tokens:
            with suppress(FileProblem):  # why there is no answer is the one to tell
                self._account(message)

    def _settle(self, message: Message, error: ClaudeMagicError | None) -> None:
        seconds = time.perf_counter() - self._began
        collected, error = self._collected(message, error)
        list_price = _cost(message)
        self._reply = Reply(
            message=message,
            request=self._prepared.request,
            request_id=self._request_id,
            who=self._server.backend.who(self._headers),
            seconds=seconds,
            cost=self._billed(list_price),
            list_price=list_price,
            files=collected.artifacts,
            thread=self._thread_name,
            notes=tuple(self._notes),
            missing=collected.missing,
            receipts=self._prepared.receipts,
            saved=self._saved,
            variables={up.file.filename: up.file.variable for up in list(self._session.uploads.values())},
            error=error,
        )
        self._keep(self._reply)
        try:
            self._account(message)
        except FileProblem as problem:  # what was paid for is not lost because it could not be written down
            self._reply = replace(self._reply, missing=(*self._reply.missing, str(problem)))
        if error is None:
            try:
                with self._shield.lifted():
                    self._reply = self._judged(self._reply)
            except KeyboardInterrupt:
                self._interrupted("Interrupted while the answer was judged.")
            except Exception:  # a defect in judging an answer must not cost the answer
                log.exception("The answer could not be judged; it is in `_`.")
        self._session.keep(self._reply)

    def _collected(
        self, message: Message, error: ClaudeMagicError | None
    ) -> tuple[containers.Collected, ClaudeMagicError | None]:
        """Fetch what an answer that ended has made; a disk that is full costs the files, not the answer."""
        session, save = self._session, self._prepared.save
        collected = containers.Collected({})
        if error is not None:
            return collected, error
        try:
            with self._shield.lifted():
                collected = containers.collect(self._server.client, message.content, session.folder())
                if save is not None:
                    self._saved = session.save(collected.artifacts.values(), save)
                    names = ", ".join(p.name for p in self._saved.values())
                    self._notes.append(f"saved in {save}: {names or 'no file'}")
        except KeyboardInterrupt:
            error = Interrupted("Interrupted while files were fetched.", request_id=self._request_id)
        except (ClaudeMagicError, OSError) as problem:
            collected = replace(collected, missing=(*collected.missing, one_line(problem)))
        return collected, error

    def _billed(self, list_price: float | None) -> float | None:
        return list_price if self._server.backend.bills(self._headers) else 0.0

    @property
    def _thread_name(self) -> str | None:
        return self._prepared.thread.name if self._prepared.thread else None

    def _judged(self, reply: Reply) -> Reply:
        """Return the reply with what can be said about whether it came from the data."""
        session, prepared = self._session, self._prepared
        stood = evidence.grounds(self._request, reply.message, prepared.thread, session.uploads, prepared.uploaded)
        if stood.uploads:
            reply = replace(reply, provenance=evidence.provenance(reply.blocks, stood))
        if prepared.verify is not None:
            self._reply = reply  # whatever happens while its code runs, the answer is there
            reply = replace(reply, verification=evidence.verification(reply, stood, session.store, prepared.verify))
        return reply

    def _keep(self, reply: Reply) -> None:
        thread, message = self._prepared.thread, reply.message
        if thread is None:
            return
        if self._prepared.fresh:
            thread.clear()
        ended = reply.error.message.rstrip(".").lower() if reply.error and not message.complete else ""
        thread.turns.append(Turn(self._prepared.asked, message, ended))
        if message.container is not None and self._session.asks(self._server):
            thread.work_in(message.container, message.container_expires_at)

    def _account(self, message: Message) -> None:
        used = message.usage
        self._session.store.record(
            Entry(
                at=time.time(),
                who=self._server.backend.who(self._headers),
                model=one_line(message.model),  # the wire's word; half a character in it would not be taken
                thread=self._thread_name or "",
                input_tokens=used.input_tokens,
                output_tokens=used.output_tokens,
                cache_write_tokens=used.cache_creation_5m + used.cache_creation_1h,
                cache_read_tokens=used.cache_read,
                cost=self._billed(_cost(message)),
                request_id=one_line(self._request_id) if self._request_id else None,
            )
        )


def _cost(message: Message) -> float | None:
    used = message.usage
    return catalogue.cost(
        message.model,
        input_tokens=used.input_tokens,
        output_tokens=used.output_tokens,
        cache_creation_5m=used.cache_creation_5m,
        cache_creation_1h=used.cache_creation_1h,
        cache_read=used.cache_read,
        web_searches=used.web_searches,
    )


def without_gone(request: Request, refused: ClaudeMagicError) -> Request | None:
    """Return the request without the files of its history that the server's refusal names; None when it names none."""
    history, asked = request.messages[:-1], request.messages[-1]
    gone = set(_FILE_ID.findall(refused.message)) & mounted_ids(history)
    if not gone:
        return None
    kept = [{**m, "content": [b for b in m["content"] if b.get("file_id") not in gone]} for m in history]
    return replace(request, messages=(*kept, asked))


def mounted_ids(messages: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the ids of the files that messages put into a container."""
    return {
        block["file_id"]
        for message in messages
        for block in message["content"]
        if isinstance(block, dict) and block.get("type") == "container_upload"
    }
