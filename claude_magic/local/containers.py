"""Containers of the code execution tool: where the local server runs code for real.

A container is a directory with a process of its own (`claude_magic.sandbox`). Inside, the working directory is the
container's home, ``$INPUT_DIR`` holds what was uploaded, read-only, and every shell command finds a fresh, empty
``$OUTPUT_DIR``; files at its top level when the command ends go to the Files API. Which walls stand around it, and
what they do not keep off, is told in `claude_magic.sandbox`.

On disk, under the pool's root::

    container_01…/container.json   whose it is, since when, last used
                  home/ tmp/       what code may write, beside
                  output/N/        command number N's $OUTPUT_DIR
                  input/           $INPUT_DIR: copies, or links behind a read-only mount

A pool finds its containers again after a restart of the server.
"""

from __future__ import annotations

import json
import re
import shutil
import threading
import time
from typing import TYPE_CHECKING

from claude_magic.local import ids
from claude_magic.local.container import RECORD, Container
from claude_magic.sandbox import Limits, isolation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from claude_magic.local.container import Files
    from claude_magic.sandbox.isolation import Mode

__all__ = ["Container", "ContainerExpired", "ContainerPool", "ContainerUnknown"]

IDLE_SECONDS = 900.0
MAX_AGE_SECONDS = 30 * 86400.0  # the API's own (code-execution.md)
_ID = re.compile(r"container_[A-Za-z0-9]{1,64}")


class ContainerUnknown(LookupError):
    """There is no such container in this workspace."""

    def __init__(self, container_id: str) -> None:
        super().__init__(container_id)
        self.container_id = container_id


class ContainerExpired(ContainerUnknown):
    """The container was there, and its time is over."""


class ContainerPool:
    """All containers of one server; safe to use from several threads.

    Args:
        root: where their directories are.
        files: the file store.
        limits: what one command may use.
        live: processes kept at a time; the least recently used is ended for another, and started again on use.
        idle_seconds: a container expires after this time without use.
        max_age_seconds: and after this time in any case.
        mode: which walls; None takes `isolation`.
        clock: seconds since 1970.

    """

    def __init__(
        self,
        root: Path,
        files: Files,
        *,
        limits: Limits | None = None,
        live: int = 8,
        idle_seconds: float = IDLE_SECONDS,
        max_age_seconds: float = MAX_AGE_SECONDS,
        mode: Mode | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.root, self.files, self.limits, self.live = root, files, limits or Limits(), live
        self.idle_seconds, self.max_age_seconds = idle_seconds, max_age_seconds
        self.clock = clock
        self._mode = mode
        self._lock = threading.RLock()
        self._expired: set[str] = set()
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._containers = dict(self._found())

    @property
    def mode(self) -> Mode:
        """Which walls stand around the containers; asking the first time runs a probe."""
        return self._mode or isolation()

    def get(self, container_id: str | None, workspace: str) -> Container:
        """Return the container of that id, or a new one for None. Its idle time begins again.

        Raises:
            ContainerUnknown: no such container in this workspace.
            ContainerExpired: it has expired.

        """
        self.sweep()
        with self._lock:
            if container_id is None:
                container = Container(self, ids.new("container"), workspace)
                self._containers[container.id] = container
            else:
                container = self._known(container_id, workspace)
            container.touch()
            return container

    def sweep(self) -> None:
        """Remove containers that have expired; one that is at work has not."""
        with self._lock:
            over = [one for one in self._containers.values() if one.expired and not one.busy]
            for container in over:
                del self._containers[container.id]
                self._expired.add(container.id)
        for container in over:
            container.remove()

    def close(self) -> None:
        """End every process. The directories stay until they expire."""
        with self._lock:
            containers = list(self._containers.values())
        for container in containers:
            container.close()

    def make_room(self, newcomer: Container) -> None:
        """End the least recently used idle processes, so that with `newcomer`'s there are at most `live`."""
        with self._lock:
            others = [one for one in self._containers.values() if one is not newcomer and one.alive]
        surplus = len(others) + 1 - self.live
        for container in sorted(others, key=lambda one: one.used):
            if surplus <= 0:
                return
            surplus -= container.close_if_idle()

    def _known(self, container_id: str, workspace: str) -> Container:
        if container_id in self._expired:
            raise ContainerExpired(container_id)
        container = self._containers.get(container_id)
        if container is None or container.workspace != workspace:
            raise ContainerUnknown(container_id)
        return container

    def _found(self) -> Iterator[tuple[str, Container]]:
        """Containers that an earlier server left here.

        One made behind bwrap's read-only mounts may hold links to stored files: without bwrap it is not used again.
        """
        for path in sorted(self.root.glob(f"*/{RECORD}")):
            if not _ID.fullmatch(path.parent.name):
                continue
            try:
                record = json.loads(path.read_text("utf-8"))
                found = Container(self, path.parent.name, record["workspace"], record)
            except (OSError, ValueError, KeyError, TypeError):  # cut off in writing: what it held is lost
                shutil.rmtree(path.parent, ignore_errors=True)
                continue
            if record.get("mode") == self.mode:
                yield found.id, found
            else:
                found.remove()
