"""The container of one request: taken from the pool when first needed, given the uploads, asked to run things."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from claude_magic.local.problems import Problem, refuse

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from claude_magic.local.containers import Container, ContainerPool
    from claude_magic.local.files import FileRecord


class Bench:
    """Runs an answer's server tools.

    Args:
        pool: gives the pool of containers; called when the first container is needed.
        container_id: the container the request asks for, or None for a new one.
        uploads: files to put into it.
        workspace: whose container it is.

    Attributes:
        names: what each upload, by its id, is called in the input directory, once the container is open.

    """

    def __init__(
        self,
        pool: Callable[[], ContainerPool],
        container_id: str | None,
        uploads: Sequence[FileRecord],
        workspace: str,
    ) -> None:
        self._pool = pool
        self._wanted = container_id
        self._uploads = uploads
        self._workspace = workspace
        self._container: Container | None = None
        self._cancel = threading.Event()
        self.names: dict[str, str] = {}
        self._lock = threading.Lock()

    def open(self) -> Container:
        """The container, with the uploads in its input directory.

        Raises:
            Problem: 400 or 404, the request names one that expired or never was.

        """
        with self._lock:
            if self._container is None:
                self._container = self._get()
                self.names = {record.id: self._container.mount(record) for record in self._uploads}
            return self._container

    def run(self, name: str, given: dict[str, Any]) -> dict[str, Any]:
        """Run one tool; the ``content`` object of its result block."""
        if name == "bash_code_execution":
            return self.open().bash(given.get("command"), self._cancel)
        if name == "text_editor_code_execution":
            return self.open().edit(given)
        return {"type": f"{name}_tool_result_error", "error_code": "unavailable"}

    def info(self) -> dict[str, Any] | None:
        """The container as the API shows it, or None when none was used."""
        if self._container is None:
            return None
        return {"id": self._container.id, "expires_at": self._container.expires_at, "skills": None}

    def kill(self) -> None:
        """End the command that runs now, and any that would still come."""
        self._cancel.set()

    def _get(self) -> Container:
        from claude_magic.local.containers import ContainerExpired, ContainerUnknown

        try:
            return self._pool().get(self._wanted, self._workspace)
        except ContainerExpired as error:
            refuse("container", f"Container `{error.container_id}` has expired. Repeat the request without it.")
        except ContainerUnknown as error:
            raise Problem(404, f"Container `{error.container_id}` not found.") from None
