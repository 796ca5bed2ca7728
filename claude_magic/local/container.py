"""One container of the code execution tool: its directory, its process, its tools."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import stat
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from claude_magic.errors import SandboxError
from claude_magic.local import editor, inputs, outputs
from claude_magic.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable

    from claude_magic.sandbox import Completed, Limits
    from claude_magic.sandbox.isolation import Mode

BASH = "bash_code_execution"
MAX_OUTPUT_BYTES = 500_000_000  # of one file: the API's own limit for a file
MAX_OUTPUT_FILES = 100
EDIT_SECONDS = 30.0
EDIT_OUTPUT_BYTES = 30_000_000
RECORD = "container.json"
DEEPEST = 100  # folders in folders


class FileRecord(Protocol):
    """An uploaded file, as the file store describes it."""

    @property
    def id(self) -> str:
        """Its id."""
        ...

    @property
    def filename(self) -> str:
        """Its name."""
        ...


class Files(Protocol):
    """What a container needs of the file store."""

    def add_generated(self, filename: str, mime_type: str | None, path: Path, /) -> str:
        """Store a copy of a file that a container made; return its id."""
        ...

    def open_path(self, file_id: str, /) -> Path:
        """Return where a stored file's content lies."""
        ...


class Pool(Protocol):
    """What a container needs of the pool it belongs to."""

    root: Path
    files: Files
    limits: Limits
    idle_seconds: float
    max_age_seconds: float
    clock: Callable[[], float]

    @property
    def mode(self) -> Mode:
        """Which walls stand around the containers."""
        ...

    def make_room(self, newcomer: Container, /) -> None:
        """End surplus processes before `newcomer`'s starts."""
        ...


