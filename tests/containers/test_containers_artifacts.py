"""Files that Claude made: found in an answer, named safely, used."""

import io
import unicodedata
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from claude_magic.containers import TOOL, Artifact, collect, generated_ids, safe_name, target_in
from claude_magic.errors import FileProblem, NotFound
from claude_magic.wire import Client, Secret


def result(*file_ids, kind="bash_code_execution", inner="bash_code_execution_result"):
    """A result block that lists files."""
    listed = [{"type": f"{kind}_output", "file_id": f} for f in file_ids]
    content = {"type": inner, "stdout": "", "stderr": "", "return_code": 0, "content": listed}
    return {"type": f"{kind}_tool_result", "tool_use_id": "srvtoolu_1", "content": content}


def test_ids_are_found_two_levels_deep_in_order_and_once():
    """Shell, Python and encrypted results list files; a file listed twice comes down once."""
    content = [
        {"type": "text", "text": "file_0"},
        result("file_2", "file_1"),
        result("file_3", "file_1", kind="code_execution", inner="code_execution_result"),
        result("file_4", kind="code_execution", inner="encrypted_code_execution_result"),
    ]

    assert list(generated_ids(content)) == ["file_2", "file_1", "file_3", "file_4"]


@pytest.mark.parametrize(
    "block",
    [
        {"type": "text", "text": "a"},
        {"type": "container_upload", "file_id": "file_1"},
        {"type": "bash_code_execution_tool_result"},
        {"type": "bash_code_execution_tool_result", "content": None},
        {"type": "bash_code_execution_tool_result", "content": [{"file_id": "file_1"}]},
        {
            "type": "bash_code_execution_tool_result",
            "content": {"type": "bash_code_execution_tool_result_error", "error_code": "unavailable"},
        },
        {"type": "bash_code_execution_tool_result", "content": {"content": "file_1"}},
        {"type": "bash_code_execution_tool_result", "content": {"content": [None, "file_1", {}, {"file_id": 7}]}},
        {"type": "text_editor_code_execution_tool_result", "content": {"type": "view", "content": "file_1"}},
        {"type": "web_search_tool_result", "content": {"content": [{"file_id": "file_1"}]}},
        {"type": None},
        {},
    ],
)
def test_errors_and_odd_shapes_list_no_file(block):
    """What is not a list of files in a code execution result is passed over."""
    assert list(generated_ids([block])) == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("monthly.png", "monthly.png"),
        ("Año 2026, Übersicht.csv", "Año 2026, Übersicht.csv"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("/", "file"),
        ("", "file"),
        ("..", "file"),
        (".bashrc", "bashrc"),
        ("a\x00b\nc.png", "a b c.png"),
        ('<img src="x">.png', "img src=_x_.png"),
        ("gnp.\u202efdp.exe", "gnp. fdp.exe"),
        ("C:evil.txt", "C_evil.txt"),
        ("a" * 700 + ".csv", "a" * 196 + ".csv"),
        ("語" * 300 + ".parquet", "語" * 64 + ".parquet"),
        ("a." + "b" * 119, "a." + "b" * 119),
        ("half\udce9.csv", "half.csv"),
    ],
)
def test_a_name_is_made_safe(name, expected):
    """Folders, controls, reordering marks and forbidden characters go; the ending stays, also of a long name."""
    assert safe_name(name) == expected


def test_names_stay_different():
    """Two files of one name get numbers before the ending."""
    taken = []
    for _ in range(3):
        taken.append(safe_name("plot.png", taken))

    assert taken == ["plot.png", "plot (2).png", "plot (3).png"]
    assert safe_name("x/plot", ["plot"]) == "plot (2)"


@settings(derandomize=True, deadline=None, max_examples=300)
@given(names=st.lists(st.text(st.characters() | st.sampled_from("./\\\x00\u202e\ud800 :_語")), max_size=6))
def test_no_name_leaves_its_folder(names):
    """Whatever came over the wire: one step of a path, not hidden, no control, fits a file system, unique."""
    taken = []
    for name in names:
        safe = safe_name(name, taken)
        assert safe not in taken
        assert safe == safe.strip()
        assert not set(safe) & set('/\\\x00\n\r\x1b\u202e\u2066<>:"|?*')
        assert not {unicodedata.category(c) for c in safe} & {"Cc", "Cs", "Zl", "Zp"}
        assert safe[0] not in "._"
        assert len(safe.encode()) <= 210
        assert (Path("/folder") / safe).parent == Path("/folder")
        taken.append(safe)


def png(color="red"):
    """A small picture's bytes."""
    data = io.BytesIO()
    Image.new("RGB", (3, 2), color).save(data, format="PNG")
    return data.getvalue()


def artifact(folder, name, mime_type, content):
    """An artifact with its bytes on disk."""
    path = folder / name
    path.write_bytes(content)
    return Artifact(name, mime_type, len(content), "file_011C", path)


def test_a_picture_can_be_shown_and_opened(tmp_path):
    """Its bytes are what notebooks show; `image()` opens it; the repr is one line."""
    made = artifact(tmp_path, "plot.png", "image/png", png())

    assert made.is_picture
    assert made.image().size == (3, 2)
    assert made.bytes() == png()
    assert set(made._repr_mimebundle_()) == {"text/plain", "image/png"}
    assert repr(made) == f"<Artifact plot.png (image/png, {len(png())} bytes)>"


