"""`--verify` and the provenance of an answer, in a cell: a real shell, a real server on a socket, a real sandbox."""

import dataclasses
import json
import socket
import threading

import pandas as pd
import pytest
import uvicorn

from claude_magic.containers.verify import Rerun, verify
from claude_magic.local.app import App
from claude_magic.sandbox import isolation
from claude_magic.wire import Secret

PENGUINS = "notebooks/data/penguins.csv"
KEY = "sk-local-test-key"
needs_walls = pytest.mark.skipif(isolation() != "bwrap", reason="bwrap does not work here")


class Scripted:
    """Runs what the prompt says: a JSON list of shell commands and of [path, text] to be written. No language model."""

    name = "scripted"

    def answer(self, turn):
        """Carry the steps out, then say so."""
        for step in json.loads(turn.request["messages"][-1]["content"][-1]["text"]):
            if isinstance(step, str):
                yield from turn.call("bash_code_execution", {"command": step})
            else:
                made = {"command": "create", "path": step[0], "file_text": step[1]}
                yield from turn.call("text_editor_code_execution", made)
        yield from turn.text("Done.")


@pytest.fixture(scope="module")
def scripted_server(tmp_path_factory):
    """A local server that runs what it is told to."""
    app = App(tmp_path_factory.mktemp("scripted"), key=KEY, engine=Scripted())
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        app.stop()
        server.should_exit = True
        thread.join()
        app.close()


@pytest.fixture
def scripted(bare_notebook, scripted_server, df):
    """A notebook whose answers run the given steps on `df`."""
    bare_notebook.magics.session.use(scripted_server, key=Secret(KEY))
    bare_notebook.ns["df"] = df

    def run(*steps, options="-u df --verify --new"):
        bare_notebook.run(f"%%claude {options} --raw\n{json.dumps(steps)}")
        return bare_notebook.ns["_"]

    run.notebook = bare_notebook
    return run


@pytest.fixture
def df(request):
    """A real data set."""
    return pd.read_csv(request.config.rootpath / PENGUINS)


def python(code):
    """A shell command that runs a program on the only file in $INPUT_DIR."""
    head = (
        "import os, glob\nimport pandas as pd\nimport matplotlib.pyplot as plt\n"
        "out = os.environ['OUTPUT_DIR']\ndf = pd.read_parquet(glob.glob(os.environ['INPUT_DIR'] + '/*')[0])\n"
    )
    return f"python - <<'EOF'\n{head}{code}\nEOF\n"


MEANS = "t = df.groupby('species').body_mass_g.mean()\nt.to_csv(out + '/means.csv')\n"
CHART = "t.plot.bar()\nplt.savefig(out + '/means.png')\n"


# Provenance


def test_an_answer_from_the_data_says_so_in_its_footer(notebook, df):
    """The stand-in's code reads the file and draws what it read; nothing warns."""
    notebook.ns["df"] = df
    notebook.run("%%claude -u df\nmean body_mass_g by species as a bar chart")
    reply = notebook.ns["_"]
    assert (reply.provenance.opened, reply.provenance.literals) == ("yes", "no")
    assert "data opened" in reply.footer().parts
    assert not reply.footer().warning
    assert reply.verification is None


def test_an_answer_that_did_not_touch_the_data_is_marked(scripted):
    """A chart of invented numbers looks like any other; the warning above the footer names what is wrong."""
    fake = "python -c \"import matplotlib.pyplot as plt; plt.bar(['a','b','c'], [3701, 3733, 5076])\""
    reply = scripted(fake, options="-u df")
    assert (reply.provenance.opened, reply.provenance.literals) == ("no", "yes")
    assert "this answer did not open df" in reply.footer().warning
    assert "numbers written in its code" in reply.footer().warning
    (text,) = scripted.notebook.texts
    assert "! this answer did not open df" in text
    assert "⚠" in scripted.notebook.published[0]["data"]["text/html"]


def test_without_an_upload_nothing_is_said(notebook):
    """Small talk has no provenance."""
    notebook.run("%%claude\nWho are you?")
    assert notebook.ns["_"].provenance is None
    assert not notebook.ns["_"].footer().warning


def test_a_later_cell_may_work_on_what_an_earlier_one_uploaded(notebook, df):
    """The data stay in the container; a follow-up that reads them is as good, small talk is no offence."""
    notebook.ns["df"] = df
    notebook.run("%%claude -u df --new\nhistogram of body_mass_g")
    notebook.run("%%claude --verify\nhistogram of flipper_length_mm")
    reply = notebook.ns["_"]
    assert reply.provenance.opened == "yes"
    assert reply.verification.ok or isolation() != "bwrap"


# Verification


