"""The Python door: what a cell does, as functions."""

from __future__ import annotations

import sys
from functools import cache
from typing import TYPE_CHECKING, Any

from claude_magic import prompt, uploads
from claude_magic.frames import is_frame
from claude_magic.magics import file_commands, find, model_commands
from claude_magic.options import Options
from claude_magic.sessions import Session

if TYPE_CHECKING:
    from claude_magic.reply import Reply
    from claude_magic.uploads import Receipt


def session() -> Session:
    """Return the notebook's session; outside one, or before `%load_ext`, one that belongs to the process."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    magics = find(shell) if shell is not None else None
    return magics.session if magics is not None else _own_session()


@cache
def _own_session() -> Session:
    return Session()


def ask(text: str, *, upload: Any = (), **options: Any) -> Reply:
    """Ask Claude and wait for the answer.

    Args:
        text: the prompt, sent as it is.
        upload: a DataFrame, Series or path to put into Claude's container, or a list of them; switches `run` on.
        options: as the cell's, with underscores: `model`, `system`, `run`, `max_tokens`, `thread`, `new`, `history`.

    Raises:
        ClaudeMagicError: in one line, what went wrong.

    """
    return session().ask(text, upload=upload, **options)


def count(text: str, **options: Any) -> int:
    """Return the input tokens that `ask` would send, by the server's `count_tokens`; free of charge."""
    return session().count(prompt.compose(text, {}, raw=True), Options(**options), {})[1]


def upload(value: Any, name: str = "df") -> Receipt:
    """Send a DataFrame, Series or path, unless the server has its content already.

    Args:
        value: what to send.
        name: what Claude calls it; an ending (`sales.csv`) chooses the format of a frame's file.

    """
    stem, _, ending = name.rpartition(".")
    stem = stem or name
    # Not as a spec `NAME.csv`, which a file of that name in this folder would win.
    terms = uploads.Terms(format=ending if is_frame(value) and stem != name else None)
    return uploads.mount(session(), stem, {stem: value}, terms)[1]


def models() -> Any:
    """Return the models as a DataFrame: limits in tokens, prices in US dollars per million tokens."""
    return model_commands.rows(session())


def files() -> Any:
    """Return the files of the workspace as a DataFrame, newest first, sizes in bytes."""
    return file_commands.rows(session())
