"""Provenance: a verdict on code that ran, read from the answer's blocks alone."""
# ruff: noqa: E501, ISC004 - the samples are a table, one row each

import itertools
import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from claude_magic.containers.provenance import examine
from claude_magic.containers.shell import Unreadable, commands, literal
from claude_magic.errors import harmless

FILES = {"sales.csv": "sales"}
HEAD = """\
import os, glob, sys, io, json, shutil, subprocess
from pathlib import Path
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
out = Path(os.environ["OUTPUT_DIR"])
"""
PLOT = "df.groupby('city').amount.mean().plot.bar()\nplt.savefig(out / 'a.png')\n"
FAKE = "pd.DataFrame({'city': ['a', 'b', 'c'], 'amount': [12, 30, 17]})"
_ids = itertools.count(1)


def call(name, given, **result):
    """A call block and its result block."""
    number = f"srvtoolu_{next(_ids)}"
    return [
        {"type": "server_tool_use", "id": number, "name": name, "input": given},
        {"type": f"{name}_tool_result", "tool_use_id": number, "content": {"type": f"{name}_result", **result}},
    ]


def bash(command, return_code=0, stdout="", stderr=""):
    """A shell command that ran."""
    return call(
        "bash_code_execution", {"command": command}, return_code=return_code, stdout=stdout, stderr=stderr, content=[]
    )


def python(code):
    """A program that a shell command fed to Python."""
    return bash(f"python3 - <<'EOF'\n{HEAD}{code}\nEOF\n")


def created(path, text):
    """A file that the text editor wrote."""
    return call("text_editor_code_execution", {"command": "create", "path": path, "file_text": text})


