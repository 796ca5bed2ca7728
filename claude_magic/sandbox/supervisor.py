"""The process that lives inside a sandbox and runs its commands.

The sandbox starts it as ``python -I -S`` on this file: the standard library only, nothing of ours. It reads JSON
lines on stdin (first the settings, then commands) and writes JSON lines on stdout. Each command is ``bash -c`` in a
session of its own with limits. What a command leaves running stays, its output drained to nowhere, until the
supervisor ends; and it ends when stdin does, that is when whoever started it closes it or dies.

Two situations:

* under bwrap it is process 1 of a PID namespace: nothing inside can kill or stop it, it adopts every orphan, it sees
  every process, and the kernel ends them all with it. Without bwrap it takes such namespaces by itself where Linux
  lets an ordinary user (`seclude`): then there is no network either, and `kill -1` reaches nobody outside;
* where not, it is a session leader that asks Linux to adopt the orphans of its descendants, and kills what descends
  from it before it leaves. Elsewhere (macOS) it kills process groups.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import selectors
import signal
import stat
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PIECE = 65536
TICK = 0.1  # seconds between two looks at time, memory and process count
BLOCK = 4096  # bytes that the smallest entry of a directory counts for, so that a flood of empty files counts too
DEEPEST = 100  # folders in folders; what is deeper is removed, since those who tidy up would lose themselves in it
FILE_CLOCK = 50_000_000  # ns that the time of a file's change may lag behind the clock
LOOK, CHANGE = 0o500, 0o700  # rights to a folder, of who owns it
REST = 20  # of the time one look at the disk takes, so long is none taken: at most a twentieth of the time goes there
GRACE = 0.05  # seconds a finished shell's pipes may stay open for a last word of its helpers
LONGEST_ARGUMENT = 100_000  # Linux refuses a single argument over 128 KiB (MAX_ARG_STRLEN)
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER = 1, 4, 36  # linux/prctl.h
CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x20000, 0x10000000, 0x20000000, 0x40000000  # linux/sched.h
MS_REC_PRIVATE = 0x4000 | 0x40000  # linux/mount.h
NOTES = {
    "memory": "\n[killed: more memory than a container may use]\n",
    "processes": "\n[killed: more processes than a container may have]\n",
    "disk": "\n[killed: more on the disk than a container may keep; what it wrote last was removed]\n",
}
CODES = {"time": 124, "cancelled": 130, "memory": 137, "processes": 137, "disk": 137}
LINUX = sys.platform.startswith("linux")


class Capture:
    """The first and the last half of what a stream says, in bounded memory."""

    def __init__(self, limit: int) -> None:
        self.half = max(limit // 2, 1)
        self.head = bytearray()
        self.tail = bytearray()
        self.total = 0

    def add(self, data: bytes) -> None:
        """Take the next piece."""
        self.total += len(data)
        room = self.half - len(self.head)
        self.head += data[:room]
        self.tail += data[room:]
        if len(self.tail) > self.half + 4 * PIECE:  # trimmed now and then, not at every piece
            del self.tail[: -self.half]

    @property
    def cut(self) -> bool:
        """Whether something was left out."""
        return self.total > 2 * self.half

    def text(self) -> str:
        """What was kept, with a marker where something is missing."""
        if not self.cut:
            return (self.head + self.tail).decode("utf-8", "replace")
        missing = self.total - 2 * self.half
        marker = f"\n[... {missing} bytes left out ...]\n"
        return self.head.decode("utf-8", "replace") + marker + self.tail[-self.half :].decode("utf-8", "replace")


class Command:
    """One command that is running."""

    def __init__(self, message: dict[str, Any], process: subprocess.Popen[bytes], limit: int) -> None:
        self.number = message["number"]
        self.process = process
        self.started = time.monotonic()
        self.deadline = self.started + message["seconds"]
        self.status: int | None = None
        self.ended: float | None = None
        self.ended_by = ""
        self.captures = {_own(stream): Capture(limit) for stream in (process.stdout, process.stderr)}
        self.open = set(self.captures)

    def answer(self) -> dict[str, Any]:
        """The line for whoever asked."""
        stdout, stderr = self.captures.values()
        status = self.status or 0
        code = 128 - status if status < 0 else status
        return {
            "number": self.number,
            "stdout": stdout.text(),
            "stderr": stderr.text() + NOTES.get(self.ended_by, ""),
            "return_code": CODES.get(self.ended_by, code),
            "truncated": stdout.cut or stderr.cut,
            "seconds": time.monotonic() - self.started,
            "ended_by": self.ended_by,
        }


def _own(stream: Any) -> int:
    """Take a pipe over from subprocess: it may outlive its command."""
    descriptor = os.dup(stream.fileno())
    stream.close()
    os.set_blocking(descriptor, False)
    return descriptor


def table() -> dict[int, tuple[int, int]]:
    """Every process /proc shows: pid → (parent's pid, bytes of its own memory). Empty where there is no /proc."""
    page = os.sysconf("SC_PAGE_SIZE")
    found: dict[int, tuple[int, int]] = {}
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir("/proc"):  # noqa: PTH208 - pathlib costs start-up time
            if name.isdigit():
                with contextlib.suppress(OSError):  # it may end while we look
                    stat = _read(f"/proc/{name}/stat")
                    parent = int(stat[stat.rindex(b")") + 2 :].split()[1])
                    resident, shared = _read(f"/proc/{name}/statm").split()[1:3]
                    found[int(name)] = (parent, (int(resident) - int(shared)) * page)
    return found


def _read(path: str) -> bytes:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return os.read(descriptor, 4096)
    finally:
        os.close(descriptor)


def descendants(roots: set[int], processes: dict[int, tuple[int, int]]) -> set[int]:
    """`roots` that are alive, and all that descends from them."""
    children: dict[int, list[int]] = {}
    for pid, (parent, _) in processes.items():
        children.setdefault(parent, []).append(pid)
    found: set[int] = set()
    queue = [pid for pid in roots if pid in processes]
    while queue:
        pid = queue.pop()
        if pid not in found:
            found.add(pid)
            queue += children.get(pid, [])
    return found


def mount_points() -> frozenset[tuple[int, int]]:
    """Device and inode of every folder that is mounted here: what lies in it is not the sandbox's."""
    found = set()
    with contextlib.suppress(FileNotFoundError), open("/proc/self/mountinfo", "rb") as file:  # noqa: PTH123 - start-up
        for line in file:
            path = line.split()[4].replace(rb"\040", b" ")  # proc(5)
            with contextlib.suppress(OSError):
                status = os.stat(path)  # noqa: PTH116 - likewise
                found.add((status.st_dev, status.st_ino))
    return frozenset(found)


def below(
    folder: int, others: frozenset[tuple[int, int]], rights: int, depth: int = 0
) -> Iterator[tuple[int, str, os.stat_result, int]]:
    """Everything below an open folder: the open folder it lies in, its name, its status, how deep it lies.

    A folder comes after what is in it; one that lies as deep as `DEEPEST` is not looked into, one of `others` (a Python
    environment under /tmp is mounted there) is not even seen. Names are looked up in open folders and links are not
    followed, so nothing that is moved or linked meanwhile leads out of `folder`. A folder that gives its owner less
    than `rights` is given them.
    """
    with os.scandir(folder) as found:
        for entry in found:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):  # it went, or is another, while we look
                status = entry.stat(follow_symlinks=False)
                if (status.st_dev, status.st_ino) in others:
                    continue
                if stat.S_ISDIR(status.st_mode) and depth < DEEPEST:
                    inner = _enter(entry.name, folder, rights)
                    try:
                        yield from below(inner, others, rights, depth + 1)
                    finally:
                        os.close(inner)
                yield folder, entry.name, status, depth


