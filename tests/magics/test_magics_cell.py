"""A `%%claude` cell in a real shell, answered by the real local server over a socket."""

import os
import signal
import time

import pandas as pd
import pytest

from claude_magic import errors, uploads
from claude_magic.reply import Reply
from claude_magic.wire import Secret

PENGUINS = "notebooks/data/penguins.csv"


@pytest.fixture
def df(request):
    """The quickstart's penguins."""
    return pd.read_csv(request.config.rootpath / PENGUINS)


def test_a_cell_leaves_one_text_output_and_its_value_in_underscore_and_out(notebook):
    """The answer is displayed once, as HTML and plain text; the Reply is `_` and `Out[n]` and is not shown again."""
    result = notebook.run("%%claude\nWho are you?")
    assert result is None
    assert len(notebook.published) == 1
    assert set(notebook.published[0]["data"]) == {"text/html", "text/plain"}
    reply = notebook.ns["_"]
    assert isinstance(reply, Reply)
    assert notebook.ns["Out"][1] is reply
    assert "stand-in" in reply.text
    assert reply.stop_reason == "end_turn"
    assert reply.request_id.startswith("req_")


def test_the_footer_names_model_tokens_price_seconds_and_who_answered(notebook):
    """Nothing pretends to be Claude: the footer says who answered."""
    notebook.run("%%claude -m haiku\nWho are you?")
    footer = notebook.texts[0].strip().splitlines()[-1]
    for part in ("claude-haiku-5-5", " in + ", " out tokens", "no charge", " s", "local stand-in, not Claude"):
        assert part in footer


def test_an_uploaded_frame_comes_back_as_a_chart(notebook, df):
    """`--upload df`: code runs on the frame, the chart is displayed after the text and bound to the reply."""
    notebook.ns["df"] = df
    notebook.run("%%claude --upload df -o answer\nhistogram of flipper_length_mm")
    answer = notebook.ns["answer"]
    assert len(notebook.images) == 1 == len(answer.charts)
    assert answer.charts[0].image().size[0] > 300
    assert "flipper_length_mm" in answer.code
    assert answer.files[answer.charts[0].name].bytes().startswith(b"\x89PNG")
    assert [("image/png" in p["data"]) for p in notebook.published] == [False, True]


def test_figures_come_from_the_data(notebook, df):
    """Another frame gives another answer: the stand-in words what its code printed."""
    notebook.ns["df"] = df
    notebook.run("%%claude -u df --no-history\nmean body_mass_g by species as a bar chart")
    assert f"{df.groupby('species').body_mass_g.mean()['Gentoo']:,.0f}"[:3] in notebook.ns["_"].text
    first = notebook.images[0]
    notebook.ns["df"] = df.assign(body_mass_g=df.body_mass_g * 2)
    notebook.run("%%claude -u df --no-history\nmean body_mass_g by species as a bar chart")
    assert notebook.images[0] != first


def test_a_frame_goes_up_once(notebook, df):
    """Identical content is not sent again; a changed frame is."""
    files = notebook.magics.session.client.files
    notebook.ns["df"] = df.copy()
    notebook.run("%claude upload df")
    before = len(list(files.list()))
    notebook.ns["df"] = df.copy()
    notebook.run("%claude upload df")
    assert len(list(files.list())) == before
    notebook.ns["df"] = df.iloc[1:]
    notebook.run("%claude upload df")
    assert len(list(files.list())) == before + 1


def test_a_file_deleted_at_the_other_end_is_sent_again(notebook, df):
    """The store's record is checked before it is believed."""
    notebook.ns["df"] = df
    first = notebook.run("%claude upload df")["id"][0]
    notebook.magics.session.client.files.delete(first)
    second = notebook.run("%claude upload df")["id"][0]
    assert second != first


def test_a_thread_goes_on_after_its_file_was_deleted(notebook, df):
    """A deleted file leaves the history, not the conversation."""
    notebook.ns["df"] = df
    notebook.run("%%claude -u df\ndescribe the data")
    file_id = notebook.run("%claude upload df")["id"][0]
    notebook.magics.session.client.files.delete(file_id)
    notebook.run("%%claude\nWho are you?")
    assert "left out of the history" in notebook.texts[0]


