"""What an answer ran, as steps that can be taken again: shell commands and files, in order, with what came of them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from claude_magic.messages import Block

# Folders that a sandbox has as well as the API's container.
_SHARED = ("/tmp/", "/dev/", "/usr/", "/bin/", "/etc/", "/proc/")  # noqa: S108 - inside a sandbox


@dataclass(frozen=True, slots=True)
class Step:
    """One call of the code execution tool.

    Attributes:
        kind: a shell command, Python, or a file to be written or changed.
        text: the command, the code, or the file's text.
        path: the file; `old` is what `text` replaces in it, None when it is written whole.
        return_code: what it returned there.
        stdout: what it printed there.

    """

    kind: Literal["shell", "python", "file"]
    text: str
    path: str = ""
    old: str | None = None
    return_code: int = 0
    stdout: str = ""


def steps(content: Iterable[Block]) -> list[Step]:
    """Return the steps of an answer that were taken; Python cells that share an interpreter become one."""
    blocks = [block for block in content if isinstance(block, dict)]
    results = {b.get("tool_use_id"): b.get("content") for b in blocks if isinstance(b.get("tool_use_id"), str)}
    made: list[Step] = []
    for block in blocks:
        given, result = block.get("input"), results.get(block.get("id"))
        if block.get("type") != "server_tool_use" or not isinstance(given, dict) or not isinstance(result, dict):
            continue
        step = _step(str(block.get("name")), given, result)
        if step is not None and step.kind == "python" and made and made[-1].kind == "python":
            before = made.pop()
            step = replace(step, text=f"{before.text}\n{step.text}", stdout=before.stdout + step.stdout)
        if step is not None:
            made.append(step)
    return made


def _step(name: str, given: Mapping[str, Any], result: Mapping[str, Any]) -> Step | None:
    code, printed = result.get("return_code"), str(result.get("stdout") or "")
    if name == "bash_code_execution" and isinstance(given.get("command"), str) and isinstance(code, int):
        return Step("shell", given["command"], return_code=code, stdout=printed)
    if name == "code_execution" and isinstance(given.get("code"), str) and code == 0:
        return Step("python", given["code"], stdout=printed)
    if name != "text_editor_code_execution" or "error_code" in result or not isinstance(given.get("path"), str):
        return None
    if given.get("command") == "create" and isinstance(given.get("file_text"), str):
        return Step("file", given["file_text"], given["path"])
    if given.get("command") == "str_replace" and isinstance(given.get("old_str"), str):
        return Step("file", str(given.get("new_str") or ""), given["path"], given["old_str"])
    return None


def shown(taken: Sequence[Step]) -> str:
    """Return the code of steps as one text, for somebody who is to agree to it."""
    pieces = [f"# --- {s.path}\n{s.text}" if s.kind == "file" else f"# --- {s.kind}\n{s.text}" for s in taken]
    return "\n\n".join(pieces)


def relocated(taken: Sequence[Step], names: Iterable[str], input_folder: str, home: str) -> list[Step]:
    """Return the steps with the container's own places replaced by ours.

    An absolute path that ends in the name of an uploaded file becomes that file's here; a file that was written to an
    absolute path becomes one in the sandbox's home.
    """
    places = list(_written(taken, home))
    folders = [
        (re.compile(rf"(?<![\w.$}}/-])(?:/[\w.-]+)+/(?={re.escape(name)})"), f"{input_folder}/") for name in names
    ]

    def here(text: str) -> str:
        for pattern, folder in folders:
            text = pattern.sub(folder.replace("\\", r"\\"), text)
        for old, new in places:
            text = text.replace(old, new)
        return text

    return [replace(s, text=here(s.text), path=here(s.path), old=here(s.old) if s.old else s.old) for s in taken]


def _written(taken: Sequence[Step], home: str) -> Iterator[tuple[str, str]]:
    for path in dict.fromkeys(s.path for s in taken if s.kind == "file" and s.path.startswith("/")):
        if not path.startswith((*_SHARED, home + "/")):
            yield path, f"{home}/{path.rsplit('/', 1)[-1]}"


_FOLDERS = re.compile(r"(?:/[\w.-]+)+/(?=[\w.-])")


def printed(text: str) -> list[str]:
    """Return the lines of an output without folders, which differ from machine to machine."""
    return [_FOLDERS.sub("", line).rstrip() for line in text.rstrip().splitlines()]
