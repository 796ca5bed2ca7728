"""The environment of what runs in a sandbox: made from scratch, so that no key of the parent can be in it.

Matplotlib reads the system's fonts once and keeps a list; without it every new sandbox would spend seconds on its first
chart. `font_list` has the list made once per user and Python environment, by our own code outside; each sandbox gets a
copy of its own, so that what runs in one cannot reach the next.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import os
import shutil
import site
import subprocess
import sys
import tempfile
from pathlib import Path

# Importing them here also leaves their compiled modules (.pyc) in the environment, where it may be written to:
# sandboxes see it read-only and would compile them again each time.
WARM = """
import contextlib, importlib
for name in ("pandas", "pyarrow.parquet", "matplotlib.pyplot", "matplotlib.backends.backend_agg"):
    with contextlib.suppress(ImportError):
        importlib.import_module(name)
"""
WARM_SECONDS = 120.0


def variables(home: str, temporary: str) -> dict[str, str]:
    """Return the whole environment of a command; `home` and `temporary` as seen inside."""
    found = {
        "HOME": home,
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "MPLBACKEND": "Agg",
        "MPLCONFIGDIR": f"{home}/.cache/matplotlib",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PATH": path(),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",  # what was printed before a time limit is kept
        "SHELL": "/bin/bash",
        "TERM": "dumb",
        "TMPDIR": temporary,
        "TZ": "UTC",
        "USER": "user",
    }
    if site.ENABLE_USER_SITE:
        found["PYTHONUSERBASE"] = site.getuserbase()
    return found


def path() -> str:
    """Return PATH: this interpreter's folder, then the system's."""
    return ":".join([str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"])


def furnish(root: Path) -> None:
    """Put what every home has into `root`: matplotlib's font list, where matplotlib is installed."""
    cache = root / ".cache" / "matplotlib"
    ready = font_list()
    if ready is None or cache.is_symlink() or cache.parent.is_symlink() or cache.exists():
        return
    cache.mkdir(parents=True, mode=0o700)
    shutil.copyfile(ready, cache / ready.name)


@functools.lru_cache(maxsize=1)
def font_list() -> Path | None:
    """Return matplotlib's font list for this environment, made now if need be; None without matplotlib or fonts."""
    try:
        version = importlib.metadata.version("matplotlib")
    except importlib.metadata.PackageNotFoundError:
        return None
    key = hashlib.sha256(f"{sys.prefix}|{sys.version}|{version}".encode()).hexdigest()[:16]
    folder = _cache() / key
    if not folder.is_dir():
        _make(folder)
    return next(iter(sorted(folder.glob("fontlist-*.json"))), None)


def _cache() -> Path:
    import platformdirs

    return Path(platformdirs.user_cache_dir("claude_magic", appauthor=False)) / "sandbox"


def _make(folder: Path) -> None:
    """Run our own warming code outside, with a home of its own, and move what it leaves to `folder` in one step."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(dir=folder.parent) as work:
            made = Path(work) / "made"
            made.mkdir()
            environment = {"HOME": work, "PATH": path(), "MPLCONFIGDIR": str(made), "MPLBACKEND": "Agg"}
            command = [sys.executable, "-I", "-c", WARM]
            subprocess.run(  # noqa: S603 - our own code
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=WARM_SECONDS,
                check=True,
            )
            os.rename(made, folder)  # noqa: PTH104 - atomic; of two at a time the second fails, and finds the first's
    except (OSError, subprocess.SubprocessError):
        # The list only saves time: without it matplotlib makes one in each sandbox.
        return
