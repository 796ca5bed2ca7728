"""Citations as numbered notes: a mark in the text where one belongs, the sources at its end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from claude_magic.rendering.clean import inert, plain
from claude_magic.rendering.links import is_safe, link
from claude_magic.rendering.markdown import clean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from claude_magic.messages import Block

_MAX_QUOTE = 300


@dataclass(slots=True)
class Notes:
    """The sources of one answer, numbered from 1 in the order of their first mention."""

    sources: list[tuple[str, str, str]] = field(default_factory=list)
    """(title, address, quoted text); the address may be empty and is untrusted, as the others are."""

    def mark(self, block: Block) -> str:
        """Return the marks to write after a text block, such as ` [1] [2]`; empty without citations."""
        cited = block.get("citations")
        numbers = (
            dict.fromkeys(self._number(c) for c in cited if isinstance(c, dict)) if isinstance(cited, list) else {}
        )
        return "".join(f" [{number}]" for number in numbers)

    def _number(self, citation: Mapping[str, Any]) -> int:
        address = citation.get("url") or citation.get("source") or ""
        title = citation.get("title") or citation.get("document_title") or address or "untitled"
        source = (_line(title), str(address), _line(citation.get("cited_text") or ""))
        if source not in self.sources:
            self.sources.append(source)
        return self.sources.index(source) + 1

    def html(self) -> str:
        """Return the notes as a small numbered list; empty without sources."""
        rows = "".join(f"<li><small>{_source_html(*source)}</small></li>\n" for source in self.sources)
        return clean(f"<ol>\n{rows}</ol>\n") if rows else ""

    def text(self) -> str:
        """Return the notes as lines."""
        rows = (
            f"[{number}] " + " — ".join(part for part in (title, _line(address), f"“{quote}”" if quote else "") if part)
            for number, (title, address, quote) in enumerate(self.sources, 1)
        )
        return "\n".join(rows)


def _source_html(title: str, address: str, quote: str) -> str:
    named = link(address, title) if is_safe(address) else inert(title)
    return named + (f" — “{inert(quote)}”" if quote else "")


def _line(value: object) -> str:
    line = " ".join(plain(str(value)).split())
    return line if len(line) <= _MAX_QUOTE else line[: _MAX_QUOTE - 1] + "…"
