"""The local server as a child process of a notebook's kernel.

It gets a session of its own, so that the kernel's interrupt, which goes to the whole process group, does not reach it.
It ends when its standard input does: when `stop` closes the pipe, and just as well when the kernel dies. Base URL and
key come back through the other pipe; the key is never on a command line.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

from claude_magic.errors import LocalServerError
from claude_magic.local.serve import KEYS, check_installed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_PATIENCE = 20.0  # seconds for a slow disk; it takes well under one
_GRACE = 3.0
_OURS = f"{LocalServerError.__name__}: "


@dataclass
class Child:
    """A running local server.

    Attributes:
        base_url: where it listens.
        process: the process.

    """

    base_url: str
    _key: Callable[[], str] = field(repr=False)  # a function, so that the key is in no view of this object
    process: subprocess.Popen[bytes] = field(repr=False)
    _log: IO[bytes] = field(repr=False)
    _said: str = field(default="", init=False, repr=False)

    @property
    def key(self) -> str:
        """What opens it."""
        return self._key()

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self.process.poll() is None

    def stop(self) -> None:
        """End it and wait for its end; stopping twice is fine."""
        _end(self.process)
        self._said = self.messages()
        self._log.close()

    def messages(self) -> str:
        """What it has logged: warnings, and the tracebacks of its bugs."""
        return self._said if self._log.closed else _logged(self._log)


def start(data: Path | None = None, *, faults: bool = False) -> Child:
    """Start a local server and return when it can be asked.

    Who answers there is what `CLAUDE_MAGIC_ENGINE` and `CLAUDE_MAGIC_GGUF` say, which it inherits.

    Args:
        data: directory for files and containers; None for a temporary one that ends with the server.
        faults: let requests ask for faults.

    Raises:
        LocalServerError: its packages are missing, or it did not start.

    """
    check_installed()
    command = [sys.executable, "-P", "-m", "claude_magic.local", "--child"]
    command += ["--data", str(data)] if data is not None else []
    command += ["--faults"] if faults else []
    log = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the server
    pipe = subprocess.PIPE
    process = subprocess.Popen(  # noqa: S603 - our own module, in this interpreter
        command, stdin=pipe, stdout=pipe, stderr=log, env=_environment(), start_new_session=True
    )
    try:
        told = json.loads(_first_line(process))
        return Child(told["base_url"], _hidden(told["key"]), process, log)
    except (ValueError, KeyError, TypeError):
        _end(process)
        with log:
            last = _logged(log).strip().rpartition("\n")[2]
        if last.startswith(_OURS):  # it says itself what to do
            raise LocalServerError(last.removeprefix(_OURS), advice="") from None
        raise LocalServerError("The local server did not start.", advice=f"Its last words: {last}") from None
    except BaseException:  # an interrupt in the meantime
        _end(process)
        log.close()
        raise


def _hidden(key: str) -> Callable[[], str]:
    return lambda: key


def _environment() -> dict[str, str]:
    """This process's environment without keys: what the server runs shall not find them in its own."""
    return {name: value for name, value in os.environ.items() if name not in KEYS}


def _logged(log: IO[bytes]) -> str:
    """The log so far; its reading does not move where the server writes."""
    return os.pread(log.fileno(), os.fstat(log.fileno()).st_size, 0).decode(errors="replace")


def _first_line(process: subprocess.Popen[bytes]) -> bytes:
    """What the server announces; what there is of it when it ends, or says nothing in time."""
    if process.stdout is None:
        return b""
    line = b""
    deadline = time.monotonic() + _PATIENCE
    with selectors.DefaultSelector() as ready:
        ready.register(process.stdout, selectors.EVENT_READ)
        while not line.endswith(b"\n") and ready.select(deadline - time.monotonic()):
            piece = os.read(process.stdout.fileno(), 4096)
            if not piece:
                break
            line += piece
    return line


def _end(process: subprocess.Popen[bytes]) -> None:
    """Close its standard input; what does not end of itself is told to, then made to."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    for insist in (process.terminate, process.kill):
        try:
            process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            insist()
    process.wait()
