"""The composition root: the one place where rooms are introduced to each other.

A `Session` lives as long as the shell. It knows who answers, holds the threads, and takes a prompt along the line:
`prepare` (uploads what is not yet there, returns a request), `turn` (streams it, and settles it however it is left).
"""

from __future__ import annotations

import logging
import os
import re
import tempfile
import threading
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from claude_magic import backends, catalogue, containers, evidence, prompt, uploads
from claude_magic.errors import (
    BadRequest,
    ClaudeMagicError,
    ConnectionFailed,
    FileProblem,
    Interrupted,
    NotFound,
    Overloaded,
    ServerFailed,
    ServerTimeout,
    StreamFailed,
    StreamTruncated,
    UsageError,
    one_line,
)
from claude_magic.messages import Growing, Message, Request
from claude_magic.options import Options
from claude_magic.reply import Reply
from claude_magic.store import Entry, Store
from claude_magic.threads import Thread, Turn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from types import TracebackType

    from claude_magic.messages import Block
    from claude_magic.wire import Client, EventStream, Secret

    Progress = Callable[[str, int, int], None]

log = logging.getLogger(__name__)

# The names that stand for the newest active model of a line.
LINES = frozenset({"sonnet", "opus", "haiku", "fable"})
# A paused answer goes on by itself; one that pauses this often is not going to end (each round is ten tool calls).
_MAX_ROUNDS = 20
# Errors that pass by themselves, and how long to wait before asking again (seconds); they come inside a stream that
# began with status 200, so the client's own retries never see them.
_PASSING = frozenset({"overloaded_error", "api_error", "timeout_error"})
_PAUSES = (0.5, 1.0)
_KEPT_REPLIES = 500
_FILE_ID = re.compile(r"file_[A-Za-z0-9_]+")


@dataclass(slots=True)
class Settings:
    """What holds unless a cell says otherwise.

    Attributes:
        model: a model id or an alias (`sonnet`, `opus`, `haiku`, `fable`).
        max_tokens: the most tokens an answer may have, thinking included; 16,000 is about 40 pages.
        system: the system prompt, or None.
        share: how much of a DataFrame the prompt may tell: none, schema, stats, sample=N, full.
        mask: columns whose values the prompt never tells.

    """

    model: str = "sonnet"
    max_tokens: int = 16_000
    system: str | None = None
    share: str = "schema"
    mask: tuple[str, ...] = ()


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


