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
