"""What outlives a kernel: uploads by content, and the ledger of usage and cost. One SQLite file, no key in it."""

from __future__ import annotations

import sqlite3
import threading
import time
from dataclasses import astuple, dataclass, fields
from typing import TYPE_CHECKING

from claude_magic.errors import FileProblem

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that went up.

    Attributes:
        scope: the workspace (or, where it is not known, the base URL) that holds it.
        fingerprint: hash of the content.
        file_id: the API's id.
        variable: the variable or path it came from.
        size: bytes.
        load_code: Python that loads it in a container; empty for a plain file.
        uploaded_at: seconds since the epoch.

    """

    scope: str
    fingerprint: str
    file_id: str
    filename: str
    variable: str
    size: int
    load_code: str
    uploaded_at: float


@dataclass(frozen=True, slots=True)
class Entry:
    """One answer in the ledger.

    Attributes:
        at: seconds since the epoch.
        who: who answered.
        cost: US dollars; None when the price is not known.

    """

    at: float
    who: str
    model: str
    thread: str
    input_tokens: int
    output_tokens: int
    cache_write_tokens: int
    cache_read_tokens: int
    cost: float | None
    request_id: str | None


_TABLES = """
CREATE TABLE IF NOT EXISTS uploads (
    scope TEXT NOT NULL, fingerprint TEXT NOT NULL, file_id TEXT NOT NULL, filename TEXT NOT NULL,
    variable TEXT NOT NULL, size INTEGER NOT NULL, load_code TEXT NOT NULL, uploaded_at REAL NOT NULL,
    PRIMARY KEY (scope, fingerprint)
) STRICT;
CREATE TABLE IF NOT EXISTS ledger (
    at REAL NOT NULL, who TEXT NOT NULL, model TEXT NOT NULL, thread TEXT NOT NULL,
    input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, cache_write_tokens INTEGER NOT NULL,
    cache_read_tokens INTEGER NOT NULL, cost REAL, request_id TEXT
) STRICT;
"""


class Store:
    """The SQLite file; safe to use from several threads and several kernels at once (WAL).

    Args:
        path: where the file is or will be.

    Raises:
        FileProblem: the file cannot be opened or written.

    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=10, check_same_thread=False, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.executescript(_TABLES)
        except (OSError, sqlite3.Error) as problem:
            raise FileProblem(
                f"The store {path.name} could not be opened: {problem}.",
                advice="Set CLAUDE_MAGIC_HOME to a folder that can be written.",
            ) from None

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def remember(self, upload: Upload) -> None:
        """Keep `upload`; an older one with the same content is replaced."""
        self._insert("uploads", upload)

    def uploaded(self, scope: str, fingerprint: str) -> Upload | None:
        """Return the upload of this content, if there was one."""
        return self._one("scope = ? AND fingerprint = ?", scope, fingerprint)

    def source_of(self, file_id: str) -> Upload | None:
        """Return the upload behind a file id, if it was this machine's."""
        return self._one("file_id = ?", file_id)

    def forget(self, file_id: str) -> None:
        """Forget an upload: it was deleted, or has expired at the other end."""
        with self._lock:
            self._db.execute("DELETE FROM uploads WHERE file_id = ?", (file_id,))

    def record(self, entry: Entry) -> None:
        """Write an answer into the ledger."""
        self._insert("ledger", entry)

    def spent(self, since: float = 0.0) -> float:
        """Return US dollars spent since a time (seconds since the epoch); answers of unknown price are not in it."""
        with self._lock:
            (total,) = self._db.execute("SELECT COALESCE(SUM(cost), 0) FROM ledger WHERE at >= ?", (since,)).fetchone()
        return float(total)

    def spent_today(self) -> float:
        """Return US dollars spent since local midnight."""
        now = time.localtime()
        return self.spent(time.mktime((now.tm_year, now.tm_mon, now.tm_mday, 0, 0, 0, 0, 0, -1)))

    def _insert(self, table: str, row: Upload | Entry) -> None:
        names = ", ".join(f.name for f in fields(row))
        marks = ", ".join("?" for _ in fields(row))
        with self._lock:  # names come from the dataclass above, never from outside
            self._db.execute(f"INSERT OR REPLACE INTO {table} ({names}) VALUES ({marks})", astuple(row))  # noqa: S608

    def _one(self, where: str, *values: str) -> Upload | None:
        names = ", ".join(f.name for f in fields(Upload))
        query = f"SELECT {names} FROM uploads WHERE {where} ORDER BY uploaded_at DESC LIMIT 1"  # noqa: S608
        with self._lock:
            row = self._db.execute(query, values).fetchone()
        return Upload(*row) if row else None