@needs_walls
def test_an_honest_answer_is_verified(notebook, df):
    """Tables are equal cell by cell, charts within tolerance; one text output, then one per chart, as always."""
    notebook.ns["df"] = df
    notebook.run("%%claude -u df --verify --new -o answer\nmean body_mass_g by species as a bar chart")
    found = notebook.ns["answer"].verification
    assert found.ok
    assert found.mode == "bwrap"
    assert {c.verdict for c in found.checks} == {"agrees"}
    assert {c.name for c in found.checks} == {"printed output", *notebook.ns["answer"].files}
    assert "verified: 2 of 2 files agree" in notebook.texts[0]
    assert [("image/png" in p["data"]) for p in notebook.published] == [False, True]
    assert list(found.frame().columns) == ["name", "kind", "verdict", "detail"]


@needs_walls
def test_files_that_were_written_first_are_written_again(scripted):
    """Steps are taken in order: the editor's file, then the commands that use it, with a fresh $OUTPUT_DIR each."""
    reply = scripted(
        ["lib/helper.py", "def double(x):\n    return 2 * x\n"],
        "echo hello > note.txt; echo one > $OUTPUT_DIR/a.txt",
        "PYTHONPATH=lib python -c 'import helper; print(helper.double(21))'",
        "ls $OUTPUT_DIR; cp note.txt $OUTPUT_DIR/a.txt",
    )
    assert reply.verification.ok, str(reply.verification)
    assert "42" in str(reply.blocks)
    assert [c.name for c in reply.verification.checks if c.kind == "file"] == ["a.txt", "a (2).txt"]


@needs_walls
def test_a_random_answer_is_found_out(scripted):
    """Code with a seed of its own gives another table here; the warning names the cell and the versions."""
    reply = scripted(python("import random\ndf['x'] = [random.random() for _ in range(len(df))]\n"
                            "df[['species', 'x']].to_csv(out + '/noise.csv', index=False)"))  # fmt: skip
    found = reply.verification
    assert not found.ok
    (check,) = [c for c in found.checks if c.name == "noise.csv"]
    assert (check.kind, check.verdict) == ("table", "differs")
    assert check.detail.startswith("row 1, column x: 0.")
    assert "341 cells more" in check.detail
    warning = reply.footer().warning
    assert "noise.csv differs (row 1, column x: " in warning
    assert f"pandas {pd.__version__}" in warning
    assert "versions in the container are not known" in warning


@needs_walls
def test_the_time_of_day_is_found_out(scripted):
    """A file that holds the time, and a line that prints it, differ."""
    reply = scripted("date +%s%N | tee $OUTPUT_DIR/now.txt")
    verdicts = {c.name: c.verdict for c in reply.verification.checks}
    assert verdicts == {"printed output": "differs", "now.txt": "differs"}


@needs_walls
def test_tampering_is_shown(scripted):
    """A reply whose code is not what made its files: tables and charts differ, and it is said where."""
    reply = scripted(python(MEANS + CHART))
    assert reply.verification.ok
    changed = [
        {**b, "input": {"command": b["input"]["command"].replace(".mean()", ".median()")}} if "input" in b else b
        for b in reply.blocks
    ]
    session = scripted.notebook.magics.session
    from claude_magic import evidence

    stood = evidence.Grounds(tuple(session.uploads.values())[-1:], ("df",))
    forged = dataclasses.replace(reply, message=dataclasses.replace(reply.message, content=tuple(changed)))
    found = evidence.verification(forged, stood, session.store, scripted.notebook.ns)
    checks = {c.name: c for c in found.checks}
    assert checks["means.csv"].verdict == "differs"
    assert "row 1, column body_mass_g: 3700.66" in checks["means.csv"].detail
    assert checks["means.png"].verdict == "differs"
    assert "pixels differ" in checks["means.png"].detail


@needs_walls
def test_files_too_few_and_too_many_are_named(scripted):
    """A file that comes only from one of the two runs is a difference."""
    # The sandbox here has a fresh /tmp for every verification, as the container has a fresh one at first.
    once = "test -e seen || echo x > $OUTPUT_DIR/first.txt; touch seen"
    reply = scripted(once)
    assert reply.verification.ok
    rerun = Rerun(reply.blocks, {}, lambda _: ())
    assert [(c.name, c.verdict) for c in verify(rerun).checks] == [("first.txt", "made only here")]
    rerun = Rerun(reply.blocks, reply.files | {"more.txt": reply.files["first.txt"]}, lambda _: ())
    assert ("more.txt", "not made here") in [(c.name, c.verdict) for c in verify(rerun).checks]


@needs_walls
def test_what_fails_only_here_is_named(scripted):
    """A command that succeeded there and fails here is a check of its own, with the last line of its errors."""
    reply = scripted("python -c 'import sys; sys.exit(0)'")
    blocks = [{**b, "input": {"command": "cat /nowhere/x"}} if "input" in b else b for b in reply.blocks]
    found = verify(Rerun(blocks, {}, lambda _: ()))
    assert found.checks[0].kind == "run"
    assert "it succeeded there and failed here: cat: /nowhere/x: No such file or directory" in found.warning