def test_cells_share_a_thread_and_containers_are_reused(notebook, df):
    """The second cell sends the first one's turn and works in the same container."""
    notebook.ns["df"] = df
    notebook.run("%%claude -u df\nhow many values are missing?")
    first = notebook.ns["_"]
    notebook.run("%%claude\nand a histogram of body_mass_g")
    second = notebook.ns["_"]
    assert len(second.request.messages) == 3
    assert second.message.container == first.message.container
    assert len(second.charts) == 1


def test_new_no_history_and_thread_choose_what_is_sent(notebook):
    """`--no-history` sends and keeps nothing; `--new` starts afresh; `--thread` is another conversation."""
    session = notebook.magics.session
    notebook.run("%%claude\nOne.")
    notebook.run("%%claude --no-history\nAlone.")
    assert len(notebook.ns["_"].request.messages) == 1
    assert len(session.thread().turns) == 1
    notebook.run("%%claude --thread other\nElsewhere.")
    assert len(notebook.ns["_"].request.messages) == 1
    notebook.run("%%claude\nTwo.")
    assert len(notebook.ns["_"].request.messages) == 3
    notebook.run("%%claude --new\nThree.")
    assert len(notebook.ns["_"].request.messages) == 1
    assert len(session.thread().turns) == 1


def test_a_string_variable_can_be_the_system_prompt(notebook):
    """`-s NAME` takes the variable's value, other text is itself."""
    notebook.ns["tone"] = "Be brief."
    notebook.run("%%claude -s tone\nHello.")
    assert notebook.ns["_"].request.system == "Be brief."
    notebook.run('%%claude -s "Be kind."\nHello.')
    assert notebook.ns["_"].request.system == "Be kind."


def test_braces_are_replaced_and_raw_leaves_them(notebook, df):
    """`{{ df }}` gives the schema and no value; `--raw` and single braces are sent as typed."""
    notebook.ns["df"] = df
    notebook.run("%%claude --no-history\nHere: {{ df }} and {x} and $x.")
    sent = notebook.ns["_"].request.messages[-1]["content"][0]["text"]
    assert '"flipper_length_mm"' in sent
    assert sent.endswith("and {x} and $x.")
    assert "Torgersen" not in sent
    notebook.run("%%claude --no-history --raw\nHere: {{ df }}")
    assert notebook.ns["_"].request.messages[-1]["content"][0]["text"] == "Here: {{ df }}"


def test_no_stream_gives_the_same_answer(notebook):
    """The whole answer and the streamed one are the same message."""
    notebook.run("%%claude --no-history\nWho are you?")
    streamed = notebook.ns["_"].text
    notebook.run("%%claude --no-history --no-stream\nWho are you?")
    assert notebook.ns["_"].text == streamed


def test_any_stop_but_the_end_is_named(notebook):
    """An answer cut at `--max-tokens` says so in its footer."""
    notebook.run("%%claude --max-tokens 5\nwrite a long text of 300 words")
    assert notebook.ns["_"].stop_reason == "max_tokens"
    assert "cut off at --max-tokens" in notebook.texts[0]


# Errors: one line, the cell fails, nothing is lost.