class Session:
    """One user's conversation with one server at a time.

    Args:
        settings: anything with the attributes of `Settings`, looked at whenever they are needed.
        home: where the store and the local server's files are; `CLAUDE_MAGIC_HOME`, else the platform's data folder.

    """

    def __init__(self, settings: Settings | Any = None, *, home: Path | None = None) -> None:
        self.settings = Settings() if settings is None else settings
        self.home = home or _home()
        self.threads: dict[str, Thread] = {}
        self.current = "main"  # the thread a cell joins when it names none
        self.started = time.time()
        self.gone: set[str] = set()  # files deleted here: no thread may mount them again
        self._lock = threading.RLock()
        self._sending: dict[str, threading.Lock] = {}  # by content
        self._backend: backends.Backend | None = None
        self._client: Client | None = None
        self._models: list[dict[str, Any]] | None = None
        self._store: Store | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._folders = 0
        self.replies: dict[str, Reply] = {}  # the newest, by message id: to be shown again with their files
        self._saved: set[Path] = set()
        self.uploads: dict[str, evidence.Upload] = {}  # by file id: what this session has put into containers

    # Who answers

    @property
    def backend(self) -> backends.Backend:
        """Who answers; chosen from the environment at first use."""
        with self._lock:
            if self._backend is None:
                self._backend = backends.from_environment(os.environ, self.home)
            return self._backend

    @property
    def chosen(self) -> bool:
        """Whether somebody (or something in this kernel) has already chosen who answers."""
        return self._backend is not None

    @property
    def client(self) -> Client:
        """The one connection pool of this session.

        Raises:
            NoCredentials: there is no key to send.

        """
        with self._lock:
            if self._client is None:
                self._client = self.backend.client()
            return self._client

    def server(self) -> tuple[backends.Backend, Client]:
        """Return who answers and the connection to them, of one moment: `use` in another thread changes both."""
        with self._lock:
            return self.backend, self.client

    def asks(self, backend: backends.Backend) -> bool:
        """Tell whether `backend` is (still) the one that answers."""
        return self._backend is backend

    def use(self, where: str, *, key: Secret | None = None) -> backends.Backend:
        """Choose who answers: ``api``, ``local`` or a URL. Containers of the old server are forgotten, threads are not.

        Raises:
            UsageError: `where` is none of the three.
            LocalServerError: the local server is not installed or does not start.

        """
        with self._lock:
            if where == "local" and self._backend is not None and self._backend.name == "local":
                return self._backend
            backend = backends.choose(where, os.environ, self.home, key=key)
            self._leave()
            self._backend = backend
            return backend

    def _leave(self) -> None:
        if self._client is not None:
            self._client.close()
        if self._backend is not None:
            self._backend.stop()
        self._client = self._models = self._backend = None
        for thread in list(self.threads.values()):  # a panel may begin one meanwhile
            thread.leave_container()

    def close(self) -> None:
        """End the local server, close connections and the store, remove fetched files."""
        with self._lock:
            self._leave()
            if self._store is not None:
                self._store.close()
                self._store = None
            if self._folder is not None:
                self._folder.cleanup()
                self._folder = None

    @property
    def store(self) -> Store:
        """Uploads and ledger."""
        with self._lock:
            if self._store is None:
                self._store = Store(self.home / "claude_magic.sqlite3")
            return self._store

    # Models

    def models(self) -> list[dict[str, Any]]:
        """Return the Models API's list, newest first; asked once for each server.

        A server without one (a gateway) counts as having none; one that is overloaded is asked again next time.
        """
        with self._lock:
            known, client = self._models, self.client
        if known is None:
            # Without the lock: a panel that waits for a silent server must not hold up a cell.
            try:
                known = client.models.list()
            except (Overloaded, ServerTimeout):
                return []
            except (NotFound, BadRequest, ServerFailed):
                known = []
            with self._lock:
                if self._client is client:
                    self._models = known
        return known

    def resolve(self, name: str | None = None) -> str:
        """Return the model id behind a name: `sonnet` and its like are the newest active model of that line.

        A server that tells no lines (llama.cpp, a gateway) gets its own first model for the default, so that
        `%claude use URL` is enough.
        """
        wanted = name or self.settings.model
        if wanted not in LINES:
            return wanted
        listed = self.models()
        if listed and not any(m.get("line") for m in listed):
            return str(listed[0]["id"])
        for models in (listed, [entry.info() for entry in catalogue.models()]):
            active = [m for m in models if m.get("line") == wanted and m.get("lifecycle") == "active"]
            if active:
                return str(max(active, key=lambda m: m.get("created_at") or "")["id"])
        raise UsageError(f"No active {wanted} model is known.", advice="Name a model: `%claude models` lists them.")

    # Along the line

    def thread(self, name: str | None = None) -> Thread:
        """Return the conversation called `name`, or the current one; it begins when it is first asked for."""
        name = name or self.current
        return self.threads.setdefault(name, Thread(name))

    def compose(self, body: str, options: Options, namespace: Mapping[str, Any]) -> list[Block]:
        """Return the content blocks of a prompt: `prompt.compose` on this session's terms of sharing."""
        terms = self.terms(options)
        return prompt.compose(body, namespace, raw=options.raw, share=terms.share, mask=terms.mask)

    def terms(self, options: Options, progress: Progress | None = None) -> uploads.Terms:
        """Return the terms on which frames are told of and sent."""
        settings = self.settings
        return uploads.Terms(options.share or settings.share, tuple(settings.mask), options.keep, progress)

    def prepare(
        self,
        blocks: list[Block],
        options: Options,
        namespace: Mapping[str, Any],
        progress: Progress | None = None,
    ) -> Prepared:
        """Upload what is not yet there and return the request.

        Args:
            blocks: the prompt.
            options: the cell's options.
            namespace: where `--upload` and `--system` look for variables.
            progress: called with file name, bytes done, bytes in all.

        Raises:
            UndefinedName: `--upload` names what is neither a variable nor a file.
            FileProblem: a file cannot go up.

        """
        thread = self.thread(options.thread) if options.history else None
        begun = thread is not None and not options.new
        terms = self.terms(options, progress)
        mounted = [uploads.mount(self, spec, namespace, terms) for spec in options.upload]
        for spec, (files, _) in zip(options.upload, mounted, strict=True):
            self.uploads |= {file.file_id: evidence.Upload(spec, file) for file in files}
        asked = [*containers.mount_blocks(file for files, _ in mounted for file in files), *blocks]
        model = self.resolve(options.model)
        # A history with code execution blocks needs the tool they belong to, and a changed tool list costs the cache.
        runs = options.run or bool(mounted) or (begun and thread is not None and thread.runs_code)
        request = Request(
            model=model,
            max_tokens=options.max_tokens or self.settings.max_tokens,
            messages=(
                *(thread.messages(self.gone) if begun and thread else ()),
                {"role": "user", "content": asked},
            ),
            system=self.settings.system if options.system is None else _system(options.system, namespace),
            tools=(containers.TOOL,) if runs else (),
            container=thread.container if begun and thread and runs and not options.new_container else None,
            parameters=_thinking(model),
        )
        return Prepared(
            request,
            tuple(asked),
            thread,
            fresh=options.new,
            stream=options.stream,
            receipts=tuple(receipt for _, receipt in mounted),
            save=Path(options.save).expanduser() if options.save else None,
            uploaded=options.upload,
            verify=namespace if options.verify else None,
        )

    def turn(self, prepared: Prepared) -> Answering:
        """Return the answer to be iterated; on leaving its `with` block it is settled."""
        return Answering(self, prepared)

    def count(self, blocks: list[Block], options: Options, namespace: Mapping[str, Any]) -> tuple[str, int]:
        """Return the model and the input tokens (by `count_tokens`) that a cell would send; nothing is uploaded."""
        prepared = self.prepare(blocks, replace(options, upload=()), namespace)
        return prepared.request.model, self.client.messages.count_tokens(prepared.request.count_body())

    def alone(self, content: str) -> threading.Lock:
        """Return the lock under which a content is sent: a cell and a panel that want the same send it once."""
        with self._lock:
            return self._sending.setdefault(content, threading.Lock())

    def delete_file(self, file_id: str) -> None:
        """Delete a file at the server, in the store, and from what threads mount."""
        self.client.files.delete(file_id)
        self.store.forget(file_id)
        self.gone.add(file_id)

    def ask(self, text: str, *, upload: Any = (), **options: Any) -> Reply:
        """Ask and wait for the whole answer: the Python door beside the cell.

        Args:
            text: the prompt, sent as it is.
            upload: DataFrames or paths to put into the container; one, or a list of them.
            options: as `Options`.

        """
        given = upload if isinstance(upload, list | tuple) else [upload]  # a text or a frame is a sequence of its own
        named = {f"df{i}" if len(given) > 1 else "df": value for i, value in enumerate(given)}
        names = tuple(value if isinstance(value, str) else name for name, value in named.items())
        blocks = prompt.compose(text, {}, raw=True)
        with self.turn(self.prepare(blocks, Options(**options, upload=names), named)) as answer:
            for _ in answer:
                pass
        answer.reply.raise_for_error()
        return answer.reply

    def save(self, artifacts: Iterable[containers.Artifact], folder: Path) -> str:
        """Copy files into `folder` and say so; what was not written by this session is never overwritten.

        The names are the model's: without that rule it could replace a file of the user's.
        """
        saved: list[str] = []
        for artifact in artifacts:
            target = containers.target_in(folder, artifact, self._saved)
            artifact.save(target)
            self._saved.add(target)
            saved.append(target.name)
        return f"saved in {folder}: {', '.join(saved)}" if saved else "no file to save"

    def folder(self) -> Path:
        """Return a new folder for the files of one reply; it is removed with the session."""
        with self._lock:
            if self._folder is None:
                self._folder = tempfile.TemporaryDirectory(prefix="claude_magic-", ignore_cleanup_errors=True)
            self._folders += 1
            return Path(self._folder.name) / str(self._folders)

    def keep(self, reply: Reply) -> None:
        """Remember a reply, so that it can be shown again with its files; the oldest go first."""
        with self._lock:
            self.replies[reply.message.id] = reply
            while len(self.replies) > _KEPT_REPLIES:
                del self.replies[next(iter(self.replies))]


