"""The Files API over a socket, and its store."""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import sqlite3
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_magic.local.files import FORBIDDEN, FileStore
from claude_magic.local.problems import Problem
from claude_magic.local.uploads import checked_name

OLD = {"anthropic-beta": "files-api-2025-04-14"}
BOUNDARY = {"content-type": "multipart/form-data; boundary=XX"}


def made(server, name, content):
    """A file that code made, as a container hands it over."""
    path = server.app.files.scratch()
    path.write_bytes(content)
    file_id = server.app.files.add_generated(name, None, path)
    path.unlink()
    return file_id


def part(headers, body):
    """One part of a multipart body, headers as they are."""
    return b"--XX\r\n" + headers.encode() + b"\r\n\r\n" + body + b"\r\n"


def test_a_file_lives_from_upload_to_deletion(local):
    """What the upload answers is what the others show; deleted means gone."""
    file = local.upload(b"a,b\n1,2\n", "dát a.csv", "text/csv")
    assert re.fullmatch(r"file_01[0-9A-Za-z]{20}", file["id"])
    assert file | {"id": "", "created_at": ""} == {
        "id": "",
        "type": "file",
        "filename": "dát a.csv",
        "mime_type": "text/csv",
        "size_bytes": 8,
        "created_at": "",
        "downloadable": False,
        "expires_at": None,
    }
    assert datetime.fromisoformat(file["created_at"]) <= datetime.now(UTC)
    path = f"/v1/files/{file['id']}"
    assert local.http.get(path).json() == file
    assert local.http.delete(path).json() == {"id": file["id"], "type": "file_deleted"}
    for gone in (local.http.get(path), local.http.delete(path), local.http.get(f"{path}/content")):
        assert gone.status_code == 404
        assert gone.json()["error"] == {"type": "not_found_error", "message": f"File `{file['id']}` not found."}


def test_only_what_code_made_can_be_downloaded(local):
    """An upload's content is 400 `file_not_downloadable`; a generated file comes back byte for byte."""
    refused = local.http.get(f"/v1/files/{local.upload()['id']}/content")
    assert refused.status_code == 400
    assert refused.json()["error"]["details"] == {"error_code": "file_not_downloadable"}
    content = os.urandom(300_000)
    answer = local.http.get(
        f"/v1/files/{made(local, 'plot.png', content)}/content", headers={"accept": "application/binary"}
    )
    assert answer.content == content
    assert answer.headers["content-length"] == "300000"


@pytest.mark.parametrize(
    ("given", "kept"),
    [("a/b/c.csv", "c.csv"), ("../../etc/passwd", "passwd"), ("日本.csv", "日本.csv"), ("x" * 255, "x" * 255)],
)
def test_names_keep_their_last_component(local, given, kept):
    """A path in a name leads nowhere."""
    assert local.upload(name=given)["filename"] == kept


@pytest.mark.parametrize("name", ["a<b", "a>b", "a:b", "a|b", "a?b", "a*b", "a\\b", "a\x01b", "x" * 256])
def test_forbidden_names_are_refused(local, name):
    """400; the raw name goes into the header, since clients escape some of these."""
    body = part(f'Content-Disposition: form-data; name="file"; filename="{name}"', b"x") + b"--XX--\r\n"
    answer = local.http.post("/v1/files", content=body, headers=BOUNDARY)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["type"] == "invalid_request_error"


@given(name=st.text(max_size=300), mime=st.sampled_from(["text/csv", "application/octet-stream", "nonsense"]))
@settings(derandomize=True, deadline=None)
def test_a_kept_name_is_always_harmless(name, mime):
    """Whatever is given, the result is a plain name of 1 to 255 characters, or a 400."""
    last = name.rpartition("/")[2]
    if len(last) > 255 or not FORBIDDEN.isdisjoint(last):
        with pytest.raises(Problem, match="filename: "):
            checked_name(name, mime)
    else:
        kept = checked_name(name, mime)
        assert 1 <= len(kept) <= 255
        assert FORBIDDEN.isdisjoint(kept)


