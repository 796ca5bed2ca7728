"""The text editor of the code execution tool: view, create, str_replace.

This module is also the program that does the work: `Container.edit` runs its text inside the container's sandbox
(``python -I -S -c``), the request as JSON on stdin, the result as JSON on stdout. So a link or a path that code in the
container has prepared leads no further than that code could go by itself; the check in `place` is there for plain
answers, and for machines where the sandbox has no walls of its own. Standard library only.

Result and error objects: the API's, as in its description of `text_editor_code_execution` blocks.
"""

from __future__ import annotations

import base64
import json
import os
import sys
from pathlib import Path
from typing import Any

KIND = "text_editor_code_execution"
MAX_TEXT_BYTES = 20_000_000  # of a file to view or change
MAX_SHOWN = 400_000  # characters in one result
MAX_MEDIA_BYTES = 10_000_000  # of an image or PDF: the API's own limit for an image in a request
SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image"),
    (b"\xff\xd8\xff", "image"),
    (b"GIF87a", "image"),
    (b"GIF89a", "image"),
    (b"%PDF-", "pdf"),
)


class Refused(Exception):
    """What the tool answers with an error object."""

    def __init__(self, message: str, code: str = "invalid_tool_input") -> None:
        super().__init__(message)
        self.answer = failure(code, message)


def failure(code: str, message: str | None = None) -> dict[str, Any]:
    """Return the error object of the tool."""
    return {"type": f"{KIND}_tool_result_error", "error_code": code, "error_message": message}


def edit(request: dict[str, Any], home: str, roots: list[str], writable: list[str]) -> dict[str, Any]:
    """Carry out one call.

    Args:
        request: the tool's input.
        home: where relative paths start.
        roots: directories that may be looked into.
        writable: those that may be written to.

    """
    actions = {"view": view, "create": create, "str_replace": str_replace}
    name = request.get("command")
    if not isinstance(name, str) or name not in actions:
        return failure("invalid_tool_input", "`command` must be view, create or str_replace.")
    try:
        path = place(word(request, "path"), home, roots if name == "view" else writable)
        return actions[name](path, request)
    except Refused as refused:
        return refused.answer
    except FileNotFoundError:
        return failure("file_not_found", f"There is no file {request.get('path')!r}.")
    except OSError as problem:
        return failure("invalid_tool_input", f"{request.get('path')!r}: {problem.strerror or problem}.")


def word(request: dict[str, Any], key: str) -> str:
    """Return the string at `key` of a request."""
    value = request.get(key)
    if not isinstance(value, str):
        raise Refused(f"`{key}` must be a string.")
    return value


def place(text: str, home: str, roots: list[str]) -> Path:
    """Return the file that `text` names, after all links, if it is under one of `roots`."""
    if not text or "\0" in text:
        raise Refused("`path` names no file.")
    path = Path(os.path.realpath(os.path.join(home, text)))  # noqa: PTH118 - an absolute `text` replaces `home`
    if not any(path.is_relative_to(os.path.realpath(root)) for root in roots):
        raise Refused(f"{text!r} is outside the container's files.")
    return path


def view(path: Path, request: dict[str, Any]) -> dict[str, Any]:
    """Show a text file or a part of it, an image or PDF as base64, a directory as a list."""
    if path.is_dir():
        names = sorted(entry.name + "/" * entry.is_dir() for entry in path.iterdir())
        return shown("".join(f"{printable(name)}\n" for name in names), request)
    with path.open("rb") as file:
        data = file.read(MAX_TEXT_BYTES + 1)
    kind = media(data)
    if not kind:
        return shown(as_text(data, strict=False), request)
    if len(data) > MAX_MEDIA_BYTES:
        raise Refused(f"The file is over {MAX_MEDIA_BYTES} bytes.")
    content = base64.b64encode(data).decode("ascii")
    nothing = {"num_lines": None, "start_line": None, "total_lines": None}
    return {"type": f"{KIND}_view_result", "file_type": kind, "content": content, **nothing}


