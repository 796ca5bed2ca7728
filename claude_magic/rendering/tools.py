"""What a tool call did, in words that the HTML and the text of an answer share. Everything in it is untrusted.

Shapes: the code execution page of the API, and section 4 of its messages page.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from claude_magic.rendering.clean import plain
from claude_magic.rendering.highlight import language_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from claude_magic.messages import Block

_MAX_NAME = 80
_HEREDOC = re.compile(r"\s*python3?(?:\s+-)?\s*<<-?\s*(['\"]?)(\w+)\1[ \t]*\n")


@dataclass(frozen=True, slots=True)
class Call:
    """One tool call, with its result when there is one.

    Attributes:
        doing: words while it goes on: "Running Python code".
        done: words when it is over: "Ran Python code".
        code: what to show of its input, in `language` (as a fence names it).
        outcome: "ok", or what went wrong; empty while there is no result.
        outputs: (label, text) of what came back, in order.

    """

    doing: str
    done: str
    code: str = ""
    language: str = ""
    outcome: str = ""
    outputs: tuple[tuple[str, str], ...] = ()

    def summary(self, *, running: bool) -> str:
        """One line: what it does or did, how much, how it ended."""
        lines = self.code.rstrip("\n").count("\n") + 1 if self.code.strip() else 0
        count = f"{lines:,} line{'s' if lines != 1 else ''}" if lines else ""
        words = self.doing + "…" if running else self.done
        ended = "" if running else self.outcome or "no result"
        return " · ".join(part for part in (words, count, ended) if part)


def is_call(block: Block) -> bool:
    """Whether the block is a tool call."""
    return block.get("type") in {"server_tool_use", "tool_use", "mcp_tool_use"}


def is_result(block: Block) -> bool:
    """Whether the block is the result of a call before it."""
    return str(block.get("type")).endswith("tool_result") and "tool_use_id" in block


def results_by_call(content: Sequence[Block]) -> dict[str, Block]:
    """Return result blocks by the id of the call they answer."""
    return {str(block.get("tool_use_id")): block for block in content if is_result(block)}


def described(call: Block, result: Block | None) -> Call:
    """Put a call and its result into words."""
    made = _DESCRIBED.get(str(call.get("name")), _other)(_input(call), str(call.get("name") or "tool"))
    if result is None:
        return replace(made, outcome="for this notebook to run") if call.get("type") == "tool_use" else made
    outcome, outputs = _result(result.get("content"))
    return replace(made, outcome=outcome, outputs=outputs)


def _input(call: Block) -> Mapping[str, Any]:
    """Return the call's input; of one still arriving or cut off, what can be read already."""
    given = call.get("input")
    if call.get("partial_json") and not given:
        return _partial(str(call["partial_json"]))
    return given if isinstance(given, dict) else {}


def _partial(text: str) -> dict[str, Any]:
    """Read string values of an unfinished JSON object: whole ones, and the beginning of the last."""
    found: dict[str, Any] = {}
    for match in re.finditer(r'"(\w+)"\s*:\s*"((?:[^"\\]|\\.)*+)', text, re.DOTALL):
        value = re.sub(r"\\u[0-9a-fA-F]{0,3}\Z", "", match[2])
        try:
            found.setdefault(match[1], json.loads(f'"{value}"', strict=False))
        except json.JSONDecodeError:
            found.setdefault(match[1], value)
    return found or ({"": text} if text.strip() else {})


def _name(value: object) -> str:
    """Return an untrusted name as a short piece of one line."""
    line = " ".join(plain(str(value)).split())
    return line if len(line) <= _MAX_NAME else line[: _MAX_NAME - 1] + "…"


def _bash(given: Mapping[str, Any], _: str) -> Call:
    command = str(given.get("command", ""))
    code = _piped_to_python(command)
    if code is not None:
        return Call("Running Python code", "Ran Python code", code, "python")
    return Call("Running a shell command", "Ran a shell command", command, "bash")


def _piped_to_python(command: str) -> str | None:
    """Return the code of a command that is `python - <<'PY'` and nothing else; its end may still be missing."""
    opening = _HEREDOC.match(command)
    if opening is None:
        return None
    code, end, rest = (command[opening.end() :] + "\n").partition(f"\n{opening[2]}\n")
    return None if end and rest.strip() else code


def _python(given: Mapping[str, Any], _: str) -> Call:
    return Call("Running Python code", "Ran Python code", str(given.get("code", "")), "python")


def _editor(given: Mapping[str, Any], _: str) -> Call:
    path = str(given.get("path", "a file"))
    name, language = _name(path), language_of(path)
    match given.get("command"):
        case "create":
            return Call(f"Writing {name}", f"Wrote {name}", str(given.get("file_text", "")), language)
        case "str_replace":
            old, new = (str(given.get(key, "")).split("\n") for key in ("old_str", "new_str"))
            changed = "\n".join(["- " + line for line in old] + ["+ " + line for line in new])
            return Call(f"Editing {name}", f"Edited {name}", changed, "diff")
        case "view":
            return Call(f"Reading {name}", f"Read {name}")
    return Call(f"Working on {name}", f"Worked on {name}", _json(given), "json")


def _search(given: Mapping[str, Any], _: str) -> Call:
    return Call("Searching the web", "Searched the web", str(given.get("query", "")))


def _fetch(given: Mapping[str, Any], _: str) -> Call:
    return Call("Reading a web page", "Read a web page", str(given.get("url", "")))


def _other(given: Mapping[str, Any], name: str) -> Call:
    return Call(f"Calling {_name(name)}", f"Called {_name(name)}", _json(given) if given else "", "json")


_DESCRIBED: dict[str, Callable[[Mapping[str, Any], str], Call]] = {
    "bash_code_execution": _bash,
    "code_execution": _python,
    "text_editor_code_execution": _editor,
    "web_search": _search,
    "web_fetch": _fetch,
}


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


def _result(content: Any) -> tuple[str, tuple[tuple[str, str], ...]]:
    if isinstance(content, dict) and "error_code" in content:
        detail = str(content.get("error_message") or "")
        return f"failed, {_name(content['error_code'])}", (("error", detail),) if detail else ()
    if isinstance(content, dict) and "return_code" in content:
        code = content["return_code"]
        streams = tuple((name, str(content.get(name) or "")) for name in ("stdout", "stderr"))
        return "ok" if code == 0 else f"failed, return code {_name(code)}", tuple(s for s in streams if s[1].strip())
    if isinstance(content, dict) and content.get("type") == "text_editor_code_execution_view_result":
        return "ok", (("content", str(content.get("content") or "")),)
    if isinstance(content, dict) and str(content.get("type")).startswith("text_editor_code_execution_"):
        return "ok", ()
    if isinstance(content, list):
        return f"{len(content)} result{'s' if len(content) != 1 else ''}", _listed(content)
    return "ok", (("result", content if isinstance(content, str) else _json(content)),) if content else ()


def _listed(content: Sequence[Any]) -> tuple[tuple[str, str], ...]:
    lines = []
    for entry in content:
        if isinstance(entry, dict) and "url" in entry:
            lines.append(f"{_name(entry.get('title') or '')} {entry['url']}".strip())
        elif isinstance(entry, dict) and isinstance(entry.get("text"), str):
            lines.append(entry["text"])
        else:
            lines.append(_json(entry))
    return (("results", "\n".join(lines)),) if lines else ()
