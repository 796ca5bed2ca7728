"""The server's files: metadata in SQLite (write-ahead log), contents as one blob each on disk.

A data directory holds ``server.sqlite``, ``blobs/`` and what the containers keep. A blob is written under a temporary
name and renamed before its row exists, so a row always has its content; an id is never used again. Rows are numbered
as they come, which gives "newest first" and page marks that stay true while files come and go.
"""

from __future__ import annotations

import mimetypes
import os
import shutil
import sqlite3
import stat
import threading
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, BinaryIO

from claude_magic.local import ids
from claude_magic.local.problems import Problem

if TYPE_CHECKING:
    from pathlib import Path

FORBIDDEN = frozenset('<>:"|?*\\/') | {chr(i) for i in range(32)}
MAX_NAME = 255  # characters
_KEEP_EXPIRED = timedelta(days=30)  # how long the metadata of an expired file stays
_ABANDONED = 86_400.0  # seconds after which an upload that never ended is dropped
_SCHEMA = """
CREATE TABLE IF NOT EXISTS files (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, filename TEXT NOT NULL, mime_type TEXT NOT NULL,
    size_bytes INTEGER NOT NULL, created_at TEXT NOT NULL, downloadable INTEGER NOT NULL, expires_at TEXT);
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
_COLUMNS = "seq, id, filename, mime_type, size_bytes, created_at, downloadable, expires_at"


def rfc3339(moment: datetime) -> str:
    """A UTC time as the API writes it: ``2026-11-21T09:00:00.123456Z``."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class FileRecord:
    """One stored file; sizes in bytes, times RFC 3339, `seq` its place in the order of arrival."""

    seq: int
    id: str
    filename: str
    mime_type: str
    size_bytes: int
    created_at: str
    downloadable: bool
    expires_at: str | None

    @property
    def expired(self) -> bool:
        """Whether the content is gone by time."""
        return self.expires_at is not None and self.expires_at <= rfc3339(datetime.now(UTC))

    def info(self, *, old: bool = False) -> dict[str, Any]:
        """The API's object; the `old` beta shape has no ``expires_at``."""
        body = {
            "id": self.id,
            "type": "file",
            "filename": self.filename,
            "mime_type": self.mime_type,
            "size_bytes": self.size_bytes,
            "created_at": self.created_at,
            "downloadable": self.downloadable,
        }
        return body if old else {**body, "expires_at": self.expires_at}


def _record(row: tuple[Any, ...]) -> FileRecord:
    seq, file_id, filename, mime_type, size, created, downloadable, expires = row
    return FileRecord(seq, file_id, filename, mime_type, size, created, bool(downloadable), expires)


def missing(file_id: str) -> Problem:
    """The answer for an id that names nothing."""
    return Problem(404, f"File `{file_id}` not found.")