def printable(name: str) -> str:
    """Return a file name without what JSON cannot hold."""
    return os.fsencode(name).decode("utf-8", "replace")


def media(data: bytes) -> str | None:
    """Return ``"image"`` or ``"pdf"`` by the first bytes, or None."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image"
    return next((kind for start, kind in SIGNATURES if data.startswith(start)), None)


def as_text(data: bytes, *, strict: bool) -> str:
    """Decode a text file; `strict` refuses what would not survive being written back."""
    if len(data) > MAX_TEXT_BYTES:
        raise Refused(f"The file is over {MAX_TEXT_BYTES} bytes; use the shell.")
    if b"\0" in data:
        raise Refused("The file is binary.")
    try:
        return data.decode("utf-8", "strict" if strict else "replace")
    except UnicodeDecodeError:
        raise Refused("The file is not UTF-8 text.") from None


def shown(text: str, request: dict[str, Any]) -> dict[str, Any]:
    """Return the result object for a text, cut to `view_range` and to what one result may hold."""
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    first, last = span(request.get("view_range"), len(lines))
    part, size = lines[first - 1 : last], 0
    for count, line in enumerate(part):
        size += len(line) + 1
        if size > MAX_SHOWN:
            part = part[:count] or [line[:MAX_SHOWN]]
            break
    return {
        "type": f"{KIND}_view_result",
        "file_type": "text",
        "content": "\n".join(part),
        "num_lines": len(part),
        "start_line": first,
        "total_lines": len(lines),
    }


def span(given: object, total: int) -> tuple[int, int]:
    """Return first and last line (from 1) of a `view_range`; its end may be -1 for the file's."""
    if given is None:
        return 1, total
    if not (isinstance(given, list) and [type(n) for n in given] == [int, int]):
        raise Refused("`view_range` must be two line numbers.")
    first, last = given
    last = total if last == -1 else min(last, total)
    if not 1 <= first <= max(total, 1) or last < first - 1:
        raise Refused(f"`view_range` {given} does not fit a file of {total} lines.")
    return first, last


def create(path: Path, request: dict[str, Any]) -> dict[str, Any]:
    """Write a whole file, and its folders."""
    text = word(request, "file_text")
    known = path.exists()
    if path.is_dir():
        raise Refused(f"{request['path']!r} is a directory.")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode("utf-8", "replace"))
    return {"type": f"{KIND}_create_result", "is_file_update": known}


def str_replace(path: Path, request: dict[str, Any]) -> dict[str, Any]:
    """Replace the one place where `old_str` stands; say which lines changed."""
    old, new = word(request, "old_str"), word(request, "new_str") if "new_str" in request else ""
    with path.open("rb") as file:
        text = as_text(file.read(MAX_TEXT_BYTES + 1), strict=True)
    count = text.count(old) if old else 0
    if count != 1:
        raise Refused(f"`old_str` must stand exactly once in the file; it stands there {count} times.")
    start = text.index(old)
    result = text[:start] + new + text[start + len(old) :]
    path.write_bytes(result.encode("utf-8", "replace"))
    return {"type": f"{KIND}_str_replace_result", **difference(text, result)}


def difference(before: str, after: str) -> dict[str, Any]:
    """Return the one hunk between two texts: where it starts, how many lines each side has, and the lines."""
    old, new = before.split("\n"), after.split("\n")
    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    gone, come = old[head : len(old) - tail], new[head : len(new) - tail]
    lines = [f"-{line}" for line in gone] + [f"+{line}" for line in come]
    counts = {"old_start": head + 1, "old_lines": len(gone), "new_start": head + 1, "new_lines": len(come)}
    return {**counts, "lines": lines}


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    json.dump(edit(asked["request"], asked["home"], asked["roots"], asked["writable"]), sys.stdout)
