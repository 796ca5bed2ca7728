"""Values of the sandbox: what a command may use, and how it ended."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

GIB = 2**30


def _memory() -> int:
    """Five GiB, what the API's containers have (code-execution.md), but never over three quarters of the machine."""
    try:
        machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # not told on this system
        return 5 * GIB
    return min(5 * GIB, machine * 3 // 4) if machine > 0 else 5 * GIB


@dataclass(frozen=True, slots=True)
class Limits:
    """What one command may use.

    Attributes:
        seconds: wall time; 90 is what the API gives a cell (code-execution.md).
        memory_bytes: address space of one process; where the sandbox sees all its processes, their sum too.
        output_bytes: kept of stdout and of stderr, each: the first and the last half.
        file_bytes: the largest file a process may write.
        disk_bytes: what may lie in the sandbox's directories, all in all; 5 GiB is what the API's containers have
            (code-execution.md). Beyond it everything is killed, and what was written last is removed.
        processes: processes alive at a time in one sandbox.
        open_files: file descriptors of one process.

    """

    seconds: float = 90.0
    memory_bytes: int = field(default_factory=_memory)
    output_bytes: int = 1_000_000
    file_bytes: int = 2 * GIB
    disk_bytes: int = 5 * GIB
    processes: int = 256
    open_files: int = 1024


@dataclass(frozen=True, slots=True)
class Completed:
    """A command that has ended, in whatever way.

    Attributes:
        stdout: what it wrote, UTF-8, other bytes as U+FFFD; cut in the middle with a marker when it was too long.
        stderr: likewise.
        return_code: the shell's, 128 + n after signal n; 124 after the time limit, 130 when cancelled, 137 when killed
            for another limit.
        timed_out: the wall time was over.
        truncated: stdout or stderr was cut.
        seconds: wall time it took.
        ended_by: "" for its own end, else "time", "cancelled", "memory", "processes", "disk" or "lost" (the sandbox
            died).

    """

    stdout: str
    stderr: str
    return_code: int
    timed_out: bool = False
    truncated: bool = False
    seconds: float = 0.0
    ended_by: str = ""
