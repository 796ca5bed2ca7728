"""The answer's code once more, here: in a sandbox, on the same data; what it makes is compared with what came.

The same room that runs the local server's containers (`claude_magic.sandbox`): no key, and behind bwrap no network and
no file of the user but the ones that were uploaded. Where bwrap does not work the code would run as the user, so
somebody has to agree to it, having seen it; where nobody can, it is not run.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import shlex
import shutil
import stat
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from claude_magic.containers import replaying
from claude_magic.containers.artifacts import safe_name
from claude_magic.containers.compare import Check, compare
from claude_magic.errors import ClaudeMagicError, FileProblem, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from claude_magic.containers.artifacts import Artifact
    from claude_magic.containers.replaying import Step
    from claude_magic.messages import Block
    from claude_magic.sandbox import Completed, Sandbox
    from claude_magic.sandbox.isolation import Mode

# Writes or changes one file, inside the sandbox: a link that the code has laid leads no further than the code goes.
_EDITOR = """
import json, pathlib, sys
asked = json.load(sys.stdin)
path = pathlib.Path(asked["path"])
if asked["old"] is None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(asked["text"].encode("utf-8", "replace"))
else:
    text = path.read_text("utf-8")
    path.write_bytes(text.replace(asked["old"], asked["text"], 1).encode("utf-8", "replace"))
