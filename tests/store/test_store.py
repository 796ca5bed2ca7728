"""The SQLite file: remembered across kernels, shared by threads and processes, without a key, clear when it fails."""

import sqlite3
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest

from claude_magic.errors import FileProblem
from claude_magic.store import Entry, Store, Upload

UPLOAD = Upload("workspace", "f1", 0, "file_1", "df.parquet", "df", 123, "df = 1", 3, 2, "", 1000.0, 1000.0)
ENTRY = Entry(1000.0, "Claude API", "claude-sonnet-5-5", "main", 10, 20, 3, 4, 0.25, "req_1")


@pytest.fixture
def path(tmp_path):
    """Where the store will be; the folder is not there yet."""
    return tmp_path / "deep" / "home" / "store.sqlite3"


@pytest.fixture
def store(path):
    """An open store."""
    opened = Store(path)
    yield opened
    opened.close()


def test_an_upload_is_found_by_its_content_in_its_workspace(store):
    """Scope and fingerprint together find it; a file id finds its source."""
    store.remember(UPLOAD)

    assert store.uploaded("workspace", "f1") == [UPLOAD]
    assert store.uploaded("another", "f1") == []
    assert store.uploaded("workspace", "f2") == []
    assert store.source_of("file_1") == UPLOAD
    assert store.source_of("file_2") is None


def test_the_same_content_sent_again_replaces_its_record(store):
    """There is one record for one content."""
    again = replace(UPLOAD, file_id="file_2", uploaded_at=2000.0)
    store.remember(UPLOAD)
    store.remember(again)

    assert store.uploaded("workspace", "f1") == [again]
    assert store.source_of("file_1") is None


def test_a_forgotten_upload_is_gone(store):
    """What was deleted at the other end is not offered again."""
    store.remember(UPLOAD)
    store.forget("file_1")
    store.forget("file_1")

    assert store.uploaded("workspace", "f1") == []


def test_a_frame_that_went_up_in_parts_comes_back_in_the_order_of_its_parts(store):
    """The manifest is last, however they were remembered."""
    parts = [replace(UPLOAD, part=n, file_id=f"file_{n}") for n in range(12)]
    for part in reversed(parts):
        store.remember(part)

    assert store.uploaded("workspace", "f1") == parts
    assert store.source_of("file_7") == parts[7]


def test_what_was_used_lately_is_not_unused(store):
    """Using an upload again counts; another workspace's uploads are not looked at."""
    store.remember(UPLOAD)
    store.remember(replace(UPLOAD, scope="another"))
    assert store.unused("workspace", before=2000.0) == [UPLOAD]

    store.touch("workspace", "f1")
    assert store.unused("workspace", before=2000.0) == []
    assert [u.scope for u in store.unused("another", before=2000.0)] == ["another"]


def test_the_ledger_adds_up_what_is_priced(store):
    """Unknown prices count as nothing; `since` leaves out what is older."""
    for entry in (ENTRY, replace(ENTRY, at=2000.0, cost=0.5), replace(ENTRY, at=3000.0, cost=None, request_id=None)):
        store.record(entry)

    assert store.spent() == 0.75
    assert store.spent(since=1500.0) == 0.5
    assert store.spent(since=2500.0) == 0


def test_today_begins_at_midnight(store):
    """What was spent two days ago is not spent today."""
    store.record(replace(ENTRY, at=time.time()))
    store.record(replace(ENTRY, at=time.time() - 2 * 86_400))

    assert store.spent_today() == 0.25
    assert store.spent() == 0.5


def test_a_closed_store_opens_again_with_all_it_held(path):
    """A new kernel finds the uploads and the ledger of the old one."""
    first = Store(path)
    first.remember(UPLOAD)
    first.record(ENTRY)
    first.close()
    second = Store(path)

    assert second.uploaded("workspace", "f1") == [UPLOAD]
    assert second.spent() == 0.25
    second.close()


def test_two_connections_see_each_other_at_once(store, path):
    """Two kernels share the file: what one writes the other reads, in WAL mode."""
    other = Store(path)
    store.remember(UPLOAD)

    assert other.uploaded("workspace", "f1") == [UPLOAD]
    assert other._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    other.close()


