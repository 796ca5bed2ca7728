"""The options of a cell, parsed: one frozen value that the magic, `ask` and the panels share."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """What stands on the line of a `%%claude` cell. Fields that are None take the session's setting.

    Attributes:
        model: a model id or alias.
        system: the system prompt.
        out: the name to bind the `Reply` to.
        upload: variables or paths to put into the container; switches `run` on.
        run: let Claude run code in its container.
        max_tokens: the most tokens the answer may have.
        thread: which conversation; None means the current one.
        new: start the conversation afresh.
        history: send what was said before, and keep what is said now.
        stream: show the answer as it arrives.
        share: how much of a DataFrame the prompt may tell: none, schema, stats, sample=N, full.
        save: a folder that gets a copy of every file Claude makes.
        keep: seconds until the server deletes what this cell uploads; None keeps it until it is deleted.
        verify: run the answer's code again here, in a sandbox, and compare what it makes.
        new_container: let code run in a new container instead of the thread's.
        raw: leave `{{ }}` in the prompt alone.

    """

    model: str | None = None
    system: str | None = None
    out: str | None = None
    upload: tuple[str, ...] = ()
    run: bool = False
    max_tokens: int | None = None
    thread: str | None = None
    new: bool = False
    history: bool = True
    stream: bool = True
    raw: bool = False
    share: str | None = None
    save: str | None = None
    keep: int | None = None
    new_container: bool = False
    verify: bool = False
