"""One model as the table has it, and the Models API's object made from it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_DATA = Path(__file__).parent / "data"
_EFFORTS = ("low", "medium", "high", "xhigh", "max")


@cache
def read(name: str) -> dict[str, Any]:
    """Return `data/NAME.json`, read once."""
    data: dict[str, Any] = json.loads((_DATA / f"{name}.json").read_text(encoding="utf-8"))
    return data


@dataclass(frozen=True, slots=True)
class Prices:
    """USD per million tokens.

    Attributes:
        input: fresh input.
        output: output, thinking included.
        cache_write_5m: input written to the 5 minute cache.
        cache_write_1h: input written to the 1 hour cache.
        cache_read: input read from the cache.
        batch_input: input inside a batch.
        batch_output: output inside a batch.
        fast_input: input in fast mode, None where there is no fast mode.
        fast_output: output in fast mode.
        step: prompt tokens up to which (inclusive) these prices hold; None means always.
        above: the prices of a longer prompt.

    """

    input: float
    output: float
    cache_write_5m: float
    cache_write_1h: float
    cache_read: float
    batch_input: float
    batch_output: float
    fast_input: float | None = None
    fast_output: float | None = None
    step: int | None = None
    above: Prices | None = None

    def at(self, prompt_tokens: int) -> Prices:
        """Return the prices that hold for a prompt of that many tokens, cached ones included."""
        if self.step is None or self.above is None or prompt_tokens <= self.step:
            return self
        return self.above

    @classmethod
    def from_data(cls, row: Mapping[str, Any]) -> Prices:
        """Read one price entry of `data/models.json`."""
        above = row.get("above")
        return cls(**{**row, "above": cls.from_data(above) if above else None})


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One model of the table; None stands for what is not known.

    Attributes:
        id: the id the API answers with.
        aliases: other names that resolve to it.
        display_name: its name for people.
        line: haiku, sonnet, opus, fable, mythos.
        lifecycle: active, deprecated, retired.
        created_at: release, RFC 3339; 1970 when unknown, as the API itself does.
        deprecated_at: RFC 3339.
        retires_at: RFC 3339: when it stops, or stopped, working.
        max_input_tokens: size of the context window.
        max_tokens: the most it writes in one answer.
        default_effort: effort when the request names none.
        thinking_default: always, on or off, when the request has no `thinking`.
        thinking_display: omitted or summarized, when the request does not say.
        prices: USD per million tokens.
        refuses: features that give a 400; `NAME@EFFORT` only at that effort.

    """

    id: str
    aliases: tuple[str, ...]
    display_name: str
    line: str | None
    lifecycle: str
    created_at: str
    deprecated_at: str | None
    retires_at: str | None
    max_input_tokens: int | None
    max_tokens: int | None
    default_effort: str | None
    thinking_default: str | None
    thinking_display: str | None
    prices: Prices | None
    refuses: frozenset[str]
    _can: Mapping[str, Any] | None = field(repr=False, hash=False)

    @classmethod
    def from_data(cls, row: Mapping[str, Any]) -> ModelEntry:
        """Read one entry of `data/models.json`."""
        changed = {
            "aliases": tuple(row["aliases"]),
            "prices": Prices.from_data(row["prices"]) if row["prices"] else None,
            "refuses": frozenset(row["refuses"]),
            "_can": row["capabilities"],
        }
        return cls(**{**{k: v for k, v in row.items() if k != "capabilities"}, **changed})

    def info(self) -> dict[str, Any]:
        """Return the Models API's object, a fresh one each time."""
        return {
            "id": self.id,
            "type": "model",
            "display_name": self.display_name,
            "created_at": self.created_at,
            "lifecycle": self.lifecycle,
            "deprecated_at": self.deprecated_at,
            "retires_at": self.retires_at,
            "line": self.line,
            "max_input_tokens": self.max_input_tokens,
            "max_tokens": self.max_tokens,
            "capabilities": None if self._can is None else _capabilities(self._can),
        }


def _can(supported: object, **parts: Any) -> dict[str, Any]:
    """Return the API's way of saying yes or no, with the parts of what it says it about."""
    return {"supported": bool(supported), **parts}


def _capabilities(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return `capabilities`: what all models of the table can, and what differs; unknown keys are left out."""
    context = {"clear_thinking_20251015": _can(supported=True), "clear_tool_uses_20250919": _can(supported=True)}
    if "compaction" in row:
        context["compact_20260112"] = _can(row["compaction"])
    efforts: list[str] = row["effort"]
    thinking: Mapping[str, bool] = row["thinking"]
    return {
        "batch": _can(supported=True),
        "citations": _can(supported=True),
        "code_execution": _can(row["programmatic_calling"]),  # the API's name for calling tools from code
        "context_management": _can(supported=True, **context),
        "effort": _can(efforts, **{level: _can(level in efforts) for level in _EFFORTS}),
        "image_input": _can(supported=True),
        "pdf_input": _can(supported=True),
        "server_tools": _can(supported=True, code_execution=_can(supported=True), web_search=_can(supported=True)),
        "structured_outputs": _can(supported=True),
        "thinking": _can(any(thinking.values()), types={kind: _can(thinking[kind]) for kind in sorted(thinking)}),
    }
