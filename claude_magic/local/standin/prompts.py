"""What a request asks: the last prompt, the ones before it, and what its texts tell of tables."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from claude_magic.local.standin import schema
from claude_magic.local.standin.columns import Names, stems
from claude_magic.local.standin.conditions import CONDITIONAL
from claude_magic.local.standin.everyday import strange
from claude_magic.local.standin.intents import INTENTS
from claude_magic.local.standin.table import CATEGORY, OTHER, TEXT, TIME, Table, ending

if TYPE_CHECKING:
    from collections.abc import Sequence

    from claude_magic.local.engine import UploadedFile
    from claude_magic.local.standin.plan import Plan


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as the stand-in reads it.

    Attributes:
        prompt: what the user wrote last, without what the client wrote about files.
        earlier: what the user wrote before, oldest first.
        attached: kinds of the blocks beside the last prompt that are no text.
        tables: the tables told of, oldest first.

    """

    prompt: str
    earlier: tuple[str, ...] = ()
    attached: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()

    def told(self, filename: str) -> Table | None:
        """The latest description of that file."""
        return next((t for t in reversed(self.tables) if t.filename == filename), None)


def read(request: dict[str, Any]) -> Asked:
    """Read a Messages request body."""
    turns: list[tuple[str, tuple[str, ...]]] = []
    told: list[Table] = []
    for message in request.get("messages", ()):
        if message.get("role") != "user":
            continue
        content = message.get("content", "")
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        texts = [str(b.get("text", "")) for b in blocks if b.get("type") == "text"]
        told += schema.tables("\n".join(texts))
        others = tuple(str(b.get("type")) for b in blocks if b.get("type") in {"image", "document"})
        if texts or others:
            turns.append((schema.request("\n".join(texts)), others))
    if not turns:
        return Asked("")
    prompt, attached = turns[-1]
    return Asked(prompt, tuple(text for text, _ in turns[:-1] if text), attached, tuple(told))


def table_file(files: Sequence[UploadedFile], prompt: str) -> str:
    """The uploaded table a prompt is about: the one it names, else the latest; empty without any."""
    found = [f.filename for f in files if ending(f.filename)]
    words = "".join(stems(prompt))
    for name in reversed(found):
        bare = "".join(stems(PurePosixPath(name).name.partition(".")[0]))
        if name in prompt or (len(bare) > 2 and len(set(found)) > 1 and bare in words):  # noqa: PLR2004 - "df" is anywhere
            return name
    return found[-1] if found else ""


_CAPITAL = re.compile(r"(?<=[a-z,] )[A-Z][a-z]{2,}\b")
_CALENDAR = re.compile(
    r"\b(time|date|dates|trend|(week|month|quarter|year)(s|ly)?|daily|days?|hours?|hourly|annual(ly)?)\b", re.IGNORECASE
)
_MEASURES = frozenset({"mean", "median", "sum", "std"})


def _unexplained(prompt: str, table: Table) -> bool:
    """Whether a word could be a value of a column of texts: it is no column, and no word of any request."""
    if not any(c.kind in {TEXT, CATEGORY, OTHER} and not c.values for c in table.columns):
        return False
    requests = [m.span() for intent in INTENTS.values() for m in intent.words.finditer(prompt)]
    words = strange(prompt, Names(c.name for c in table.columns))
    return any(not any(a <= at < b for a, b in requests) for _, at in words)


def doubtful(plan: Plan, table: Table, prompt: str) -> bool:
    """Whether the file should be looked into before the plan is trusted.

    A text about a table knows no values: a word may be one of them ("Gentoo"), and columns of text may hold dates
    or numbers.
    """
    named = Names(c.name for c in table.columns).find(prompt)
    capitals = [m for m in _CAPITAL.finditer(prompt) if not any(n.start <= m.start() < n.end for n in named)]
    if capitals or (CONDITIONAL.search(prompt) and not plan.filters):
        return True
    touched = plan.columns()
    if _unexplained(prompt, table):
        return True
    texts = any(c.kind in {TEXT, OTHER} for c in table.columns)
    if any(table.kind(c) == OTHER for c in touched):
        return True
    if texts and _CALENDAR.search(prompt) and not table.times() and not any(s.x for s in plan.steps):
        return True
    return any(
        (s.intent == "profile" and plan.understood)
        or (s.intent in {"compare", "pivot"} and s.assumed)
        or (bool(_MEASURES & set(s.aggs)) and not s.values)
        or (s.intent in {"group", "statistic"} and any(table.kind(v) in {TEXT, CATEGORY, TIME} for v in s.values))
        for s in plan.steps
    )
