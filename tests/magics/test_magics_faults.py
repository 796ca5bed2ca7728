"""What a stubborn server does to a cell: it recovers by itself, or says so in one line and loses nothing."""

import json
import time

import pandas as pd
import pytest

from claude_magic import errors

MODEL = "-m claude-sonnet-5-5"


def test_an_error_event_before_any_content_is_tried_again(notebook, fault):
    """Overload inside a 200 stream, as its first frame: the cell asks again and succeeds."""
    fault("error-first")
    notebook.run(f"%%claude {MODEL}\nWho are you?")
    assert notebook.ns["_"].stop_reason == "end_turn"


@pytest.mark.parametrize(
    ("name", "kind"), [("error-mid:8", errors.StreamFailed), ("truncate:8", errors.StreamTruncated)]
)
def test_what_arrived_before_a_break_is_kept(notebook, fault, name, kind):
    """The partial answer is shown, in `_`, in the thread and in the ledger; the cell fails; the next one works."""
    notebook.run(f"%%claude {MODEL}\nOne.")
    fault(name)
    error = notebook.error(f"%%claude {MODEL}\nwrite a long text of 300 words")
    assert type(error) is kind
    reply = notebook.ns["_"]
    assert reply.unfinished
    assert reply.text
    assert "unfinished" in notebook.texts[0]
    thread = notebook.magics.session.thread()
    assert thread.turns[-1].answer.text == reply.text
    assert thread.turns[-1].unfinished
    notebook.run(f"%%claude {MODEL}\nTwo.")
    assert "[This answer ended early" in json.dumps(notebook.ns["_"].request.messages)


def test_an_overloaded_server_is_asked_again(notebook, fault):
    """529 before the stream: the client's own retries."""
    fault("overloaded")
    notebook.run(f"%%claude {MODEL}\nHi")
    assert notebook.ns["_"].text


def test_a_long_wait_is_the_users_to_decide(notebook, fault):
    """A `retry-after` above our ceiling raises at once and says how long."""
    fault("rate-limit:3600")
    began = time.monotonic()
    error = notebook.error(f"%%claude {MODEL}\nHi")
    assert isinstance(error, errors.RateLimited)
    assert time.monotonic() - began < 30
    assert "3600" in str(error) or "60 min" in str(error) or "hour" in str(error)


def test_a_line_cut_in_mid_upload_leaves_nothing(notebook, fault):
    """The upload is repeated or fails in one line; no half file is remembered or listed."""
    notebook.ns["df"] = pd.DataFrame({"x": range(1000)})
    session = notebook.magics.session
    before = {f.id for f in session.client.files.list()}
    fault(*["drop"] * 4)  # three attempts, and the free one that a kept connection gets
    error = notebook.error("%claude upload df")
    assert isinstance(error, errors.ConnectionFailed)
    assert {f.id for f in session.client.files.list()} == before
    assert notebook.run("%claude upload df")["sent"][0]


def test_an_unwritable_folder_of_save_keeps_the_answer(notebook, tmp_path):
    """The files are in the reply, the cell says which folder cannot be written."""
    notebook.ns["df"] = pd.DataFrame({"a": [1, 2, 3], "b": [2.0, 4.0, 7.0]})
    (tmp_path / "file").write_text("in the way")
    error = notebook.error(f"%%claude -u df --save {tmp_path / 'file'}\nscatter of a against b")
    assert isinstance(error, errors.FileProblem)
    assert notebook.ns["_"].charts


def test_save_puts_copies_beside_the_notebook_and_never_over_a_users_file(notebook, tmp_path):
    """A file of the same name that was not ours stays; our own copy is renewed."""
    notebook.ns["df"] = pd.DataFrame({"a": [1, 2, 3], "b": [2.0, 4.0, 7.0]})
    cell = f"%%claude -u df --no-history --save {tmp_path / 'out'}\nscatter of a against b"
    notebook.run(cell)
    names = {p.name for p in (tmp_path / "out").iterdir()}
    assert names == set(notebook.ns["_"].files)
    notebook.run(cell)
    assert {p.name for p in (tmp_path / "out").iterdir()} == names
    (tmp_path / "other").mkdir()
    mine = tmp_path / "other" / notebook.ns["_"].charts[0].name
    mine.write_text("mine")
    notebook.run(cell.replace("out", "other"))
    assert mine.read_text() == "mine"
    assert len(list((tmp_path / "other").iterdir())) == len(names) + 1


