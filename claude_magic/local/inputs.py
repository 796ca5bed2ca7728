"""Putting uploaded files into a container: under a harmless name, and so that the stored file cannot be changed."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MAX_STEM_BYTES = 200  # of a name: file systems hold 255 with number and suffix
MAX_SUFFIX = 20  # characters; a longer one is no suffix


def place(content: Path, target: Path, *, read_only: bool) -> None:
    """Put the stored file `content` at `target`.

    Args:
        content: not to be changed through `target`.
        target: a path that does not exist yet.
        read_only: code sees the target's folder through a read-only mount only: a second name for the same content
            will do, at no cost. Otherwise it is copied.

    Raises:
        OSError: there is no such file, or no room.

    """
    if read_only:
        with contextlib.suppress(OSError):  # on another file system
            os.link(content, target)
            return
    shutil.copyfile(content, target)
    target.chmod(0o444)


def free_name(folder: Path, wanted: str) -> str:
    """Return a name for `wanted` in `folder` that is one component, harmless, and not taken: ``data_2.csv``."""
    name = re.sub(r"[\x00-\x1f\x7f/\\]", "_", PurePosixPath(wanted).name).strip() or "unnamed"
    name = "unnamed" if name in {".", ".."} else name
    stem, dot, suffix = name.rpartition(".") if "." in name.lstrip(".") else (name, "", "")
    if len(suffix) > MAX_SUFFIX:
        stem, dot, suffix = name, "", ""
    stem = stem.encode("utf-8", "replace")[:MAX_STEM_BYTES].decode("utf-8", "ignore")
    name, number = f"{stem}{dot}{suffix}", 1
    while os.path.lexists(folder / name):
        number += 1
        name = f"{stem}_{number}{dot}{suffix}"
    return name