class Container:
    """One container; made by `ContainerPool.get`. Commands run one at a time.

    Attributes:
        id: ``container_…``.
        workspace: whose it is.
        created: seconds since 1970.
        used: last use, likewise.

    """

    def __init__(self, pool: Pool, container_id: str, workspace: str, record: dict[str, Any] | None = None) -> None:
        self.id, self.workspace = container_id, workspace
        known = record or {"created": pool.clock(), "used": pool.clock(), "commands": 0, "mounted": {}}
        self.created, self.used = float(known["created"]), float(known["used"])
        self.commands = int(known["commands"])
        self._pool = pool
        self._box: Sandbox | None = None
        self._lock = threading.RLock()
        self._mounted: dict[str, str] = dict(known["mounted"])  # file id → name in $INPUT_DIR
        self._root = pool.root / container_id

    def __repr__(self) -> str:
        return f"<Container {self.id}>"

    @property
    def expires_at(self) -> str:
        """When it expires unless used again, RFC 3339."""
        return datetime.fromtimestamp(self._end, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")

    @property
    def expired(self) -> bool:
        """Whether its time is over."""
        return self._pool.clock() >= self._end

    @property
    def busy(self) -> bool:
        """Whether a command runs in it."""
        if not self._lock.acquire(blocking=False):
            return True
        self._lock.release()
        return False

    @property
    def alive(self) -> bool:
        """Whether its process runs."""
        box = self._box
        return box is not None and box.alive

    @property
    def _end(self) -> float:
        return min(self.used + self._pool.idle_seconds, self.created + self._pool.max_age_seconds)

    def touch(self) -> None:
        """Begin its idle time again."""
        self.used = self._pool.clock()
        for name in ("home", "input", "output", "tmp"):
            folder = self._root / name
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not folder.is_symlink():
                folder.chmod(0o700)  # a command may have locked it
        record = {"workspace": self.workspace, "created": self.created, "used": self.used}
        record |= {"commands": self.commands, "mounted": self._mounted, "mode": self._pool.mode}
        fresh = self._root / f".{RECORD}.{threading.get_ident()}"
        fresh.write_text(json.dumps(record), "utf-8")
        fresh.replace(self._root / RECORD)

    def mount(self, record: FileRecord) -> str:
        """Put an uploaded file at ``$INPUT_DIR/<filename>``; return the name it has there.

        A second file of the same name is numbered, the same file is put there once.

        Raises:
            OSError: its content is not there.

        """
        with self._lock:
            if record.id not in self._mounted:
                name = inputs.free_name(self._root / "input", record.filename)
                content = self._pool.files.open_path(record.id)
                inputs.place(content, self._root / "input" / name, read_only=self._pool.mode == "bwrap")
                self._mounted[record.id] = name
                self.touch()
            return self._mounted[record.id]

    def bash(self, command: object, cancel: threading.Event | None = None) -> dict[str, Any]:
        """Run a shell command; return the content object of its result block.

        Args:
            command: the tool's input.
            cancel: set it to kill the command.

        """
        if not isinstance(command, str) or not command.strip() or "\0" in command:
            return _bash_error("invalid_tool_input")
        with self._lock:
            self.commands += 1
            folder = self._root / "output" / str(self.commands)
            try:
                self.touch()
                folder.mkdir(mode=0o700)
                done = self._run(command, folder, cancel)
                self.used = self._pool.clock()
                return _bash_error("execution_time_exceeded") if done.timed_out else self._result(done, folder)
            except outputs.OutputTooLarge:
                return _bash_error("output_file_too_large")
            except (SandboxError, OSError):  # it does not start, or the disk is full
                return _bash_error("unavailable")

    def edit(self, request: object) -> dict[str, Any]:
        """Carry out a call of the text editor; return the content object of its result block."""
        if not isinstance(request, dict):
            return editor.failure("invalid_tool_input", "The input must be an object.")
        with self._lock:
            try:
                self.touch()
                box = self._open()
                done = box.run(
                    f"exec {shlex.quote(sys.executable)} -I -S -c {shlex.quote(_editor())}",
                    stdin=json.dumps({"request": request, **self._places(box)}),
                    seconds=EDIT_SECONDS,
                    output_bytes=EDIT_OUTPUT_BYTES,
                )
            except (SandboxError, OSError):  # it does not start, or the disk is full
                return editor.failure("unavailable")
        if done.timed_out:
            return editor.failure("execution_time_exceeded")
        try:
            answer = json.loads(done.stdout)
        except ValueError:
            return editor.failure("unavailable")
        return answer if isinstance(answer, dict) else editor.failure("unavailable")

    def close(self) -> None:
        """End its process and everything in it. The next use starts it again, with its files."""
        with self._lock:
            if self._box:
                self._box.close()
            self._box = None

    def close_if_idle(self) -> bool:
        """End its process unless a command runs; return whether it was ended."""
        if not self._lock.acquire(blocking=False):
            return False
        try:
            self.close()
        finally:
            self._lock.release()
        return True

    def remove(self) -> None:
        """End it and remove its directory."""
        self.close()
        while _opened_up(self._root):
            pass
        shutil.rmtree(self._root, ignore_errors=True)

    def _open(self) -> Sandbox:
        """Return the running sandbox; start it, and make room for it, when it is not running."""
        if not (self._box and self._box.alive):
            self.close()
            self._pool.make_room(self)
            self._box = Sandbox(
                self._root / "home",
                mounts={"/mnt/input": self._root / "input"},
                writable={"/mnt/output": self._root / "output", "/tmp": self._root / "tmp"},  # noqa: S108 - inside
                limits=self._pool.limits,
                mode=self._pool.mode,
            )
        return self._box

    def _run(self, command: str, folder: Path, cancel: threading.Event | None) -> Completed:
        box = self._open()
        places = {"INPUT_DIR": box.inside(self._root / "input"), "OUTPUT_DIR": box.inside(folder)}
        return box.run(command, environment=places, cancel=cancel)

    def _result(self, done: Completed, folder: Path) -> dict[str, Any]:
        stderr = done.stderr
        staging = self._root / "staging"
        with outputs.gathered(folder, staging, most=MAX_OUTPUT_FILES, largest=MAX_OUTPUT_BYTES) as (files, left):
            made = [self._pool.files.add_generated(file.name, None, file.path) for file in files]
        if left:
            stderr += f"[{left} files more than {MAX_OUTPUT_FILES} in $OUTPUT_DIR were left there]\n"
        return {
            "type": f"{BASH}_result",
            "stdout": done.stdout,
            "stderr": stderr,
            "return_code": done.return_code,
            "content": [{"type": f"{BASH}_output", "file_id": file_id} for file_id in made],
        }

    def _places(self, box: Sandbox) -> dict[str, Any]:
        """Where the editor may go, as seen inside."""
        writable = [box.inside(self._root / name) for name in ("home", "output", "tmp")]
        return {"home": box.home, "writable": writable, "roots": [*writable, box.inside(self._root / "input")]}


def _opened_up(root: Path) -> int:
    """Open the folders below `root` that code has locked, and raise to its top what `rmtree` would lose itself in.

    Returns:
        How many folders were raised; what is in them has not been looked at.

    """
    raised = 0
    for base, folders, _, inside in os.fwalk(root):  # follows no links
        deep = len(Path(base).relative_to(root).parts) >= DEEPEST
        for name in folders:
            with contextlib.suppress(OSError):
                if stat.S_ISDIR(os.stat(name, dir_fd=inside, follow_symlinks=False).st_mode):
                    os.chmod(name, 0o700, dir_fd=inside)
                    if deep:
                        os.rename(name, root / f"raised-{os.urandom(8).hex()}", src_dir_fd=inside)
                        raised += 1
        if deep:
            folders.clear()
    return raised


def _bash_error(code: str) -> dict[str, Any]:
    return {"type": f"{BASH}_tool_result_error", "error_code": code}


def _editor() -> str:
    return Path(editor.__file__).read_text("utf-8")