class Answering:
    """An answer on its way. Iterate it inside `with`; each step is one event, and the value is the growing message.

    On leaving, whatever arrived is settled: into the thread, the ledger, and `reply`. An answer that broke off, or was
    interrupted, after something had arrived does not raise here; `reply.raise_for_error()` does, once it was shown.
    """

    def __init__(self, session: Session, prepared: Prepared) -> None:
        self.growing = Growing()
        self._reply: Reply | None = None
        self._session = session
        # A `use` meanwhile changes neither who is asked nor who is said to have answered, and billed.
        self._backend, self._client = session.server()
        self._prepared = prepared
        self._request = prepared.request
        self._notes = [str(receipt) for receipt in prepared.receipts]
        self._open = ExitStack()
        self._began = time.perf_counter()
        self._headers: Mapping[str, str] = {}
        self._request_id: str | None = None
        self._stream: EventStream | None = None
        self._stopped = False

    def stop(self) -> None:
        """End it, from any thread: what has arrived is settled as stopped, and nothing more is asked.

        While the server has not begun to answer this cannot end the wait, but nothing comes of it then.
        """
        self._stopped = True
        stream = self._stream
        if stream is not None:
            stream.close()

    def _check(self) -> None:
        if self._stopped:
            raise Interrupted("Stopped.", request_id=self._request_id)

    @property
    def reply(self) -> Reply:
        """The settled answer."""
        if self._reply is None:
            raise UsageError("The answer is not settled yet.", advice="Leave the `with` block first.")
        return self._reply

    def __enter__(self) -> Self:
        """Begin; the request is sent when the first event is asked for."""
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
                time.sleep(pause)
                self._check()
            else:
                return

    def _streamed(self) -> Iterator[Mapping[str, Any]]:
        messages = self._client.messages
        stream = self._opened(lambda: self._open.enter_context(messages.stream(self._request.body())))
        self._headers, self._request_id = stream.headers, stream.request_id
        self._stream = stream
        self._check()
        yield from stream
        self._open.close()

    def _whole(self) -> Iterator[Mapping[str, Any]]:
        messages = self._client.messages
        answer = self._opened(lambda: messages.create(self._request.body()))
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
        gone = set(_FILE_ID.findall(refused.message)) & _mounted_ids(request.messages[:-1])
        if gone:
            self._session.gone |= gone
            self._notes.append("a deleted file was left out of the history")
            return replace(request, messages=(*_without_files(request.messages[:-1], gone), request.messages[-1]))
        if request.container is not None and "container" in refused.message.lower():
            self._notes.append("the container had expired and was made anew")
            return replace(request, container=None)
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """Settle. Swallow only what `reply.raise_for_error()` will raise again."""
        self._open.close()
        if isinstance(error, KeyboardInterrupt):
            error = Interrupted("Interrupted.", request_id=self._request_id)
        elif self._stopped and isinstance(error, ConnectionFailed | StreamTruncated):  # what closing a stream leads to
            error = Interrupted("Stopped.", request_id=self._request_id)
        if not self.growing.started:
            self._bill_unseen(error)
            if isinstance(error, Interrupted):
                raise Interrupted("Interrupted before an answer began.", advice="The thread is as it was.") from None
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
            who=self._backend.who(self._headers),
            seconds=seconds,
            cost=self._billed(list_price),
            list_price=list_price,
            files=collected.artifacts,
            thread=self._thread_name,
            notes=tuple(self._notes),
            missing=collected.missing,
            receipts=self._prepared.receipts,
            error=error,
        )
        self._keep(self._reply)
        try:
            self._account(message)
        except FileProblem as problem:  # what was paid for is not lost because it could not be written down
            self._reply = replace(self._reply, missing=(*self._reply.missing, str(problem)))
        if error is None:
            try:
                self._reply = self._judged(self._reply)
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
            collected = containers.collect(self._client, message.content, session.folder())
            if save is not None:
                self._notes.append(session.save(collected.artifacts.values(), save))
        except KeyboardInterrupt:
            error = Interrupted("Interrupted while files were fetched.", request_id=self._request_id)
        except (ClaudeMagicError, OSError) as problem:
            collected = replace(collected, missing=(*collected.missing, one_line(problem)))
        return collected, error

    def _billed(self, list_price: float | None) -> float | None:
        return list_price if self._backend.bills(self._headers) else 0.0

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
        if message.container is not None and self._session.asks(self._backend):
            thread.work_in(message.container, message.container_expires_at)

    def _account(self, message: Message) -> None:
        used = message.usage
        self._session.store.record(
            Entry(
                at=time.time(),
                who=self._backend.who(self._headers),
                model=message.model,
                thread=self._thread_name or "",
                input_tokens=used.input_tokens,
                output_tokens=used.output_tokens,
                cache_write_tokens=used.cache_creation_5m + used.cache_creation_1h,
                cache_read_tokens=used.cache_read,
                cost=self._billed(_cost(message)),
                request_id=self._request_id,
            )
        )


