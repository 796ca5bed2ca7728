"""Body text and attachments in, content blocks out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from claude_magic.errors import ClaudeMagicError, UsageError
from claude_magic.prompt.interpolation import Expression, parts, undefined
from claude_magic.prompt.values import blocks_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from claude_magic.messages import Block

__all__ = ["blocks_of", "compose", "undefined"]

_PLAIN = {"type": "text", "text": ""}.keys()


def compose(
    body: str, namespace: Mapping[str, Any], *, raw: bool = False, share: str = "schema", mask: Collection[str] = ()
) -> list[Block]:
    """Return the content blocks of a prompt; neighbouring text is one block.

    Args:
        body: the prompt as typed.
        namespace: where `{{ expression }}` is evaluated.
        raw: send double braces as they are.
        share: how much of a DataFrame may appear in the text.
        mask: columns whose values never do.

    Raises:
        UsageError: the prompt is empty, or an expression in it cannot be evaluated or shown.

    """
    blocks: list[Block] = []
    for part in [body] if raw else parts(body):
        if isinstance(part, str):
            blocks += [{"type": "text", "text": part}]
        else:
            blocks += _value(part, namespace, share, mask)
    blocks = _joined(blocks)
    if not blocks:
        raise UsageError(
            "The prompt is empty; nothing was sent.", advice="Write what you want to ask: in a cell, below `%%claude`."
        )
    return blocks


def _value(part: Expression, namespace: Mapping[str, Any], share: str, mask: Collection[str]) -> list[Block]:
    value = part.evaluate(namespace)
    try:
        return blocks_of(value, part.source, share=share, mask=mask)
    except ClaudeMagicError:
        raise
    except Exception as error:  # noqa: BLE001 - a repr, a `_repr_claude_` or a figure may raise anything
        raise part.failed(error) from None


def _joined(blocks: Iterable[Block]) -> list[Block]:
    joined: list[Block] = []
    for block in blocks:
        # A text block with more in it, such as `cache_control`, came from a `_repr_claude_` and stays as it is.
        if joined and block.keys() == _PLAIN and joined[-1].keys() == _PLAIN:
            joined[-1] = {"type": "text", "text": joined[-1]["text"] + block["text"]}
        else:
            joined.append(block)
    # The API refuses blank text blocks.
    return [b for b in joined if b["type"] != "text" or b["text"].strip()]
