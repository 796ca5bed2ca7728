"""What is known without asking: models, prices, beta values, limits, as of one date.

The knowledge is data, in `data/*.json`, each file with its date and sources; this code only reads it, once, when it is
first needed. What is not known is None or absent, never guessed: a model that is not in the table has no price.

`as_of` (the date of the data) and `BETAS` (the beta values the API knows) are read on first use as well.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from claude_magic.catalogue._entries import ModelEntry, Prices, read

__all__ = ["BETAS", "ModelEntry", "Prices", "as_of", "cost", "find", "limits", "models", "refuses"]

as_of: str
BETAS: frozenset[str]


def __getattr__(name: str) -> Any:
    """Read `as_of` and `BETAS` when they are first asked for (PEP 562)."""
    if name == "as_of":
        return str(read("models")["as_of"])
    if name == "BETAS":
        return _betas()
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)


@cache
def _betas() -> frozenset[str]:
    return frozenset(read("betas")["values"])


@cache
def models() -> tuple[ModelEntry, ...]:
    """Return every model known, retired ones included, newest first; unknown release dates come last."""
    entries = (ModelEntry.from_data(row) for row in read("models")["models"])
    return tuple(sorted(entries, key=lambda entry: entry.created_at, reverse=True))


@cache
def _by_name() -> dict[str, ModelEntry]:
    return {name: entry for entry in models() for name in (entry.id, *entry.aliases)}


def find(id_or_alias: str) -> ModelEntry | None:
    """Return the model of that id or alias, or None when it is not in the table."""
    return _by_name().get(id_or_alias)


def refuses(model_id: str, feature: str, *, effort: str | None = None) -> bool:
    """Tell whether the API answers 400 when `model_id` is asked for `feature`.

    Args:
        model_id: id or alias; of a model that is not in the table nothing is known, so it refuses nothing.
        feature: one of ``prefill``, ``thinking_enabled``, ``thinking_adaptive``, ``thinking_disabled``,
            ``thinking_between_tools``, ``forced_tool_choice``, ``sampling``, ``computer_20250124``,
            ``computer_20251124``, ``programmatic_calling``, ``fast``.
        effort: the request's effort level: a few features are refused only at ``xhigh`` and ``max``.

    Two refusals depend on the request and not on the model, and are not in the table: sampling parameters under API
    version 2026-10-21, and forced tool choice together with manual thinking.

    """
    entry = find(model_id)
    return entry is not None and (feature in entry.refuses or f"{feature}@{effort}" in entry.refuses)


def cost(
    model_id: str,
    *,
    input_tokens: int,
    output_tokens: int,
    cache_creation_5m: int = 0,
    cache_creation_1h: int = 0,
    cache_read: int = 0,
    web_searches: int = 0,
    batch: bool = False,
) -> float | None:
    """Return what an answer costs in USD, or None when the model's price is not known.

    All arguments are the API's own figures: tokens as `usage` counts them, `input_tokens` being what follows the last
    cache breakpoint. A batch costs half of everything but web searches. Not included: `inference_geo: us` (1.1 times),
    fast mode, container hours. Prices: `data/models.json`, as of `as_of`.
    """
    entry = find(model_id)
    if entry is None or entry.prices is None:
        return None
    # The step of Haiku 5.5 is taken to depend on the whole prompt, as its price page reads; not tested against a bill.
    price = entry.prices.at(input_tokens + cache_creation_5m + cache_creation_1h + cache_read)
    factor = price.batch_input / price.input if batch else 1.0
    tokens = (
        input_tokens * price.input
        + cache_creation_5m * price.cache_write_5m
        + cache_creation_1h * price.cache_write_1h
        + cache_read * price.cache_read
        + output_tokens * price.output
    )
    return tokens * factor / 1e6 + web_searches * float(read("models")["web_search_usd"])


def limits() -> dict[str, Any]:
    """Return sizes and rates the API allows (`data/limits.json`): bytes, pixels, pages, seconds as the keys say."""
    return read("limits")