def _home() -> Path:
    given = os.environ.get("CLAUDE_MAGIC_HOME")
    if given:
        return Path(given).expanduser()
    import platformdirs

    return Path(platformdirs.user_data_dir("claude_magic", appauthor=False))


def _system(given: str | None, namespace: Mapping[str, Any]) -> str | None:
    """`-s NAME`, where NAME is a string variable, takes its value."""
    value = namespace.get(given) if given is not None and given.isidentifier() else None
    return value if isinstance(value, str) else given


def _thinking(model: str) -> dict[str, Any]:
    """Ask for thinking in a readable form where the model thinks anyway and would not show it.

    On newer models what Claude writes between tool calls comes as thinking, so a cell would fall silent for minutes
    (Thinking page, 2026-11). A model that does not think unless asked is not asked.
    """
    entry = catalogue.find(model)
    thinks = entry is not None and entry.thinking_default in {"always", "on"}
    return {"thinking": {"type": "adaptive", "display": "summarized"}} if thinks else {}


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


def _mounted_ids(messages: tuple[Mapping[str, Any], ...]) -> set[str]:
    return {
        block["file_id"]
        for message in messages
        for block in message["content"]
        if isinstance(block, dict) and block.get("type") == "container_upload"
    }


def _without_files(messages: tuple[Mapping[str, Any], ...], gone: set[str]) -> list[Mapping[str, Any]]:
    return [{**m, "content": [b for b in m["content"] if b.get("file_id") not in gone]} for m in messages]
