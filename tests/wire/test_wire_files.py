"""Files: byte-exact uploads, downloads that are whole or not there, and memory that does not grow."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import textwrap

import pytest

from claude_magic.errors import BadRequest, ConnectionFailed, FileProblem, NotFound, TimedOut
from claude_magic.wire import Client, RemoteFile

FILE = {
    "id": "file_1",
    "type": "file",
    "filename": "a.csv",
    "mime_type": "text/csv",
    "size_bytes": 3,
    "created_at": "2026-11-21T09:00:00Z",
    "downloadable": False,
    "expires_at": None,
}


def parts(request):
    """Return the body of an upload with its boundary replaced."""
    boundary = re.fullmatch(r"multipart/form-data; boundary=(\S+)", request.headers["content-type"])[1]
    return request.body.replace(boundary.encode(), b"BOUNDARY")


def test_an_upload_is_byte_for_byte_what_the_sdk_sends(client, server, reply):
    """Fields first, then the file, its name in raw UTF-8, its type, a known length."""
    anthropic = pytest.importorskip("anthropic")
    server.script = [reply(json.dumps(FILE))]
    content = bytes(range(256)) * 3000
    file = client.files.upload(io.BytesIO(content), filename="dát a.csv", mime_type="text/csv", expires_in_seconds=3600)
    assert file == RemoteFile.from_wire(FILE)
    with anthropic.Anthropic(base_url=server.url, api_key="k") as sdk:
        sdk.files.upload(file=("dát a.csv", content, "text/csv"), expires_in_seconds=3600)
    ours, theirs = server.requests
    assert parts(ours) == parts(theirs)
    assert (ours.method, ours.target) == (theirs.method, theirs.target) == ("POST", "/v1/files")
    assert int(ours.headers["content-length"]) == len(ours.body)
    assert "transfer-encoding" not in ours.headers


def test_a_path_and_a_file_send_the_same(client, server, reply, tmp_path):
    """A path is opened, a file is sent from its beginning wherever it stands; progress ends at the size."""
    path = tmp_path / "a.bin"
    path.write_bytes(b"0123456789" * 60_000)
    server.script = [reply(json.dumps(FILE))]
    seen = []
    client.files.upload(
        path, filename="a.bin", mime_type="application/octet-stream", progress=lambda *n: seen.append(n)
    )
    with path.open("rb") as file:
        file.seek(7)
        client.files.upload(file, filename="a.bin", mime_type="application/octet-stream")
        assert not file.closed
    assert parts(server.requests[0]) == parts(server.requests[1])
    assert seen == [(262_144, 600_000), (524_288, 600_000), (600_000, 600_000)]


def test_an_empty_file(client, server, reply):
    """Nothing is a file too."""
    server.script = [reply(json.dumps(FILE))]
    client.files.upload(io.BytesIO(), filename="empty.txt", mime_type="text/plain")
    assert b"Content-Type: text/plain\r\n\r\n\r\n--BOUNDARY--" in parts(server.requests[0])


def test_a_retry_sends_the_whole_file_again(client, server, reply, tmp_path):
    """After a failure both a path and an open file go out again from their beginning."""
    path = tmp_path / "a"
    path.write_bytes(b"x" * 300_000)
    for source in (path, io.BytesIO(b"x" * 300_000)):
        server.requests.clear()
        server.script = [reply(b"{}", 500), reply(b"{}", 529), reply(json.dumps(FILE))]
        client.files.upload(source, filename="a", mime_type="text/plain")
        assert len({request.body for request in server.requests}) == 1
        assert len(server.requests) == 3
        assert server.requests[0].body.count(b"x" * 300_000) == 1


@pytest.mark.parametrize("name", ["", "a" * 256, *(f"a{sign}b" for sign in '<>:"|?*\\/\x00\n\x1f'), "a\udcff"])
def test_names_the_api_refuses_are_caught_before_sending(client, server, name):
    """One clear line, and nothing is sent."""
    with pytest.raises(FileProblem) as caught:
        client.files.upload(io.BytesIO(b"x"), filename=name, mime_type="text/plain")
    assert "\n" not in str(caught.value)
    assert server.requests == []


def test_names_the_api_takes(client, server, reply):
    """255 characters, umlauts, quotes of one kind and dots are fine."""
    server.script = [reply(json.dumps(FILE))]
    for name in ("a" * 255, "ä 'b' (1)…🎉.csv", ".hidden"):
        client.files.upload(io.BytesIO(b"x"), filename=name, mime_type="text/plain")
    assert "filename=\"ä 'b' (1)…🎉.csv\"".encode() in server.requests[1].body


@pytest.mark.parametrize("kind", ["", "csv", "text/csv\r\nx: y", "text/", "täxt/csv"])
def test_what_is_no_media_type(client, server, kind):
    """A type that would break the form is refused."""
    with pytest.raises(FileProblem, match="media type"):
        client.files.upload(io.BytesIO(b"x"), filename="a", mime_type=kind)
    assert server.requests == []


def test_more_than_500_mb_is_refused_before_sending(client, server, tmp_path):
    """The limit is checked on the size alone (the file is sparse)."""
    path = tmp_path / "big"
    with path.open("wb") as file:
        file.truncate((500 << 20) + 1)
    with pytest.raises(FileProblem, match="500 MB"):
        client.files.upload(path, filename="big", mime_type="text/csv")
    assert server.requests == []


def test_sources_that_cannot_be_read(client, server, tmp_path):
    """A path that is not there, a folder, a closed file: one line each."""
    closed = io.BytesIO()
    closed.close()
    for source in (tmp_path / "none", tmp_path, closed):
        with pytest.raises(FileProblem):
            client.files.upload(source, filename="a", mime_type="text/plain")
    assert server.requests == []


def test_a_file_that_shrinks_while_it_is_sent(client, server, reply, tmp_path):
    """Less than announced is noticed, and shows no frame of httpx."""
    path = tmp_path / "a"
    path.write_bytes(b"x" * 1_000_000)
    server.script = [reply(json.dumps(FILE))]
    with pytest.raises(FileProblem, match="shorter") as caught:
        client.files.upload(path, filename="a", mime_type="text/plain", progress=lambda *_: path.write_bytes(b""))
    assert caught.value.__context__ is None
    assert not any("httpx" in str(entry.path) for entry in caught.traceback)


def test_get_and_delete(client, server, reply):
    """One file is shown, one deleted, an unknown one is NotFound with its id in the line."""
    server.script = [reply(json.dumps(FILE)), reply(b'{"id":"file_1","type":"file_deleted"}')]
    assert client.files.get("file_1").size_bytes == 3
    assert client.files.delete("file_1") is None
    assert [(r.method, r.target) for r in server.requests] == [
        ("GET", "/v1/files/file_1"),
        ("DELETE", "/v1/files/file_1"),
    ]
    server.script = [reply(b'{"error":{"type":"not_found_error","message":"File `file_x` not found."}}', 404)]
    with pytest.raises(NotFound, match="file_x"):
        client.files.get("file_x")


def test_a_download_is_whole(client, server, reply, tmp_path):
    """Content arrives at its place, replacing what was there; nothing else is left; progress ends at the size."""
    content = bytes(range(256)) * 4000
    server.script = [reply(content, content_type="application/octet-stream")]
    to = tmp_path / "out.bin"
    to.write_bytes(b"old")
    seen = []
    assert client.files.download("file_1", to, progress=lambda *n: seen.append(n)) == to
    assert to.read_bytes() == content
    assert [path.name for path in tmp_path.iterdir()] == ["out.bin"]
    assert seen[-1] == (len(content), len(content))
    assert server.requests[0].headers["accept"] == "application/binary"
    assert server.requests[0].target == "/v1/files/file_1/content"


def cut(head, body=b"x" * 10):
    """Return a step that sends a head and less than a whole body, and hangs up."""
    return lambda connection: bool(connection.sendall(f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode() + body))


@pytest.mark.parametrize("head", ["content-length: 20", "transfer-encoding: chunked"])
def test_a_truncated_download_leaves_nothing(client, server, reply, tmp_path, head):
    """A body shorter than announced is a FileProblem; the old file stays, the unfinished one goes."""
    body = b"5\r\nabcde\r\n" if "chunked" in head else b"x" * 10
    server.script = [cut(head, body), reply(json.dumps({**FILE, "size_bytes": 20}))]
    to = tmp_path / "out.bin"
    to.write_bytes(b"old")
    with pytest.raises(FileProblem, match=r"whole: \d+ of 20 bytes"):
        client.files.download("file_1", to)
    assert to.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["out.bin"]


def test_without_a_length_the_metadata_decides(client, server, reply, sse, tmp_path):
    """A download that does not announce its size is held against the file's own."""
    to = tmp_path / "out.bin"
    server.script = [sse(b"ab", b"c"), reply(json.dumps(FILE))]
    assert client.files.download("file_1", to).read_bytes() == b"abc"
    for wrong in ((b"ab",), (b"abc", b"d")):
        server.script = [sse(*wrong), reply(json.dumps(FILE))]
        with pytest.raises(FileProblem, match="of 3 bytes"):
            client.files.download("file_1", to)
        assert to.read_bytes() == b"abc"


