"""The composition root: the one place where rooms are introduced to each other.

A `Session` lives as long as the shell. It knows who answers, holds the threads, and takes a prompt along the line:
`prepare` (uploads what is not yet there, returns a request), `turn` (streams it, and settles it however it is left).
"""

from __future__ import annotations

import logging
import os
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from claude_magic import backends, catalogue, containers, evidence, prompt, uploads
from claude_magic.answering import Answering, Prepared, mounted_ids, without_gone
from claude_magic.errors import (
    BadRequest,
    NotFound,
    Overloaded,
    ServerFailed,
    ServerTimeout,
    Unfinished,
    UsageError,
)
from claude_magic.messages import Request
from claude_magic.store import Store
from claude_magic.threads import Thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from claude_magic.messages import Block
    from claude_magic.options import Options
    from claude_magic.reply import Reply
    from claude_magic.wire import Client, Secret

    Progress = Callable[[str, int, int], None]

log = logging.getLogger(__name__)

# The names that stand for the newest active model of a line.
LINES = frozenset({"sonnet", "opus", "haiku", "fable"})
_KEPT_REPLIES = 500


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
        self._server: backends.Server | None = None
        self._staying = threading.local()  # `server`: the one this thread stays with
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
        return self._now().backend

    @property
    def chosen(self) -> bool:
        """Whether somebody (or something in this kernel) has already chosen who answers."""
        return self._server is not None

    @property
    def client(self) -> Client:
        """The one connection pool to who answers.

        Raises:
            NoCredentials: there is no key to send.

        """
        return self._now().client

    @contextmanager
    def server(self) -> Iterator[backends.Server]:
        """Stay with who answers now: until this is left, `use` in another thread changes nothing for this one.

        What was begun at a server is ended there: an answer with its further rounds and files, an upload and its
        record. The server is kept up meanwhile, and ends with the last who stays when it is no longer used.
        """
        with self._lock:
            server = self._now()
            server.hold()
        before = getattr(self._staying, "server", None)
        self._staying.server = server
        try:
            yield server
        finally:
            self._staying.server = before
            server.release()

    def _now(self) -> backends.Server:
        staying: backends.Server | None = getattr(self._staying, "server", None)
        if staying is not None:
            return staying
        with self._lock:
            if self._server is None:
                self._server = backends.Server(backends.from_environment(os.environ, self.home))
            return self._server

    def asks(self, server: backends.Server) -> bool:
        """Tell whether `server` is (still) the one that answers."""
        return self._server is server

    def use(self, where: str, *, key: Secret | None = None) -> backends.Backend:
        """Choose who answers: ``api``, ``local`` or a URL. Threads go on, without the old server's files and container.

        Raises:
            UsageError: `where` is none of the three.
            LocalServerError: the local server is not installed or does not start.

        """
        with self._lock:
            old = self._server
            if old is not None and where == old.backend.name == "local":
                return old.backend
            backend = backends.choose(where, os.environ, self.home, key=key)
            self._server = backends.Server(backend)
            if old is not None:
                old.leave()
            for thread in list(self.threads.values()):  # a panel may begin one meanwhile
                thread.leave_container()
                if old is not None and old.backend.base_url != backend.base_url:
                    # Files are there and not here: a history that mounts them would be refused.
                    self.gone |= thread.mounted
            return backend

    def close(self) -> None:
        """End the local server, close connections and the store, remove fetched files."""
        with self._lock:
            if self._server is not None:
                self._server.end()
                self._server = None
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
        server = self._now()
        if server.models is None:
            # Without a lock: a panel that waits for a silent server must not hold up a cell.
            try:
                server.models = server.client.models.list()
            except (Overloaded, ServerTimeout):
                return []
            except (NotFound, BadRequest, ServerFailed):
                server.models = []
        return server.models

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
            FileProblem: a file cannot go up, or `--save` names no folder.

        """
        thread = self.thread(options.thread) if options.history else None
        begun = thread is not None and not options.new
        save = containers.folder(options.save) if options.save else None
        terms = self.terms(options, progress)
        mounted = uploads.mount_all(self, options.upload, namespace, terms)
        for spec, (files, _) in zip(options.upload, mounted, strict=True):
            self.uploads |= {file.file_id: evidence.Upload(spec, file) for file in files}
            self.gone -= {file.file_id for file in files}
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
            save=save,
            uploaded=options.upload,
            verify=namespace if options.verify else None,
        )

    def turn(self, prepared: Prepared) -> Answering:
        """Return the answer to be iterated; on leaving its `with` block it is settled."""
        return Answering(self, prepared)

    def count(self, blocks: list[Block], options: Options, namespace: Mapping[str, Any]) -> tuple[str, int]:
        """Return the model and the input tokens (by `count_tokens`) that a cell would send; nothing is uploaded."""
        prepared = self.prepare(blocks, replace(options, upload=()), namespace)
        return prepared.request.model, self.tokens(prepared.request)

    def tokens(self, request: Request) -> int:
        """Return the input tokens of a request, without what its history mounts and the server no longer has."""
        try:
            return self.client.messages.count_tokens(request.count_body())
        except NotFound as refused:
            lighter = without_gone(request, refused)
            if lighter is None:
                raise
            self.gone |= mounted_ids(request.messages) - mounted_ids(lighter.messages)
            return self.tokens(lighter)

    def alone(self, content: str) -> threading.Lock:
        """Return the lock under which a content is sent: a cell and a panel that want the same send it once."""
        with self._lock:
            return self._sending.setdefault(content, threading.Lock())

    def delete_file(self, file_id: str) -> None:
        """Delete a file at the server, in the store, and from what threads mount."""
        self.client.files.delete(file_id)
        self.store.forget(file_id)
        self.gone.add(file_id)

    def ask(self, text: str, options: Options, *, upload: Any = ()) -> Reply:
        """Ask and wait for the whole answer: the Python door beside the cell.

        Args:
            text: the prompt, sent as it is.
            options: as the cell's; its uploads are those below.
            upload: DataFrames or paths to put into the container; one, or a list of them.

        """
        given = listed(upload)
        named = {f"df{i}" if len(given) > 1 else "df": value for i, value in enumerate(given)}
        names = tuple(value if isinstance(value, str) else name for name, value in named.items())
        blocks = prompt.compose(text, {}, raw=True)
        with self.server(), self.turn(self.prepare(blocks, replace(options, upload=names), named)) as answer:
            for _ in answer:
                pass
        reply = answer.reply
        if isinstance(reply.error, Unfinished):  # there is no cell, so it is not in `_`
            name = reply.thread
            reply.error.hint = f"What arrived is in thread {name}: `%claude show {name}`." if name else "Ask again."
        reply.raise_for_error()
        return reply

    def save(self, artifacts: Iterable[containers.Artifact], folder: Path) -> dict[str, Path]:
        """Copy files into `folder`; return where each is, by name. What this session did not write is left alone.

        The names are the model's: without that rule it could replace a file of the user's.
        """
        saved: dict[str, Path] = {}
        for artifact in artifacts:
            target = containers.target_in(folder, artifact, self._saved)
            artifact.save(target)
            self._saved.add(target)
            saved[artifact.name] = target
        return saved

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


def _home() -> Path:
    given = os.environ.get("CLAUDE_MAGIC_HOME")
    if given:
        return Path(given).expanduser().absolute()  # whatever folder the notebook goes to
    import platformdirs

    return Path(platformdirs.user_data_dir("claude_magic", appauthor=False))


def listed(upload: Any) -> list[Any]:
    """Return what a function was given for `upload` as a list: several, one, or None."""
    if isinstance(upload, list | tuple):  # a text or a frame is a sequence of its own
        return list(upload)
    return [] if upload is None else [upload]


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
