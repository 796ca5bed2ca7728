"""`Sandbox`: a directory, a process of its own, and commands run there.

The process is `supervisor.py` behind the walls of `isolation.py`. Requests and answers are JSON lines over its stdin
and stdout. What it answers is treated as untrusted: bounded, parsed, and the sandbox given up when it makes no sense.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Self

from claude_magic.errors import SandboxError
from claude_magic.sandbox import environment as surroundings
from claude_magic.sandbox.isolation import SUPERVISOR, SUPERVISOR_INSIDE, Layout, Mode, home, isolation, walls
from claude_magic.sandbox.limits import Completed, Limits

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

START_SECONDS = 20.0
PATIENCE = 10.0  # seconds beyond a command's own limit before the supervisor is thought stuck
STOP_SECONDS = 3.0
LOOK = 0.05  # seconds between two looks at a cancel event
NAMESPACED_NPROC = (5, 14)  # Linux counts RLIMIT_NPROC per user namespace since; before, it would count the user's all


class Sandbox:
    """A directory and a process of its own; a context manager, and safe to use from several threads in turn.

    Args:
        root: the directory; home and working directory of the commands, made if missing.
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
        root.mkdir(parents=True, exist_ok=True)
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
        self._buffer = bytearray()
        surroundings.furnish(self.root)
        self._process = self._start(dict(environment or {}))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Sandbox {self.mode}, {'alive' if self.alive else 'closed'}>"

    @property
    def alive(self) -> bool:
        """Whether its process runs."""
        return self._process.poll() is None

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
                return self._ask(message, time.monotonic() + time_limit + PATIENCE, cancel)
            except BaseException:  # KeyboardInterrupt above all: nothing may run on unseen
                self._abandon(self._number)
                raise

    def close(self) -> None:
        """End the process and everything it started. The directory stays."""
        with contextlib.suppress(OSError):  # it may be gone already
            _pipe(self._process.stdin).close()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._kill()
        _pipe(self._process.stdout).close()

    def _start(self, variables: dict[str, str]) -> subprocess.Popen[bytes]:
        temporary = self._temporary()
        settings = {
            "environment": surroundings.variables(self._home, temporary) | variables,
            "directory": self._home,
            "isolated": self.mode == "bwrap",
            "limits": _bounds(self.limits, self.mode),
        }
        process = _launch(self._command(), str(self.root))
        self._process = process
        try:
            self._send(settings)
            ready = self._line(time.monotonic() + START_SECONDS, None, 10_000)
        except BaseException:
            self._kill()
            raise
        if not ready or ready.get("ready") is not True:
            self._kill()
            said = _pipe(process.stderr).read(2000).decode("utf-8", "replace")
            raise SandboxError(f"The sandbox did not start: {said or 'no answer'}.", advice="Run `%claude doctor`.")
        _pipe(process.stderr).close()
        self.network = ready.get("network") is not False
        self.secluded = ready.get("secluded") is True
        return process

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

    def _ask(self, message: dict[str, Any], deadline: float, cancel: threading.Event | None) -> Completed:
        bound = 16 * message["output_bytes"] + 1_000_000  # a byte is at most six characters of JSON, twice
        began = time.monotonic()
        answer: dict[str, Any] | None = None
        if self._send(message):
            answer = self._line(deadline, cancel, bound, message["number"])
        if answer is None:
            self._kill()
            late = time.monotonic() > deadline
            return Completed(
                "",
                "[the container's process ended]\n",
                124 if late else 137,
                timed_out=late,
                seconds=time.monotonic() - began,
                ended_by="time" if late else "lost",
            )
        if "error" in answer:
            raise SandboxError(f"The command could not be started: {answer['error']}.", advice="Is bash installed?")
        answer.pop("number", None)
        return Completed(**answer, timed_out=answer["ended_by"] == "time")

    def _send(self, message: dict[str, Any]) -> bool:
        stream = _pipe(self._process.stdin)
        try:
            stream.write(json.dumps(message).encode() + b"\n")
            stream.flush()
        except (BrokenPipeError, ValueError):  # it ended, or was closed by another thread
            return False
        return True

    def _line(
        self, deadline: float, cancel: threading.Event | None, bound: int, number: int | None = None
    ) -> dict[str, Any] | None:
        """Return the next answer (to `number`), or None when the process ended, talks nonsense or is late."""
        descriptor = _pipe(self._process.stdout).fileno()
        asked = False
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            while time.monotonic() < deadline and len(self._buffer) < bound:
                if cancel and cancel.is_set() and not asked and number is not None:
                    asked = self._send({"kill": number})
                if (end := self._buffer.find(b"\n")) >= 0:
                    answer = _parse(bytes(self._buffer[:end]))
                    del self._buffer[: end + 1]
                    if answer is None or number is None or answer.get("number") == number:
                        return answer
                    continue
                wait = LOOK if cancel and not asked else 1.0
                if selector.select(min(wait, max(deadline - time.monotonic(), 0))):
                    if not (data := os.read(descriptor, 1 << 20)):
                        return None
                    self._buffer += data
        return None

    def _abandon(self, number: int) -> None:
        """Stop a command whose caller is gone; the sandbox goes too when that fails."""
        bound = 16 * self.limits.output_bytes + 1_000_000
        stopped = self.alive and self._send({"kill": number})
        if not stopped or self._line(time.monotonic() + STOP_SECONDS, None, bound, number) is None:
            self._kill()

    def _kill(self) -> None:
        """End the process by force, and first what descends from it: with bwrap the kernel would do that."""
        if self._process.poll() is None:
            from claude_magic.sandbox.supervisor import descendants, table

            self._process.send_signal(signal.SIGSTOP)
            for pid in descendants({self._process.pid}, table()) - {self._process.pid}:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            self._process.kill()
        self._process.wait()