BAD = {
    "unknown option": ("%%claude --modle opus\nHi", errors.UsageError, ["--modle", "--model"]),
    "text on the line": ("%%claude what is this\nHi", errors.UsageError, ["what is this", "no option"]),
    "blank prompt": ("%%claude\n   \n", errors.UsageError, ["empty"]),
    "undefined expression": ("%%claude\n{{ penguin }}", errors.UndefinedName, ["penguin", "penguins"]),
    "undefined upload": ("%%claude -u penguin\nHi", errors.UndefinedName, ["penguin", "penguins"]),
    "a folder": ("%%claude -u /\nHi", errors.FileProblem, ["/ is a folder", "zip"]),
    "no such user": ("%%claude -u ~nobody-here/x.csv\nHi", errors.FileProblem, ["`~nobody-here/x.csv` is no path: "]),
    "a URL": ("%%claude -u https://example.com/x.csv\nHi", errors.FileProblem, ["no file https://example.com/x.csv"]),
    "an option without its value": ("%%claude -o\nHi", errors.UsageError, ["`-o` needs a value", "Write `-o NAME`"]),
    "too long a path": ("%%claude -u " + "x/" * 3000 + "\nHi", errors.FileProblem, ["no path"]),
    "password in a URL": ("%claude use http://me:secret@127.0.0.1:9", errors.UsageError, ["--key-env"]),
    "no URL": ("%claude use http://[::1", errors.UsageError, ["no backend"]),
    "no such file": ("%%claude -u data/none.csv\nHi", errors.FileProblem, ["none.csv"]),
    "no frame": ("%%claude -u number\nHi", errors.FileProblem, ["int"]),
    "unknown model": ("%%claude -m claude-9\nHi", errors.NotFound, ["claude-9", "req_"]),
    "unknown file": ("%claude files show file_nope", errors.NotFound, ["file_nope", "req_"]),
    "unknown download": ("%claude download file_nope", errors.NotFound, ["file_nope", "req_"]),
    "misspelt command": ("%claude modles", errors.UsageError, ["modles", "models"]),
    "max tokens": ("%%claude --max-tokens many\nHi", errors.UsageError, ["many"]),
    "open quote": ('%%claude -s "open\nHi', errors.UsageError, ["quot"]),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_gives_one_line_and_costs_nothing(notebook, name):
    """The cell fails with one line that says what happened and what to do; thread and namespace are as before."""
    cell, kind, words = BAD[name]
    notebook.ns.update(penguins=1, number=3)
    notebook.run("%%claude\nOne.")
    kept = notebook.ns["_"]
    error = notebook.error(cell)
    assert type(error) is kind
    (line,) = error._render_traceback_()
    assert "\n" not in line
    assert all(word in line for word in words), line
    assert len(notebook.magics.session.thread().turns) == 1
    assert notebook.ns["_"] is kept


@pytest.mark.parametrize("cell", ["%%claude -u first -u second\nHi", "%claude upload first second"])
def test_nothing_goes_up_unless_everything_is_there(notebook, cell):
    """The line says that nothing was sent, and so it is: also of what stands before the misspelt name."""
    notebook.ns["first"] = pd.DataFrame({"only": ["here"]})
    error = notebook.error(cell)
    assert str(error).startswith("`second` is not defined; nothing was sent.")
    session = notebook.magics.session
    assert session.store.unused(uploads.scope_of(session), time.time() + 1) == []


def test_no_key_names_the_two_ways_out(bare_notebook):
    """Without any key nothing is sent, and the line says what to do."""
    error = bare_notebook.error("%%claude\nHi")
    assert isinstance(error, errors.NoCredentials)
    assert "%claude login" in str(error)
    assert "%claude use local" in str(error)


def test_a_wrong_key_is_refused_in_one_line(notebook, local_server):
    """401: what to do, the request id, and no trace of the key."""
    notebook.magics.session.use(local_server.base_url, key=Secret("sk-wrong-and-secret"))
    error = notebook.error("%%claude\nHi")
    assert isinstance(error, errors.AuthenticationFailed)
    assert "req_" in str(error)
    assert "sk-wrong" not in str(error)


def test_a_server_that_is_not_there_is_named(notebook):
    """A refused connection says where it tried."""
    notebook.magics.session.use("http://127.0.0.1:9", key=Secret("x"))
    error = notebook.error("%%claude -m claude-sonnet-5-5\nHi")
    assert isinstance(error, errors.ConnectionFailed)
    assert "127.0.0.1:9" in str(error)


def test_a_forbidden_file_name_is_made_safe_or_refused(notebook, tmp_path):
    """A path whose name the API refuses goes up under a name it takes."""
    odd = tmp_path / 'a<b>:"c.csv'
    odd.write_text("x\n1\n")
    notebook.ns["odd"] = odd
    filename = notebook.run("%claude upload odd")["filename"][0]
    assert not set(filename) & set('<>:"|?*\\/')


def test_key_never_shows(notebook, local_server):
    """No public object's repr, no status, no error holds the key."""
    session = notebook.magics.session
    notebook.run("%%claude\nHi")
    shown = [repr(session.client), repr(session.backend), repr(notebook.ns["_"]), repr(notebook.run("%claude status"))]
    assert not [text for text in shown if local_server.key in text]


def test_the_code_goes_into_the_next_cell_and_runs_on_the_local_frame(notebook, df, tmp_path, monkeypatch):
    """`%claude code answer` reads the variable instead of the file; the chart it makes here is the same file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    for name in ("INPUT_DIR", "OUTPUT_DIR"):  # set by the code, put back after the test
        monkeypatch.setenv(name, ".")
    notebook.ns["penguins"] = df
    notebook.run("%%claude -u penguins -o answer\nmean body_mass_g by species as a bar chart")
    notebook.run("%claude code answer")
    code = notebook.shell.rl_next_input
    assert "penguins.copy()" in code
    assert "read_parquet" not in code
    notebook.run(code)
    assert (tmp_path / notebook.ns["answer"].charts[0].name).read_bytes().startswith(b"\x89PNG")
    assert isinstance(notebook.error("%claude code df"), errors.UsageError)


def test_saved_files_are_links_beside_the_notebook(notebook, df, tmp_path, monkeypatch):
    """With `--save` below the notebook's folder each file in the output is a relative link."""
    monkeypatch.chdir(tmp_path)
    notebook.ns["df"] = df
    notebook.run("%%claude -u df --save out\nmean body_mass_g by species as a bar chart")
    reply = notebook.ns["_"]
    shown = notebook.published[0]["data"]["text/html"]
    assert all(f'href="out/{name}"' in shown for name in reply.files)
    assert {path.parent.name for path in reply.saved.values()} == {"out"}


def test_an_interrupt_while_the_answer_is_shown_is_one_line_and_loses_nothing(notebook):
    """Ctrl-C after the last word: the answer is in the output, in `_` and in the thread."""
    publish = notebook.shell.display_pub.publish

    def interrupted(*args, **kwargs):
        os.kill(os.getpid(), signal.SIGINT)
        publish(*args, **kwargs)

    notebook.shell.display_pub.publish = interrupted
    error = notebook.error("%%claude -o answer\nWho are you?")
    assert isinstance(error, errors.Interrupted)
    assert len(error._render_traceback_()) == 1
    assert notebook.ns["_"] is notebook.ns["answer"]
    assert notebook.texts == [notebook.ns["answer"].bundle()["text/plain"]]
    assert len(notebook.magics.session.thread().turns) == 1


def test_an_interrupt_that_nobody_expects_is_one_line(notebook):
    """Also on the line, whatever runs there."""

    class Odd:
        def _repr_claude_(self):
            os.kill(os.getpid(), signal.SIGINT)

    notebook.ns["odd"] = Odd()
    error = notebook.error("%claude count odd")
    assert isinstance(error, errors.Interrupted)
    assert len(error._render_traceback_()) == 1


@pytest.mark.parametrize("question", ["how many rows are there?", "what's up, doc?", "ask really?", "-m haiku why??"])
def test_a_question_on_the_line_is_asked(notebook, question):
    """Its question mark is no request for IPython's help, which would ask nobody; `%claude?` alone still is."""
    notebook.run(f"if True:\n    %claude {question}")
    asked = notebook.magics.session.thread().turns[-1].asked[0]["text"]
    assert asked == question.removeprefix("ask ").removeprefix("-m haiku ")
    notebook.run("%claude?")
    notebook.run("import sys\nsys.path?")
    assert len(notebook.magics.session.thread().turns) == 1


def test_a_command_in_capitals_is_not_sent(notebook):
    """The nearest command is named, as for any misspelt one."""
    assert "Did you mean `status`?" in str(notebook.error("%claude STATUS"))
    notebook.run("%%claude\nHi")
    assert notebook.run("%claude")["thread"] == "main (1 turn)"
    assert notebook.run("%claude reset") == "Thread main: 1 turn forgotten."


def test_a_frame_without_rows_gets_an_answer_in_whole_sentences(notebook):
    """Nothing is computed, and what is said of it is a paragraph of its own."""
    notebook.ns["empty"] = pd.DataFrame()
    notebook.run("%%claude -u empty\ndescribe it")
    assert "I read the request as: description.\n\n`empty.parquet` has no rows" in notebook.ns["_"].text
    assert ", 1 conversion " in f"{notebook.ns['_'].receipts[0]} "
