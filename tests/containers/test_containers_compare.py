"""What `--verify` calls equal: tables exactly, pictures within stated bounds, other files byte by byte."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from claude_magic.containers import Artifact
from claude_magic.containers.compare import MEAN_DIFFERENCE, PIXEL_SHARE, compare, distance
from claude_magic.containers.replaying import Step, relocated, steps


@pytest.fixture
def judged(tmp_path):
    """Compare two contents of one name: bytes, a frame or a picture each."""

    def put(content, path, name):
        path.mkdir(exist_ok=True)
        if isinstance(content, bytes):
            (path / name).write_bytes(content)
        elif isinstance(content, pd.DataFrame):
            {"csv": content.to_csv, "parquet": content.to_parquet, "xlsx": content.to_excel}[name.rpartition(".")[2]](
                path / name, index=False
            )
        else:
            content.save(path / name)
        return path / name

    def judge(name, there, here, mime="text/plain"):
        made = put(there, tmp_path / "there", name)
        artifact = Artifact(name, mime, made.stat().st_size, "file_1", made)
        return compare(name, artifact, put(here, tmp_path / "here", name))

    return judge


TABLE = pd.DataFrame({"city": ["a", "b", None], "n": [1, 2, 3], "x": [0.1, float("nan"), 2.0]})


@pytest.mark.parametrize("ending", ["csv", "parquet", "xlsx"])
def test_equal_tables_agree_whatever_their_bytes(judged, ending):
    """A workbook holds its time of writing; what counts is every cell, missing ones included."""
    check = judged(f"t.{ending}", TABLE, TABLE.copy())
    assert (check.kind, check.verdict) == ("table", "agrees")


def test_the_first_differing_cells_are_told(judged):
    """Row and column, both values; the rest as a number; nothing is rounded."""
    check = judged("t.csv", TABLE, TABLE.assign(x=[0.1 + 1e-16 * 2, 5.0, 2.0], n=[9, 9, 9]))
    assert check.verdict == "differs"
    assert check.detail.startswith("row 1, column n: 1 there, 9 here; row 1, column x: 0.1 there, 0.1000")
    assert check.detail.endswith(" and 2 cells more")
    assert judged("t.csv", TABLE, TABLE.rename(columns={"n": "m"})).detail == "column 2 is called n there, m here"
    assert judged("t.csv", TABLE, TABLE.head(2)).detail == "3 rows x 3 columns there, 2 rows x 3 columns here"


def test_pictures_agree_within_the_stated_bounds(judged):
    """Smoothing that differs a little agrees; a bar that grew does not, nor another size."""

    def bars(heights, ink=0):
        picture = Image.new("RGB", (320, 240), "white")
        for number, height in enumerate(heights):
            ImageDraw.Draw(picture).rectangle([20 + 60 * number, 230 - height, 60 + 60 * number, 230], (ink, 90, 200))
        return picture

    def verdict(there, here):
        return judged("c.png", there, here, "image/png").verdict

    assert verdict(bars([50, 80, 110]), bars([50, 80, 110], ink=3)) == "agrees"
    assert verdict(bars([50, 80, 110]), bars([50, 80, 125])) == "differs"
    assert verdict(bars([50, 80, 110]), bars([50, 80, 110]).resize((321, 240))) == "differs"
    assert verdict(bars([50]), b"no picture") == "differs"


@settings(max_examples=50, deadline=None, derandomize=True)
@given(colour=st.tuples(*[st.integers(0, 255)] * 4), moved=st.integers(0, 60))
def test_distance_is_zero_for_equal_and_grows(colour, moved):
    """The distance of a picture to itself is nothing, to a brighter one it is the brightness."""
    first = Image.new("RGBA", (8, 8), colour)
    assert distance(first, first) == (0, 0)
    second = Image.new("RGBA", (8, 8), tuple(min(255, value + moved) for value in colour))
    mean, share = distance(first, second)
    assert mean <= moved
    assert share in {0, 1}
    assert (mean <= MEAN_DIFFERENCE and share <= PIXEL_SHARE) or moved > 1


def test_other_files_agree_byte_by_byte(judged):
    """Anything that is neither a picture nor a table, also JSON that is no table."""
    assert judged("a.txt", b"one", b"one").verdict == "agrees"
    assert judged("a.txt", b"one", b"two!").detail == "bytes differ (3 bytes there, 4 here)"
    assert judged("a.json", b"1", b"2").kind == "file"
    assert judged("a.csv", b"\xff\xfe\x00", b"a\n1\n").verdict == "differs"


def test_places_of_the_other_container_become_places_here():
    """An absolute path to an uploaded file, and a script written to an absolute path, are found here, too."""
    taken = [
        Step("file", "open('/mnt/user-data/uploads/s.csv')", "/home/claude/a.py"),
        Step("shell", "python /home/claude/a.py /mnt/user-data/uploads/s.csv $INPUT_DIR/s.csv data/s.csv /tmp/x"),
    ]
    made, run = relocated(taken, ["s.csv"], "/mnt/input", "/home/user")
    assert (made.path, made.text) == ("/home/user/a.py", "open('/mnt/input/s.csv')")
    assert run.text == "python /home/user/a.py /mnt/input/s.csv $INPUT_DIR/s.csv data/s.csv /tmp/x"


def test_only_steps_that_were_taken_are_taken_again():
    """Calls without a result, with an error, of other tools, and malformed ones are left out."""

    def block(name, given, content=None):
        call = {"type": "server_tool_use", "id": name, "name": name, "input": given}
        return [call] if content is None else [call, {"type": f"{name}_tool_result", "tool_use_id": name, **content}]

    ran = {"content": {"return_code": 1, "stdout": "x"}}
    assert steps(block("bash_code_execution", {"command": "ls"}, ran)) == [
        Step("shell", "ls", return_code=1, stdout="x")
    ]
    for left_out in (
        block("bash_code_execution", {"command": "ls"}),
        block("bash_code_execution", {"command": 3}, ran),
        block("bash_code_execution", {"command": "ls"}, {"content": {"error_code": "unavailable"}}),
        block("web_search", {"query": "ls"}, ran),
        block("text_editor_code_execution", {"command": "view", "path": "a"}, {"content": {"type": "view"}}),
        [3, None, {"type": "server_tool_use"}],
    ):
        assert steps(left_out) == []
