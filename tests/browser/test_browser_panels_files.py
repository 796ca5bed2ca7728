"""The files panel in JupyterLab and Notebook 7: 12 MB up, down, a page, away, an error, close."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

BEFORE = """
for file in list(session.client.files.list()): session.client.files.delete(file.id)
import pandas as pd
sales = pd.DataFrame({"region": list("NSWE") * 50, "units": range(200)})
get_ipython().run_cell_magic("claude", "--upload sales", "Plot units by region")
"""


@pytest.fixture(scope="module", params=["lab", "notebook7"])
def files(request, open_panel_in):
    """The files panel, opened on a frame's file and what an answer made."""
    return open_panel_in(request.getfixturevalue(request.param), "files", BEFORE)


def row(files, words):
    """Return the row of a file."""
    return files.out.get_by_role("row").filter(has_text=words)


def test_the_list_says_what_each_file_is_used_for(files):
    """The frame's file names its variable, the chart the thread that made it."""
    row(files, ".parquet").get_by_text("from sales, read in thread main").wait_for()
    row(files, ".png").get_by_text("made in thread main").wait_for()


def test_twelve_megabytes_go_up_with_progress(files, tmp_path):
    """Beyond the websocket's limit: the bar moves on both ways, the bytes at the server are the file's."""
    content = bytes(range(256)) * 50_000
    (tmp_path / "large.bin").write_bytes(content)
    files.notebook.js(
        """(window.bars = [], new MutationObserver(() => {
          const bar = document.querySelector('.claude-magic-progress [role=progressbar]');
          if (bar) window.bars.push(bar.getAttribute('aria-label') + bar.getAttribute('aria-valuenow'));
        }).observe(document.querySelector('.claude-magic-progress'), {childList: true, subtree: true}), 0)"""
    )
    files.out.locator("input[type=file]").set_input_files(tmp_path / "large.bin")
    row(files, "large").wait_for()
    seen = set(files.notebook.js("window.bars"))
    assert len([bar for bar in seen if bar.startswith("Reading")]) > 3
    assert [bar for bar in seen if bar.startswith("Sending")]
    digest = hashlib.blake2b(b"large.bin", digest_size=20, person=b"path")
    digest.update(content)
    listed = "next(f for f in session.client.files.list() if 'large' in f.filename)"
    assert files.kernel(f"[{listed}.size_bytes, session.store.source_of({listed}.id).fingerprint]") == [
        len(content),
        digest.hexdigest(),
    ]
    files.command.filter(has_text="%claude upload large.bin").wait_for()


def test_an_upload_is_cancelled(files, tmp_path):
    """Cancel in mid-way: the bar goes, nothing is at the server or in the kernel's folder."""
    with (tmp_path / "huge.bin").open("wb") as file:
        file.truncate(200_000_000)
    files.out.locator("input[type=file]").set_input_files(tmp_path / "huge.bin")
    files.button("Cancel").click()
    files.says("huge.bin: Cancelled.")
    assert files.out.get_by_role("progressbar").count() == 0
    assert files.kernel(
        "[files._incoming.files, [f.filename for f in session.client.files.list() if 'huge' in f.filename]]"
    ) == [{}, []]


def test_downloads_go_to_the_folder_and_to_the_browser(files):
    """Beside the notebook under its own name; the browser gets the same bytes."""
    chart = row(files, ".png")
    chart.get_by_role("button", name="Download to the notebook's folder").click()
    files.says("Saved as")
    files.command.filter(has_text="%claude download file_").wait_for()
    with files.page.expect_download() as download:
        chart.get_by_role("button", name="Download with the browser").click()
    name = chart.get_by_role("rowheader").inner_text()
    assert download.value.suggested_filename == name
    there = files.notebook.server.root / name
    assert there.read_bytes() == Path(download.value.path()).read_bytes() != b""
    there.unlink()


def test_an_error_stands_in_the_panel(files, fault):
    """A list that cannot be had: said in the alert, gone with the next try."""
    fault("spend-cap")
    files.button("Refresh").click()
    files.alert.get_by_text("limit").wait_for()
    files.button("Refresh").click()
    files.notebook.wait_for("document.querySelector('.claude-magic-error').textContent === ''")


def test_deleting_asks_first(files):
    """By keyboard: Escape keeps the file and the focus; the second question is answered with yes."""
    large = row(files, "large")
    ask = large.get_by_role("button", name="Delete")
    ask.focus()
    files.page.keyboard.press("Enter")
    assert files.page.evaluate("document.activeElement.textContent") == "Keep"
    files.page.keyboard.press("Escape")
    assert files.page.evaluate("document.activeElement.textContent") == "Delete"
    files.page.keyboard.press("Enter")
    files.page.keyboard.press("Tab")
    files.page.keyboard.press("Enter")
    large.wait_for(state="detached")
    files.command.filter(has_text="%claude files delete file_").wait_for()
    assert files.kernel("[f.filename for f in session.client.files.list() if 'large' in f.filename]") == []


def test_pages_are_turned(files):
    """25 small files make a second page."""
    files.quietly(
        "import io\nclient = session.client.files\nfor n in range(25):\n"
        "    _ = client.upload(io.BytesIO(b'x'), filename=f'small{n}.txt', mime_type='text/plain')"
    )
    files.button("Refresh").click()
    row(files, "small24.txt").wait_for()
    files.button("Next page").click()
    row(files, "small4.txt").wait_for()
    assert files.button("Next page").is_disabled()
    files.button("Previous page").click()
    row(files, "small24.txt").wait_for()
    files.quietly("for f in client.list():\n    if f.filename.startswith('small'): client.delete(f.id)")
    files.button("Refresh").click()
    row(files, "small24.txt").wait_for(state="detached")


def test_it_is_sound(files):
    """axe-core, dark and light, 400 px."""
    files.sound()


def test_the_corpus_is_text(files, payloads_path, beacon):
    """Every payload as a file's name, type and use: no script, no request, no element."""
    number = files.corpus(payloads_path, beacon)
    files.quietly(
        """
files.view.show(rows=[{"id": x, "name": x, "type": x, "size": 5, "created": x, "expires": x, "downloadable": True,
    "used": x} for x in small], work={"what": small[0], "done": 1, "total": 2})
files.fail(small[1]); files.say(small[2]); files.repeat(small[3])
"""
    )
    files.notebook.wait_for("document.querySelectorAll('.claude-magic-table tbody tr').length === arg", number)
    files.dead(beacon)


def test_it_closes_cleanly(files):
    """Close while a file arrives: its folder is gone with the panel."""
    files.close()
    assert files.kernel("files._incoming._folder") is None
