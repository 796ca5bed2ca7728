"""Whether an answer came from the data, asked when it is settled: by reading its code, and, when asked, by running it.

`containers.provenance` and `containers.verify` know code and files; this module knows which files and which earlier
answers stand in the container, and where the data are that went up.
"""

from __future__ import annotations

import shutil
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from claude_magic import containers, uploads
from claude_magic.errors import ClaudeMagicError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from claude_magic.containers.provenance import Provenance
    from claude_magic.containers.verify import Verification
    from claude_magic.messages import Block, Message, Request
    from claude_magic.reply import Reply
    from claude_magic.store import Store
    from claude_magic.threads import Thread


@dataclass(frozen=True, slots=True)
class Upload:
    """A file in the container, with the word of the user's that it came from (`--upload sales`)."""

    spec: str
    file: containers.Mounted


@dataclass(frozen=True, slots=True)
class Grounds:
    """What stood in the container when an answer was made.

    Attributes:
        uploads: the files, in the order in which they were put there.
        asked: the words on this cell's line.
        earlier: the blocks of earlier answers in the same container.

    """

    uploads: tuple[Upload, ...] = ()
    asked: tuple[str, ...] = ()
    earlier: tuple[Block, ...] = ()


def grounds(
    request: Request, answer: Message, thread: Thread | None, known: Mapping[str, Upload], asked: Sequence[str]
) -> Grounds:
    """Return what an answer stands on; `known` are this session's uploads by file id, `asked` the cell's `--upload`."""
    ids = dict.fromkeys(
        block["file_id"]
        for message in request.messages
        for block in message["content"]
        if isinstance(block, dict) and block.get("type") == "container_upload"
    )
    container = answer.container
    same = (
        [t for t in thread.turns if t.answer is not answer and t.answer.container == container]
        if thread and container
        else []
    )
    return Grounds(
        tuple(known[i] for i in ids if i in known),
        tuple(asked),
        tuple(block for turn in same for block in turn.answer.content),
    )


def provenance(content: Sequence[Block], stood: Grounds) -> Provenance:
    """Judge an answer by reading what it ran."""
    names = {upload.file.filename: upload.spec for upload in stood.uploads}
    from claude_magic.containers.provenance import examine

    return examine(content, names, asked=stood.asked, earlier=stood.earlier)


def verification(reply: Reply, stood: Grounds, store: Store, namespace: Mapping[str, Any]) -> Verification:
    """Judge an answer by running it again on the same data; never raises."""

    def place(folder: Path) -> Iterator[str]:
        return _placed(stood.uploads, store, namespace, folder)

    names = tuple(upload.file.filename for upload in stood.uploads)
    from claude_magic.containers.verify import Rerun, verify

    return verify(Rerun(reply.blocks, reply.files, place, names, stood.earlier))


def _placed(given: Sequence[Upload], store: Store, namespace: Mapping[str, Any], folder: Path) -> Iterator[str]:
    """Write what went up into `folder`, under its names in the container; yield what is not the same any more."""
    groups: dict[tuple[str, str], list[str]] = {}
    for upload in given:
        record = store.source_of(upload.file.file_id)
        groups.setdefault((upload.spec, record.fingerprint if record else ""), []).append(upload.file.filename)
    for (spec, fingerprint), names in groups.items():
        try:
            source = uploads.source(spec, namespace)
        except ClaudeMagicError:
            yield f"{spec} is not there any more"
            continue
        if fingerprint not in {"", source.fingerprint}:
            yield f"{spec} has changed since it was uploaded"
            continue
        with closing(source.open()) as pieces:
            for piece, name in zip(pieces, names, strict=False):
                _write(piece, folder / containers.safe_name(name))


def _write(piece: uploads.Piece, target: Path) -> None:
    if isinstance(piece.file, Path):
        shutil.copyfile(piece.file, target)
        return
    with target.open("wb") as file:
        shutil.copyfileobj(piece.file, file, 1 << 20)
