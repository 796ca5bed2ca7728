"""Taking files out of a container without being led astray.

Code in the container may be writing, renaming and linking while we look. So nothing is opened by path through a
directory it can change: the command's output directory is opened without following links, each entry is linked (or
copied) by descriptor into a staging directory the container cannot see, and only a regular file counts.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class OutputTooLarge(Exception):
    """A file in the output directory is over the limit."""


@dataclass(frozen=True)
class Output:
    """A file the command made: its name, and where its content lies until it is stored."""

    name: str
    path: Path


@contextlib.contextmanager
def gathered(folder: Path, staging: Path, *, most: int, largest: int) -> Iterator[tuple[list[Output], int]]:
    """Regular files at the top level of `folder`, oldest change first, and how many beyond `most` were left.

    Args:
        folder: a command's output directory; its parent is not writable for the command.
        staging: where their content is until the block is left.
        most: files taken at most.
        largest: bytes of one file.

    Raises:
        OutputTooLarge: one is larger.

    """
    staging.mkdir(exist_ok=True, mode=0o700)
    try:
        found = _regular(folder)
        if any(size > largest for _, _, size in found):
            raise OutputTooLarge
        chosen = [name for _, name, _ in found[:most]]
        taken = [_take(folder, name, staging / str(n)) for n, name in enumerate(chosen)]
        yield [output for output in taken if output is not None], len(found) - len(chosen)
    finally:
        shutil.rmtree(staging, ignore_errors=True)  # what stays is removed with the container


def _open(folder: Path) -> int:
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)


def _regular(folder: Path) -> list[tuple[int, str, int]]:
    """(time of change, name, size) of each; a folder that is gone, or a link now, holds nothing."""
    try:
        descriptor = _open(folder)
    except OSError:
        return []
    found = []
    try:
        for name in os.listdir(descriptor):  # noqa: PTH208 - pathlib has no descriptors
            with contextlib.suppress(OSError):  # removed meanwhile
                status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
                if stat.S_ISREG(status.st_mode):
                    found.append((status.st_mtime_ns, name, status.st_size))
    finally:
        os.close(descriptor)
    return sorted(found)


def _take(folder: Path, name: str, target: Path) -> Output | None:
    """Link `name` to `target`, or copy it where that cannot be; None when it is no regular file any more.

    What a directory entry is can change until the link is made, what was linked cannot: looked at afterwards, a
    symbolic link that was put in the file's place is known for one.
    """
    descriptor = _open(folder)
    try:
        try:
            os.link(name, target, src_dir_fd=descriptor, follow_symlinks=False)
        except FileNotFoundError:
            raise
        except OSError:
            _copy(name, descriptor, target)
    except OSError as problem:
        if problem.errno in {errno.ENOENT, errno.ELOOP}:  # taken away meanwhile, or a link now
            return None
        raise
    finally:
        os.close(descriptor)
    if not stat.S_ISREG(target.lstat().st_mode):
        target.unlink()
        return None
    target.chmod(0o600)  # the command may have left it unreadable
    return Output(os.fsencode(name).decode("utf-8", "replace"), target)


def _copy(name: str, descriptor: int, target: Path) -> None:
    source = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=descriptor)
    with os.fdopen(source, "rb") as reader, target.open("xb") as writer:
        shutil.copyfileobj(reader, writer, 1 << 20)
