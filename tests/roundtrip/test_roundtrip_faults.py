"""What can go wrong between frame and answer: one clear line or a recovery, nothing lost, nothing left behind."""

from __future__ import annotations

import json
import urllib.request

import pandas as pd
import pytest

from claude_magic import errors
from claude_magic.options import Options


@pytest.fixture
def fault(strict):
    """Queue faults at the server: each is spent on one request."""

    def queue(*names):
        body = json.dumps({"faults": list(names)}).encode()
        headers = {"x-api-key": strict.app._door._key.decode(), "content-type": "application/json"}
        urllib.request.urlopen(urllib.request.Request(f"{strict.url}/_faults", data=body, headers=headers)).close()

    return queue


@pytest.fixture
def session(runner_notebook):
    """The session, which knows its workspace already, so that the next request is the upload."""
    session = runner_notebook.magics.session
    session.models()
    return session


BIG = pd.DataFrame({f"x{n}": range(n, 300_000 + n) for n in range(10)}).sample(frac=1, random_state=1)
REFUSALS = {
    "413": ("html-413", errors.RequestTooLarge, ["df", "too large", "500 MB"]),
    "storage full": ("storage-full", errors.BadRequest, ["storage is full", "%claude files", "req_"]),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_an_upload_that_is_refused_ends_in_one_line(runner_notebook, session, strict, fault, name):
    """The line says what to do; no file, no record and no turn is left, and the next cell sends the frame."""
    scripted, kind, words = REFUSALS[name]
    runner_notebook.ns["df"] = BIG.head(1000 + len(name))
    before = strict.blobs()
    fault(scripted)
    error = runner_notebook.error("%%claude -u df\nprint(1)")
    assert type(error) is kind
    (line,) = error._render_traceback_()
    assert all(word in line for word in words), line
    assert "--upload" not in line
    assert strict.blobs() == before
    assert not session.thread().turns
    assert not session.store.unused(session.client.workspace_id, 2e10)
    runner_notebook.run("%%claude -u df\nprint(1)")
    assert runner_notebook.ns["_"].receipts[0].sent


def test_a_line_cut_in_mid_upload_is_taken_up_again(runner_notebook, session, strict, fault):
    """A body of 20 MB is sent anew when the line breaks, and is there once; what had arrived is gone."""
    runner_notebook.ns["df"] = BIG
    before = strict.blobs()
    fault("drop")
    (row,) = runner_notebook.run("%claude upload df").to_dict("records")
    assert row["sent"]
    assert strict.blobs() - before == {row["id"]}


def test_a_frame_in_parts_is_there_whole_or_not_at_all(runner_notebook, session, strict, fault):
    """The second of three files is refused: the first is deleted again."""
    from claude_magic import frames, uploads

    pieces = frames.encode_parts(BIG, "df", limit_bytes=8_000_000)
    assert len(pieces) > 2

    def opened():
        for number, part in enumerate(pieces):
            if number == 1:
                fault("storage-full")
            yield uploads.Piece(part.file, part.filename, part.mime_type, belongs=True)

    before = strict.blobs()
    with pytest.raises(errors.BadRequest, match="storage is full"):
        uploads._uploaded(session, uploads.Source("df", "fingerprint", opened), uploads.Terms())
    assert strict.blobs() == before
    assert not session.store.uploaded(uploads.scope_of(session), "fingerprint")
    for part in pieces:
        part.close()


def test_a_file_deleted_between_upload_and_use(runner_notebook, session):
    """The cell says which file is not there; the next one notices and sends it again."""
    frame = pd.DataFrame({"a": [1, 2, 3]})
    runner_notebook.ns["df"] = frame
    options = Options(upload=("df",))
    prepared = session.prepare([{"type": "text", "text": "print(1)"}], options, {"df": frame})
    (file_id,) = prepared.receipts[0].file_ids
    session.client.files.delete(file_id)
    with pytest.raises(errors.ClaudeMagicError) as caught, session.turn(prepared) as answer:
        list(answer)
    assert type(caught.value) is errors.NotFound
    assert file_id in str(caught.value)
    assert not session.thread().turns
    runner_notebook.run("%%claude -u df\nprint(1)")
    assert runner_notebook.ns["_"].receipts[0].sent
    assert runner_notebook.ns["_"].text.strip().endswith("1")


def test_code_over_its_time_limit(runner_notebook):
    """The answer says so where the code is shown; the container goes on, with its files."""
    runner_notebook.ns["df"] = pd.DataFrame({"a": [1, 2, 3]})
    runner_notebook.run("%%claude -u df\nopen('kept', 'w').write('kept')\nimport time; time.sleep(30)")
    slow = runner_notebook.ns["_"]
    assert "failed, execution_time_exceeded" in runner_notebook.texts[0]
    assert not slow.files
    runner_notebook.run("%%claude\nimport os\nprint(open('kept').read(), os.listdir(os.environ['INPUT_DIR']))")
    after = runner_notebook.ns["_"]
    assert after.message.container == slow.message.container
    assert "kept ['df.parquet']" in after.text


def test_an_output_file_over_the_limit(runner_notebook, strict):
    """Nothing is fetched or stored, the answer says why, and the cell ends well."""
    before = strict.blobs()
    runner_notebook.run(
        "%%claude --run\nimport os\nos.truncate(os.open(os.environ['OUTPUT_DIR'] + '/x', 66), 600 << 20)"
    )
    reply = runner_notebook.ns["_"]
    assert "failed, output_file_too_large" in runner_notebook.texts[0]
    assert not reply.files
    assert not reply.missing
    assert strict.blobs() == before


HOSTILE = [
    "../../x",
    "/etc/cron.d/x",
    "..\\..\\x.csv",
    "a\x00b\n.csv",
    "\u202egnp.exe",
    ".bashrc",
    "x" * 400,
    "",
    "CON|<>",
]


def test_names_of_generated_files_never_leave_their_folder(runner_notebook, strict, session, tmp_path):
    """Whatever a server calls them, files lie in the session's folder and in that of `--save`, under a plain name."""
    ids = []
    for number, name in enumerate(HOSTILE):
        scratch = strict.app.files.scratch()
        scratch.write_bytes(b"%d" % number)
        ids.append(strict.app.files.add(scratch, filename=name, mime_type="text/csv", downloadable=True).id)
    folder = tmp_path / "deep" / "down"
    runner_notebook.run(f"%%claude --run --save {folder}\n#files {' '.join(ids)}")
    reply = runner_notebook.ns["_"]
    assert [artifact.bytes() for artifact in reply.files.values()] == [b"%d" % n for n in range(len(HOSTILE))]
    for name, artifact in reply.files.items():
        assert artifact.path.name == name
        assert artifact.path.resolve().is_relative_to(session._folder.name)
        assert not set(name) & set('<>:"|?*\\/\u202e\x00\n')
        assert not name.startswith(".")
    assert {path.name for path in folder.iterdir()} == set(reply.files)
    assert not list(tmp_path.glob("x*"))
    assert list(folder.parent.iterdir()) == [folder]
