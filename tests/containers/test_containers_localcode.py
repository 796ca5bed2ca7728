"""The code that ran, rewritten for this kernel: it reads the user's frame, and everything else stays as it was."""

import ast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_magic.containers import localised

FILES = {"sales.parquet": "sales", "more.csv": "more"}


def ran(command=None, **given):
    """A call block of the code execution tool."""
    name = "text_editor_code_execution" if "path" in given else "bash_code_execution"
    return {"type": "server_tool_use", "name": name, "input": given or {"command": command}}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("df = pd.read_parquet(f\"{os.environ['INPUT_DIR']}/sales.parquet\")", "df = sales.copy()"),
        ("source = 'sales.parquet'\ndf = pd.read_parquet(source)", "source = 'sales.parquet'\ndf = sales.copy()"),
        ("a = pd.read_csv('x/more.csv',\n    sep=';')  # why", "a = more.copy()  # why"),
        ("é = pd.read_csv('more.csv'); b = pd.read_parquet('sales.parquet')", "é = more.copy(); b = sales.copy()"),
        ("df = pd.read_csv('other.csv')", "df = pd.read_csv('other.csv')"),
        (
            "x = ['sales.parquet', 'more.csv']\ndf = pd.read_csv(x[0])",
            "x = ['sales.parquet', 'more.csv']\ndf = pd.read_csv(x[0])",
        ),
        ("this is no Python", "this is no Python"),
    ],
)
def test_what_read_an_upload_reads_the_variable(code, expected):
    """By the file the call names, else by the only file the code names; what cannot be told stays."""
    assert localised([ran(path="/tmp/a.py", file_text=code)], FILES).endswith(expected)


def test_heredocs_are_taken_and_shell_is_not():
    """`python - <<'PY'` holds Python; `ls` and `python analysis.py` do not."""
    shell = "ls -l\npython3 - <<'PY'\nprint(pd.read_csv('more.csv').shape)\nPY\necho done"
    made = localised([ran("ls"), ran(shell), ran("python analysis.py")], FILES)
    assert made.endswith("print(more.copy().shape)")
    assert "ls -l" not in made
    assert localised([ran("ls"), {"type": "text", "text": "print(1)"}], FILES) == ""


READ = "import pandas as pd\ndf = pd.read_parquet('in/sales.parquet')\n"


def ended(block, code):
    """The block with an id, and a result of that return code."""
    number = f"srvtoolu_{id(block)}"
    result = {"type": "bash_code_execution_result", "stdout": "", "stderr": "", "return_code": code, "content": []}
    return [{**block, "id": number}, {"type": "…_tool_result", "tool_use_id": number, "content": result}]


@pytest.mark.parametrize(
    "command",
    [
        f"cat > analysis.py <<'EOF'\n{READ}EOF\npython analysis.py",
        f"cat <<EOF > /tmp/analysis.py\n{READ}EOF\ncd /tmp && timeout 60 python3 analysis.py",
        f"tee analysis.py > /dev/null <<'EOF'\n{READ}EOF\npython3 analysis.py",
        f'python -c "{READ}"',
        f"cd /tmp; timeout 9 /usr/bin/python3.11 - <<'EOF' 2>&1 | head\n{READ}EOF\nls",
    ],
)
def test_python_that_a_shell_was_given_is_taken(command):
    """Scripts that `cat` or `tee` wrote, `python -c`, here-documents behind a path: each once, on the user's frame."""
    made = localised([ran(command)], FILES)
    assert made.endswith("import pandas as pd\ndf = sales.copy()")
    assert made.count("sales") == 1


def test_what_failed_is_left_out_when_something_did_not():
    """The next cell runs: attempts that failed are not in it, of a mended script only what it was in the end."""
    wrong, right = ran(f"python - <<'E'\n{READ}df.nope\nE"), ran(f"python - <<'E'\n{READ}df.sum()\nE")
    assert "nope" not in localised([*ended(wrong, 1), *ended(right, 0)], FILES)
    assert "nope" in localised(ended(wrong, 1), FILES)
    script = ran(f"cat > a.py <<'E'\n{READ}df.nope\nE\npython a.py")
    mended = {"path": "a.py", "command": "str_replace", "old_str": "df.nope", "new_str": "df.sum()"}
    made = localised([*ended(script, 1), *ended(ran(**mended), 0), *ended(ran("python a.py"), 0)], FILES)
    assert made.endswith("df.sum()")
    assert made.count("sales.copy()") == 1


def test_frames_of_other_libraries_are_read_as_what_the_code_works_on():
    """A Series, a Polars frame, a table: for code in pandas and for code in Polars; the code runs."""
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    table = {"a": [1, 2]}
    series = pd.Series([1, 2], name="a")
    programs = [
        "import pandas as x\ny = x.read_parquet('sales.parquet')",
        "import polars as pl\ny = pl.read_parquet('sales.parquet')",
        "import polars as pl\ny = pl.scan_parquet('sales.parquet').collect()",
    ]
    for frame in (pd.DataFrame(table), pl.DataFrame(table), pl.LazyFrame(table), pa.table(table), series):
        for code in programs:
            names = {"sales": frame}
            exec(localised([ran(path="a.py", file_text=code)], FILES, names), names)  # the code under test is code
            assert names["y"]["a"].to_list() == [1, 2]


@settings(derandomize=True, deadline=None, max_examples=200)
@given(code=st.text(max_size=200))
def test_no_text_breaks_it(code):
    """Whatever a model wrote: a text comes out, and Python stays Python."""
    made = localised([ran(path="a.py", file_text=code)], FILES)
    try:
        ast.parse(code)
    except (SyntaxError, ValueError):
        return
    ast.parse(made)
