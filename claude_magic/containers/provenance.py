"""Did the answer come from the data? Read from the code that ran and from the results of running it.

Three verdicts: "yes" and "no" are said only where the code says so itself; everything else is "cannot tell". A run that
failed, or whose result never came, proves nothing, but what it printed before may be from the data. The code is read
(`flow`, `running`), never run; `verify` runs it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from claude_magic.containers.findings import Findings
from claude_magic.containers.flow import Program
from claude_magic.containers.running import Shell
from claude_magic.containers.traces import Disk, last, normal
from claude_magic.errors import one_line

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from claude_magic.messages import Block

Verdict = Literal["yes", "no", "cannot tell"]
_MOST_EVIDENCE = 8
_LONGEST = 160


@dataclass(frozen=True, slots=True)
class Provenance:
    """Whether an answer came from the uploaded data.

    Attributes:
        opened: was every uploaded file opened by code that ran and returned 0.
        literals: are plotted or tabled data numbers that stand in the code (or random), not read from a file.
        evidence: short lines that name code and line.
        unopened: the files that were surely not opened.

    """

    opened: Verdict
    literals: Verdict
    evidence: tuple[str, ...] = ()
    unopened: tuple[str, ...] = ()

    @property
    def warning(self) -> str:
        """What a reader must not miss, in a few words; empty when nothing is wrong."""
        said = []
        if self.unopened:
            said.append(f"this answer did not open {' and '.join(map(one_line, self.unopened))}")
        if self.literals == "yes":
            said.append("what it plotted or tabled are numbers written in its code, not read from the data")
        return "; ".join(said)

    def __str__(self) -> str:
        """Return the verdicts and the evidence, one line each."""
        lines = [f"data opened: {self.opened}", f"plotted numbers are literals: {self.literals}", *self.evidence]
        return "\n".join(lines)


def examine(
    content: Iterable[Block],
    files: Mapping[str, str],
    *,
    asked: Collection[str] = (),
    earlier: Iterable[Block] = (),
) -> Provenance:
    """Judge an answer.

    Args:
        content: its blocks.
        files: the uploaded files in its container: the name there → the user's name for it. Files of one name are one
            frame in parts, and one of them opened is enough.
        asked: the user's names that this answer is about; none means that one of them is enough.
        earlier: blocks of earlier answers in the same container: what they wrote may be read now.

    Never raises, whatever the blocks hold.

    """
    reader = _Reader(tuple(files))
    reader.read(earlier)
    reader.findings = Findings()
    ran = reader.read(content)
    return _judged(reader.findings, files, asked, ran=ran)


def _judged(found: Findings, files: Mapping[str, str], asked: Collection[str], *, ran: bool) -> Provenance:
    surely = {files[name] for name in found.opened}
    perhaps = surely | {files[name] for name in found.maybe}
    about = dict.fromkeys(name for name in files.values() if name in asked)
    if not about and surely:
        about = dict.fromkeys(surely)
    about = about or dict.fromkeys(files.values())
    unopened = tuple(name for name in about if name not in perhaps and not found.doubts)
    opened: Verdict = "yes" if about and all(name in surely for name in about) else "no" if unopened else "cannot tell"
    if not asked and not found.drawn:
        unopened = ()  # a talk about the data need not open them again
    literals, showing = _literals(found)
    evidence = [*found.opened.values(), *(where for name, where in found.maybe.items() if name not in found.opened)]
    evidence += [*showing, *found.doubts, *([] if ran else ["no code ran to its end"])]
    return Provenance(opened, literals, tuple(_short(dict.fromkeys(evidence))), unopened)


def _literals(found: Findings) -> tuple[Verdict, list[str]]:
    """Return the verdict on what was drawn, and where."""
    made = [where for where, origins, surely in found.drawn if surely and origins <= {"literal", "random"}]
    if made:
        return "yes", [f"{where} shows numbers of the code" for where in made]
    unclear = [where for where, origins, _ in found.drawn if origins & {"literal", "random", "opaque"}]
    if unclear or found.doubts:
        return "cannot tell", [f"{where} shows numbers of unclear origin" for where in unclear]
    return "no", []


def _short(lines: Iterable[str]) -> Iterator[str]:
    lines = list(lines)
    yield from (one_line(line)[:_LONGEST] for line in lines[:_MOST_EVIDENCE])
    if len(lines) > _MOST_EVIDENCE:
        yield f"and {len(lines) - _MOST_EVIDENCE} more"


class _Reader:
    """Goes through blocks in order, as the container did."""

    def __init__(self, names: Sequence[str]) -> None:
        self.disk = Disk(tuple(names))
        self.findings = Findings()
        self._shell = Shell(self.disk)
        self._python = Program(self.disk, "the notebook cell")
        self._number = 0

    def read(self, content: Iterable[Block]) -> bool:
        """Read blocks; return whether any code ran to its end."""
        blocks = [block for block in content if isinstance(block, dict)]
        results = {b.get("tool_use_id"): b.get("content") for b in blocks if isinstance(b.get("tool_use_id"), str)}
        ran = False
        for block in blocks:
            given, result = block.get("input"), results.get(block.get("id"))
            if block.get("type") != "server_tool_use" or not isinstance(given, dict) or not isinstance(result, dict):
                continue
            name = block.get("name")
            if name == "bash_code_execution":
                ran |= self._bash(given, result)
            elif name == "code_execution":
                ran |= self._cell(given, result)
            elif name == "text_editor_code_execution" and "error_code" not in result:
                self._edit(given)
        return ran

    def _bash(self, given: Mapping[str, Any], result: Mapping[str, Any]) -> bool:
        self._number += 1
        command = given.get("command")
        if not isinstance(command, str) or "return_code" not in result:
            return False
        label = "the command" if self._number == 1 else f"command {self._number}"
        said = f"{result.get('stdout')}\n{result.get('stderr')}"
        found = self._shell.run(command, label, said)
        if result["return_code"] == 0:  # a failed one wrote its scripts all the same
            self.findings.add(found)
        elif str(result.get("stdout") or "").strip() or result.get(
            "content"
        ):  # and what it showed may be from the data
            self.findings.add(Findings({}, found.maybe | found.opened))
        return bool(result["return_code"] == 0)

    def _cell(self, given: Mapping[str, Any], result: Mapping[str, Any]) -> bool:
        self._number += 1
        code = given.get("code")
        if not isinstance(code, str) or "return_code" not in result:
            return False
        self._python.label = f"cell {self._number}"
        self._python.findings = Findings()
        found = self._python.run(code)
        # What a failed cell had loaded is still there for the next one.
        self.findings.add(found if result["return_code"] == 0 else Findings({}, found.maybe | found.opened))
        return bool(result["return_code"] == 0)

    def _edit(self, given: Mapping[str, Any]) -> None:
        path, kind = given.get("path"), given.get("command")
        if not isinstance(path, str):
            return
        if kind == "create" and isinstance(given.get("file_text"), str):
            self.disk.scripts[normal(path)] = given["file_text"]
        elif kind == "str_replace" and isinstance(given.get("old_str"), str):
            known = self.disk.script(path)
            if known is not None:
                self.disk.scripts[normal(path)] = known.replace(given["old_str"], str(given.get("new_str") or ""), 1)
        elif kind == "view":
            for file, sure in self.disk.found(path, folders=False).items():
                self.findings.open(file, f"viewed {last(path)}", surely=sure)
