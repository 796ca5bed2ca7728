"""The files panel: the list, up in pieces with progress, down under a safe name, away."""

import hashlib
import io
import secrets

import pandas as pd
import pytest

from claude_magic.panels.files import PAGE, SMALL, fetched, used_for

PIECE = 1 << 20


@pytest.fixture
def client(notebook):
    """The session's client; the files of other tests are gone."""
    client = notebook.magics.session.client
    for file in list(client.files.list()):
        client.files.delete(file.id)
    return client


def send(browser, until, name, content, key="k1"):
    """Send a file as `static/upload.js` does."""
    browser.say("file", file=key, name=name, size=len(content), type="text/plain")
    for at in range(0, len(content), PIECE):
        until(lambda at=at: [m for m, _ in browser.posted("got") if m["file"] == key and m["bytes"] == at])
        browser.say("piece", content[at : at + PIECE], file=key, at=at)


def test_a_file_from_the_browser_goes_up_whole(open_panel, client, notebook, until):
    """3.5 MB in pieces arrive at the server byte for byte; progress is real; the command finds it there already."""
    content = secrets.token_bytes(3_500_000)
    panel, browser = open_panel("files")
    until(lambda: browser.state["rows"] == [])
    works = []
    panel.view.observe(lambda change: works.append(change["new"]["work"]), names="state")
    send(browser, until, "big.bin", content)
    row = until(lambda: browser.state["rows"])[0]
    assert (row["size"], row["used"]) == (3_500_000, "from big.bin")
    assert row["name"] == "big.bin"
    done = [work["done"] for work in works if work]
    assert done == sorted(done)
    assert done[-1] == 3_500_000
    until(lambda: panel.foot.command == "%claude upload big.bin")
    assert [m["file"] for m, _ in browser.posted("over")] == ["k1"]
    assert browser.state["work"] is None
    notebook.ns["again"] = content
    digest = hashlib.blake2b(b"big.bin", digest_size=20, person=b"path")
    digest.update(content)
    session = notebook.magics.session
    assert session.store.source_of(row["id"]).fingerprint == digest.hexdigest()


def test_the_printed_command_sends_nothing_twice(open_panel, client, notebook, until, folder):
    """The same file in the notebook's folder, uploaded by command, is known by its content."""
    (folder / "a b.csv").write_bytes(b"x\n1\n")
    panel, browser = open_panel("files")
    send(browser, until, "a b.csv", b"x\n1\n")
    command = until(lambda: "upload" in panel.foot.command and panel.foot.command)
    assert notebook.run(command)["sent"].tolist() == [False]


def test_an_upload_can_be_cancelled_on_both_ways(open_panel, client, notebook, until):
    """Half in the browser: nothing is kept. On its way to the server: nothing is there."""
    panel, browser = open_panel("files")
    until(lambda: browser.state["rows"] == [])
    browser.say("file", file="k1", name="a.bin", size=2 * PIECE, type="")
    browser.say("piece", b"x" * PIECE, file="k1", at=0)
    browser.say("drop-file", file="k1")
    browser.say("piece", b"x" * PIECE, file="k1", at=PIECE)
    assert not [m for m, _ in browser.posted("got") if m["whole"]]

    def cancel(change):
        if change["new"]["work"]:
            browser.say("cancel")

    panel.view.observe(cancel, names="state")
    send(browser, until, "b.bin", b"y" * 30 * PIECE, key="k2")
    until(lambda: browser.posted("over"))
    assert panel.foot.status == "Cancelled."
    assert list(client.files.list()) == []


def test_pages_are_turned_and_the_end_is_known(open_panel, client, until):
    """45 files are three pages of 20, 20 and 5."""
    for n in range(2 * PAGE + 5):
        client.files.upload(_file(b"x"), filename=f"f{n:02}.txt", mime_type="text/plain")
    _, browser = open_panel("files")
    until(lambda: browser.state["rows"])
    rows = browser.state["rows"]
    assert (rows[0]["name"], len(rows), browser.state["more"]) == ("f44.txt", 20, True)
    browser.say("page", to=2)
    until(lambda: browser.state["page"] == 2)
    assert [r["name"] for r in browser.state["rows"]] == [f"f{n:02}.txt" for n in (4, 3, 2, 1, 0)]
    assert browser.state["more"] is False