def test_an_unknown_container_is_made_anew(notebook):
    """An expired container id is an error of the API; the cell asks once more without it, and says so."""
    notebook.ns["df"] = pd.DataFrame({"a": [1, 2, 3]})
    notebook.run("%%claude -u df\ndescribe the data")
    thread = notebook.magics.session.thread()
    thread.container = "container_gone"
    notebook.run("%%claude\nhistogram of a")
    assert "made anew" in notebook.texts[0]
    assert notebook.ns["_"].charts
    assert thread.container not in {"container_gone", None}


def test_an_upload_whose_answer_ran_no_code_leaves_a_thread_that_goes_on(notebook, fault):
    """The answer broke off before its first command; the next cell, without `--run`, is taken all the same."""
    notebook.ns["df"] = pd.DataFrame({"a": [1, 2, 3]})
    notebook.run("%claude upload df")
    fault("wait:0", "truncate:3")  # it is asked whether the file is still there, then the question
    notebook.error(f"%%claude {MODEL} -u df\ndescribe the data")
    notebook.run(f"%%claude {MODEL}\nWho are you?")
    assert notebook.ns["_"].request.tools


def test_a_new_container_on_request(notebook):
    """`--new-container` leaves the old one; `%claude container` shows the current one."""
    notebook.ns["df"] = pd.DataFrame({"a": [1, 2, 3]})
    assert "no container" in notebook.run("%claude container")
    notebook.run("%%claude -u df\nhistogram of a")
    first = notebook.run("%claude container")["container"]
    notebook.run("%%claude --new-container -o reply\nhistogram of a")
    shown = notebook.run("%claude container")
    assert shown["container"] != first
    assert "df.parquet" in shown["files in it"]
    assert shown["files made"] == len(notebook.ns["reply"].files) > 0  # in this one, not what the old one made


def test_keep_sets_the_expiry_and_prune_takes_what_nobody_used(notebook, monkeypatch):
    """`--keep 7d` travels to the server; `files prune` deletes old uploads that no thread mounts."""
    notebook.ns["df"] = pd.DataFrame({"a": [1, 2, 3, 4]})
    file_id = notebook.run("%claude upload --keep 7d df")["id"][0]
    session = notebook.magics.session
    assert session.client.files.get(file_id).expires_at is not None
    assert len(notebook.run("%claude files prune")) == 0
    session.store._run("UPDATE uploads SET used_at = 0", ())
    assert list(notebook.run("%claude files prune")["id"]) == [file_id]
    assert isinstance(notebook.error(f"%claude files show {file_id}"), errors.NotFound)


def test_bytes_and_formats_go_up(notebook):
    """Bytes get the ending of what they are; `df.csv` chooses the format of a frame."""
    notebook.ns.update(df=pd.DataFrame({"a": [1]}), picture=b"\x89PNG\r\n\x1a\n....")
    assert notebook.run("%claude upload df.csv")["filename"][0] == "df.csv"
    assert notebook.run("%claude upload picture")["filename"][0] == "picture.png"


def test_a_changed_frame_is_another_file_in_the_same_container(notebook):
    """The second upload of `df` is read, not the first: its file has another name."""
    notebook.ns["df"] = pd.DataFrame({"a": [1, 2, 3]})
    notebook.run("%%claude -u df\nmean of a")
    notebook.ns["df"] = pd.DataFrame({"a": [10, 20, 60]})
    notebook.run("%%claude -u df\nmean of a")
    first, second = (t.asked for t in notebook.magics.session.thread().turns)
    assert first[0]["file_id"] != second[0]["file_id"]
    assert "30" in notebook.ns["_"].text


def test_a_store_that_cannot_be_written_does_not_cost_the_answer(notebook):
    """The answer was paid for: it is bound and shown, and the cell says that the ledger could not be written."""
    notebook.run("%%claude\nOne.")
    notebook.magics.session.store.close()
    error = notebook.error("%%claude\nTwo.")
    assert isinstance(error, errors.FileProblem)
    assert notebook.ns["_"].text
    assert len(notebook.magics.session.thread().turns) == 2


