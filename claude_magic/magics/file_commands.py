"""`%claude files`, `upload`, `download`: the Files API from the line."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from claude_magic import uploads
from claude_magic.containers import saved_name
from claude_magic.errors import FileProblem, UsageError, one_line
from claude_magic.magics.arguments import parse, words
from claude_magic.magics.views import Facts, Text, table
from claude_magic.rendering import Progress, painter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from claude_magic.magics import ClaudeMagics
    from claude_magic.sessions import Session
    from claude_magic.wire import RemoteFile

# A file that no cell of this machine has used for so long is not needed by a notebook one still works on.
_UNUSED_DAYS = 7
_COLUMNS = ["id", "filename", "type", "size", "created", "expires", "downloadable", "variable"]


def files(magics: ClaudeMagics, rest: str) -> Any:
    """List, show, delete, fetch or prune files; the list is newest first, sizes in bytes."""
    usage = "files [list | show ID | delete ID… | download ID [PATH] | prune]"
    verb, *named = words(rest, usage) or ["list"]
    session = magics.session
    ids = [file_id for name in named for file_id in _ids(magics.shell.user_ns.get(name, name))]
    if verb == "list" and not ids:
        return rows(session)
    if verb == "show" and len(ids) == 1:
        return Facts(_row(session, session.client.files.get(ids[0])))
    if verb == "delete" and ids:
        for file_id in ids:
            session.delete_file(file_id)
        return Text(f"Deleted {', '.join(map(one_line, ids))}.")
    if verb == "download" and named:
        return download(magics, shlex.join(named))
    if verb == "prune" and not ids:
        return _prune(session)
    raise UsageError("That is not how this command is used.", advice=f"Write `%claude {usage}`.")


def _ids(value: Any) -> Iterator[str]:
    """Yield the file ids a value holds: an id, an artifact, a receipt, a reply's files, or any of them in a list."""
    if isinstance(value, str):
        yield value
    elif hasattr(value, "file_id"):
        yield value.file_id
    elif hasattr(value, "file_ids"):
        yield from value.file_ids
    elif isinstance(value, Iterable):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _ids(item)
    else:
        raise UsageError(f"A {type(value).__name__} holds no file id.", advice="Give an id, a file, or a list of them.")


def rows(session: Session) -> Any:
    """Return all files as a DataFrame."""
    return table((_row(session, file) for file in session.client.files.list()), _COLUMNS)


def _row(session: Session, file: RemoteFile) -> dict[str, Any]:
    source = session.store.source_of(file.id)
    return {
        "id": file.id,
        "filename": file.filename,
        "type": file.mime_type,
        "size": file.size_bytes,
        "created": file.created_at,
        "expires": file.expires_at,
        "downloadable": file.downloadable,
        "variable": source.variable if source else None,
    }


def _prune(session: Session) -> Any:
    """Delete what this machine uploaded, no thread of this session mounts, and nobody has used for seven days."""
    mounted = {file_id for thread in session.threads.values() for file_id in thread.mounted}
    before = time.time() - _UNUSED_DAYS * 86_400
    unused = session.store.unused(uploads.scope_of(session), before)
    pruned = [upload for upload in unused if upload.file_id not in mounted]
    for old in pruned:
        session.delete_file(old.file_id)
    rows = [{"id": u.file_id, "filename": u.filename, "variable": u.variable, "size": u.size} for u in pruned]
    return table(rows, ["id", "filename", "variable", "size"])


def upload(magics: ClaudeMagics, rest: str) -> Any:
    """Send each variable or path, unless the server has its content already."""
    options, named = parse(rest)
    if not named:
        raise UsageError("There is nothing to send.", advice="Write `%claude upload X…`.")
    with painter(magics.shell) as painted:
        terms = magics.session.terms(options, Progress(painted.progress))
        receipts = [receipt for _, receipt in uploads.mount_all(magics.session, named, magics.shell.user_ns, terms)]
    rows = [
        {"variable": r.variable, "id": file_id, "filename": r.filename, "size": r.size, "rows": r.rows, "sent": r.sent}
        for r in receipts
        for file_id in r.file_ids
    ]
    return table(rows, ["variable", "id", "filename", "size", "rows", "sent"])


def download(magics: ClaudeMagics, rest: str) -> Path:
    """Fetch a file into PATH (default: this folder, under its own name, never over an existing file)."""
    named, *given = words(rest, "download ID [PATH]", least=1, most=2)
    file_id = next(_ids(magics.shell.user_ns.get(named, named)), named)
    remote = magics.session.client.files
    target = Path(given[0]).expanduser() if given else Path.cwd()
    if target.is_dir():
        taken = [entry.name for entry in target.iterdir()]
        target /= saved_name(remote.get(file_id).filename, taken)
    elif target.exists():
        raise FileProblem(f"{target} exists already; nothing was fetched.", advice="Give another path.")
    return remote.download(file_id, target)