"""
_LIBRARIES = ("pandas", "numpy", "matplotlib", "pyarrow")
_MOST_FILES = 100
_MOST_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Verification:
    """What running the code again has shown.

    Attributes:
        checks: one row for every file, for what was printed, and for commands that ended differently.
        mode: which walls stood around the code: "bwrap" or "process"; empty when it was not run.
        refused: why it was not run, or not to its end; empty when it was.
        notes: remarks, such as data that changed in the meantime.
        versions: of Python and the libraries here; what the container has is not known.

    """

    checks: tuple[Check, ...] = ()
    mode: str = ""
    refused: str = ""
    notes: tuple[str, ...] = ()
    versions: str = ""

    @property
    def ok(self) -> bool:
        """Whether it ran, there was something to compare, and everything agrees."""
        return not self.refused and bool(self.checks) and all(c.verdict == "agrees" for c in self.checks)

    @property
    def summary(self) -> str:
        """A few words for the footer; empty when there is a warning instead."""
        if not self.ok:
            return ""
        files = [check for check in self.checks if check.kind != "output"]
        agree = f"{len(files)} of {len(files)} files agree" if files else "the printed output agrees"
        return f"verified: {agree}" + ("" if self.mode == "bwrap" else " (run without a sandbox's walls)")

    @property
    def warning(self) -> str:
        """What a reader must not miss; empty when everything agrees."""
        if self.ok:
            return "; ".join(self.notes)
        if self.refused:
            return "; ".join([f"not verified: {self.refused}", *self.notes])
        wrong = [check for check in self.checks if check.verdict != "agrees"]
        if not wrong:
            return "; ".join(["not verified: the answer ran no code whose results could be compared", *self.notes])
        told = [f"{c.name} {c.verdict}" + (f" ({c.detail})" if c.detail else "") for c in wrong[:_MOST_SHOWN]]
        more = [f"{len(wrong) - _MOST_SHOWN} more"] if len(wrong) > _MOST_SHOWN else []
        said = f"verified, and {len(wrong)} of {len(self.checks)} checks failed: {'; '.join([*told, *more])}"
        return "; ".join([said, *self.notes, f"here: {self.versions}, versions in the container are not known"])

    def frame(self) -> Any:
        """Return the checks as a `pandas.DataFrame`: name, kind, verdict, detail."""
        import pandas as pd

        rows = [(c.name, c.kind, c.verdict, c.detail) for c in self.checks]
        return pd.DataFrame(rows, columns=["name", "kind", "verdict", "detail"])

    def __str__(self) -> str:
        """Return the checks, one line each."""
        lines = [f"{c.name}: {c.verdict}" + (f" ({c.detail})" if c.detail else "") for c in self.checks]
        return "\n".join([*lines, self.summary or self.warning])


@dataclass(frozen=True, slots=True)
class Rerun:
    """What is to be run again.

    Attributes:
        content: the answer's blocks; `earlier` those of answers before it in the same container.
        files: what the answer made, by name.
        place: puts the uploaded files into a folder; returns remarks.
        names: the uploaded files' names.

    """

    content: Sequence[Block]
    files: Mapping[str, Artifact]
    place: Callable[[Path], Iterable[str]]
    names: Sequence[str] = ()
    earlier: Sequence[Block] = ()


def verify(rerun: Rerun, *, ask: Callable[[str], str] = input, mode: Mode | None = None) -> Verification:
    """Run an answer's code here and compare what it makes.

    Args:
        rerun: the code and its results.
        ask: asks for consent where there are no walls; gets the code and a question, returns what was typed.
        mode: which walls; None takes what works.

    Never raises for what can go wrong: the answer is there, only its verification is not.

    """
    from claude_magic import sandbox

    taken = replaying.steps(rerun.content)
    if not any(step.kind != "file" for step in taken):
        return Verification(refused="the answer ran no code")
    try:
        chosen = mode or sandbox.isolation()
        if chosen == "process":
            refusal = _consent(replaying.shown([*replaying.steps(rerun.earlier), *taken]), ask)
            if refusal:
                return Verification(refused=refusal)
        with tempfile.TemporaryDirectory(prefix="claude_magic-verify-", ignore_cleanup_errors=True) as folder:
            return _run(rerun, taken, Path(folder), chosen)
    except ClaudeMagicError as problem:
        return Verification(refused=one_line(problem.message))
    except OSError as problem:
        return Verification(refused=one_line(problem.strerror or problem))
    except KeyboardInterrupt:
        return Verification(refused="interrupted")


def _consent(code: str, ask: Callable[[str], str]) -> str:
    """Return why the code may not run; empty when somebody agrees."""
    risk = "There is no working bwrap here, so this code would run as you, with your files."
    question = f"{_visible(code)}\n\n{risk} Run it? [y/N] "
    try:
        answer = ask(question)
    except (EOFError, OSError, NotImplementedError):  # the last is IPython's, for a kernel that takes no input
        return "no sandbox works here (bwrap), and nobody can be asked"
    return "" if answer.strip().lower() in {"y", "yes"} else "no sandbox works here (bwrap), and you did not agree"


def _visible(code: str) -> str:
    """Return code with everything shown that is in it: no control sequence can hide a line from who is asked."""
    return "".join(c if c in "\n\t" or c.isprintable() else f"\\u{ord(c):04x}" for c in code)


def _run(rerun: Rerun, taken: Sequence[Step], folder: Path, mode: Mode) -> Verification:
    from claude_magic.sandbox import Sandbox

    for name in ("home", "input", "output", "tmp", "made"):
        (folder / name).mkdir(mode=0o700)
    notes = tuple(rerun.place(folder / "input"))
    with Sandbox(
        folder / "home",
        mounts={"/mnt/input": folder / "input"},
        writable={"/mnt/output": folder / "output", "/tmp": folder / "tmp"},  # noqa: S108 - inside
        mode=mode,
    ) as box:
        again = _Again(box, folder)
        again.take(again.here(replaying.steps(rerun.earlier), rerun.names))
        made, runs = again.take(again.here(taken, rerun.names))
    # The sandbox is gone, so that nothing in it can change files while they are read.
    return Verification((*runs, *_compared(rerun.files, made)), mode, notes=notes, versions=versions())


class _Again:
    """Takes steps in a sandbox."""

    def __init__(self, box: Sandbox, folder: Path) -> None:
        self._box, self._folder = box, folder
        self._number = 0

    def here(self, taken: Sequence[Step], names: Sequence[str]) -> list[Step]:
        """Return the steps with places of this sandbox."""
        return replaying.relocated(taken, names, self._box.inside(self._folder / "input"), self._box.home)

    def take(self, taken: Sequence[Step]) -> tuple[dict[str, Path], list[Check]]:
        """Take the steps; return the files they made, by their safe names, and what went otherwise than there."""
        made: dict[str, Path] = {}
        checks: list[Check] = []
        there: list[str] = []
        here: list[str] = []
        number = 0
        for step in taken:
            output, done = self._one(step)
            if step.kind != "file":
                number += 1
                there += replaying.printed(step.stdout)
                here += replaying.printed(done.stdout)
            if (done.return_code == 0) != (step.return_code == 0):
                checks.append(_ended_otherwise(step, done, number))
            for path in _taken_out(output, self._folder / "made" / str(self._number)):
                made[safe_name(path.name, made)] = path
        if there or here:
            checks.append(_printed(there, here))
        return made, checks

    def _one(self, step: Step) -> tuple[Path, Completed]:
        self._number += 1
        output = self._folder / "output" / str(self._number)
        if step.kind == "file":
            said = json.dumps({"path": step.path, "text": step.text, "old": step.old})
            return output, self._box.run(_python("-I", "-S", "-c", _EDITOR), stdin=said)
        output.mkdir(mode=0o700)
        places = {"INPUT_DIR": self._box.inside(self._folder / "input"), "OUTPUT_DIR": self._box.inside(output)}
        if step.kind == "python":
            return output, self._box.run(_python("-"), stdin=step.text, environment=places)
        return output, self._box.run(step.text, environment=places)


def _python(*arguments: str) -> str:
    return f"exec {shlex.join([sys.executable, *arguments])}"


def _taken_out(folder: Path, target: Path) -> list[Path]:
    """Copy the regular files at the top of a command's output folder out of the sandbox's reach, oldest first.

    Opened by descriptor and without following links: the code may have put a link where its folder was.
    """
    try:
        inside = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:  # a step without an output folder, or no folder any more
        return []
    try:
        target.mkdir()
        names = os.listdir(inside)  # noqa: PTH208 - pathlib has no descriptors
        found = [(os.stat(name, dir_fd=inside, follow_symlinks=False), name) for name in names]
        regular = [(status.st_mtime_ns, name) for status, name in found if stat.S_ISREG(status.st_mode)]
        return [_copied(inside, name, target / name) for _, name in sorted(regular)[:_MOST_FILES]]
    finally:
        os.close(inside)


def _copied(folder: int, name: str, target: Path) -> Path:
    source = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    with os.fdopen(source, "rb") as reader, target.open("xb") as writer:
        shutil.copyfileobj(reader, writer, 1 << 20)
    return target


def _ended_otherwise(step: Step, done: Completed, number: int) -> Check:
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    said = one_line(lines[-1]) if lines else f"return code {done.return_code}"
    name = step.path if step.kind == "file" else f"command {number}"
    if step.return_code == 0:
        return Check(name, "run", "differs", f"it succeeded there and failed here: {said}")
    return Check(name, "run", "differs", "it failed there and succeeded here")


def _printed(there: Sequence[str], here: Sequence[str]) -> Check:
    if there == here:
        return Check("printed output", "output", "agrees", f"{len(there)} lines")
    pairs = zip([*there, *[""] * len(here)], [*here, *[""] * len(there)], strict=False)
    a, b = next((a, b) for a, b in pairs if a != b)
    detail = f"`{one_line(a)[:80]}` there, `{one_line(b)[:80]}` here"
    return Check("printed output", "output", "differs", detail)


def _compared(there: Mapping[str, Artifact], here: Mapping[str, Path]) -> list[Check]:
    checks = []
    for name, artifact in there.items():
        kind = "image" if artifact.is_picture else "file"
        if name not in here:
            checks.append(Check(name, kind, "not made here"))  # type: ignore[arg-type]
            continue
        try:
            checks.append(compare(name, artifact, here[name]))
        except (FileProblem, OSError, ValueError, TypeError) as problem:
            checks.append(Check(name, "file", "differs", f"it cannot be compared: {one_line(problem)}"))
    return checks + [Check(name, "file", "made only here") for name in here if name not in there]


def versions() -> str:
    """Return the versions of Python and of what computes and draws, here."""
    found = [f"Python {platform.python_version()}"]
    for name in _LIBRARIES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return ", ".join(found)
