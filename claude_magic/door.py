"""The Python door: what a cell does, as functions."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from claude_magic import prompt, uploads
from claude_magic.errors import UsageError
from claude_magic.frames import is_frame
from claude_magic.magics import file_commands, find, model_commands
from claude_magic.magics.arguments import of_call
from claude_magic.sessions import Session, listed

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
        options: as the cell's, with underscores: `model`, `system`, `run`, `share`, `verify`, `save`, `keep`,
            `new_container`, `max_tokens`, `thread`, `new`, `no_history`, `no_stream`.

    Raises:
        ClaudeMagicError: in one line, what went wrong.

    """
    given = of_call(options)
    return session().ask(_text(text), given, upload=upload)


def count(text: str, *, upload: Any = (), **options: Any) -> int:
    """Return the input tokens that `ask` would send, by the server's `count_tokens`; free of charge.

    Nothing is uploaded: with `upload` the code tool is counted, a file's own part of the prompt is not.

    Args:
        text: the prompt.
        upload: as for `ask`.
        options: as for `ask`.

    """
    given = of_call(options)
    if listed(upload):
        given = replace(given, run=True)
    return session().count(prompt.compose(_text(text), {}, raw=True), given, {})[1]


def _text(given: Any) -> str:
    if not isinstance(given, str):
        raise UsageError(f"A prompt is a text, not a {type(given).__name__}; nothing was sent.", advice="Give a str.")
    return given


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