class FileStore:
    """The files of one data directory; safe to use from several threads.

    Args:
        root: the data directory; made when it is not there, readable by its owner only.

    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.blobs = root / "blobs"
        self.blobs.mkdir(parents=True, exist_ok=True, mode=0o700)
        for left in self.blobs.glob(".arriving-*"):  # of a server that was killed; a running one's are younger
            if left.stat().st_mtime < time.time() - _ABANDONED:
                left.unlink(missing_ok=True)
        self._lock = threading.Lock()
        self._db = sqlite3.connect(root / "server.sqlite", check_same_thread=False, isolation_level=None, timeout=10)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._db.close()

    def fact(self, name: str, fresh: str) -> str:
        """What this directory remembers under `name`; `fresh` becomes it when there is nothing yet."""
        with self._lock:
            self._db.execute("INSERT OR IGNORE INTO facts VALUES (?, ?)", (name, fresh))
            return str(self._db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()[0])

    def scratch(self) -> Path:
        """A path for content that is still arriving; hand it to `add`, or unlink it."""
        return self.blobs / f".arriving-{uuid.uuid4().hex}"

    def add(
        self, content: Path, *, filename: str, mime_type: str, expires_in: int | None = None, downloadable: bool = False
    ) -> FileRecord:
        """Take the file at `content` (a path from `scratch`) into the store.

        Args:
            content: moved into the store.
            filename: as it will be listed.
            mime_type: as it will be listed; decides what the file may be used for.
            expires_in: seconds from now, or None for never.
            downloadable: made here rather than uploaded.

        """
        now = datetime.now(UTC)
        file_id = ids.new("file")
        size = content.stat().st_size
        content.rename(self.blobs / file_id)
        expires = None if expires_in is None else rfc3339(now + timedelta(seconds=expires_in))
        row = (file_id, filename, mime_type, size, rfc3339(now), int(downloadable), expires)
        with self._lock:
            self._db.execute("INSERT INTO files VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)", row)
        return self.get(file_id)

    def add_generated(self, filename: str, mime_type: str | None, path: Path) -> str:
        """Store a copy of what a container made; the id of the new, downloadable file.

        `path` must be a regular file: a link would let code in the container name any file of this machine.

        Raises:
            OSError: `path` is a link, or no file.

        """
        kept = "".join("_" if c in FORBIDDEN else c for c in filename)[-MAX_NAME:] or "unnamed"
        guess = mime_type or mimetypes.guess_type(kept)[0] or "application/octet-stream"
        target = self.scratch()
        with _open_regular(path) as source, target.open("xb") as sink:
            shutil.copyfileobj(source, sink, 1 << 20)
        return self.add(target, filename=kept, mime_type=guess, downloadable=True).id

    def get(self, file_id: str) -> FileRecord:
        """The record of `file_id`, expired or not.

        Raises:
            Problem: 404, no such file.

        """
        rows = self._rows("WHERE id = ?", (file_id,))
        if not rows:
            raise missing(file_id)
        return rows[0]

    def open_path(self, file_id: str) -> Path:
        """Where the content of `file_id` lies; not to be written to.

        Raises:
            Problem: 404, no such file or expired (``file_expired``).

        """
        if self.get(file_id).expired:
            raise Problem(404, f"File `{file_id}` has expired.", code="file_expired")
        return self.blobs / file_id

    def page(self, *, limit: int, before: int | None = None, after: int | None = None) -> list[FileRecord]:
        """At most `limit` files, newest first: those older than number `before`, or the next newer than `after`."""
        self._sweep()
        if after is not None:
            return self._rows("WHERE seq > ? ORDER BY seq LIMIT ?", (after, limit))[::-1]
        mark = before if before is not None else 2**62
        return self._rows("WHERE seq < ? ORDER BY seq DESC LIMIT ?", (mark, limit))

    def some(self, wanted: list[str]) -> list[FileRecord]:
        """The files of these ids that exist, newest first."""
        marks = ",".join("?" * len(wanted))
        return self._rows(f"WHERE id IN ({marks}) ORDER BY seq DESC", tuple(wanted))

    def delete(self, file_id: str) -> None:
        """Forget a file and its content.

        Raises:
            Problem: 404, no such file.

        """
        self.get(file_id)
        with self._lock:
            self._db.execute("DELETE FROM files WHERE id = ?", (file_id,))
        (self.blobs / file_id).unlink(missing_ok=True)

    def _rows(self, where: str, values: tuple[Any, ...]) -> list[FileRecord]:
        with self._lock:
            rows = self._db.execute(f"SELECT {_COLUMNS} FROM files {where}", values).fetchall()  # noqa: S608 - `where` is ours
        return [_record(row) for row in rows]

    def _sweep(self) -> None:
        """Drop contents of expired files, and their metadata after thirty days."""
        now = datetime.now(UTC)
        for record in self._rows("WHERE expires_at <= ?", (rfc3339(now),)):
            (self.blobs / record.id).unlink(missing_ok=True)
        with self._lock:
            self._db.execute("DELETE FROM files WHERE expires_at <= ?", (rfc3339(now - _KEEP_EXPIRED),))


def _open_regular(path: Path) -> BinaryIO:
    """Open `path` for reading; links and anything that is no file are refused (and a pipe does not block)."""
    file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb")
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    file.close()
    message = f"{path.name} is not a regular file"
    raise OSError(message)
