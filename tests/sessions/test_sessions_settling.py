"""However an answer ends: it is kept, and it is accounted for as what it was."""

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from urllib.parse import urlsplit

import keyring
import pandas as pd
import pytest
from keyring.backend import KeyringBackend
from PIL import Image

import claude_magic as cm
from claude_magic import backends, uploads
from claude_magic.containers import Artifact
from claude_magic.errors import FileProblem, StreamTruncated, UsageError
from claude_magic.messages import Message, Request
from claude_magic.options import Options
from claude_magic.reply import Reply
from claude_magic.wire import Secret

MODEL = "claude-sonnet-4-6"
ALONE = Options(model=MODEL)
INPUT_PRICE = 3.0  # US dollars for the million input tokens of `begin` (catalogue, Sonnet 4.6)


def prepared(session, options=ALONE):
    """A request of one word."""
    return session.prepare([{"type": "text", "text": "Hi"}], options, {})


def ask(session, options=ALONE):
    """Ask and read to the end; the reply."""
    with session.turn(prepared(session, options)) as answer:
        for _ in answer:
            pass
    return answer.reply


def test_another_server_chosen_meanwhile_changes_neither_answer_nor_bill(session, told, script, local_server):
    """`%claude use` while a panel's answer is under way: it goes on, is billed where it was asked, and says so.

    Its second round goes where the first went.
    """
    begin, end = script
    chosen = threading.Event()
    told.answers = [
        [*begin("A", container={"id": "container_1"}), lambda: chosen.wait(10), *end("pause_turn")],
        [*begin("B"), *end()],
    ]
    with session.turn(prepared(session)) as answer:
        for number, _ in enumerate(answer):
            if number == 0:
                session.use(local_server.base_url, key=Secret(local_server.key))
                chosen.set()
    assert (answer.reply.text, len(told.asked)) == ("AB", 2)
    assert answer.reply.who == told.base_url.removeprefix("http://")
    assert answer.reply.cost >= INPUT_PRICE
    assert session.store.spent() == pytest.approx(answer.reply.cost)
    assert session.thread().container is None  # it is at the other server


def test_a_local_server_that_is_left_ends_after_its_last_answer(session, told):
    """`%claude use URL` while the local server draws: the chart still comes, and then its process is gone."""
    session.use("local")
    address = urlsplit(session.backend.base_url)
    frame = pd.DataFrame({"month": ["Jan", "Feb", "Mar"], "sales": [3, 1, 2]})
    options = Options(model=MODEL, upload=("frame",))
    blocks = [{"type": "text", "text": "Draw a bar chart of sales by month."}]
    with session.turn(session.prepare(blocks, options, {"frame": frame})) as answer:
        for number, _ in enumerate(answer):
            if number == 0:
                session.use(told.base_url)
        socket.create_connection((address.hostname, address.port)).close()
    assert [chart.image().format for chart in answer.reply.charts] == ["PNG"]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address.hostname, address.port))


def test_what_an_unfinished_answer_cost_is_at_least_that(session, told, script):
    """The output's tokens come at the end; until then the price is a lower bound, and the footer says so."""
    begin, end = script
    told.answers = [begin("A"), [*begin("A"), *end()]]
    broken, whole = ask(session), ask(session)
    assert isinstance(broken.error, StreamTruncated)
    assert "at least $3.00" in broken.footer().parts
    assert "$3.00" in whole.footer().parts


def test_a_prompt_that_was_read_is_accounted_for_although_nothing_was_written(session, told, script):
    """The answer breaks off between `message_start` and its first block: no turn, but its input tokens were billed."""
    begin, _ = script
    told.answers = [begin()]
    with pytest.raises(StreamTruncated):
        ask(session)
    assert session.thread().turns == []
    assert session.store.spent() >= INPUT_PRICE


def test_a_full_disk_costs_the_files_and_not_the_answer(session, told, script, tmp_path, monkeypatch):
    """No folder for fetched files can be made: the answer is in the thread and the ledger, the cell says it."""
    begin, end = script
    told.answers = [[*begin("A"), *end()]]
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    reply = ask(session)
    assert reply.text == "A"
    assert len(session.thread().turns) == 1
    assert session.store.spent() == reply.cost
    with pytest.raises(FileProblem):
        reply.raise_for_error()


def test_an_answer_shown_again_has_what_was_found_out_about_it(notebook):
    """What the session keeps is the reply with its provenance, as the cell's value has it."""
    notebook.ns["df"] = pd.DataFrame({"a": [1, 2, 3]})
    notebook.run("%%claude -u df\ndescribe the data")
    reply = notebook.ns["_"]
    assert reply.provenance is not None
    assert notebook.magics.session.replies[reply.message.id] is reply


def test_no_system_prompt_can_be_asked_for(session):
    """An empty `--system` is one that is given: `%claude count` tells the share of the setting's with it."""
    session.settings.system = "Be brief."
    assert prepared(session).request.system == "Be brief."
    assert "system" not in prepared(session, replace(ALONE, system="")).request.body()