def _enter(name: str, folder: int, rights: int) -> int:
    """Open a folder with these rights, also one that was locked."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
    try:
        inner = os.open(name, flags, dir_fd=folder)
    except PermissionError:
        os.chmod(name, CHANGE, dir_fd=folder)
        inner = os.open(name, flags, dir_fd=folder)
    mode = stat.S_IMODE(os.fstat(inner).st_mode)
    if mode & rights != rights:
        os.fchmod(inner, mode | rights)
    return inner


def nameless(pids: set[int]) -> Iterator[os.stat_result]:
    """Files that processes keep open and that have no name any more: they fill the disk unseen."""
    for pid in pids:
        with contextlib.suppress(OSError):
            for number in os.listdir(f"/proc/{pid}/fd"):  # noqa: PTH208 - pathlib costs start-up time
                with contextlib.suppress(OSError):
                    status = os.stat(f"/proc/{pid}/fd/{number}")  # noqa: PTH116 - likewise
                    if stat.S_ISREG(status.st_mode) and not status.st_nlink:
                        yield status


class Supervisor:
    """Reads commands, runs one at a time, answers."""

    def __init__(self, settings: dict[str, Any], libc: Any) -> None:
        self.environment: dict[str, str] = settings["environment"]
        self.directory: str = settings["directory"]
        self.limits: dict[str, Any] = settings["limits"]
        # Opened before any code has run: whatever it puts in their places, these stay the folders meant.
        self.folders = [os.open(path, os.O_RDONLY | os.O_DIRECTORY) for path in settings["folders"]]
        self.others = mount_points()
        self.looked = (time.monotonic(), 0.0)  # when the disk was looked at, and how long that took
        self.fitted = time.time_ns() - FILE_CLOCK  # when the folders last held no more than they may, ns since 1970
        self.libc = libc
        self.alone = os.getpid() == 1
        self.selector = selectors.DefaultSelector()
        self.line = bytearray()
        self.command: Command | None = None
        self.before: set[int] = set()
        self.groups: set[int] = set()  # process groups of commands, for systems without /proc
        self.watched = time.monotonic()

    def serve(self) -> None:
        """Until stdin ends."""
        woken, wake = os.pipe()
        os.set_blocking(woken, False)
        os.set_blocking(wake, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        self.selector.register(0, selectors.EVENT_READ, self.listen)
        self.selector.register(woken, selectors.EVENT_READ, lambda descriptor: os.read(descriptor, PIECE))
        while True:
            for key, _ in self.selector.select(self.patience()):
                key.data(key.fd)
            self.reap()
            self.watch()
            self.settle()

    def patience(self) -> float | None:
        """Return how long nothing needs to be looked at, in seconds."""
        if self.command and self.command.ended:
            return GRACE / 5
        return TICK if self.command or self.before else None

    def listen(self, descriptor: int) -> None:
        """Take what came on stdin: commands, a wish to stop one, or the end."""
        data = os.read(descriptor, PIECE)
        if not data:
            self.leave()
        self.line += data
        while (end := self.line.find(b"\n")) >= 0:
            message = json.loads(self.line[:end])
            del self.line[: end + 1]
            if "kill" not in message:
                self.start(message)
            elif self.command and self.command.number == message["kill"]:
                self.stop("cancelled")

    def start(self, message: dict[str, Any]) -> None:
        """Run one command; what cannot be started is answered with `error`."""
        self.before = self.children()
        self.unlock()
        try:
            process = self.popen(message)
        except (OSError, ValueError, subprocess.SubprocessError) as problem:
            say({"number": message["number"], "error": str(problem)})
            return
        self.groups = {group for group in self.groups if _signal_group(group, 0)} | {process.pid}
        self.command = Command(message, process, message["output_bytes"])
        for descriptor in self.command.captures:
            self.selector.register(descriptor, selectors.EVENT_READ, self.read)

    def popen(self, message: dict[str, Any]) -> subprocess.Popen[bytes]:
        """Start bash on the command, with limits, in a session of its own."""
        text = message["command"].encode("utf-8", "surrogateescape" if _escapes(message["command"]) else "replace")
        with contextlib.ExitStack() as stack:
            stdin: Any = subprocess.DEVNULL
            if message.get("stdin") is not None:
                stdin = stack.enter_context(_file(message["stdin"].encode("utf-8", "replace")))
            arguments: list[Any] = ["bash", "-c", text]
            passed: tuple[int, ...] = ()
            if len(text) > LONGEST_ARGUMENT:
                script = stack.enter_context(_file(text))
                passed = (script.fileno(),)
                arguments = ["bash", f"/dev/fd/{script.fileno()}"]
            return subprocess.Popen(  # noqa: S603 - to run what it is told is what this program is for
                arguments,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=self.directory,
                env=self.environment | message["environment"],
                start_new_session=True,
                pass_fds=passed,
                preexec_fn=self.confine,  # noqa: PLW1509 - there are no threads here
            )

    def confine(self) -> None:
        """Lower the limits of the process that is about to become bash."""
        for name, value in self.limits["rlimits"].items():
            kind = getattr(resource, name)
            _, hard = resource.getrlimit(kind)
            bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
            with contextlib.suppress(ValueError, OSError):  # macOS refuses some of them
                resource.setrlimit(kind, (bound, bound))
        if LINUX:
            self.libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            self.libc.prctl(PR_SET_DUMPABLE, 1)  # until exec, as then anyway: or else /proc/self cannot be written
            with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:  # noqa: PTH123 - pathlib costs start-up time
                file.write("1000")  # short of memory, the kernel shall take this process, not the notebook

    def read(self, descriptor: int) -> bool:
        """Take what a pipe holds; of a pipe whose command is over, to nowhere. Return whether more may come at once."""
        try:
            data = os.read(descriptor, PIECE)
        except BlockingIOError:
            return False
        mine = self.command if self.command and descriptor in self.command.captures else None
        if not data:
            self.selector.unregister(descriptor)
            os.close(descriptor)
            if mine:
                mine.open.discard(descriptor)
        elif mine:
            mine.captures[descriptor].add(data)
        return bool(data)

    def reap(self) -> None:
        """Collect every child that has ended."""
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if not pid:
                    return
                if self.command and pid == self.command.process.pid:
                    self.command.status = os.waitstatus_to_exitcode(status)
                    self.command.process.returncode = self.command.status  # so that subprocess does not wait too
                    self.command.ended = time.monotonic()

    def watch(self) -> None:
        """Stop what is over its time, its room on the disk, its memory or its number of processes."""
        now = time.monotonic()
        if self.command and self.command.status is None and now > self.command.deadline:
            self.stop("time")
        if (self.command or self.before) and now - self.looked[0] > max(TICK, REST * self.looked[1]):
            self.check_disk()
        if now - self.watched < (TICK if self.alone else 5 * TICK) or not LINUX:
            return
        self.watched = now
        if not self.command:
            self.before = self.children()
        processes = table()
        mine = self.everyone(processes)
        if len(mine) > self.limits["processes"]:
            self.stop("processes", all_of_it=True)
        elif sum(processes[pid][1] for pid in mine) > self.limits["memory_bytes"]:
            self.stop("memory", all_of_it=True)

    def check_disk(self) -> None:
        """Stop everything when more lies in the folders than may, and remove what was changed since it was less."""
        began, now = time.monotonic(), time.time_ns()
        self.unlock()
        if not self.overfull():
            self.fitted = now - FILE_CLOCK
        else:
            if self.command:
                self.command.ended_by = self.command.ended_by or "disk"
            self.kill_all()
            with contextlib.suppress(OSError):  # the disk itself fails
                self.unlock()
                self.make_room()
        self.looked = (time.monotonic(), time.monotonic() - began)

    def unlock(self) -> None:
        """Give the folders back the rights that a command may have taken from them."""
        for folder in self.folders:
            with contextlib.suppress(OSError):
                os.fchmod(folder, 0o700)

    def overfull(self) -> bool:
        """Tell whether the folders hold more than they may; files that are open and have no name any more included."""
        most: int = self.limits["disk_bytes"]
        total = 0
        try:
            for _, _, status, depth in (entry for folder in self.folders for entry in below(folder, self.others, LOOK)):
                total += max(512 * status.st_blocks // max(status.st_nlink, 1), BLOCK)
                if total > most or (depth == DEEPEST and stat.S_ISDIR(status.st_mode)):
                    return True
        except OSError:  # locked again this very moment: what nobody can look at may be any size
            return True
        devices = {os.fstat(folder).st_dev for folder in self.folders}
        found = nameless(self.everyone(table()))
        unseen = {(s.st_dev, s.st_ino): 512 * s.st_blocks for s in found if s.st_dev in devices}
        return total + sum(unseen.values()) > most

    def make_room(self) -> None:
        """Remove what was changed since the folders last held no more than they may."""
        for folder in self.folders:
            raised = 1
            while raised:  # what lies too deep is raised to the top, and looked at again
                raised = 0
                for inside, name, status, depth in below(folder, self.others, CHANGE):
                    with contextlib.suppress(OSError):  # a folder that still holds something
                        if not stat.S_ISDIR(status.st_mode):
                            if status.st_ctime_ns >= self.fitted:
                                os.unlink(name, dir_fd=inside)
                        elif depth == DEEPEST:
                            os.chmod(name, CHANGE, dir_fd=inside)
                            os.rename(name, f".raised-{time.time_ns()}", src_dir_fd=inside, dst_dir_fd=folder)
                            raised += 1
                        elif status.st_ctime_ns >= self.fitted:
                            os.rmdir(name, dir_fd=inside)

    def children(self) -> set[int]:
        """Own children that live."""
        me = os.getpid()
        return {pid for pid, (parent, _) in table().items() if parent == me}

    def everyone(self, processes: dict[int, tuple[int, int]]) -> set[int]:
        """All that descends from here."""
        me = os.getpid()
        return (set(processes) if self.alone else descendants({me}, processes)) - {me}

    def stop(self, reason: str, *, all_of_it: bool = False) -> None:
        """Kill the command with all it started (`all_of_it`: and what earlier commands left running)."""
        if self.command and not self.command.ended_by and self.command.status is None:
            self.command.ended_by = reason
        if all_of_it:
            self.kill_all()
            return
        if self.command and self.command.status is None:
            _signal_group(self.command.process.pid, signal.SIGKILL)
        self.kill(lambda: descendants(self.children() - self.before, table()))

    def kill_all(self) -> None:
        """Kill everything that was started from here."""
        for group in self.groups:
            _signal_group(group, signal.SIGKILL)
        self.kill(lambda: self.everyone(table()))

    def kill(self, victims: Callable[[], set[int]]) -> None:
        """Kill until nobody is left; a process may fork while its siblings die, so look again."""
        for _ in range(500):
            self.reap()
            if not (found := victims()):
                return
            for pid in found:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.002)

    def settle(self) -> None:
        """Answer for a command that has ended, and forget it."""
        command = self.command
        if not command or command.status is None:
            return
        for descriptor in list(command.open):  # what it wrote before it ended is in the pipe
            for _ in range(64):
                if not self.read(descriptor):
                    break
        if command.open and time.monotonic() - (command.ended or 0) < GRACE and not command.ended_by:
            return
        self.check_disk()
        self.command = None
        self.before = self.children()
        say(command.answer())

    def leave(self) -> None:
        """End, and everything with it."""
        self.command = None
        self.kill_all()
        os._exit(0)


def _signal_group(group: int, number: int) -> bool:
    """Send a signal (0: none, only look) to a process group; return whether somebody is in it."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _escapes(text: str) -> bool:
    """Whether every surrogate in `text` stands for a byte of a file name (PEP 383)."""
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def _file(data: bytes) -> Any:
    import tempfile  # costs start-up time, and few commands need it

    file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller's stack closes it
    file.write(data)
    file.seek(0)
    return file


