"""llama.cpp's HTTP server as a child process of ours.

A crash of the library, or its half minute of leave-taking, is thus no crash of the server and no wait. The child is
started at the first answer, listens on loopback with a random key of its own that travels through the pipe, and ends
with its standard input: when we close it, and just as well when we are no more.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

from claude_magic.errors import LocalServerError
from claude_magic.local.serve import KEYS

if TYPE_CHECKING:
    from pathlib import Path

_PATIENCE = 120.0  # seconds to load a model; half a gigabyte takes 2 to 9
_GRACE = 2.0
_CONTEXT = 8192  # tokens; about 100 MB of memory for a model of half a billion parameters
_OTHER_MODEL = "Name another GGUF file with --model."


@dataclass(frozen=True)
class Address:
    """Where llama.cpp listens, as ``http://127.0.0.1:PORT``, and the key that opens it."""

    url: str
    key: str = field(repr=False)


class Process:
    """The child process, started when its address is first asked for, and again when it has died since.

    Args:
        model: the GGUF file.
        threads: of computation; None for half the cores, which leaves the notebook its share.

    """

    def __init__(self, model: Path, threads: int | None = None) -> None:
        self._model = model
        self._threads = threads or max(1, (os.cpu_count() or 2) // 2)
        self._lock = threading.Lock()
        self._running: subprocess.Popen[bytes] | None = None
        self._address = Address("", "")
        self._closed = False

    @property
    def pid(self) -> int | None:
        """The child's process id while there is one."""
        running = self._running
        return running.pid if running and running.poll() is None else None

    def address(self) -> Address:
        """Where it listens; starts it and waits for the model to be loaded if need be.

        Raises:
            LocalServerError: the model cannot be loaded, or the server is ending.

        """
        with self._lock:
            if self._running is not None and self._running.poll() is not None:
                _end(self._running)  # it has ended, its pipes have not
                self._running = None
            if self._running is None:
                self._start()
            return self._address

    def close(self) -> None:
        """End it; what does not end by itself in two seconds is made to."""
        self._closed = True  # not under the lock, which is held while a model is being loaded
        if self._running is not None:
            _end(self._running)

    def _start(self) -> None:
        key = f"sk-llama-{secrets.token_urlsafe(32)}"
        pipe = subprocess.PIPE
        with tempfile.TemporaryFile() as log:
            command = [sys.executable, "-P", "-m", "claude_magic.local.llama.child"]
            environment = {name: value for name, value in os.environ.items() if name not in KEYS}
            child = subprocess.Popen(  # noqa: S603 - our own module, in this interpreter
                command, stdin=pipe, stdout=pipe, stderr=log, env=environment, start_new_session=True
            )
            self._running = child
            told = {"model": str(self._model), "key": key, "threads": self._threads, "context": _CONTEXT}
            said = _ask(child, told)
            if "address" not in said or self._closed:
                _end(child)
                raise LocalServerError(
                    f"The model {self._model.name} could not be loaded: {_reason(said, log)}.", advice=_OTHER_MODEL
                )
        self._address = Address(said["address"], key)


def _ask(child: subprocess.Popen[bytes], told: dict[str, Any]) -> dict[str, Any]:
    """Tell the child its settings; what it says then, or nothing when it ends or takes too long."""
    if child.stdin is None or child.stdout is None:
        return {}
    line = b""
    deadline = time.monotonic() + _PATIENCE
    try:
        child.stdin.write(json.dumps(told).encode() + b"\n")
        child.stdin.flush()
        while not line.endswith(b"\n") and select.select([child.stdout], [], [], deadline - time.monotonic())[0]:
            piece = os.read(child.stdout.fileno(), 4096)
            if not piece:
                return {}
            line += piece
        said = json.loads(line)
    except (OSError, ValueError):  # it has ended, or was ended under our hands
        return {}
    return said if isinstance(said, dict) else {}


def _reason(said: dict[str, Any], log: IO[bytes]) -> str:
    """The library's own complaint: the first error line of its log, else what the child said."""
    log.seek(0)
    lines = log.read().decode(errors="replace").splitlines()
    complaint = next((line for line in lines if " E " in line or line.startswith("error")), "")
    words = complaint.partition(" E ")[2] or complaint or said.get("error") or "it took too long, or was ended"
    return " ".join(str(words).split()).rstrip(".")


def _end(child: subprocess.Popen[bytes]) -> None:
    """Close its standard input, and kill it if that does not end it."""
    if child.stdin is not None:
        with contextlib.suppress(OSError):
            child.stdin.close()
    try:
        child.wait(_GRACE)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    if child.stdout is not None:
        child.stdout.close()
