"""The frames of a kernel, for panels to pick from: their names, their columns, part of them, what is told of them."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from claude_magic import containers, frames, prompt, uploads
from claude_magic.errors import UsageError
from claude_magic.frames import encoding, recognise

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence


def frame_names(namespace: Mapping[str, Any]) -> list[str]:
    """Return the names of the user's frames; IPython's own, such as `_12`, are not among them."""
    return sorted(n for n, v in list(namespace.items()) if not n.startswith("_") and frames.is_frame(v))


def frame_of(namespace: Mapping[str, Any], name: str) -> Any:
    """Return a frame by its name.

    Raises:
        UndefinedName: it is not there (any more).
        UsageError: it is no frame.

    """
    if name not in namespace:
        raise prompt.undefined(name, namespace)
    if not frames.is_frame(namespace[name]):
        raise UsageError(f"`{name}` is no frame any more.", advice="Pick another.")
    return namespace[name]


def part_of(frame: Any, name: str, positions: Sequence[int]) -> tuple[str, Any]:
    """Return some columns of a frame, by their positions, and the expression that gives the same.

    Raises:
        UsageError: the frame has changed so that the columns are not there, or its library has no way to choose.

    """
    library = recognise.library(frame)
    try:
        if library in {"pandas", "dask"}:
            return _pandas_part(frame, name, list(positions))
        labels = [list(_labels(frame))[n] for n in positions]
        if library == "duckdb":
            quoted = ", ".join('"{}"'.format(label.replace('"', '""')) for label in labels)
            return f"{name}.project({quoted!r})", frame.project(quoted)
        return f"{name}.select({labels!r})", frame.select(labels)
    except (IndexError, KeyError, AttributeError, TypeError):
        advice = "Pick it again, or send all of its columns."
        raise UsageError(f"These columns cannot be taken from `{name}`.", advice=advice) from None


def _pandas_part(frame: Any, name: str, positions: list[int]) -> tuple[str, Any]:
    labels = [frame.columns[n] for n in positions]
    if all(isinstance(label, str) for label in labels) and frame.columns.is_unique:
        return f"{name}[{labels!r}]", frame[labels]
    return f"{name}.iloc[:, {positions!r}]", frame.iloc[:, positions]


def _labels(frame: Any) -> Any:
    """Return the column names: pyarrow calls them otherwise, and its `columns` are the data."""
    names = getattr(frame, "column_names", None)
    if names is None and hasattr(frame, "schema") and hasattr(frame.schema, "names"):
        names = frame.schema.names
    names = frame.columns if names is None else names
    return names() if callable(names) else names


def part_name(name: str, namespace: Mapping[str, Any]) -> str:
    """Return a name for part of a frame that nothing has yet."""
    made, number = f"{name}_part", 1
    while made in namespace:
        number += 1
        made = f"{name}_part{number}"
    return made


def told(host: uploads.Host, frame: Any, name: str, share: str, mask: Collection[str] = ()) -> str:
    """Return the text that a prompt with this upload tells of it, before anything is uploaded.

    A frame that goes up in parts (above the API's 500 MB a file) has other loading code; its receipt comes with it.

    Raises:
        UsageError: an unknown `share`.
        FileProblem: the frame cannot be written.

    """
    collected = frames.collect(frame, name)
    content = uploads.source(name, {name: collected}).fingerprint
    filename = uploads.name_there(host, frames.filename(name), content)
    if share == "none":
        return text_of([containers.Mounted("", filename, name)])
    about = frames.describe(collected, name, share=share, masked=mask)
    code = encoding.source_of(collected, encoding.chosen_format(None)).load_code(name).text()
    return text_of([containers.Mounted("", filename, name, about, code)])


def text_of(mounted: Sequence[containers.Mounted]) -> str:
    """Return what a prompt says about mounted files."""
    return "\n".join(block["text"] for block in containers.mount_blocks(mounted) if block["type"] == "text")


class CellWatch:
    """Calls a function after every cell, until it is closed.

    Args:
        shell: the InteractiveShell, or None, which has no cells.

    """

    def __init__(self, shell: Any, function: Callable[[], None]) -> None:
        self._shell, self._function = shell, function
        if shell is not None:
            shell.events.register("post_run_cell", self._ran)

    def _ran(self, _result: Any = None) -> None:
        self._function()

    def close(self) -> None:
        """Stop calling; twice is fine."""
        if self._shell is not None:
            with contextlib.suppress(ValueError):
                self._shell.events.unregister("post_run_cell", self._ran)