@needs_walls
def test_the_sandbox_has_no_network_no_key_and_no_home(scripted, scripted_server, monkeypatch, tmp_path):
    """What runs for `--verify` reaches neither a file of the user's, nor a key, nor a server on this machine."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-secret-of-the-user")
    (tmp_path / "diary.txt").write_text("dear diary")
    reply = scripted("true")
    port = scripted_server.rpartition(":")[2]
    spies = {
        "key": "env | grep -q sk-secret",
        "file": f"cat {tmp_path}/diary.txt",
        "network": f"python -c 'import socket; socket.create_connection((\"127.0.0.1\", {port}), 2)'",
    }

    def succeeded(spy, **more):
        blocks = [{**b, "input": {"command": spy}} if "input" in b else b for b in reply.blocks]
        found = verify(Rerun(blocks, {}, lambda _: ()), **more)
        return not any(c.kind == "run" for c in found.checks)

    assert [name for name, spy in spies.items() if succeeded(spy)] == []
    assert succeeded(spies["file"], ask=lambda _: "yes", mode="process")  # the spy works where there are no walls


@needs_walls
def test_a_frame_that_has_changed_meanwhile_is_not_used(scripted, df):
    """A later cell verifies on the data that went up; when the variable holds other data by then, it says so."""
    scripted("true", options="-u df --new")
    scripted.notebook.ns["df"] = df.head(3)
    reply = scripted(python(MEANS), options="--verify")
    assert "df has changed since it was uploaded" in reply.footer().warning
    assert not reply.verification.ok


@needs_walls
def test_an_interrupt_ends_the_verification_and_keeps_the_answer(scripted):
    """Ctrl-C while the code runs here: the reply is there, its verification says why it is not."""

    def interrupted(_folder):
        raise KeyboardInterrupt

    reply = scripted("true")
    assert verify(Rerun(reply.blocks, {}, interrupted)).refused == "interrupted"


def test_links_lead_nowhere(scripted, tmp_path):
    """Code that puts a link where its output should be makes nobody read another file."""
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    reply = scripted("true", options="-u df --new")
    link = f"ln -s {secret} $OUTPUT_DIR/a.txt; ln -s {tmp_path} $OUTPUT_DIR/b"
    blocks = [{**b, "input": {"command": link}} if "input" in b else b for b in reply.blocks]
    found = verify(Rerun(blocks, {}, lambda _: ()), ask=lambda _: "y")
    assert not found.checks


# Without walls


@pytest.mark.parametrize("answer", ["", "n", "no", "yes please", None])
def test_without_walls_nothing_runs_unless_somebody_agrees(scripted, answer, tmp_path):
    """The code is shown in the question; anything but yes, or nobody there, refuses in one line."""
    reply = scripted("true", options="-u df --new")
    mark = tmp_path / "ran"
    blocks = [{**b, "input": {"command": f"touch {mark} # \x1b[8m"}} if "input" in b else b for b in reply.blocks]
    asked = []

    def typed(prompt):
        asked.append(prompt)
        if answer is None:
            raise EOFError
        return answer

    found = verify(Rerun(blocks, {}, lambda _: ()), ask=typed, mode="process")
    assert found.refused
    assert "\n" not in found.warning
    assert not found.ok
    assert not mark.exists()
    assert f"touch {mark} # \\u001b[8m" in asked[0]
    assert "\x1b" not in asked[0]


def test_without_walls_it_runs_after_a_yes(scripted):
    """Having seen the code, the user agrees; the footer says that there were no walls."""
    reply = scripted(python(MEANS), options="-u df --new")
    session = scripted.notebook.magics.session
    from claude_magic import evidence

    upload = tuple(session.uploads.values())[-1]

    def place(folder):
        return evidence._placed([upload], session.store, scripted.notebook.ns, folder)

    rerun = Rerun(reply.blocks, reply.files, place, (upload.file.filename,))
    found = verify(rerun, ask=lambda _: "yes", mode="process")
    assert found.ok, str(found)
    assert "(run without a sandbox's walls)" in found.summary


def test_a_question_that_nobody_can_answer_refuses(scripted):
    """A kernel without stdin (nbclient, Run All on a server) raises instead of asking."""
    reply = scripted("true", options="-u df --new")
    for problem in (EOFError(), OSError("no stdin"), NotImplementedError()):

        def typed(_prompt, problem=problem):
            raise problem

        found = verify(Rerun(reply.blocks, {}, lambda _: ()), ask=typed, mode="process")
        assert found.refused == "no sandbox works here (bwrap), and nobody can be asked"


def test_a_cell_without_walls_says_so_in_one_line(scripted, monkeypatch, tmp_path):
    """Where bwrap is missing and nobody can type, the answer is shown all the same, marked as not verified."""
    from claude_magic.sandbox import isolation as walls

    module = __import__("sys").modules[walls.__module__]
    monkeypatch.setenv("PATH", str(tmp_path))
    for cached in (module.isolation, module.bwrap):
        cached.cache_clear()
    try:
        reply = scripted("echo 42", options="--run --verify --new")
    finally:
        monkeypatch.undo()
        for cached in (module.isolation, module.bwrap):
            cached.cache_clear()
    (text,) = scripted.notebook.texts
    assert "! not verified: no sandbox works here (bwrap), and nobody can be asked" in text
    assert "42" in str(reply.blocks)