def test_a_file_that_cannot_be_remembered_does_not_stay_at_the_server(notebook, monkeypatch):
    """The store cannot be written (a full disk): nothing remains there that nobody knows of."""
    session = notebook.magics.session
    before = {file.id for file in session.client.files.list()}
    session.store._run("CREATE TRIGGER full BEFORE INSERT ON uploads BEGIN SELECT RAISE(FAIL, 'disk full'); END", ())
    notebook.ns["df"] = pd.DataFrame({"unheard": [1.5, 2.5]})
    assert isinstance(notebook.error("%claude upload df"), FileProblem)
    assert {file.id for file in session.client.files.list()} == before


def test_a_cell_and_panels_that_send_the_same_frame_at_once_send_it_once(notebook):
    """Each waits for whoever is sending that content, and finds it there."""
    session = notebook.magics.session
    before = {file.id for file in session.client.files.list()}
    frame = pd.DataFrame({"wanted": range(1000)})
    with ThreadPoolExecutor(6) as pool:
        sent = list(pool.map(lambda _: uploads.mount(session, "df", {"df": frame})[1], range(6)))
    assert sum(receipt.sent for receipt in sent) == 1
    assert len({receipt.file_ids for receipt in sent}) == 1
    assert len({file.id for file in session.client.files.list()} - before) == 1


def test_keep_that_comes_too_late_says_so(notebook):
    """A file's end is set when it is sent: of one that is there, receipt and footer say that nothing changes."""
    notebook.ns["kept"] = pd.DataFrame({"a": [271828]})
    notebook.run("%%claude -u kept\nHow many rows?")
    assert not notebook.ns["_"].receipts[0].note
    notebook.run("%%claude -u kept --keep 7d\nHow many rows?")
    assert "`--keep` changes nothing" in notebook.ns["_"].receipts[0].report
    assert "`--keep` changes nothing" in " ".join(notebook.ns["_"].footer().parts)
    notebook.ns["kept"] = pd.DataFrame({"a": [314159]})
    notebook.run("%%claude -u kept --keep 7d\nHow many rows?")
    assert notebook.ns["_"].receipts[0].sent
    assert not notebook.ns["_"].receipts[0].note


def test_a_folder_of_nobody_is_one_line_before_anything_is_sent(notebook):
    """`--save ~nobody-of-that-name` and `save` of a file: named as what it is."""
    notebook.ns["kept"] = pd.DataFrame({"a": [141421]})
    uploaded = notebook.magics.session.uploads.copy()
    refused = notebook.error("%%claude -u kept --save ~nobody-of-that-name/x\nHow many rows?")
    assert isinstance(refused, FileProblem)
    assert notebook.magics.session.uploads == uploaded
    notebook.run("%%claude -u kept -o reply\nmissing values as a table")
    with pytest.raises(FileProblem, match="nobody here"):
        next(iter(notebook.ns["reply"].files.values())).save("~nobody-of-that-name/x")


def test_the_door_sends_the_frame_it_is_given(notebook, tmp_path, monkeypatch):
    """`upload(df, name="sales.csv")` in a folder that has a `sales.csv`: the frame goes up, not the file."""
    (tmp_path / "sales.csv").write_text("secret\n1\n")
    monkeypatch.chdir(tmp_path)
    receipt = cm.upload(pd.DataFrame({"a": [1, 2, 3]}), name="sales.csv")
    assert (receipt.variable, receipt.rows, receipt.columns) == ("sales", 3, 1)
    assert receipt.filename.endswith(".csv")
    with pytest.raises(UsageError):
        cm.upload(pd.DataFrame({"a": [1]}), name="sales.docx")


def test_the_door_takes_one_frame_or_path_as_well_as_a_list(notebook, tmp_path):
    """`upload=df` is that frame, not its columns, and `upload="sales.csv"` that file, not its letters."""
    path = tmp_path / "sales.csv"
    path.write_text("x\n1\n2\n")
    frame = pd.DataFrame({"a": [1, 2, 3]})
    for given, variables in (
        (frame, ["df"]),
        (str(path), [str(path)]),
        (path, ["df"]),
        ([frame, frame], ["df0", "df1"]),
    ):
        reply = cm.ask("mean", upload=given, history=False)
        assert [receipt.variable for receipt in reply.receipts] == variables


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"modle": "opus"}, "`modle` is no option; nothing was sent. Did you mean `model`?"),
        ({"zzz": 1}, "`zzz` is no option"),
        ({"out": "x"}, "`out` is no option"),
        ({"max_tokens": 0}, "`--max-tokens 0` is no number of tokens"),
        ({"max_tokens": True}, "`--max-tokens True` is no number of tokens"),
        ({"keep": "soon"}, "`--keep soon` is no time"),
        ({"share": "all"}, "`--share all` is no level"),
        ({"run": "yes"}, "`run='yes'` is no switch; nothing was sent. Give True or False."),
        ({"history": 1}, "`history=1` is no switch"),
    ],
)
def test_what_is_no_option_of_the_door_is_one_line(notebook, options, said):
    """The cell's options and the cell's rules; a misspelt one names the nearest, and costs nothing."""
    for call in (cm.ask, cm.count):
        with pytest.raises(UsageError) as raised:
            call("Hi", **options)
        (line,) = raised.value._render_traceback_()
        assert said in line
    assert notebook.magics.session.thread().turns == []


