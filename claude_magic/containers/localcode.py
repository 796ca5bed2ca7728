"""The code Claude ran, rewritten for this kernel: what it loaded from its container is the user's own frame.

Only Python is taken: files that the text editor wrote, and heredocs. A call that reads an uploaded file becomes a copy
of the variable it came from; where that cannot be told from the code, the call stays, and the first lines say where it
looks.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from claude_magic.messages import Block

_HEREDOC = re.compile(r"python3?\b[^\n]*<<-?\s*(['\"]?)(\w+)\1[^\n]*\n(.*?)\n\s*\2\b", re.DOTALL)
# Lines as Python counts them: a form feed or U+2028 ends none.
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_READERS = frozenset({"read_parquet", "read_csv", "read_excel", "read_json", "read_table"})
_HEAD = (
    'import os\n\nos.environ.setdefault("INPUT_DIR", ".")  # in the container: where uploads are\n'
    'os.environ.setdefault("OUTPUT_DIR", ".")  # in the container: where files for the user go\n'
)


def localised(content: Iterable[Block], files: Mapping[str, str]) -> str:
    """Return the Python that an answer ran, reading `files` (name in the container → variable) from the kernel.

    Empty when the answer ran no Python.
    """
    parts = [_with_frames(part, files) for block in content for part in _python(block)]
    return "\n\n\n".join([_HEAD, *parts]) if parts else ""


def _python(block: Block) -> list[str]:
    given: Mapping[str, Any] = block.get("input") or {}
    name = str(block.get("name", ""))
    if not name.endswith("code_execution"):
        return []
    if str(given.get("path", "")).endswith(".py") and isinstance(given.get("file_text"), str):
        return [given["file_text"]]
    if isinstance(given.get("code"), str):
        return [given["code"]]
    command = given.get("command")
    return [found[3] for found in _HEREDOC.finditer(command)] if isinstance(command, str) else []


def _with_frames(code: str, files: Mapping[str, str]) -> str:
    """Put variables in the place of the calls that read their files; code that is no Python is left alone."""
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError):
        return code
    lines = _LINE.findall(code)
    for call in sorted(_reads(tree), key=lambda call: (call.lineno, call.col_offset), reverse=True):
        variable = _variable(call, code, files)
        if variable is not None:
            _replace(lines, call, f"{variable}.copy()")
    return "".join(lines)


def _reads(node: ast.AST) -> Iterator[ast.Call]:
    """Yield the calls that read a table, the outermost of nested ones."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _READERS:
        yield node
        return
    for child in ast.iter_child_nodes(node):
        yield from _reads(child)


def _variable(call: ast.Call, code: str, files: Mapping[str, str]) -> str | None:
    """Return whose file a call reads: named in the call, or the only one that the whole code names."""
    here = ast.get_source_segment(code, call) or ""
    named = {files[name] for name in files if name in here} or {files[name] for name in files if name in code}
    return next(iter(named)) if len(named) == 1 and next(iter(named)).isidentifier() else None


def _replace(lines: list[str], call: ast.Call, text: str) -> None:
    """Replace a node's source; offsets are in bytes of UTF-8 (ast module)."""
    first, last = call.lineno - 1, (call.end_lineno or call.lineno) - 1
    before = lines[first].encode()[: call.col_offset].decode()
    after = lines[last].encode()[call.end_col_offset :].decode()
    lines[first : last + 1] = [before + text + after]
