"""Files that Claude made: from ids in an answer to files one can use.

Ids stand two levels deep, in the `content` of a code execution result; the name and type are only in the file's
metadata (code execution page, 2026-11). A name that came over the wire never leaves its folder.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from claude_magic.errors import ClaudeMagicError, FileProblem, harmless, one_line

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator

    from claude_magic.messages import Block
    from claude_magic.wire import Client

# What Python loads from a folder on its path.
_LOADED = (".py", ".pyc", ".pyd", ".so", ".pth")
_FORBIDDEN = re.compile(r'[<>:"|?*\\/\x00-\x1f\x7f]+')
_TYPE = re.compile(r"[a-z]{1,20}/[\w.+-]{1,100}", re.ASCII | re.IGNORECASE)
# Pictures that notebooks show and that cannot carry a script: SVG is not among them.
_PICTURES = {
    "image/png": b"\x89PNG\r\n\x1a\n",
    "image/jpeg": b"\xff\xd8\xff",
    "image/gif": b"GIF8",
    "image/webp": b"RIFF",
}  # by type: how the file begins
# In bytes of UTF-8: file systems take 255, and ` (2)` and `.part` must still fit.
_LONGEST_NAME = 200
_LONGEST_ENDING = 20


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file Claude made, fetched.

    Attributes:
        name: its name, made safe; unique within its reply.
        mime_type: as the Files API says.
        size: bytes.
        file_id: the API's id; the file stays there until it is deleted.
        path: where its bytes are for as long as the session lives.

    """

    name: str
    mime_type: str
    size: int
    file_id: str
    path: Path

    @property
    def is_picture(self) -> bool:
        """Whether it is a PNG, JPEG, GIF or WebP by its type."""
        return self.mime_type in _PICTURES

    def bytes(self) -> bytes:
        """Return the content.

        Raises:
            FileProblem: the session it belongs to has ended.

        """
        self._check()
        return self.path.read_bytes()

    def _check(self) -> None:
        if not self.path.is_file():
            raise FileProblem(
                f"`{self.name}` was removed with the session that fetched it.",
                advice=f"Fetch it again: `%claude download {self.file_id}`.",
            )

    def save(self, path: str | Path = ".") -> Path:
        """Copy it to `path` (a folder, or a file name) and return where it is.

        Raises:
            FileProblem: it cannot be written there.

        """
        import shutil

        self._check()
        target = folder(path)
        target = target / saved_name(self.name) if target.is_dir() else target
        try:
            return Path(shutil.copyfile(self.path, target))
        except OSError as problem:
            raise FileProblem(
                f"`{self.name}` could not be saved to {target}: {problem.strerror or problem}.",
                advice="Give another path.",
            ) from None

    def image(self) -> Any:
        """Return it as a `PIL.Image.Image`.

        Raises:
            FileProblem: it is not a picture.

        """
        from PIL import Image

        self._check()
        try:
            picture = Image.open(self.path)
            picture.load()
        except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError):  # PIL's for broken files
            raise FileProblem(f"`{self.name}` is not a picture.", advice="Use `.bytes()` or `.save(path)`.") from None
        return picture

    def frame(self) -> Any:
        """Return it as a `pandas.DataFrame` (csv, parquet, xlsx, json).

        Raises:
            FileProblem: it is not a table.

        """
        from claude_magic import frames

        self._check()
        return frames.load_artifact(self.path, self.name)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:  # noqa: ARG002 - IPython's signature
        shown = {"text/plain": repr(self)}
        if self.is_picture and self.path.is_file():
            content = self.bytes()
            if content.startswith(_PICTURES[self.mime_type]):  # what only says so is shown to nobody's decoder
                shown[self.mime_type] = base64.b64encode(content).decode()
        return shown

    def __repr__(self) -> str:
        """Return name, type and size."""
        return f"<Artifact {self.name} ({self.mime_type}, {self.size:,} bytes)>"