# Code → was the file opened, are the shown numbers literals. Programs begin with HEAD.
PROGRAMS = {
    "environ and a plus": ("df = pd.read_csv(os.environ['INPUT_DIR'] + '/sales.csv')\n" + PLOT, "yes", "no"),
    "environ.get": ("df = pd.read_csv(os.environ.get('INPUT_DIR', '.') + '/sales.csv')\n" + PLOT, "yes", "no"),
    "getenv and join": ("p = os.path.join(os.getenv('INPUT_DIR'), 'sales.csv')\ndf = pd.read_csv(p)\n" + PLOT, "yes", "no"),
    "path with slash": ("p = Path(os.environ['INPUT_DIR']) / 'sales.csv'\ndf = pd.read_csv(p)\n" + PLOT, "yes", "no"),
    "f-string": ("d = os.environ['INPUT_DIR']\ndf = pd.read_csv(f'{d}/sales.csv')\n" + PLOT, "yes", "no"),
    "percent": ("df = pd.read_csv('%s/sales.csv' % os.environ['INPUT_DIR'])\n" + PLOT, "yes", "no"),
    "format": ("df = pd.read_csv('{}/sales.csv'.format(os.environ['INPUT_DIR']))\n" + PLOT, "yes", "no"),
    "expandvars": ("df = pd.read_csv(os.path.expandvars('$INPUT_DIR/sales.csv'))\n" + PLOT, "yes", "no"),
    "absolute path": ("df = pd.read_csv('/mnt/user-data/uploads/sales.csv')\n" + PLOT, "yes", "no"),
    "glob": ("p = glob.glob(os.environ['INPUT_DIR'] + '/*.csv')[0]\ndf = pd.read_csv(p)\n" + PLOT, "yes", "no"),
    "path glob": ("p = next(Path(os.environ['INPUT_DIR']).glob('*.csv'))\ndf = pd.read_csv(p)\n" + PLOT, "yes", "no"),
    "rglob in a loop": ("for p in Path(os.environ['INPUT_DIR']).rglob('*'):\n    df = pd.read_csv(p)\n" + PLOT, "yes", "no"),
    "listdir": ("d = os.environ['INPUT_DIR']\ndf = pd.read_csv(os.path.join(d, os.listdir(d)[0]))\n" + PLOT, "yes", "no"),
    "open and csv": (
        "import csv\nwith open(os.environ['INPUT_DIR'] + '/sales.csv', newline='') as f:\n    rows = list(csv.reader(f))\n"
        "plt.plot([float(r[1]) for r in rows[1:]])",
        "yes", "no",
    ),
    "path.open": ("with (Path(os.environ['INPUT_DIR']) / 'sales.csv').open() as f:\n    print(len(f.read()))", "yes", "no"),
    "read_text": ("t = Path(os.environ['INPUT_DIR'], 'sales.csv').read_text()\nprint(t[:10])", "yes", "no"),
    "json.load(open)": ("d = json.load(open(os.environ['INPUT_DIR'] + '/sales.csv'))\nplt.bar(list(d), list(d.values()))", "yes", "no"),
    "duckdb": ("import duckdb\nd = os.environ['INPUT_DIR']\ndf = duckdb.sql(f\"select * from '{d}/sales.csv'\").df()\n" + PLOT, "yes", "no"),
    "polars": ("import polars as pl\ndf = pl.scan_csv(Path(os.environ['INPUT_DIR']) / 'sales.csv').collect()\nplt.hist(df['amount'])", "yes", "no"),
    "in a function": (
        "def load(name):\n    return pd.read_csv(Path(os.environ['INPUT_DIR']) / name)\n\n\ndf = load('sales.csv')\n" + PLOT,
        "yes", "no",
    ),
    "in main": (
        "def main():\n    df = pd.read_csv(os.environ['INPUT_DIR'] + '/sales.csv')\n    df.plot()\n\n"
        "if __name__ == '__main__':\n    main()",
        "yes", "no",
    ),
    "in a method": (
        "class Report:\n    def __init__(self, path):\n        self.df = pd.read_csv(path)\n    def draw(self):\n"
        "        self.df.plot()\n\nReport('/mnt/input/sales.csv').draw()",
        "yes", "no",
    ),
    "function never called": (f"def load():\n    return pd.read_csv('/mnt/input/sales.csv')\n\ndf = {FAKE}\n{PLOT}", "no", "yes"),
    "after the end": (f"df = {FAKE}\n{PLOT}sys.exit(0)\ndf = pd.read_csv('/mnt/input/sales.csv')", "no", "yes"),
    "never true": (f"if False:\n    df = pd.read_csv('/mnt/input/sales.csv')\ndf = {FAKE}\n{PLOT}", "no", "yes"),
    "only named": ("print('sales.csv')\nprint(os.path.exists(os.environ['INPUT_DIR'] + '/sales.csv'))", "no", "no"),
    "only written": (f"{FAKE}.to_csv(out / 'sales.csv')", "no", "yes"),
    "own file of that name": (f"{FAKE}.to_csv('sales.csv')\ndf = pd.read_csv('sales.csv')\n{PLOT}", "no", "yes"),
    "opened for writing": ("with open('/tmp/sales.csv', 'w') as f:\n    f.write('hello')", "no", "no"),
    "another file": ("df = pd.read_csv(os.environ['INPUT_DIR'] + '/other.csv')\nprint(df)", "no", "no"),
    "fallback after an error": (
        f"try:\n    df = pd.read_csv('/mnt/input/sales.csv')\nexcept Exception:\n    df = {FAKE}\n{PLOT}",
        "cannot tell", "cannot tell",
    ),
    "two encodings": (
        "p = '/mnt/input/sales.csv'\ntry:\n    df = pd.read_csv(p)\nexcept UnicodeDecodeError:\n"
        "    df = pd.read_csv(p, encoding='latin-1')\n" + PLOT,
        "yes", "no",
    ),
    "error passed on": (
        "try:\n    df = pd.read_csv('/mnt/input/sales.csv')\nexcept OSError as e:\n    raise SystemExit(1) from e\n" + PLOT,
        "yes", "no",
    ),
    "only if it exists": (
        f"p = Path('/mnt/input/sales.csv')\nif p.exists():\n    df = pd.read_csv(p)\nelse:\n    df = {FAKE}\n{PLOT}",
        "cannot tell", "cannot tell",
    ),
    "either way": (
        "p = Path('/mnt/input/sales.csv')\nif p.suffix == '.csv':\n    df = pd.read_csv(p)\nelse:\n    df = pd.read_parquet(p)\n" + PLOT,
        "yes", "no",
    ),
    "path from outside": ("df = pd.read_csv(json.loads(input())['path'])\n" + PLOT, "cannot tell", "cannot tell"),
    "given to a stranger": ("import mylib\ndf = mylib.fetch('/mnt/input/sales.csv')\n" + PLOT, "cannot tell", "cannot tell"),
    "exec": ("exec(open('/tmp/x.py').read())", "cannot tell", "cannot tell"),
    "INPUT_DIR changed": (f"{FAKE}.to_csv('/tmp/sales.csv')\nos.environ['INPUT_DIR'] = '/tmp'\n"
                          "df = pd.read_csv(os.environ['INPUT_DIR'] + '/sales.csv')", "cannot tell", "yes"),
    "copied and read": ("shutil.copy(os.environ['INPUT_DIR'] + '/sales.csv', 'mine.csv')\ndf = pd.read_csv('mine.csv')\n" + PLOT, "yes", "no"),
    "subprocess": ("subprocess.run(['head', '-3', os.environ['INPUT_DIR'] + '/sales.csv'], check=True)", "yes", "no"),
    "os.system": ("os.system('wc -l $INPUT_DIR/sales.csv')", "yes", "no"),
    "bars of literals": ("plt.bar(['a', 'b', 'c'], [12, 30, 17])", "no", "yes"),
    "two bars": ("plt.bar(['a', 'b'], [12, 30])", "no", "yes"),
    "pie of a dict": ("shares = {'a': 40, 'b': 35, 'c': 25}\nplt.pie(shares.values(), labels=shares.keys())", "no", "yes"),
    "array of literals": ("x = np.arange(4)\ny = np.array([1.5, 2.5, 3.5, 1.0])\nfig, ax = plt.subplots(figsize=(8, 4))\nax.plot(x, y * 2)", "no", "yes"),
    "read, then ignored": ("df = pd.read_csv('/mnt/input/sales.csv')\nprint(df.head())\nplt.bar(['a', 'b', 'c'], [12, 30, 17])", "yes", "yes"),
    "names read, numbers not": ("df = pd.read_csv('/mnt/input/sales.csv')\nplt.bar(df.city.unique(), [12, 30, 17])", "yes", "yes"),
    "overwritten": (f"df = pd.read_csv('/mnt/input/sales.csv')\ndf = {FAKE}\n{PLOT}", "yes", "yes"),
    "text of a table": ("df = pd.read_csv(io.StringIO('city,amount\\na,12\\nb,30\\nc,17'))\n" + PLOT, "no", "yes"),
    "random numbers": ("df = pd.DataFrame({'city': list('abc') * 10, 'amount': np.random.normal(size=30)})\n" + PLOT, "no", "yes"),
    "table of literals": ("pd.DataFrame([['a', 12], ['b', 30], ['c', 17]]).to_csv(out / 't.csv')", "no", "yes"),
    "written by hand": ("(out / 't.csv').write_text('city,amount\\na,12\\nb,30\\nc,17\\n')", "no", "yes"),
    "bins and limits": ("df = pd.read_csv('/mnt/input/sales.csv')\nplt.hist(df.amount, bins=[0, 10, 20, 30])\nplt.xticks([0, 15, 30])", "yes", "no"),
    "a line from corner to corner": ("df = pd.read_csv('/mnt/input/sales.csv')\nplt.scatter(df.x, df.y)\nplt.plot([0, 1], [0, 1], '--')", "yes", "no"),
    "a list that is filled": ("df = pd.read_csv('/mnt/input/sales.csv')\nmeans = []\nfor c in df.city.unique():\n    means.append(df[df.city == c].amount.mean())\nplt.bar(range(len(means)), means)", "yes", "no"),
    "apply": ("df = pd.read_csv('/mnt/input/sales.csv')\nfig, ax = plt.subplots()\ndf.groupby('city').apply(lambda g: ax.plot(g.x, g.amount))", "yes", "no"),
    "a grid of charts": ("df = pd.read_csv('/mnt/input/sales.csv')\nfig, axes = plt.subplots(2, 2, figsize=(12, 8))\naxes[1, 0].hist(df.amount)\naxes[0, 1].bar(np.arange(3) - 0.35 / 2, df.groupby('city').amount.sum(), color=plt.cm.viridis(np.linspace(0, 1, 3)))", "yes", "no"),
    "a model": ("from sklearn.linear_model import LinearRegression\ndf = pd.read_csv('/mnt/input/sales.csv').dropna()\nm = LinearRegression().fit(df[['x']], df.y)\ngrid = np.linspace(0, 10, 50)\nplt.scatter(df.x, df.y)\nplt.plot(grid, m.predict(grid.reshape(-1, 1)))\npd.DataFrame({'name': ['x'], 'slope': m.coef_}).to_csv(out / 'm.csv')", "yes", "no"),
    "a bootstrap": ("df = pd.read_csv('/mnt/input/sales.csv')\nrng = np.random.default_rng(0)\nplt.hist([rng.choice(df.x, len(df)).mean() for _ in range(100)])\nplt.scatter(rng.normal(0, 0.05, len(df)), df.x)", "yes", "no"),
    "counters": ("df = pd.read_csv('/mnt/input/sales.csv')\nn = {'a': 0, 'b': 0, 'c': 0}\nfor c in df.city:\n    n[c] += 1\nfor c in n:\n    n[c] += (df.city == c).sum()\nplt.bar(list(n), list(n.values()))", "yes", "no"),
    "a command line": ("import argparse\nap = argparse.ArgumentParser()\nap.add_argument('--input', default='/mnt/input/sales.csv')\nargs = ap.parse_args()\ndf = pd.read_csv(args.input)\n" + PLOT, "cannot tell", "cannot tell"),
    "searched for": ("def find(name):\n    for root, _, names in os.walk('/'):\n        if name in names:\n            return os.path.join(root, name)\n    raise FileNotFoundError(name)\n\ndf = pd.read_csv(find('sales.csv'))\n" + PLOT, "yes", "no"),
    "no data at all": ("print(2 + 2)", "no", "no"),
    "syntax of another Python": ("print 'hello'", "cannot tell", "cannot tell"),
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_verdict_on_a_program(name):
    """Python: what is sure is said, what depends or cannot be followed is "cannot tell"."""
    code, opened, literals = PROGRAMS[name]
    found = examine(python(code), FILES, asked=["sales"])
    assert (found.opened, found.literals) == (opened, literals), found
    assert found.evidence or (opened, literals) == ("no", "no")


COMMANDS = {
    "head": ('head -5 "$INPUT_DIR/sales.csv"', "yes"),
    "a variable": ('F="${INPUT_DIR}/sales.csv"; wc -l "$F"', "yes"),
    "cd and cat": ("cd $INPUT_DIR && cat sales.csv | head", "yes"),
    "awk": ("awk -F, '{s += $2} END {print s}' /mnt/input/sales.csv", "yes"),
    "from stdin": ("sort < $INPUT_DIR/sales.csv | head -3", "yes"),
    "loop": ("for f in $INPUT_DIR/*; do head -2 $f; done", "yes"),
    "python -c": ("python -c \"import pandas as pd; print(pd.read_csv('$INPUT_DIR/sales.csv'))\"", "yes"),
    "argument": ("cat > a.py <<'E'\nimport sys\nprint(open(sys.argv[1]).read())\nE\npython a.py $INPUT_DIR/sales.csv", "yes"),
    "script then list": ("python - <<'E'\nprint(open('/mnt/input/sales.csv').read())\nE\nls $OUTPUT_DIR", "yes"),
    "only listed": ("ls -la $INPUT_DIR; stat $INPUT_DIR/sales.csv; echo sales.csv", "no"),
    "commented out": ("echo hello # cat $INPUT_DIR/sales.csv", "no"),
    "in single quotes": ("echo 'cat $INPUT_DIR/sales.csv'", "no"),
    "only if it is there": ("if [ -f $INPUT_DIR/sales.csv ]; then cat $INPUT_DIR/sales.csv; fi", "cannot tell"),
    "or else": ("true || cat $INPUT_DIR/sales.csv", "cannot tell"),
    "errors hidden": ("cat $INPUT_DIR/sales.csv 2>/dev/null; echo done", "cannot tell"),
    "a program not shown": ("python /opt/tool.py", "cannot tell"),
    "R": ("Rscript a.R $INPUT_DIR/sales.csv", "cannot tell"),
    "a quote not closed": ("cat 'x", "cannot tell"),
    "copied only": ("cp $INPUT_DIR/sales.csv $OUTPUT_DIR/", "cannot tell"),
    "a subshell": ("echo $(wc -l < $INPUT_DIR/sales.csv) rows", "yes"),
    "bash -c": ("bash -c 'cat $INPUT_DIR/sales.csv'", "yes"),
    "timeout": ("timeout 60 cat $INPUT_DIR/sales.csv", "yes"),
}  # fmt: skip


@pytest.mark.parametrize("name", COMMANDS)
def test_the_verdict_on_a_command(name):
    """Shell: readers open, onlookers do not, and a command is believed as far as its return code vouches for it."""
    command, opened = COMMANDS[name]
    found = examine(bash(command), FILES, asked=["sales"])
    assert found.opened == opened, found


READS = "print(open('/mnt/input/sales.csv').read())\n"


def test_what_failed_does_not_count():
    """A run with another return code than 0, without a result, or with an error code proves nothing."""
    failed = bash(f"python - <<'E'\n{READS}E\n", return_code=1)
    assert examine(failed, FILES, asked=["sales"]).opened == "no"
    assert examine(failed[:1], FILES, asked=["sales"]).opened == "no"
    error = [failed[0], {**failed[1], "content": {"type": "…", "error_code": "execution_time_exceeded"}}]
    assert examine(error, FILES, asked=["sales"]).unopened == ("sales",)
    assert examine([], FILES, asked=["sales"]).evidence == ("no code ran to its end",)


def test_what_a_failed_run_printed_may_be_from_the_data():
    """A traceback after a printed table: the answer can rest on the table, so nobody is accused."""
    failed = bash(f"python - <<'E'\n{READS}1 / 0\nE\n", return_code=1, stdout="city amount\nRome 12\n")
    found = examine(failed, FILES, asked=["sales"])
    assert (found.opened, found.warning) == ("cannot tell", "")
    other = bash("python - <<'E'\nprint(1)\n1 / 0\nE\n", return_code=1, stdout="1\n")
    assert examine(other, FILES, asked=["sales"]).opened == "no"


def test_data_sets_of_a_library_are_not_the_users():
    """`load_iris(as_frame=True)` gets no path; with one that cannot be followed, nobody can tell."""
    head = "from sklearn.datasets import load_iris\n"
    found = examine(python(f"{head}df = load_iris(as_frame=True).frame\n{PLOT}"), FILES, asked=["sales"])
    assert found.opened == "no"
    assert "did not open sales" in found.warning
    assert (
        examine(python(f"from mine import load_it\ndf = load_it(where)\n{PLOT}"), FILES, asked=["sales"]).opened != "no"
    )


def test_a_table_that_the_shell_wrote_is_numbers_of_the_code():
    """`printf` and `echo -e` write lines with escapes."""
    for say in ("printf", "echo -e"):
        found = examine(bash(f"{say} 'a,b\\n1,2\\n3,4\\n5,6\\n' > $OUTPUT_DIR/t.csv"), FILES, asked=["sales"])
        assert (found.opened, found.literals) == ("no", "yes")


def test_a_failure_that_the_return_code_hides_is_seen_in_the_output():
    """`python a.py; ls` returns 0 whatever Python did; its traceback tells."""
    command = f"python - <<'E'\n{READS}E\nls $OUTPUT_DIR"
    shown = "Traceback (most recent call last):\n  …\nFileNotFoundError: sales.csv"
    assert examine(bash(command, stderr=shown), FILES, asked=["sales"]).opened == "cannot tell"
    assert examine(bash(f"set -e\n{command}", stderr=shown), FILES, asked=["sales"]).opened == "yes"


def test_files_of_the_text_editor_count_when_they_are_run():
    """A script that is written and run opens the file; one that is only written does not."""
    made = created("analysis.py", HEAD + "df = pd.read_csv(os.environ['INPUT_DIR'] + '/sales.csv')\n" + PLOT)
    assert examine(made, FILES, asked=["sales"]).opened == "no"
    found = examine([*made, *bash("python analysis.py")], FILES, asked=["sales"])
    assert (found.opened, found.literals) == ("yes", "no")
    assert found.evidence[0].startswith("analysis.py line 7: ")


def test_an_edited_script_counts_as_it_stands_when_it_runs():
    """`str_replace` before the run changes the verdict."""
    made = created("a.py", "print('nothing')\n")
    change = {
        "command": "str_replace",
        "path": "a.py",
        "old_str": "'nothing'",
        "new_str": "open('/mnt/input/sales.csv').read()",
    }
    edited = call("text_editor_code_execution", change)
    assert examine([*made, *bash("python a.py")], FILES, asked=["sales"]).opened == "no"
    assert examine([*made, *edited, *bash("python a.py")], FILES, asked=["sales"]).opened == "yes"


def test_a_module_that_the_answer_wrote_is_followed():
    """`import helper`, where helper.py was written before."""
    made = created("helper.py", "def load():\n    return open('/mnt/input/sales.csv').read()\n")
    assert examine([*made, *python("import helper\nhelper.load()")], FILES, asked=["sales"]).opened == "yes"
    assert examine([*made, *python("from helper import load\nload()")], FILES, asked=["sales"]).opened == "yes"
    assert examine([*made, *python("import helper")], FILES, asked=["sales"]).opened == "no"


def test_cells_of_one_interpreter_share_their_variables():
    """The older Python tool: what one cell has read another draws."""

    def cell(code):
        return call("code_execution", {"code": code}, return_code=0, stdout="", stderr="", content=[])

    blocks = [*cell(HEAD + "df = pd.read_csv('/mnt/input/sales.csv')"), *cell("df.plot()")]
    assert (examine(blocks, FILES, asked=["sales"]).opened, examine(blocks, FILES).literals) == ("yes", "no")


def test_a_later_answer_may_read_what_an_earlier_one_made_of_the_data():
    """Following up in the same container: a pickle of the data is the data; literals stay literals."""
    first = python("df = pd.read_csv('/mnt/input/sales.csv')\ndf.to_pickle('df.pkl')")
    later = python("df = pd.read_pickle('df.pkl')\n" + PLOT)
    assert examine(later, FILES, earlier=first).opened == "yes"
    assert examine(later, FILES).opened == "no"
    fake = examine(python("plt.bar(['a', 'b', 'c'], [12, 30, 17])"), FILES, earlier=first)
    assert (fake.opened, fake.literals) == ("no", "yes")
    assert "did not open sales" in fake.warning
    assert not examine([], FILES, earlier=first).warning


def test_each_file_that_was_asked_for_is_wanted():
    """Two files, one opened: the other one is named in the warning; not when it came with an earlier cell."""
    files = {"sales.csv": "sales", "costs.parquet": "costs"}
    blocks = python("df = pd.read_csv(os.environ['INPUT_DIR'] + '/sales.csv')\n" + PLOT)
    found = examine(blocks, files, asked=["sales", "costs"])
    assert (found.opened, found.unopened) == ("no", ("costs",))
    assert found.warning == "this answer did not open costs"
    assert examine(blocks, files, asked=["sales"]).opened == "yes"
    every = python("for p in glob.glob(os.environ['INPUT_DIR'] + '/*'):\n    print(open(p).read())")
    assert examine(every, files, asked=["sales", "costs"]).opened == "yes"
    some = python("p = glob.glob(os.environ['INPUT_DIR'] + '/*')[0]\nprint(open(p).read())")
    assert examine(some, files, asked=["sales", "costs"]).opened == "cannot tell"


def test_a_frame_in_parts_is_opened_by_its_manifest():
    """Files of one name are one frame."""
    files = {"sales-1.parquet": "sales", "sales-2.parquet": "sales", "sales.json": "sales"}
    blocks = python("parts = json.load(open(os.environ['INPUT_DIR'] + '/sales.json'))")
    assert examine(blocks, files, asked=["sales"]).opened == "yes"


def test_viewing_the_file_is_opening_it():
    """The editor's `view` shows Claude what is in it."""
    view = call("text_editor_code_execution", {"command": "view", "path": "/mnt/input/sales.csv"}, file_type="text")
    assert examine(view, FILES, asked=["sales"]).opened == "yes"


def test_evidence_is_short_and_harmless():
    """Lines that come from a model's file names are single, bounded and without control signs."""
    name = "a\x1b[31m\n" + "x" * 500 + ".py"
    blocks = [*created(name, READS * 50), *bash(f"python '{name}'")]
    for line in examine(blocks, FILES, asked=["sales"]).evidence:
        assert len(line) <= 160
        assert line.isprintable()


PIECES = st.sampled_from(
    [*"'\"`$(){}[]<>|&;#\\\n\t=*?:,.", "<<E\n", "E\n", "$(", "${", "def f(x):\n ", "return f(1)\n", "f()\n", "for x in y:\n ",
     "open(", "pd.read_csv(", "plt.bar(", "lambda x: ", "[1, 2, 3]", "os.environ['INPUT_DIR']", "sales.csv", "class A:\n ",
     "try:\n ", "except:\n ", "if x:\n ", "else:\n ", "while 1:\n ", "f'{", "python - <<E\n", "cat ", "import os\n", "\x01", "\x00"]
)  # fmt: skip
TEXT = st.one_of(st.text(), st.lists(PIECES, max_size=40).map("".join))


@settings(max_examples=400, deadline=None, derandomize=True)
@given(text=TEXT, names=st.lists(TEXT.filter(bool), min_size=1, max_size=3))
@example(text="(" * 5000, names=["sales.csv"])
@example(text="-" * 100_000 + "1", names=["sales.csv"])
@example(text="def f(x): return f(f(f(x)))\nf(f(f(1)))", names=["sales.csv"])
@example(text="x = 1\n" * 20_000, names=["sales.csv"])
@example(text="x" + ".a(1)" * 400, names=["sales.csv"])
@example(text="x = " + "[" * 80 + "1" + "]" * 80, names=["sales.csv"])
@example(text="$(" * 200, names=["*"])
@example(text="a = 1\n" + "".join(f"if a:\n{' ' * (i + 1)}" * 0 + f"a = a or {i}\n" for i in range(3000)), names=["[a"])
def test_arbitrary_text_never_raises(text, names):
    """Whatever a model writes, as a command, a program, a path or a file: three verdicts, no error, in bounded time."""
    files = dict(zip(names, names, strict=True))
    blocks = [*bash(text), *python(text), *created(text, text), *bash("python a.py; cat sales.csv", stderr=text)]
    blocks += call("code_execution", {"code": text}, return_code=0)
    found = examine(blocks, files, asked=names)
    for verdict in (found.opened, found.literals):
        assert verdict in {"yes", "no", "cannot tell"}
    assert all(line == harmless(line) for line in found.evidence)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    given_=JSON,
    content=JSON,
    name=st.sampled_from(["bash_code_execution", "code_execution", "text_editor_code_execution", "x"]),
)
def test_arbitrary_blocks_never_raise(given_, content, name):
    """Blocks of any shape: what is no call with a result says nothing."""
    json.dumps([given_, content])
    blocks = [
        {"type": "server_tool_use", "id": "a", "name": name, "input": given_},
        {"type": f"{name}_tool_result", "tool_use_id": "a", "content": content},
        {"type": content, "tool_use_id": given_},
    ]
    assert examine(blocks, FILES, asked=["sales"]).opened in {"no", "cannot tell"}


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    words=st.lists(st.text(alphabet=st.characters(exclude_characters="\x00\n", exclude_categories=["Cs"])), min_size=1)
)
def test_quoted_words_come_back_as_they_were(words):
    """What `shlex` quotes, our reading of shell takes apart again."""
    import shlex

    (made,) = commands("x " + shlex.join(words))
    assert [literal(word) for word in made.words[1:]] == words


def test_what_is_not_closed_is_unreadable():
    """A quote or a substitution without an end is an error of the reader's own, never a guess."""
    for text in ("echo 'a", 'echo "a', "echo $(ls", "echo `ls"):
        with pytest.raises(Unreadable):
            commands(text)
