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
from pathlib import Path

from claude_magic.errors import LocalServerError, one_line
from claude_magic.local.serve import check_installed

_PATIENCE = 20.0  # seconds for a slow disk; it takes well under one
_GRACE = 3.0


@dataclass
class Child:
    """A running local server.

    Attributes:
        base_url: where it listens.
        key: what opens it.
        process: the process.
        log: the file its messages go to.

    """

    base_url: str
    key: str = field(repr=False)
    process: subprocess.Popen[bytes] = field(repr=False)
    log: Path

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self.process.poll() is None

    def stop(self) -> None:
        """End it and wait for its end; stopping twice is fine."""
        _end(self.process)


def start(data: Path | None = None, *, faults: bool = False) -> Child:
    """Start a local server and return when it can be asked.

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
    log = _log_file(data)
    with log.open("ab") as errors:
        process = subprocess.Popen(  # noqa: S603 - our own module, in this interpreter
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, start_new_session=True
        )
    try:
        told = json.loads(_first_line(process))
        return Child(told["base_url"], told["key"], process, log)
    except (ValueError, KeyError, TypeError):
        _end(process)
        raise LocalServerError(f"The local server did not start. {_last_line(log)}", advice=f"See {log}.") from None
    except BaseException:  # an interrupt in the meantime
        _end(process)
        raise


def _log_file(data: Path | None) -> Path:
    if data is not None:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        return data / "server.log"
    handle, name = tempfile.mkstemp(prefix="claude-magic-server-", suffix=".log")
    os.close(handle)
    return Path(name)


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


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return one_line(lines[-1]) if lines else ""


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