def test_the_doors_options_are_the_cells(notebook):
    """`no_history` and `history=False` are the same, as are other spellings of a switch; None says nothing."""
    session = notebook.magics.session
    for alone in ({"no_history": True}, {"history": False}, {"no_history": True, "model": None, "new": False}):
        assert cm.ask("Hi", **alone, no_stream=True).thread is None
    assert session.thread().turns == []
    reply = cm.ask("Hi", thread="side", max_tokens=5, system="Be brief.", model="haiku", upload=None)
    assert (reply.thread, reply.stop_reason, reply.request.system) == ("side", "max_tokens", "Be brief.")
    assert cm.count("Hi", upload=pd.DataFrame({"a": [1]})) > cm.count("Hi", upload=[]) == cm.count("Hi")
    with pytest.raises(UsageError, match="A prompt is a text, not a DataFrame"):
        cm.ask(pd.DataFrame({"a": [1]}))


def test_an_unfinished_answer_of_the_door_says_where_it_is(notebook, fault):
    """No cell binds it to `_`: it is in its thread."""
    fault("truncate:3")
    with pytest.raises(StreamTruncated) as raised:
        cm.ask("Hi", thread="side", model=MODEL)
    assert "`%claude show side`" in str(raised.value)
    assert notebook.magics.session.thread("side").turns[-1].unfinished


def test_a_picture_made_for_print_is_shown_too(tmp_path):
    """A JPEG in CMYK, which no PNG holds: it is converted, and the answer is not lost over it."""
    Image.new("CMYK", (4, 3), (0, 200, 200, 0)).save(tmp_path / "chart.jpg")
    size = (tmp_path / "chart.jpg").stat().st_size
    chart = Artifact("chart.jpg", "image/jpeg", size, "file_1", tmp_path / "chart.jpg")
    reply = Reply(Message(), Request(MODEL, 1, ()), files={chart.name: chart})
    assert [png[:4] for png in reply.pictures()] == [b"\x89PNG"]


def test_a_server_that_mixes_up_types_costs_nothing_but_what_it_mixed_up(session, told):
    """Ids, reasons and counts of the wrong type count as absent: the answer is kept, shown and accounted for."""
    odd = {"id": {"a": 1}, "model": 5, "usage": {"input_tokens": 10**30, "output_tokens": -1}, "container": {"id": 7}}
    told.answers = [
        [
            {"type": "message_start", "message": odd},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "A"}},
            {"type": "content_block_start", "index": 1, "content_block": {"type": "fallback", "to": "b"}},
            {"type": "message_delta", "delta": {"stop_reason": ["x"], "stop_details": "because"}, "usage": {}},
            {"type": "message_stop"},
        ]
    ]
    reply = ask(session)
    assert (reply.text, reply.model, reply.stop_reason, reply.usage.prompt_tokens) == ("A", "", None, 0)
    assert "A" in reply.bundle()["text/plain"]
    assert len(session.thread().turns) == 1


@pytest.mark.parametrize("told_time", ["soon", "2020-01-01T00:00:00", "2999-01-01T00:00:00Z", 5])
def test_an_expiry_in_a_format_of_its_own_does_not_stop_an_upload(told_time):
    """A gateway's date without a zone is read as UTC, and what is no date at all is unknown."""
    assert uploads._expired(told_time) is (told_time == "2020-01-01T00:00:00")


def test_an_overloaded_server_is_asked_for_its_models_again(notebook, fault):
    """What passes is not remembered as a server without models."""
    session = notebook.magics.session
    fault(*["overloaded"] * 3)  # the client's own retries included
    assert session.models() == []
    assert session.models()


class Ring(KeyringBackend):
    """A keyring in memory."""

    priority = 1

    def __init__(self):
        super().__init__()
        self.kept = {}

    def get_password(self, service, username):
        return self.kept.get((service, username))

    def set_password(self, service, username, password):
        self.kept[service, username] = password

    def delete_password(self, service, username):
        del self.kept[service, username]


def test_a_key_kept_for_https_is_never_sent_in_the_clear(monkeypatch):
    """The keyring knows a server by its scheme, too: `%claude use http://…` does not find the key kept for https."""
    ring = Ring()
    monkeypatch.setattr(keyring.core, "_keyring_backend", ring)
    key = Secret("sk-test-0000")
    assert backends.keep_key("https://gateway.example", key)
    assert backends.kept_key("https://gateway.example") == key
    assert backends.kept_key("http://gateway.example") is None
    assert backends.keep_key("http://127.0.0.1:8080", key)
    assert backends.kept_key("http://127.0.0.1:8080") == key
    assert backends.forget_key("https://gateway.example")
    assert backends.kept_key("https://gateway.example") is None