def generated_ids(content: Iterable[Block]) -> Iterator[str]:
    """Yield the ids of the files that code execution results list, in order, each once."""
    seen: set[str] = set()
    for block in content:
        result = block.get("content") if str(block.get("type", "")).endswith("code_execution_tool_result") else None
        listed = result.get("content") if isinstance(result, dict) else None
        for item in listed if isinstance(listed, list) else ():
            file_id = item.get("file_id") if isinstance(item, dict) else None
            if isinstance(file_id, str) and file_id not in seen:
                seen.add(file_id)
                yield file_id


def safe_name(name: str, taken: Iterable[str] = ()) -> str:
    """Return `name` without folders, controls and forbidden characters, and different from all `taken`."""
    cleaned = _FORBIDDEN.sub("_", harmless(name.replace("\\", "/").rsplit("/", 1)[-1])).strip(". _") or "file"
    stem, dot, ending = cleaned.rpartition(".")
    if not dot or len(ending.encode()) > _LONGEST_ENDING:
        stem, dot, ending = cleaned, "", ""
    room = _LONGEST_NAME - len((dot + ending).encode())
    stem = stem.encode()[:room].decode(errors="ignore").rstrip(". ")
    taken, number, unique = set(taken), 1, f"{stem}{dot}{ending}"
    while unique in taken:
        number += 1
        unique = f"{stem} ({number}){dot}{ending}"
    return unique


def saved_name(name: str, taken: Iterable[str] = ()) -> str:
    """Return `safe_name` for a file that goes where the user works: what Python would import there becomes text.

    The name is the model's, and the working folder is on the path of every kernel started in it: a `pandas.py` or
    `sitecustomize.py` would run by itself.
    """
    loaded = name.lower().endswith(_LOADED)
    return safe_name(f"{name}.txt" if loaded else name, taken)


def _type(told: str) -> str:
    """Return a MIME type as it was told if it looks like one."""
    return told if _TYPE.fullmatch(told) else "application/octet-stream"


def folder(given: str | Path) -> Path:
    """Return where the user wants files: `~` is the home folder.

    Raises:
        FileProblem: there is no such user.

    """
    try:
        return Path(given).expanduser()
    except RuntimeError:
        raise FileProblem(f"{given} is no folder: nobody here has that name.", advice="Give another folder.") from None


def target_in(folder: Path, artifact: Artifact, ours: Container[Path] = ()) -> Path:
    """Return where a file goes in `folder`: its own name, unless a file that is not `ours` has it with other content.

    Raises:
        FileProblem: `folder` cannot be made.

    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        others = [p.name for p in folder.iterdir() if p not in ours and not _same(p, artifact.path)]
    except OSError as problem:
        raise FileProblem(f"{folder} cannot be written: {problem.strerror}.", advice="Give another folder.") from None
    return folder / saved_name(artifact.name, others)


def _same(one: Path, other: Path) -> bool:
    import filecmp

    return one.is_file() and filecmp.cmp(one, other, shallow=False)


@dataclass(frozen=True, slots=True)
class Collected:
    """What came down, and what did not.

    Attributes:
        artifacts: by name, in the order in which they were made.
        missing: one line for each file that could not be fetched.

    """

    artifacts: dict[str, Artifact]
    missing: tuple[str, ...] = ()


def collect(client: Client, content: Iterable[Block], folder: Path) -> Collected:
    """Fetch every file that the answer's code execution made into `folder`, streamed.

    A file that cannot be fetched does not take the others, or the answer, with it.
    """
    artifacts: dict[str, Artifact] = {}
    missing: list[str] = []
    for file_id in generated_ids(content):
        try:
            remote = client.files.get(file_id)
            name = safe_name(remote.filename, artifacts)
            target = folder / f"{len(artifacts)}"
            target.mkdir(parents=True, exist_ok=True)
            path = client.files.download(file_id, target / name)
            artifacts[name] = Artifact(name, _type(remote.mime_type), path.stat().st_size, file_id, path)
        except (ClaudeMagicError, OSError) as problem:
            missing.append(f"The file {one_line(file_id)} could not be fetched: {one_line(problem)}")
    return Collected(artifacts, tuple(missing))