@pytest.mark.parametrize("mime_type", ["image/svg+xml", "text/html", "application/javascript", "text/markdown"])
def test_what_could_be_live_is_shown_as_text_only(mime_type, tmp_path):
    """SVG and HTML carry scripts: such a file is a name, not markup."""
    made = artifact(tmp_path, "x.svg", mime_type, b"<svg onload=alert(1)>")

    assert not made.is_picture
    assert set(made._repr_mimebundle_()) == {"text/plain"}


@pytest.mark.parametrize("content", [b"", b"no picture", png()[:40], b"\x89PNG\r\n\x1a\n" + b"\x00" * 50])
def test_a_broken_picture_is_said_to_be_none(content, tmp_path):
    """PIL's many exceptions become one line."""
    with pytest.raises(FileProblem, match=r"`plot.png` is not a picture"):
        artifact(tmp_path, "plot.png", "image/png", content).image()


def test_a_table_comes_as_a_frame(tmp_path):
    """A CSV file is a DataFrame."""
    made = artifact(tmp_path, "t.csv", "text/csv", b"a,b\n1,x\n2,y\n")

    pd.testing.assert_frame_equal(made.frame(), pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}), check_dtype=False)


def test_an_artifact_is_saved_where_it_is_told(tmp_path):
    """Into a folder under its own name, or under the name given; the path comes back."""
    made = artifact(tmp_path, "plot.png", "image/png", png())
    folder = tmp_path / "charts"
    folder.mkdir()

    assert made.save(folder) == folder / "plot.png"
    assert made.save(str(folder / "other.png")) == folder / "other.png"
    assert (folder / "plot.png").read_bytes() == (folder / "other.png").read_bytes() == png()


def test_where_it_cannot_be_saved_is_said_in_one_line(tmp_path):
    """A missing folder, and the file itself, are no place to save to."""
    made = artifact(tmp_path, "plot.png", "image/png", png())

    for place in (tmp_path / "none" / "plot.png", made.path):
        with pytest.raises(FileProblem, match=r"`plot.png` could not be saved to") as raised:
            made.save(place)
        assert "None" not in str(raised.value)
    assert made.bytes() == png()


@pytest.mark.parametrize("use", [Artifact.bytes, Artifact.image, Artifact.frame, Artifact.save])
def test_after_its_session_an_artifact_says_how_to_get_it_again(use, tmp_path):
    """The fetched files go with the session; the id is still good."""
    made = artifact(tmp_path, "plot.png", "image/png", png())
    made.path.unlink()

    with pytest.raises(FileProblem, match="%claude download file_011C"):
        use(made)
    assert set(made._repr_mimebundle_()) == {"text/plain"}


def test_a_file_of_the_users_is_never_overwritten(tmp_path):
    """The model chose the name: another file of that name stays; the same content, or our own file, is replaced."""
    made = artifact(tmp_path, "plot.png", "image/png", png())
    folder = tmp_path / "deep" / "charts"
    target = target_in(folder, made)
    assert target == folder / "plot.png"

    target.write_bytes(b"the user's own")
    assert target_in(folder, made) == folder / "plot (2).png"
    assert target_in(folder, made, {target}) == target
    target.write_bytes(png())
    assert target_in(folder, made) == target


def test_a_folder_that_cannot_be_made_is_said_in_one_line(tmp_path):
    """A file stands where the folder should be."""
    (tmp_path / "charts").write_text("a file")

    with pytest.raises(FileProblem, match="cannot be written"):
        target_in(tmp_path / "charts", artifact(tmp_path, "plot.png", "image/png", png()))


@pytest.fixture
def client(local_server):
    """A client of the running local server."""
    with Client(base_url=local_server.base_url, api_key=Secret(local_server.key)) as opened:
        yield opened


def test_what_code_made_comes_down(client, tmp_path):
    """Files that really came out of a container of the local server: fetched, typed, a picture and its bytes."""
    table = tmp_path / "prices.csv"
    table.write_text("price\n" + "\n".join(str(n * n) for n in range(40)))
    uploaded = client.files.upload(table, filename="prices.csv", mime_type="text/csv")
    asked = [
        {"type": "container_upload", "file_id": uploaded.id},
        {"type": "text", "text": "Draw a histogram of price."},
    ]
    body = {"model": "claude-sonnet-5-5", "max_tokens": 8_000, "tools": [TOOL]}
    content = client.messages.create({**body, "messages": [{"role": "user", "content": asked}]}).body["content"]
    collected = collect(client, [*content, result("file_nothere")], tmp_path / "fetched")

    assert len(collected.missing) == 1
    charts = [a for a in collected.artifacts.values() if a.is_picture]
    assert charts
    for chart in charts:
        assert chart.image().width > 100
        assert chart.size == len(chart.bytes())
        assert chart.path.is_relative_to(tmp_path / "fetched")


def test_a_file_that_is_not_there_does_not_take_the_answer_with_it(client, tmp_path):
    """One line per missing file; nothing is raised."""
    collected = collect(client, [result("file_nothere", "file_../../x")], tmp_path)

    assert collected.artifacts == {}
    assert len(collected.missing) == 2
    assert all("could not be fetched" in line and "\n" not in line for line in collected.missing)
    with pytest.raises(NotFound):
        client.files.get("file_nothere")