def test_downloads_that_cannot_be_written(client, server, reply, tmp_path):
    """A folder that is not there, a folder in the file's place: one line each, and nothing is left."""
    server.script = [reply(b"abc")]
    (tmp_path / "folder").mkdir()
    for to in (tmp_path / "none" / "out.bin", tmp_path / "folder"):
        with pytest.raises(FileProblem, match="cannot be written"):
            client.files.download("file_1", to)
    assert [path.name for path in tmp_path.rglob("*")] == ["folder"]


def test_a_name_as_long_as_the_file_system_allows(client, server, reply, tmp_path):
    """The unfinished file's name does not outgrow what the finished one's may have."""
    server.script = [reply(b"abc")]
    assert client.files.download("file_1", tmp_path / ("a" * 255)).read_bytes() == b"abc"


def test_a_download_that_falls_silent(server, tmp_path):
    """No byte for `timeout` seconds is TimedOut, and nothing is left."""
    import time

    def step(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab")
        time.sleep(0.5)
        return False

    server.script = [step]
    with Client(base_url=server.url, timeout=0.1) as client, pytest.raises(TimedOut):
        client.files.download("file_1", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_what_may_not_be_downloaded(client, server, reply, tmp_path):
    """The server's refusal comes through with its advice, and leaves nothing."""
    details = {"error_code": "file_not_downloadable"}
    body = {"error": {"type": "invalid_request_error", "message": "Not downloadable.", "details": details}}
    server.script = [reply(json.dumps(body), 400)]
    with pytest.raises(BadRequest, match="code execution"):
        client.files.download("file_1", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_reading_a_small_file(client, server, reply):
    """Content in memory, up to a bound that is checked before anything is read."""
    server.script = [reply(b"abc")]
    assert client.files.read("file_1") == b"abc"
    with pytest.raises(FileProblem, match="3 bytes"):
        client.files.read("file_1", max_bytes=2)


MEASURE = """
    import resource, sys, pathlib, tracemalloc
    from claude_magic.wire import Client
    client = Client(base_url=sys.argv[1])
    path = pathlib.Path(sys.argv[2])
    client.connect()
    tracemalloc.start()
    if sys.argv[3] == "up":
        client.files.upload(path, filename="a", mime_type="text/plain")
    else:
        client.files.download("file_1", path)
    print(tracemalloc.get_traced_memory()[1], path.stat().st_size)
"""


@pytest.mark.parametrize("way", ["up", "down"])
def test_memory_does_not_grow_with_the_file(server, reply, tmp_path, way):
    """60 MB go up or come down with less than 8 MB of the client's memory at any time."""
    size = 60 << 20
    path = tmp_path / "big"
    if way == "up":
        with path.open("wb") as file:
            file.truncate(size)
        server.script = [reply(b"", 404, content_length=0), reply(json.dumps(FILE))]
    else:

        def send(connection):
            connection.sendall(f"HTTP/1.1 200 OK\r\ncontent-length: {size}\r\n\r\n".encode())
            for _ in range(60):
                connection.sendall(bytes(1 << 20))

        server.script = [reply(b"", 404, content_length=0), send]
    code = textwrap.dedent(MEASURE)
    done = subprocess.run(
        [sys.executable, "-c", code, server.url, str(path), way], capture_output=True, text=True, check=True
    )
    peak, length = map(int, done.stdout.split())
    assert length == size
    assert 1000 < peak < 8 << 20
    if way == "up":
        assert len(server.requests[-1].body) > size


def test_an_upload_without_an_id_was_none(client, server, reply):
    """A server that answers 200 to everything stores nothing."""
    server.script = [reply('{"ok": true}')]
    with pytest.raises(ConnectionFailed, match="does not store files"):
        client.files.upload(io.BytesIO(b"x"), filename="a.txt", mime_type="text/plain")