def test_threads_share_a_store_and_a_second_connection(store, path):
    """Four threads write through two connections at once; no entry is lost and none fails."""
    other, failed = Store(path), []

    def write(through):
        try:
            for _ in range(50):
                through.record(ENTRY)
        except FileProblem as problem:
            failed.append(problem)

    threads = [threading.Thread(target=write, args=(s,)) for s in (store, other, store, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed == []
    assert store.spent() == 200 * 0.25
    other.close()


def test_processes_that_make_the_store_together_all_get_it(path):
    """Six kernels that start at the same moment on an empty folder: each opens the store and writes into it."""
    code = (
        "import sys; from pathlib import Path; from claude_magic.store import Entry, Store\n"
        "sys.stdin.read(1)\n"
        "store = Store(Path(sys.argv[1]))\n"
        "store.record(Entry(1.0, 'w', 'm', 't', 1, 1, 0, 0, 1.0, None)); store.close()"
    )
    kernels = [
        subprocess.Popen([sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(6)
    ]
    for kernel in kernels:
        kernel.stdin.write(b"x")
        kernel.stdin.flush()
    said = [kernel.communicate()[1] for kernel in kernels]

    assert said == [b""] * 6
    opened = Store(path)
    assert opened.spent() == 6
    opened.close()


def _no_folder(tmp_path):
    (tmp_path / "file").write_text("a file, not a folder")
    return tmp_path / "file" / "store.sqlite3"


def _a_folder_itself(tmp_path):
    (tmp_path / "store.sqlite3").mkdir()
    return tmp_path / "store.sqlite3"


def _no_database(tmp_path):
    (tmp_path / "store.sqlite3").write_bytes(b"this is no SQLite file, but long enough to be one" * 100)
    return tmp_path / "store.sqlite3"


@pytest.mark.parametrize("place", [_no_folder, _a_folder_itself, _no_database])
def test_a_store_that_cannot_be_opened_says_so_in_one_line(place, tmp_path):
    """The error is a FileProblem of one line that names the way out, and leaves no open connection behind."""
    with pytest.raises(FileProblem) as raised:
        Store(place(tmp_path))

    (line,) = raised.value._render_traceback_()
    assert "\n" not in line
    assert "CLAUDE_MAGIC_HOME" in line


def test_a_store_that_fails_later_says_so_in_one_line(store, path):
    """A disk that fills up, or here a file that lost its tables, is a FileProblem too, not a traceback of SQLite's."""
    with sqlite3.connect(path) as meddler:
        meddler.execute("DROP TABLE ledger")
    meddler.close()

    with pytest.raises(FileProblem, match="could not be read or written"):
        store.record(ENTRY)
    with pytest.raises(FileProblem):
        store.spent()


def test_a_name_that_is_no_text_fails_in_one_line(store):
    """A file name with undecodable bytes holds a lone surrogate, which SQLite cannot keep."""
    with pytest.raises(FileProblem, match="could not be read or written"):
        store.remember(replace(UPLOAD, variable="caf\udce9.csv"))


def test_the_store_has_no_place_for_a_key(store, path):
    """No column is called after a key, a token, a secret or a header."""
    with sqlite3.connect(path) as looking:
        tables = [name for (name,) in looking.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        columns = [row[1] for table in tables for row in looking.execute(f"PRAGMA table_info({table})")]
    looking.close()

    assert set(tables) == {"uploads", "names", "ledger"}
    names = [c for c in columns if not c.endswith("_tokens")]  # those are counts
    assert not [c for c in names if any(word in c for word in ("key", "token", "secret", "auth", "header", "password"))]


def test_each_content_of_a_file_name_has_a_number_of_its_own(store):
    """The first is 1; the same content keeps its number, also after it was forgotten; workspaces count apart."""
    assert [store.number("w", "df.parquet", print_) for print_ in ("a", "b", "a", "c")] == [1, 2, 1, 3]
    store.forget("file_1")
    assert store.number("w", "df.parquet", "b") == 2
    assert store.number("w", "other.parquet", "b") == 1
    assert store.number("another", "df.parquet", "b") == 1