def test_what_a_file_is_used_for(open_panel, client, notebook, until):
    """A frame's file names its variable and the thread that reads it; a chart the thread that made it."""
    notebook.ns["sales"] = pd.DataFrame({"region": ["a", "b"], "units": [1, 2]})
    notebook.run("%%claude --upload sales\nPlot units by region")
    _, browser = open_panel("files")
    rows = until(lambda: browser.state["rows"])
    used = {row["name"].rpartition(".")[2]: row["used"] for row in rows}
    made = "made in thread main"
    assert used == {"parquet": "from sales, read in thread main", "png": made, "csv": made}
    assert used_for(notebook.magics.session, "file_unknown") == ""


def test_downloads_go_beside_and_never_over(open_panel, client, notebook, until, folder):
    """A chart is saved twice under two names; what was there stays; the browser gets the same bytes."""
    notebook.ns["sales"] = pd.DataFrame({"region": ["a", "b"], "units": [1, 2]})
    notebook.run("%%claude --upload sales\nPlot units by region")
    panel, browser = open_panel("files")
    rows = until(lambda: browser.state["rows"])
    chart = next(row for row in rows if row["name"].endswith(".png"))
    (folder / chart["name"]).write_text("mine")
    for _ in range(2):
        panel.say("")
        browser.say("download", id=chart["id"])
        until(lambda: "Saved as" in panel.foot.status)
    stem = chart["name"].removesuffix(".png")
    assert sorted(p.name for p in folder.iterdir()) == sorted([f"{stem}.png", f"{stem} (2).png", f"{stem} (3).png"])
    assert (folder / chart["name"]).read_text() == "mine"
    content = client.files.read(chart["id"])
    assert (folder / f"{stem} (3).png").read_bytes() == content
    assert panel.foot.command == f"%claude download {chart['id']}"
    browser.say("fetch", id=chart["id"])
    posted = until(lambda: browser.posted("content"))
    assert posted == [({"kind": "content", "name": chart["name"]}, [content])]
    assert chart["size"] < SMALL


def test_a_failed_download_leaves_nothing(client, notebook, folder):
    """An uploaded file cannot be downloaded: the reserved name is free again."""
    file = client.files.upload(_file(b"x"), filename="a.txt", mime_type="text/plain")
    with pytest.raises(Exception, match="download"):
        fetched(notebook.magics.session, file, folder, lambda _done, _total: None)
    assert list(folder.iterdir()) == []


def test_deleting_says_so_and_refreshes(open_panel, client, until):
    """A listed file is deleted; one that is not in the list is refused."""
    file = client.files.upload(_file(b"x"), filename="a.txt", mime_type="text/plain")
    panel, browser = open_panel("files")
    until(lambda: browser.state["rows"])
    browser.say("delete", id="file_other")
    assert "not in the list" in panel.foot.error
    browser.say("delete", id=file.id)
    until(lambda: browser.state["rows"] == [])
    until(lambda: panel.foot.command == f"%claude files delete {file.id}")
    assert list(client.files.list()) == []


def test_errors_of_the_server_stand_in_the_panel(open_panel, client, fault, until):
    """A list that cannot be had: one line, and the next try works."""
    panel, browser = open_panel("files")
    until(lambda: browser.state["rows"] == [])
    fault("spend-cap")
    browser.say("list")
    until(lambda: panel.foot.error)
    assert "\n" not in panel.foot.error
    browser.say("list")
    until(lambda: panel.foot.error == "" and panel.foot.status == "")


def test_names_from_elsewhere_are_text(open_panel, client, until):
    """Markup stays text, controls and marks are gone."""
    name = "\u202e$x$ &amp; 'onerror' \u200bimg.txt"
    client.files.upload(_file(b"x"), filename=name, mime_type="text/plain")
    _, browser = open_panel("files")
    row = until(lambda: browser.state["rows"])[0]
    assert row["name"] == "$x$ &amp; 'onerror' img.txt"


def test_closing_ends_everything(open_panel, client, until):
    """A half-sent file goes with the panel, and so does its folder; what comes later is ignored."""
    panel, browser = open_panel("files")
    until(lambda: browser.state["rows"] == [])
    browser.say("file", file="k1", name="a.bin", size=2 * PIECE, type="")
    place = panel._incoming._folder
    assert place.is_dir()
    panel.close()
    assert not place.exists()
    browser.say("list")


def _file(content):
    return io.BytesIO(content)