def say(message: dict[str, Any]) -> None:
    """Write one line to whoever started us."""
    data = memoryview(json.dumps(message).encode() + b"\n")
    while data:
        data = data[os.write(1, data) :]


def seclude(libc: Any) -> bool:
    """Take namespaces for users, processes, mounts and network, as an ordinary user may where Linux is set so.

    Goes on as process 1 of them; the process that came in stays outside and waits. Tried in a child first, because
    what has been unshared cannot be given back. Return whether it worked; if not, nothing has changed.
    """
    if not (trial := os.fork()):
        os._exit(0 if _unshare(libc) and _become_first(libc) else 1)
    _, status = os.waitpid(trial, 0)
    return status == 0 and _unshare(libc) and _become_first(libc)


def _unshare(libc: Any) -> bool:
    uid, gid = os.getuid(), os.getgid()
    if libc.unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWNS):
        return False
    # Root would keep its powers over the new namespaces through exec, anyone else loses them: root becomes 1000.
    maps = (("setgroups", "deny"), ("uid_map", f"{uid or 1000} {uid} 1"), ("gid_map", f"{gid or 1000} {gid} 1"))
    try:
        for name, text in maps:
            with open(f"/proc/self/{name}", "w") as file:  # noqa: PTH123 - pathlib costs start-up time
                file.write(text)
    except OSError:
        return False
    return True


def _become_first(libc: Any) -> bool:
    """Go on in a child, the first of the new process namespace, with a /proc of its own; the parent only waits."""
    if child := os.fork():
        os.close(0)
        os.close(1)
        os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) & 0xFF)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    alone = libc.mount(b"none", b"/", None, MS_REC_PRIVATE, None) == 0
    return alone and bool(libc.mount(b"proc", b"/proc", b"proc", 0, None) == 0)


def main() -> None:
    """Read the settings, settle in, serve."""
    line = bytearray()
    while not line.endswith(b"\n"):
        if not (piece := os.read(0, 1)):
            return
        line += piece
    settings = json.loads(line)
    libc: Any = None
    secluded: bool = settings["isolated"]
    if LINUX:
        import ctypes

        libc = ctypes.CDLL(None, use_errno=True)
        secluded = secluded or seclude(libc)
        libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
        libc.prctl(PR_SET_DUMPABLE, 0)  # commands may not look into this process
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    silence = os.open(os.devnull, os.O_RDWR)
    os.dup2(silence, 2)
    say({"ready": True, "network": not secluded, "secluded": secluded})
    Supervisor(settings, libc).serve()


if __name__ == "__main__":
    main()
