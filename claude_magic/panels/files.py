"""`%claude panel files`: what lies at the server, up, down and away.

A file from the browser comes in pieces (`incoming.py`) and then goes up by the road of `%claude upload`, so that the
same content is never sent twice. Both ways show bytes, and both can be cancelled.
"""

from __future__ import annotations

import shlex
import threading
import time
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from claude_magic import uploads
from claude_magic.containers import generated_ids, safe_name, saved_name
from claude_magic.errors import FileProblem, Interrupted, UsageError
from claude_magic.panels import commands
from claude_magic.panels.base import Panel
from claude_magic.panels.incoming import LARGEST, Arrived, Incoming
from claude_magic.panels.view import View, module
from claude_magic.rendering import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from claude_magic.panels.tasks import Task
    from claude_magic.sessions import Session
    from claude_magic.wire import RemoteFile

PAGE = 20
SMALL = 8_000_000
"""Bytes of a file that the browser may get through the notebook's connection, in one message."""
_INTERVAL = 0.1  # seconds between two reports of progress


class FilesView(View):
    """The browser side."""

    _esm = module("upload", "files")


class Files(Panel):
    """The list, and what can be done with each file."""

    title = "Files"

    def build(self) -> Sequence[Any]:
        """Return the one widget of the body."""
        self._listed = Listing(iter(()))
        self.view = FilesView(rows=None, page=0, more=False, work=None, small=SMALL, largest=LARGEST)
        self._incoming = Incoming(self.view.post, self._arrived)
        self._task: Task | None = None
        take = self.guarded(self._incoming.take)
        self.view.on(
            **{"file": take, "piece": take, "drop-file": take},
            list=self.guarded(lambda _, __: self.refresh()),
            page=self.guarded(lambda message, _: self.turn(message.get("to"))),
            delete=self.guarded(lambda message, _: self.delete(self._file(message))),
            download=self.guarded(lambda message, _: self.download(self._file(message))),
            fetch=self.guarded(lambda message, _: self.fetch(self._file(message))),
            cancel=self.guarded(lambda _, __: self.cancel()),
        )
        return [self.view]

    def start(self) -> None:
        """Ask for the list."""
        self.refresh()

    # The list

    def refresh(self, done_by: str = "files") -> None:
        """Ask the server for the list and show its first page; `done_by` is the command of what came before."""

        def work(_: Task) -> tuple[Listing, list[RemoteFile]]:
            listing = Listing(self.session.client.files.list())
            return listing, listing.page(0)

        def done(found: tuple[Listing, list[RemoteFile]]) -> None:
            self._listed = found[0]
            self._show(0, found[1])
            self.repeat(commands.line(done_by))

        self.background(work, done=done, busy="Asking for the list…", key="list")

    def turn(self, page: Any) -> None:
        """Show another page."""
        if isinstance(page, int) and page >= 0:
            listing = self._listed
            self.background(lambda _: listing.page(page), done=lambda files: self._show(page, files), key="list")

    def _show(self, page: int, files: list[RemoteFile]) -> None:
        rows = [_row(self.session, file) for file in files]
        self.view.show(rows=rows, page=page, more=self._listed.has(page + 1))

    def _file(self, message: dict[str, Any]) -> RemoteFile:
        """Return the listed file that a message names."""
        found = self._listed.find(str(message.get("id")))
        if found is None:
            raise UsageError("That file is not in the list.", advice="Press “Refresh”.")
        return found

    # Up

    def _arrived(self, file: Arrived) -> None:
        """Send on what the browser has brought."""

        def work(task: Task) -> uploads.Receipt:
            try:
                report = self._reporter(task, f"Sending {file.name}")
                terms = uploads.Terms(progress=lambda _, done, total: report(done, total))
                with self.session.server():
                    return uploads.mount(self.session, file.name, {file.name: file.path}, terms)[1]
            finally:
                self._incoming.drop(file.key)
                self.view.show(work=None)
                self.view.post({"kind": "over", "file": file.key})

        def done(receipt: uploads.Receipt) -> None:
            self.say(str(receipt))
            self.refresh(shlex.join(["upload", file.name]))

        self._task = self.background(work, done=done, busy=f"Sending {file.name}…")

    def cancel(self) -> None:
        """End what is going up or down."""
        if self._task is not None and self._task.running:
            self._task.cancel()
            self.say("Cancelled.")

    def _reporter(self, task: Task, what: str) -> Callable[[int, int], None]:
        """Return a function that takes bytes done and in all, shows them, and ends the work when it was cancelled."""
        due = 0.0

        def report(done: int, total: int) -> None:
            nonlocal due
            if task.cancelled.is_set():
                raise Interrupted("Cancelled.")
            if time.monotonic() >= due or done >= total:
                due = time.monotonic() + _INTERVAL
                self.view.show(work={"what": what, "done": done, "total": total})

        return report

    # Down

    def download(self, file: RemoteFile) -> None:
        """Fetch a file into the notebook's folder, under a name that nothing has there."""

        def work(task: Task) -> Path:
            try:
                report = self._reporter(task, f"Fetching {plain(file.filename)}")
                return fetched(self.session, file, Path.cwd(), report)
            finally:
                self.view.show(work=None)

        def done(path: Path) -> None:
            self.say(f"Saved as {path.name} in the notebook's folder.")
            self.repeat(commands.line(shlex.join(["download", file.id])))

        self._task = self.background(work, done=done, busy="Fetching…")

    def fetch(self, file: RemoteFile) -> None:
        """Give a small file to the browser, which saves it where it saves downloads."""

        def done(content: bytes) -> None:
            self.view.post({"kind": "content", "name": safe_name(file.filename)}, [content])
            self.say(f"{safe_name(file.filename)} went to the browser.")
            self.repeat(commands.line(shlex.join(["download", file.id])))

        client = self.session.client
        self.background(lambda _: client.files.read(file.id, max_bytes=SMALL), done=done, busy="Fetching…")

    # Away

    def delete(self, file: RemoteFile) -> None:
        """Delete a file; the browser side has asked whether it should."""

        def done(_: None) -> None:
            self.say(f"{file.filename} is deleted.")
            self.refresh(shlex.join(["files", "delete", file.id]))

        self.background(lambda _: self.session.delete_file(file.id), done=done, busy="Deleting…")

    def close(self) -> None:
        """End everything and remove what the browser sent."""
        super().close()
        self._incoming.close()