def _mount_point(name: str) -> str:
    """Return the path inside of a mount called `name`."""
    point = PurePosixPath("/mnt") / name
    if ".." in point.parts or not (str(point) == "/tmp" or (point.is_relative_to("/mnt") and len(point.parts) > 2)):  # noqa: PLR2004, S108 - "/", "mnt", name
        raise SandboxError(f"{name!r} is no place to mount at.", advice="Use a name, or a path under /mnt.")
    return str(point)


def _bounds(limits: Limits, mode: Mode) -> dict[str, Any]:
    """Return the limits as the supervisor wants them."""
    rlimits = {
        "RLIMIT_AS": limits.memory_bytes,
        "RLIMIT_FSIZE": limits.file_bytes,
        "RLIMIT_NOFILE": limits.open_files,
        "RLIMIT_CORE": 0,
    }
    if mode == "bwrap" and _kernel() >= NAMESPACED_NPROC:
        rlimits["RLIMIT_NPROC"] = 4 * limits.processes  # counts threads too
    return {"rlimits": rlimits, "memory_bytes": limits.memory_bytes, "processes": limits.processes}


def _kernel() -> tuple[int, ...]:
    return tuple(int(part) for part in os.uname().release.split("-")[0].split(".")[:2] if part.isdigit())


@functools.lru_cache(maxsize=1)
def _launcher() -> ThreadPoolExecutor:
    """One thread that starts all sandboxes: Linux ends them with the *thread* that started them (PR_SET_PDEATHSIG)."""
    return ThreadPoolExecutor(1, "claude-magic-sandboxes")


def _launch(command: list[str], directory: str) -> subprocess.Popen[bytes]:
    future = _launcher().submit(
        subprocess.Popen,
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=directory,
        env={"LANG": "C.UTF-8"},
        start_new_session=True,
    )
    try:
        process: subprocess.Popen[bytes] = future.result()
    except OSError as problem:
        raise SandboxError(f"The sandbox did not start: {problem}.", advice="Run `%claude doctor`.") from None
    except BaseException:  # interrupted while it starts: end it as soon as it is there
        future.add_done_callback(lambda done: done.result().kill())
        raise
    return process


def _pipe(stream: Any) -> Any:
    """Return a stream that subprocess made because we asked for it."""
    if stream is None:
        raise SandboxError("The sandbox has no pipe.", advice="Open a new one.")
    return stream


def _parse(line: bytes) -> dict[str, Any] | None:
    """Return the JSON object in `line`, or None."""
    try:
        answer = json.loads(line)
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None
