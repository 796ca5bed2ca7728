"""Did the answer come from the data? Read from the code that ran and from the results of running it.

Three verdicts: "yes" and "no" are said only where the code says so itself; everything else is "cannot tell". A run that
failed, or whose result never came, proves nothing. The code is read (`flow`, `running`), never run; `verify` runs it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from claude_magic.containers.flow import Findings, Program
from claude_magic.containers.running import Shell
from claude_magic.containers.traces import Disk, last, normal
from claude_magic.errors import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

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


def examine(content: Iterable[Block], names: Sequence[str], earlier: Iterable[Block] = ()) -> Provenance:
    """Judge an answer.

    Args:
        content: its blocks.
        names: the uploaded files in its container.
        earlier: blocks of earlier answers in the same container: what they wrote may be read now.

    Never raises, whatever the blocks hold.

    """
    reader = _Reader(names)
    reader.read(earlier)
    before = reader.findings
    reader.findings = Findings()
    ran = reader.read(content)
    return _judged(reader.findings, before, tuple(names), ran=ran)


def _judged(found: Findings, before: Findings, names: tuple[str, ...], *, ran: bool) -> Provenance:
    # What an earlier answer loaded lives on in a Python that runs on; whether this one used it cannot be seen.
    doubtful = bool(found.doubts)
    unopened = tuple(n for n in names if n not in found.opened and n not in found.maybe and not doubtful)
    opened: Verdict = "yes" if names and all(n in found.opened for n in names) else "no" if unopened else "cannot tell"
    evidence = [*found.opened.values(), *(w for n, w in found.maybe.items() if n not in found.opened)]
    fabricated = [(w, sure) for w, origins, sure in found.drawn if origins <= {"literal", "random"}]
    unclear = [w for w, origins, _ in found.drawn if origins & {"literal", "random", "opaque"}]
    if any(sure for _, sure in fabricated):
        literals: Verdict = "yes"
        evidence += [f"{where} shows numbers of the code" for where, _ in fabricated]
    elif unclear or doubtful:
        literals = "cannot tell"
        evidence += [f"{where} shows numbers of unclear origin" for where in unclear]
    else:
        literals = "no"
    evidence += found.doubts
    if not ran:
        evidence.append("no code ran to its end")
    if not names:
        opened, unopened = "cannot tell", ()
    del before
    return Provenance(opened, literals, tuple(_short(dict.fromkeys(evidence))), unopened)


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
        if result["return_code"] == 0:  # a failed one wrote its scripts all the same, and nothing else counts
            self.findings.add(found)
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