def test_an_anonymous_stream_gets_a_name(local):
    """A part without file name is `unnamed` with the type's extension; without type it is octet-stream."""
    bare = part('Content-Disposition: form-data; name="file"', b"x") + b"--XX--\r\n"
    typed = part('Content-Disposition: form-data; name="file"\r\nContent-Type: text/csv', b"x") + b"--XX--\r\n"
    shown = [local.http.post("/v1/files", content=body, headers=BOUNDARY).json() for body in (bare, typed)]
    assert [(f["filename"], f["mime_type"]) for f in shown] == [
        ("unnamed.bin", "application/octet-stream"),
        ("unnamed.csv", "text/csv"),
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"--XX--\r\n",
        b"nonsense",
        part('Content-Disposition: form-data; name="file"; filename="a"', b"x"),
        part('Content-Disposition: form-data; name="purpose"', b"x") + b"--XX--\r\n",
        part('Content-Disposition: form-data; name="file"; filename="a"', b"x") * 2 + b"--XX--\r\n",
    ],
    ids=["no file", "no form", "unfinished", "unknown field", "two files"],
)
def test_broken_forms_are_refused_and_leave_nothing(fresh, body):
    """400, no file in the list, no bytes on the disk."""
    answer = fresh.http.post("/v1/files", content=body, headers=BOUNDARY)
    assert answer.status_code == 400, answer.text
    assert fresh.http.get("/v1/files").json()["data"] == []
    assert list(fresh.app.files.blobs.iterdir()) == []


def test_json_is_no_upload(local):
    """400 for another content type."""
    assert local.http.post("/v1/files", json={}).status_code == 400


@pytest.mark.parametrize("seconds", ["3599", "7776001", "soon", "-1", ""])
def test_expiry_has_its_range(local, seconds):
    """An hour to ninety days."""
    answer = local.http.post("/v1/files", files={"file": ("a.txt", b"x")}, data={"expires_in_seconds": seconds})
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith("expires_in_seconds: Input should be ")


def test_an_expired_file_has_no_content_but_is_still_listed(fresh):
    """Content 404 `file_expired`, use in messages refused, metadata there, DELETE removes it at once."""
    file = fresh.upload(b"x", "a.txt", "text/plain", expires_in_seconds="3600")
    lifetime = datetime.fromisoformat(file["expires_at"]) - datetime.fromisoformat(file["created_at"])
    assert lifetime == timedelta(hours=1)
    with sqlite3.connect(fresh.app.files.root / "server.sqlite") as db:
        db.execute("UPDATE files SET expires_at = '2026-01-01T00:00:00.000000Z', downloadable = 1")
    db.close()
    with sqlite3.connect(fresh.app.files.root / "server.sqlite") as db:
        now = (datetime.now(UTC) - timedelta(seconds=1)).isoformat(timespec="microseconds").replace("+00:00", "Z")
        db.execute("UPDATE files SET expires_at = ?", (now,))
    db.close()
    path = f"/v1/files/{file['id']}"
    gone = fresh.http.get(f"{path}/content")
    assert (gone.status_code, gone.json()["error"]["details"]) == (404, {"error_code": "file_expired"})
    block = {"type": "document", "source": {"type": "file", "file_id": file["id"]}}
    assert fresh.ask("", messages=[{"role": "user", "content": [block]}]).status_code == 404
    assert [f["id"] for f in fresh.http.get("/v1/files").json()["data"]] == [file["id"]]
    assert fresh.http.delete(path).status_code == 200
    assert fresh.http.get("/v1/files").json()["data"] == []


def test_pages_are_newest_first_and_stable(fresh):
    """Following `next_page` visits every file once, also when files come and go meanwhile."""
    files = [fresh.upload(name=f"{n}.csv")["id"] for n in range(7)]
    page = fresh.http.get("/v1/files?limit=3").json()
    seen = [f["id"] for f in page["data"]]
    fresh.upload(name="newcomer.csv")
    fresh.http.delete(f"/v1/files/{files[2]}")
    while page["next_page"]:
        assert page["next_page"].startswith("page_")
        page = fresh.http.get("/v1/files", params={"limit": 3, "page": page["next_page"]}).json()
        seen += [f["id"] for f in page["data"]]
    assert seen == [f for f in reversed(files) if f != files[2]]


def test_files_by_id(local):
    """`ids[]` answers one page without the unknown ones, and goes with nothing else."""
    files = [local.upload(name=f"{n}.csv")["id"] for n in range(3)]
    page = local.http.get("/v1/files", params={"ids[]": [*files, "file_none"]}).json()
    assert [f["id"] for f in page["data"]] == files[::-1]
    assert page["next_page"] is None
    assert local.http.get("/v1/files", params={"ids[]": files, "limit": 2}).status_code == 400
    assert local.http.get("/v1/files", params={"ids[]": [f"file_{n}" for n in range(101)]}).status_code == 400


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "page=page_x", "page=5", "after_id=file_1", "order=asc"])
def test_wrong_queries_are_refused(local, query):
    """400; the paging of the old beta is not the paging of today."""
    assert local.http.get(f"/v1/files?{query}").status_code == 400