def test_files_are_named_by_id_variable_or_what_holds_them(notebook, tmp_path, monkeypatch):
    """A list of ids, an artifact, a receipt: each names its files; a download never overwrites."""
    monkeypatch.chdir(tmp_path)
    notebook.ns["df"] = pd.DataFrame({"a": [1, 2, 3]})
    notebook.run("%%claude -u df -o answer\nhistogram of a")
    answer = notebook.ns["answer"]
    notebook.ns.update(chart=answer.charts[0], sent=answer.receipts[0], number=3)
    first, second = notebook.run("%claude download chart"), notebook.run("%claude download chart")
    assert first != second
    assert first.read_bytes() == second.read_bytes() == answer.charts[0].bytes()
    assert "Deleted" in notebook.run("%claude files delete chart")
    assert "Deleted" in notebook.run("%claude files delete sent")
    assert isinstance(notebook.error("%claude files delete number"), errors.UsageError)


def test_a_file_of_the_models_is_never_one_that_python_loads(notebook, tmp_path, monkeypatch):
    """`analysis.py` beside the notebook would shadow a module of that name: it is saved as text."""
    from claude_magic.containers import Artifact, saved_name, target_in

    (tmp_path / "made").write_text("print('hello')")
    made = Artifact("pandas.py", "text/x-python", 14, "file_1", tmp_path / "made")
    assert target_in(tmp_path / "out", made).name == "pandas.py.txt"
    assert made.save(tmp_path).name == "pandas.py.txt"
    assert made.save(tmp_path / "mine.py").name == "mine.py"  # the user's own word
    assert saved_name("SITECUSTOMIZE.PY") == "SITECUSTOMIZE.PY.txt"
    assert saved_name("chart.png", ["chart.png"]) == "chart (2).png"


def test_a_thread_goes_on_at_another_server(notebook, tmp_path):
    """Files of the old server are not mounted at the new one: counting and asking work at once, and at home again."""
    from claude_magic.local import child
    from claude_magic.wire import Secret

    session = notebook.magics.session
    home = session.backend
    notebook.ns["df"] = pd.DataFrame({"a": [1, 2, 3]})
    notebook.run("%%claude -u df\nmean of a")
    other = child.start(tmp_path / "other")
    try:
        session.use(other.base_url, key=Secret(other.key))
        assert int(notebook.run("%claude count Hello")) > 10
        notebook.run("%%claude\nWho are you?")
        assert len(notebook.ns["_"].request.messages) == 3
    finally:
        session.use(home.base_url, key=home.key)
        other.stop()
    notebook.run("%%claude -u df\nhistogram of a")
    notebook.run("%%claude\nand the mean of a")
    assert "container_upload" in str(notebook.ns["_"].request.messages)


def test_a_file_deleted_elsewhere_does_not_stop_the_counting(notebook):
    """The history is counted without it, as it would be sent."""
    notebook.ns["df"] = pd.DataFrame({"a": [1, 2, 3]})
    notebook.run("%%claude -u df\nmean of a")
    session = notebook.magics.session
    (file_id,) = session.thread().mounted
    session.client.files.delete(file_id)
    assert int(notebook.run("%claude count Hello")) > 100
    assert file_id in session.gone


def test_an_interrupted_upload_leaves_nothing_behind(notebook, tmp_path):
    """Ctrl-C in mid-upload: one line, no file at the server, none in the store; the next try sends it whole."""
    from claude_magic import uploads

    session = notebook.magics.session
    big = tmp_path / "big.bin"
    big.write_bytes(b"x" * 3_000_000)
    before = {f.id for f in session.client.files.list()}

    def stop(_name, done, _total):
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        uploads.mount(session, str(big), {}, uploads.Terms(progress=stop))
    assert {f.id for f in session.client.files.list()} == before
    _, receipt = uploads.mount(session, str(big), {})
    assert receipt.sent
    assert session.client.files.get(receipt.file_ids[0]).size_bytes == 3_000_000
