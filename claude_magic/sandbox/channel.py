"""The process of a sandbox and the line to it: JSON objects, one a line, over its stdin and stdout.

What it answers is treated as untrusted: bounded, parsed, and given up when it makes no sense.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import selectors
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from claude_magic.errors import SandboxError

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence

STOP_SECONDS = 3.0
LOOK = 0.05  # seconds between two looks at a cancel event


class Channel:
    """A process that talks in JSON lines.

    Args:
        command: its command line.
        directory: where it starts.

    Raises:
        SandboxError: it cannot be started.

    """

    def __init__(self, command: Sequence[str], directory: str) -> None:
        self._process = _launch(command, directory)
        self._buffer = bytearray()

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def send(self, message: dict[str, Any]) -> bool:
        """Write one object; return whether somebody is there to read it."""
        stream = _pipe(self._process.stdin)
        try:
            stream.write(json.dumps(message).encode() + b"\n")
            stream.flush()
        except (BrokenPipeError, ValueError):  # it ended, or was closed by another thread
            return False
        return True

    def receive(
        self, deadline: float, bound: int, *, number: int | None = None, cancel: threading.Event | None = None
    ) -> dict[str, Any] | None:
        """Return the next object (that answers `number`); None when the process ended, talks nonsense or is late.

        Args:
            deadline: by `time.monotonic`.
            bound: bytes of the longest line.
            number: objects with another number, answers to earlier questions, are passed over.
            cancel: when it is set the process is asked once to stop `number`, and its answer waited for.

        """
        descriptor = _pipe(self._process.stdout).fileno()
        searched, asked = 0, False
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            while time.monotonic() < deadline and len(self._buffer) < bound:
                if cancel and cancel.is_set() and not asked:
                    asked = self.send({"kill": number})
                if (end := self._buffer.find(b"\n", searched)) >= 0:
                    answer = _parse(bytes(self._buffer[:end]))
                    del self._buffer[: end + 1]
                    searched = 0
                    if answer is None or number is None or answer.get("number") == number:
                        return answer
                    continue
                searched = len(self._buffer)
                wait = LOOK if cancel and not asked else 1.0
                if selector.select(min(wait, max(deadline - time.monotonic(), 0))):
                    if not (data := os.read(descriptor, 1 << 20)):
                        return None
                    self._buffer += data
        return None

    def stop(self, number: int, bound: int) -> None:
        """Ask it to stop what it does for `number`; end it when it does not."""
        asked = self.alive and self.send({"kill": number})
        if not asked or self.receive(time.monotonic() + STOP_SECONDS, bound, number=number) is None:
            self.kill()

    def complaint(self) -> str:
        """Return what a process that has ended said on stderr."""
        said: bytes = _pipe(self._process.stderr).read(2000)
        return said.decode("utf-8", "replace").strip()

    def close(self) -> None:
        """End its stdin, which ends it; by force when that takes long."""
        with contextlib.suppress(OSError):  # it may be gone already
            _pipe(self._process.stdin).close()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
        for stream in (self._process.stdout, self._process.stderr):
            _pipe(stream).close()

    def kill(self) -> None:
        """End it by force, and first what descends from it: the kernel does that only for namespaces."""
        if self.alive:
            from claude_magic.sandbox.supervisor import descendants, table

            self._process.send_signal(signal.SIGSTOP)
            for pid in descendants({self._process.pid}, table()) - {self._process.pid}:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            self._process.kill()
        self._process.wait()


@functools.lru_cache(maxsize=1)
def _launcher() -> ThreadPoolExecutor:
    """One thread that starts all sandboxes: Linux ends them with the *thread* that started them (PR_SET_PDEATHSIG)."""
    return ThreadPoolExecutor(1, "claude-magic-sandboxes")


def _launch(command: Sequence[str], directory: str) -> subprocess.Popen[bytes]:
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
        raise SandboxError(
            f"The sandbox did not start: {problem}.",
            advice="Try again; if it stays so, look at this machine's free memory and processes.",
        ) from None
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