def test_the_old_beta_has_its_old_shapes(fresh):
    """With `files-api-2025-04-14`: ids as marks, no `expires_at`, no `next_page` (oddity 34)."""
    files = [fresh.upload(name=f"{n}.csv")["id"] for n in range(3)]
    page = fresh.http.get("/v1/files", params={"limit": 2}, headers=OLD).json()
    assert [f["id"] for f in page["data"]] == [files[2], files[1]]
    assert (page["has_more"], page["first_id"], page["last_id"]) == (True, files[2], files[1])
    assert "next_page" not in page
    assert "expires_at" not in page["data"][0]
    rest = fresh.http.get("/v1/files", params={"after_id": files[1]}, headers=OLD).json()
    assert ([f["id"] for f in rest["data"]], rest["has_more"]) == ([files[0]], False)
    assert "expires_at" not in fresh.http.get(f"/v1/files/{files[0]}", headers=OLD).json()


def test_over_500_mb_is_refused(fresh):
    """An announced length over the limit is 413 before anything is written."""
    connection = http.client.HTTPConnection(fresh.base_url.removeprefix("http://"), timeout=10)
    headers = {**fresh.http.headers, **BOUNDARY, "content-length": str(600 * 2**20)}
    connection.request("POST", "/v1/files", headers=headers)
    answer = connection.getresponse()
    assert answer.status == 413
    assert json.load(answer)["error"]["type"] == "request_too_large"
    connection.close()
    assert list(fresh.app.files.blobs.iterdir()) == []


def test_the_store_survives_the_server(tmp_path):
    """Files, workspace and organization are the same after a restart."""
    store = FileStore(tmp_path)
    path = store.scratch()
    path.write_bytes(b"kept")
    record = store.add(path, filename="a.txt", mime_type="text/plain")
    workspace = store.fact("workspace", "first")
    store.close()
    again = FileStore(tmp_path)
    assert again.get(record.id) == record
    assert again.open_path(record.id).read_bytes() == b"kept"
    assert again.fact("workspace", "second") == workspace == "first"
    again.close()


def test_many_threads_may_add_files(tmp_path):
    """Each gets an id and a number of its own."""
    store = FileStore(tmp_path)

    def add(number):
        path = store.scratch()
        path.write_bytes(b"x" * number)
        store.add(path, filename=f"{number}.txt", mime_type="text/plain")

    threads = [threading.Thread(target=add, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    records = store.page(limit=100)
    assert sorted(r.size_bytes for r in records) == list(range(20))
    assert [r.seq for r in records] == list(range(20, 0, -1))
    store.close()


def test_a_link_is_not_stored(tmp_path):
    """Code in a container cannot have a file of this machine stored by leaving a link to it."""
    store = FileStore(tmp_path / "data")
    link = tmp_path / "innocent.txt"
    link.symlink_to("/etc/passwd")
    with pytest.raises(OSError, match="symbolic link"):
        store.add_generated("innocent.txt", None, link)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="not a regular file"):
        store.add_generated("pipe", None, pipe)
    assert store.page(limit=5) == []
    store.close()


def test_names_of_generated_files_are_made_harmless(local):
    """Whatever code calls its files, the stored name obeys the API's rules."""
    shown = local.http.get(f"/v1/files/{made(local, 'a<b>:c.csv', b'x')}").json()
    assert (shown["filename"], shown["mime_type"]) == ("a_b__c.csv", "text/csv")


def test_an_upload_that_breaks_off_leaves_nothing(fresh, caplog):
    """The bytes so far are removed, and it is no bug of the server's."""
    head = part('Content-Disposition: form-data; name="file"; filename="a"', b"x" * 100_000)
    host, port = fresh.base_url.removeprefix("http://").split(":")
    lines = [f"POST /v1/files HTTP/1.1\r\nhost: {host}", f"x-api-key: {fresh.key}", "content-length: 900000"]
    lines += ["anthropic-version: 2026-10-21", f"content-type: {BOUNDARY['content-type']}", "", ""]
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall("\r\n".join(lines).encode() + head)
        deadline = time.monotonic() + 10
        while not list(fresh.app.files.blobs.iterdir()) and time.monotonic() < deadline:
            time.sleep(0.01)
    while list(fresh.app.files.blobs.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert time.monotonic() < deadline
    assert fresh.http.get("/v1/files").json()["data"] == []
    assert caplog.text == ""
