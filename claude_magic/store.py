"""What outlives a kernel: uploads by content, and the ledger of usage and cost. One SQLite file, no key in it."""

from __future__ import annotations

import sqlite3
import threading
import time
from dataclasses import astuple, dataclass, fields
from typing import TYPE_CHECKING, Any

from claude_magic.errors import FileProblem

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that went up.

    Attributes:
        scope: the workspace (or, where it is not known, the base URL) that holds it.
        fingerprint: hash of the content.
        part: 0, or the number of the part when a frame went up in several; the manifest is last.
        file_id: the API's id.
        variable: the variable or path it came from.
        size: bytes.
        load_code: Python that loads it in a container; empty for a plain file.
        rows: rows of the frame, None for a plain file; `columns` likewise.
        conversions: rules that were applied, one a line.
        uploaded_at: seconds since the epoch; `used_at` likewise.

    """

    scope: str
    fingerprint: str
    part: int
    file_id: str
    filename: str
    variable: str
    size: int
    load_code: str
    rows: int | None
    columns: int | None
    conversions: str
    uploaded_at: float
    used_at: float


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


_VERSION = 2  # of the columns below
_TABLES = (
    """CREATE TABLE IF NOT EXISTS uploads (
    scope TEXT NOT NULL, fingerprint TEXT NOT NULL, part INTEGER NOT NULL, file_id TEXT NOT NULL,
    filename TEXT NOT NULL, variable TEXT NOT NULL, size INTEGER NOT NULL, load_code TEXT NOT NULL,
    rows INTEGER, columns INTEGER, conversions TEXT NOT NULL, uploaded_at REAL NOT NULL, used_at REAL NOT NULL,
    PRIMARY KEY (scope, fingerprint, part)
) STRICT""",
    """CREATE TABLE IF NOT EXISTS names (
    scope TEXT NOT NULL, filename TEXT NOT NULL, fingerprint TEXT NOT NULL, number INTEGER NOT NULL,
    PRIMARY KEY (scope, filename, fingerprint)
) STRICT""",
    """CREATE TABLE IF NOT EXISTS ledger (
    at REAL NOT NULL, who TEXT NOT NULL, model TEXT NOT NULL, thread TEXT NOT NULL,
    input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, cache_write_tokens INTEGER NOT NULL,
    cache_read_tokens INTEGER NOT NULL, cost REAL, request_id TEXT
) STRICT""",
)


# Seconds to wait for another kernel that is writing.
_PATIENCE = 10.0


def _prepare(db: sqlite3.Connection) -> None:
    """Turn on WAL and make the tables; SQLite itself does not wait where two kernels turn WAL on at once."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("BEGIN IMMEDIATE")
            (version,) = db.execute("PRAGMA user_version").fetchone()
            if version < _VERSION:
                # Uploads can be made again, the ledger cannot: a change of its columns has to migrate it.
                db.execute("DROP TABLE IF EXISTS uploads")
                for table in _TABLES:
                    db.execute(table)
                db.execute(f"PRAGMA user_version = {_VERSION}")
            db.execute("COMMIT")
        except sqlite3.OperationalError as problem:
            if problem.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


class Store:
    """The SQLite file; safe to use from several threads and several kernels at once (WAL).

    Args:
        path: where the file is or will be.

    Raises:
        FileProblem: the file cannot be opened or written; so do all methods.

    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        db: sqlite3.Connection | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            db = sqlite3.connect(path, timeout=_PATIENCE, check_same_thread=False, isolation_level=None)
            _prepare(db)
        except (OSError, sqlite3.Error) as problem:
            if db is not None:
                db.close()
            raise self._failed("opened", problem) from None
        self._db = db

    def _failed(self, done: str, problem: Exception) -> FileProblem:
        return FileProblem(
            f"The store {self.path.name} could not be {done}: {problem}.",
            advice="Set CLAUDE_MAGIC_HOME to a folder that can be written.",
        )

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def remember(self, upload: Upload) -> None:
        """Keep `upload`; an older one with the same content is replaced."""
        self._insert("uploads", upload)

    def uploaded(self, scope: str, fingerprint: str) -> list[Upload]:
        """Return the uploads of this content, in the order of their parts; none, if it was never sent."""
        return self._uploads("scope = ? AND fingerprint = ?", scope, fingerprint)

    def source_of(self, file_id: str) -> Upload | None:
        """Return the upload behind a file id, if it was this machine's."""
        return next(iter(self._uploads("file_id = ?", file_id)), None)

    def unused(self, scope: str, before: float) -> list[Upload]:
        """Return the uploads to a workspace that nobody has used since `before` (seconds since the epoch)."""
        return self._uploads("scope = ? AND used_at < ?", scope, before)

    def touch(self, scope: str, fingerprint: str) -> None:
        """Note that an upload is used now."""
        now = time.time()
        self._run("UPDATE uploads SET used_at = ? WHERE scope = ? AND fingerprint = ?", (now, scope, fingerprint))

    def forget(self, file_id: str) -> None:
        """Forget an upload: it was deleted, or has expired at the other end."""
        self._run("DELETE FROM uploads WHERE file_id = ?", (file_id,))

    def number(self, scope: str, filename: str, fingerprint: str) -> int:
        """Return which content of this file name it is: 1 for the first that went up, and never the same for two."""
        key = (scope, filename, fingerprint)
        self._run(
            "INSERT OR IGNORE INTO names SELECT ?, ?, ?, COALESCE(MAX(number), 0) + 1 FROM names"
            " WHERE scope = ? AND filename = ?",
            (*key, scope, filename),
        )
        ((number,),) = self._run("SELECT number FROM names WHERE scope = ? AND filename = ? AND fingerprint = ?", key)
        return int(number)

    def record(self, entry: Entry) -> None:
        """Write an answer into the ledger."""
        self._insert("ledger", entry)

    def spent(self, since: float = 0.0) -> float:
        """Return US dollars spent since a time (seconds since the epoch); answers of unknown price are not in it."""
        ((total,),) = self._run("SELECT COALESCE(SUM(cost), 0) FROM ledger WHERE at >= ?", (since,))
        return float(total)

    def spent_today(self) -> float:
        """Return US dollars spent since local midnight."""
        now = time.localtime()
        return self.spent(time.mktime((now.tm_year, now.tm_mon, now.tm_mday, 0, 0, 0, 0, 0, -1)))

    def _insert(self, table: str, row: Upload | Entry) -> None:
        names = ", ".join(f.name for f in fields(row))
        marks = ", ".join("?" for _ in fields(row))
        # Names come from the dataclasses above, never from outside.
        self._run(f"INSERT OR REPLACE INTO {table} ({names}) VALUES ({marks})", astuple(row))  # noqa: S608

    def _uploads(self, where: str, *values: object) -> list[Upload]:
        names = ", ".join(f.name for f in fields(Upload))
        query = f"SELECT {names} FROM uploads WHERE {where} ORDER BY part"  # noqa: S608
        return [Upload(*row) for row in self._run(query, values)]

    def _run(self, statement: str, values: Sequence[object]) -> list[Any]:
        try:
            with self._lock:
                return self._db.execute(statement, values).fetchall()
        except (sqlite3.Error, UnicodeEncodeError) as problem:  # a full disk, a lock that stays, a name of broken text
            raise self._failed("read or written", problem) from None
