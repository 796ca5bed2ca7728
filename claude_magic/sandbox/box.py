"""`Sandbox`: a directory, a process of its own, and commands run there.

The process is `supervisor.py` behind the walls of `isolation.py`; `channel.py` is the line to it.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Self

from claude_magic.errors import SandboxError
from claude_magic.sandbox import environment as surroundings
from claude_magic.sandbox.channel import Channel
from claude_magic.sandbox.isolation import SUPERVISOR, SUPERVISOR_INSIDE, Layout, Mode, home, isolation, walls
from claude_magic.sandbox.limits import Completed, Limits

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

START_SECONDS = 20.0
PATIENCE = 10.0  # seconds beyond a command's own limit before the supervisor is thought stuck
NAMESPACED_NPROC = (5, 14)  # Linux counts RLIMIT_NPROC per user namespace since; before, it would count the user's all


class Sandbox:
    """A directory and a process of its own; a context manager, and safe to use from several threads in turn.

    Args:
        root: the directory; home and working directory of the commands, made if missing. The sandbox's own, like those
            in `writable`: when there is too much in them, what was written last is removed.
        mounts: more directories, read-only: path inside (a bare name means ``/mnt/<name>``) → path here.
        writable: likewise, writable; ``/tmp`` is allowed too.
        limits: what a command may use.
        environment: variables for every command, beside our own.
        mode: which walls; None takes `isolation`.

    In mode ``"process"`` nothing is mounted: all paths are the real ones, and read-only is only a promise.

    Raises:
        SandboxError: no process could be started.

    """

    def __init__(
        self,
        root: Path,
        *,
        mounts: Mapping[str, Path] | None = None,
        writable: Mapping[str, Path] | None = None,
        limits: Limits | None = None,
        environment: Mapping[str, str] | None = None,
        mode: Mode | None = None,
    ) -> None:
        if os.name != "posix":
            raise SandboxError("Code cannot be run in a sandbox on this system.", advice="Use Linux, macOS or WSL.")
        self.root = root.resolve()
        self.limits = limits or Limits()
        self.mode: Mode = mode or isolation()
        self.network = True  # until the supervisor says it is cut off
        self.secluded = False  # until it says that it sees no process but its own
        self._mounts = {_mount_point(name): path.resolve() for name, path in (mounts or {}).items()}
        self._writable = {_mount_point(name): path.resolve() for name, path in (writable or {}).items()}
        self._home = home() if self.mode == "bwrap" else str(self.root)
        self._lock = threading.Lock()
        self._number = 0
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            surroundings.furnish(self.root)
        except OSError as problem:
            said = f"The sandbox's directory cannot be used: {problem.strerror}."
            raise SandboxError(said, advice="Is the disk full, or the directory somebody else's?") from None
        self._channel = self._start(dict(environment or {}))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Sandbox {self.mode}, {'alive' if self.alive else 'closed'}>"

    @property
    def alive(self) -> bool:
        """Whether its process runs."""
        return self._channel.alive

    @property
    def home(self) -> str:
        """`root` as seen inside."""
        return self._home

    def inside(self, path: Path) -> str:
        """Return `path` (under `root` or a mounted directory) as seen inside.

        Raises:
            SandboxError: it cannot be seen from inside.

        """
        real = path.resolve()
        if self.mode == "process":
            return str(real)
        for point, folder in {self._home: self.root, **self._mounts, **self._writable}.items():
            if real.is_relative_to(folder):
                return str(PurePosixPath(point) / real.relative_to(folder).as_posix())
        raise SandboxError("The path is not in the sandbox.", advice="Mount its folder.")

    def run(
        self,
        command: str,
        *,
        environment: Mapping[str, str] | None = None,
        seconds: float | None = None,
        stdin: str | None = None,
        cancel: threading.Event | None = None,
        output_bytes: int | None = None,
    ) -> Completed:
        """Run ``bash -c command`` and wait for it; one at a time, others wait their turn.

        Args:
            command: the shell's text; its stdin is empty unless `stdin` is given.
            environment: more variables, for this command.
            seconds: wall time instead of the limits'.
            stdin: text to read.
            cancel: set it from another thread to kill the command. KeyboardInterrupt kills it too, and goes on.
            output_bytes: instead of the limits'.

        Raises:
            SandboxError: the sandbox is closed, or the command cannot be one (a NUL character).

        """
        if "\0" in command or any("\0" in text for pair in (environment or {}).items() for text in pair):
            raise SandboxError("A command cannot hold a NUL character.", advice="Write it as an escape.")
        time_limit = self.limits.seconds if seconds is None else seconds
        kept = self.limits.output_bytes if output_bytes is None else output_bytes
        with self._lock:
            if not self.alive:
                raise SandboxError("The sandbox is closed.", advice="Open a new one.")
            self._number += 1
            message = {"number": self._number, "command": command, "environment": dict(environment or {})}
            message |= {"seconds": time_limit, "stdin": stdin, "output_bytes": kept}
            try:
                return self._ask(message, cancel)
            except BaseException:  # KeyboardInterrupt above all: nothing may run on unseen
                self._channel.stop(self._number, _longest(kept))
                raise

    def close(self) -> None:
        """End the process and everything it started. The directory stays."""
        self._channel.close()

    def _start(self, variables: dict[str, str]) -> Channel:
        settings = {
            "environment": surroundings.variables(self._home, self._temporary()) | variables,
            "directory": self._home,
            "isolated": self.mode == "bwrap",
            "limits": _bounds(self.limits, self.mode),
            "folders": [self.inside(path) for path in (self.root, *self._writable.values())],
        }
        channel = Channel(self._command(), str(self.root))
        try:
            channel.send(settings)
            ready = channel.receive(time.monotonic() + START_SECONDS, 10_000)
        except BaseException:
            channel.kill()
            raise
        if not ready or ready.get("ready") is not True:
            channel.kill()
            said = channel.complaint() or "no answer"
            channel.close()
            raise SandboxError(
                f"The sandbox did not start: {said}.",
                advice="Try again; if it stays so, look at this machine's free memory and processes.",
            )
        self.network = ready.get("network") is not False
        self.secluded = ready.get("secluded") is True
        return channel

    def _command(self) -> list[str]:
        layout = Layout(self.root, self._home, self._mounts, self._writable)
        try:
            before = walls(layout) if self.mode == "bwrap" else []
        except OSError as problem:
            raise SandboxError(f"The sandbox did not start: {problem}.", advice="Use a virtual environment.") from None
        program = SUPERVISOR_INSIDE if before else str(SUPERVISOR)
        return [*before, sys.executable, "-I", "-S", program]

    def _temporary(self) -> str:
        if self.mode == "bwrap":
            return "/tmp"  # noqa: S108 - inside, its own
        folder = self._writable.get("/tmp", self.root / ".tmp")  # noqa: S108 - a name inside
        folder.mkdir(exist_ok=True)
        return str(folder)

    def _ask(self, message: dict[str, Any], cancel: threading.Event | None) -> Completed:
        began = time.monotonic()
        deadline = began + message["seconds"] + PATIENCE
        answer: dict[str, Any] | None = None
        if self._channel.send(message):
            bound = _longest(message["output_bytes"])
            answer = self._channel.receive(deadline, bound, number=message["number"], cancel=cancel)
        if answer and "error" in answer:
            raise SandboxError(f"The command could not be started: {answer['error']}.", advice="Is bash installed?")
        with contextlib.suppress(KeyError, TypeError):
            if answer:
                return _completed(answer)
        self._channel.kill()
        late = time.monotonic() > deadline
        why = "time" if late else "lost"
        note, code = "[the container's process ended]\n", 124 if late else 137
        return Completed("", note, code, timed_out=late, seconds=time.monotonic() - began, ended_by=why)


def _longest(output_bytes: int) -> int:
    """Return the bytes of the longest answer: two streams, a byte of which is at most six characters of JSON."""
    return 16 * output_bytes + 1_000_000


def _completed(answer: dict[str, Any]) -> Completed:
    return Completed(
        stdout=str(answer["stdout"]),
        stderr=str(answer["stderr"]),
        return_code=int(answer["return_code"]),
        timed_out=answer["ended_by"] == "time",
        truncated=bool(answer["truncated"]),
        seconds=float(answer["seconds"]),
        ended_by=str(answer["ended_by"]),
    )


def _mount_point(name: str) -> str:
    """Return the path inside of a mount called `name`."""
    point = PurePosixPath("/mnt") / name
    if ".." in point.parts or not (str(point) == "/tmp" or (PurePosixPath("/mnt") in point.parents)):  # noqa: S108 - inside
        raise SandboxError(f"{name!r} is no place to mount at.", advice="Use a name, or a path under /mnt.")
    return str(point)


def _bounds(limits: Limits, mode: Mode) -> dict[str, Any]:
    """Return the limits as the supervisor wants them."""
    rlimits = {
        "RLIMIT_AS": limits.memory_bytes,
        "RLIMIT_FSIZE": min(limits.file_bytes, limits.disk_bytes),
        "RLIMIT_NOFILE": limits.open_files,
        "RLIMIT_CORE": 0,
    }
    if mode == "bwrap" and _kernel() >= NAMESPACED_NPROC:
        rlimits["RLIMIT_NPROC"] = 4 * limits.processes  # counts threads too
    watched = {"memory_bytes": limits.memory_bytes, "processes": limits.processes, "disk_bytes": limits.disk_bytes}
    return {"rlimits": rlimits, **watched}


def _kernel() -> tuple[int, ...]:
    return tuple(int(part) for part in os.uname().release.split("-")[0].split(".")[:2] if part.isdigit())
