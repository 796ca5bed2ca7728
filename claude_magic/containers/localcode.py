"""The code Claude ran, rewritten for this kernel: what it loaded from its container is the user's own frame.

Only Python is taken: scripts that the text editor or the shell wrote (as they were in the end), here-documents,
`python -c`, cells. A run that failed is left out when another one did not. A call that reads an uploaded file becomes a
copy of the variable it came from; where that cannot be told from the code, the call stays, and the first lines say
where it looks.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from claude_magic.containers import shell

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from claude_magic.messages import Block

_PYTHON = re.compile(r"(?:.*/)?python[\d.]*")
# Lines as Python counts them: a form feed or U+2028 ends none.
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_READERS = frozenset({"read_parquet", "read_csv", "read_excel", "read_json", "read_table"})
_SCANNERS = frozenset({"scan_parquet", "scan_csv"})
_HEAD = (
    'import os\n\nos.environ.setdefault("INPUT_DIR", ".")  # in the container: where uploads are\n'
    'os.environ.setdefault("OUTPUT_DIR", ".")  # in the container: where files for the user go\n'
)
# The pandas frame of another library's, by `frames.recognise.library`.
_PANDAS = {"duckdb": ".df()", "dask": ".compute()"}


@dataclass
class Piece:
    """Some Python of an answer; `failed` when nothing shows that it ran to its end, and something that it did not."""

    text: str
    failed: bool


def localised(content: Iterable[Block], files: Mapping[str, str], namespace: Mapping[str, Any] | None = None) -> str:
    """Return the Python that an answer ran, reading `files` (name in the container → variable) from the kernel.

    Args:
        content: the answer's blocks.
        files: whose content each file in the container is.
        namespace: the user's variables, so that other frames than pandas' are read as what the code works on.

    Empty when the answer ran no Python.

    """
    pieces = list(_pieces([block for block in content if isinstance(block, dict)]).values())
    good = [piece.text for piece in pieces if not piece.failed] or [piece.text for piece in pieces]
    parts = [_with_frames(text, files, namespace or {}) for text in good]
    return "\n\n\n".join([_HEAD, *parts]) if parts else ""


def _pieces(blocks: list[Block]) -> dict[str, Piece]:
    """Return the pieces in order: scripts by their path, so that a new version takes the place of the old one."""
    results = {b.get("tool_use_id"): b.get("content") for b in blocks if isinstance(b.get("tool_use_id"), str)}
    made: dict[str, Piece] = {}
    for number, block in enumerate(blocks):
        given, result = block.get("input"), results.get(block.get("id"))
        name = str(block.get("name", ""))
        if not name.endswith("code_execution") or not isinstance(given, dict):
            continue
        failed = isinstance(result, dict) and result.get("return_code", 0 if "error_code" not in result else 1) != 0
        if isinstance(given.get("path"), str):
            _edit(made, given, failed=failed)
        elif isinstance(given.get("code"), str):
            made[f"{number}"] = Piece(given["code"], failed)
        elif isinstance(given.get("command"), str):
            _shell(made, given["command"], f"{number}", failed=failed)
    return made


def _edit(made: dict[str, Piece], given: Mapping[str, Any], *, failed: bool) -> None:
    """Follow the text editor."""
    path, new, old = given["path"], given.get("new_str"), given.get("old_str")
    if isinstance(given.get("file_text"), str) and path.endswith(".py") and not failed:
        made[_last(path)] = Piece(given["file_text"], failed=False)
    elif _last(path) in made and isinstance(old, str) and not failed:
        made[_last(path)] = Piece(made[_last(path)].text.replace(old, str(new or ""), 1), failed=False)


def _shell(made: dict[str, Piece], command: str, key: str, *, failed: bool) -> None:
    """Take the Python out of a shell command, and see which of the scripts it ran."""
    try:
        parsed = shell.commands(command)
    except (shell.Unreadable, RecursionError):
        return
    for number, one in enumerate(parsed):
        words = [shell.literal(word) or "" for word in one.words]
        written = [p for p in [*(shell.literal(word) or "" for word in one.writes), *words[1:]] if p.endswith(".py")]
        code = words[words.index("-c") + 1] if "-c" in words[:-1] else one.stdin
        if any(_PYTHON.fullmatch(word) for word in words):  # not only the first: `timeout 60 python …`
            for script in (_last(word) for word in words[1:] if _last(word) in made):
                made[script] = Piece(made[script].text, failed)
            if code and not written:
                made[f"{key}.{number}"] = Piece(code.rstrip("\n"), failed)
        elif words and words[0] in {"cat", "tee"} and one.stdin is not None and written:
            made[_last(written[0])] = Piece(one.stdin.rstrip("\n"), failed)


def _last(path: str) -> str:
    return path.rsplit("/", 1)[-1]


def _with_frames(code: str, files: Mapping[str, str], namespace: Mapping[str, Any]) -> str:
    """Put variables in the place of the calls that read their files; code that is no Python is left alone."""
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError):
        return code
    lines = _LINE.findall(code)
    for call in sorted(_reads(tree), key=lambda call: (call.lineno, call.col_offset), reverse=True):
        variable = _variable(call, code, files)
        if variable is not None:
            _replace(lines, call, _copied(call, variable, namespace.get(variable)))
    return "".join(lines)


def _reads(node: ast.AST) -> Iterator[ast.Call]:
    """Yield the calls that read a table, the outermost of nested ones."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _READERS | _SCANNERS:
        yield node
        return
    for child in ast.iter_child_nodes(node):
        yield from _reads(child)


def _variable(call: ast.Call, code: str, files: Mapping[str, str]) -> str | None:
    """Return whose file a call reads: named in the call, or the only one that the whole code names."""
    here = ast.get_source_segment(code, call) or ""
    named = {files[name] for name in files if name in here} or {files[name] for name in files if name in code}
    return next(iter(named)) if len(named) == 1 and next(iter(named)).isidentifier() else None


def _copied(call: ast.Call, variable: str, frame: Any) -> str:
    """Return the expression for a variable's frame as a frame of the library that the call is of, pandas or Polars."""
    from claude_magic.frames.plan import plain_label
    from claude_magic.frames.recognise import library

    kind = library(frame)
    series = kind == "pandas" and hasattr(frame, "to_frame")
    plain = (
        f"{variable}.to_frame({variable if frame.name is None else plain_label(frame.name)!r})"
        if series
        else f"{variable}.copy()"
    )
    if kind not in {None, "pandas"}:
        lazy = ".collect()" if type(frame).__name__ == "LazyFrame" else ""
        plain = f"{variable}{lazy}{_PANDAS.get(str(kind), '.to_pandas()')}"
    function: Any = call.func
    owner = function.value.id if isinstance(function.value, ast.Name) else ""
    if owner not in {"pl", "polars"}:
        return plain
    native = variable if kind == "polars" else f"{owner}.from_pandas({plain})"
    if function.attr in _SCANNERS:
        return f"{native}.lazy()"
    return f"{native}.lazy().collect()" if kind == "polars" else native


def _replace(lines: list[str], call: ast.Call, text: str) -> None:
    """Replace a node's source; offsets are in bytes of UTF-8 (ast module)."""
    first, last = call.lineno - 1, (call.end_lineno or call.lineno) - 1
    before = lines[first].encode()[: call.col_offset].decode()
    after = lines[last].encode()[call.end_col_offset :].decode()
    lines[first : last + 1] = [before + text + after]
