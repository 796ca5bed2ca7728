"""Which walls stand around a sandbox: bubblewrap's, where it really works, or only a process's.

`isolation` asks once by running the interpreter behind the very walls that `walls` builds: containers, CI machines and
some distributions ship bwrap and forbid the user namespaces it needs.
"""

from __future__ import annotations

import functools
import os
import shutil
import site
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Mode = Literal["bwrap", "process"]

# What programs need of /etc: fonts, the linker's cache, and which of several alternatives is meant. No accounts, hosts
# or certificates of this machine.
ETC = ("alternatives", "fonts", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "magic", "mime.types")
SYSTEM = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
# Kernel settings that root may write without any capability, so also root without its powers in a sandbox: bwrap 0.8
# leaves /proc/sys writable for it.
KERNEL = tuple(f"/proc/{name}" for name in ("acpi", "bus", "fs", "irq", "mtrr", "pressure", "sys", "sysrq-trigger"))
TEMPORARY = "/tmp"  # noqa: S108 - a name inside
TEMPORARY_BYTES = 2**30  # of memory, for /tmp and /dev/shm
# Of our own: an account called user, and no other host than this one. And the program to run inside.
OWN_ETC = Path(__file__).with_name("etc")
SUPERVISOR = Path(__file__).with_name("supervisor.py")
SUPERVISOR_INSIDE = "/run/supervisor.py"


@dataclass(frozen=True, slots=True)
class Layout:
    """Directories of a sandbox and where they are seen from inside (keys: absolute paths inside)."""

    root: Path
    home: str
    mounts: Mapping[str, Path] = field(default_factory=dict)
    writable: Mapping[str, Path] = field(default_factory=dict)


@functools.lru_cache(maxsize=1)
def isolation() -> Mode:
    """``"bwrap"`` when bubblewrap really works here, else ``"process"``; asked once per process."""
    if not (bwrap() and sys.executable):
        return "process"
    with tempfile.TemporaryDirectory() as folder:
        try:
            arguments = walls(Layout(Path(folder), home()))
            probe = subprocess.run(  # noqa: S603 - our own arguments
                [*arguments, sys.executable, "-I", "-S", "-c", "import os; print(os.getpid())"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=20,
                check=False,
                env={},
            )
        except (OSError, subprocess.TimeoutExpired):
            return "process"
    return "bwrap" if probe.returncode == 0 and probe.stdout.strip() == b"1" else "process"


@functools.lru_cache(maxsize=1)
def bwrap() -> str | None:
    """Return the path of bubblewrap, on Linux."""
    return shutil.which("bwrap") if sys.platform.startswith("linux") else None


@functools.lru_cache(maxsize=1)
def _options() -> str:
    """Return what `bwrap --help` lists: releases differ."""
    program = bwrap()
    if not program:
        return ""
    shown = subprocess.run([program, "--help"], capture_output=True, text=True, timeout=20, check=False)  # noqa: S603 - from PATH
    return shown.stdout + shown.stderr


def walls(layout: Layout) -> list[str]:
    """Return the bwrap command line that ends where the program to run begins.

    Raises:
        OSError: the Python environment sits where binding it would show a whole home.

    """
    arguments = [bwrap() or "bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--as-pid-1"]
    arguments += ["--uid", "1000", "--gid", "1000", "--hostname", "container", "--cap-drop", "ALL"]
    if "--disable-userns" in _options():  # none inside the one we make: less of the kernel to attack
        arguments += ["--unshare-user", "--disable-userns"]
    arguments += ["--proc", "/proc"]
    arguments += [word for name in KERNEL if Path(name).exists() for word in ("--ro-bind", name, name)]
    arguments += ["--dev", "/dev", *_memory("/dev/shm")]  # noqa: S108 - inside
    # Before Python: its environment may itself be under /tmp, and what is bound later covers what was there.
    temporary = layout.writable.get(TEMPORARY)
    arguments += ["--bind", str(temporary), TEMPORARY] if temporary else _memory(TEMPORARY)
    arguments += [*_system(), *_python()]
    arguments += ["--bind", str(layout.root), layout.home]
    for inside, path in layout.writable.items():
        arguments += ["--bind", str(path), inside] if inside != TEMPORARY else []
    for inside, path in layout.mounts.items():
        arguments += ["--ro-bind", str(path), inside]
    return [*arguments, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", layout.home, "--"]


def _memory(path: str) -> list[str]:
    size = ["--size", str(TEMPORARY_BYTES)] if "--size" in _options() else []
    return [*size, "--tmpfs", path]


def _system() -> Iterator[str]:
    """The system's programs, libraries and fonts."""
    yield from ("--ro-bind", "/usr", "/usr")
    for name in SYSTEM:
        path = Path(name)
        if path.is_symlink():
            yield from ("--symlink", str(path.readlink()), name)
        elif path.is_dir():
            yield from ("--ro-bind", name, name)
    for name in [*(f"/etc/{part}" for part in ETC), "/nix/store", "/var/cache/fontconfig"]:
        if Path(name).exists():
            yield from ("--ro-bind", name, name)
    for path in sorted(OWN_ETC.iterdir()):
        yield from ("--ro-bind", str(path), f"/etc/{path.name}")
    yield from ("--ro-bind", str(SUPERVISOR), SUPERVISOR_INSIDE)


def _python() -> Iterator[str]:
    """This Python environment: wherever it is, at the path it has, and nothing beside it."""
    bound = [Path("/usr")]
    for path in python_paths():
        if not any(path.is_relative_to(one) for one in bound):
            bound.append(path)
            yield from ("--ro-bind", str(path), str(path))


def python_paths() -> list[Path]:
    """Return the directories (and the interpreter's links) that this Python needs, outermost first.

    Raises:
        OSError: one of them is a home, or holds one.

    """
    prefixes = {Path(prefix) for prefix in (sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix)}
    if site.ENABLE_USER_SITE:
        prefixes.add(Path(site.getusersitepackages()))
    link = Path(sys.executable)
    links = {link}
    while link.is_symlink():
        link = Path(os.path.normpath(link.parent / link.readlink()))
        links.add(link)
    paths = {one for path in prefixes | links for one in (path, path.resolve())}
    if any(Path.home().resolve().is_relative_to(path.resolve()) for path in paths):
        raise OSError("the Python environment holds the user's home")
    return sorted((path for path in paths if path.exists()), key=lambda path: (len(path.parts), path))


def home() -> str:
    """Return where a sandbox's own directory is seen inside: the first of three names that hides nothing of Python."""
    names = ("/home/user", "/workspace", "/mnt/home")
    taken = [PurePosixPath(path) for path in python_paths()]
    free = (n for n in names if not any(t.is_relative_to(n) or PurePosixPath(n).is_relative_to(t) for t in taken))
    return next(free, "/mnt/box")