class Listing:
    """A list that comes page by page, as far as somebody has looked."""

    def __init__(self, files: Iterator[RemoteFile]) -> None:
        self._coming = files
        self._there: list[RemoteFile] = []
        self._lock = threading.Lock()

    def page(self, number: int) -> list[RemoteFile]:
        """Return a page; the one after it is fetched too, so that `has` knows."""
        with self._lock:
            wanted = (number + 1) * PAGE + 1
            self._there += islice(self._coming, max(0, wanted - len(self._there)))
            return self._there[number * PAGE : (number + 1) * PAGE]

    def has(self, number: int) -> bool:
        """Tell whether there is a page of that number, as far as is known."""
        return len(self._there) > number * PAGE

    def find(self, file_id: str) -> RemoteFile | None:
        """Return the file of that id, if it was shown."""
        return next((file for file in self._there if file.id == file_id), None)


def fetched(session: Session, file: RemoteFile, folder: Path, progress: Callable[[int, int], None]) -> Path:
    """Download a file into `folder`; its name is taken first, so that nothing that is or comes there is overwritten.

    Raises:
        FileProblem: the folder cannot be written.

    """
    taken: set[str] = set()
    while True:
        try:
            taken |= {entry.name for entry in folder.iterdir()}
            target = folder / saved_name(file.filename, taken)
            target.touch(exist_ok=False)
            break
        except FileExistsError:
            continue
        except OSError as problem:
            raise FileProblem(f"{folder} cannot be written: {problem.strerror}.", advice="Free it first.") from None
    try:
        with session.server() as server:
            return server.client.files.download(file.id, target, progress)
    except BaseException:
        with suppress(OSError):
            target.unlink()
        raise


def _row(session: Session, file: RemoteFile) -> dict[str, Any]:
    return {
        "id": file.id,
        "name": plain(file.filename),
        "type": plain(file.mime_type),
        "size": file.size_bytes,
        "created": plain(file.created_at)[:16].replace("T", " "),
        "expires": plain(str(file.expires_at or ""))[:16].replace("T", " "),
        "downloadable": file.downloadable,
        "used": plain(used_for(session, file.id)),
    }


def used_for(session: Session, file_id: str) -> str:
    """Say which variable or file of this machine it came from, and which threads mount it or made it."""
    source = session.store.source_of(file_id)
    said = [f"from {source.variable}"] if source else []
    for thread in list(session.threads.values()):
        turns = list(thread.turns)
        if any(block.get("file_id") == file_id for turn in turns for block in turn.asked):
            said.append(f"read in thread {thread.name}")
        if any(file_id in generated_ids(turn.answer.content) for turn in turns):
            said.append(f"made in thread {thread.name}")
    return ", ".join(said)
