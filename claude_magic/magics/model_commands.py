"""`%claude models`, `model`, `count`: what there is, what it can, what a prompt would cost."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from claude_magic import catalogue
from claude_magic.errors import UsageError, one_line, unlinked
from claude_magic.magics.arguments import parse_prompt, words
from claude_magic.magics.views import Text, table
from claude_magic.sessions import LINES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from claude_magic.magics import ClaudeMagics
    from claude_magic.messages import Block
    from claude_magic.options import Options
    from claude_magic.sessions import Session

_COLUMNS = ["id", "name", "line", "lifecycle", "context", "output", "thinking", "input $/M", "output $/M"]


def models(magics: ClaudeMagics, rest: str) -> Any:
    """List models as the server has them, newest first; limits in tokens, prices in US dollars per million tokens."""
    named = words(rest, "models [PATTERN]", most=1)
    return rows(magics.session, named[0] if named else "")


def rows(session: Session, pattern: str = "") -> Any:
    """Return the models whose id or name matches as a DataFrame."""
    listed, pattern = session.models(), f"*{pattern.lower()}*"
    shown = (m for m in listed if fnmatch.fnmatch(f"{m.get('id')} {m.get('display_name')}".lower(), pattern))
    return table(map(_row, shown), _COLUMNS)


def _row(model: Mapping[str, Any]) -> dict[str, Any]:
    entry = catalogue.find(str(model.get("id")))
    prices = entry.prices if entry else None
    types = ((model.get("capabilities") or {}).get("thinking") or {}).get("types") or {}
    return {
        "id": model.get("id"),
        "name": model.get("display_name"),
        "line": model.get("line"),
        "lifecycle": model.get("lifecycle"),
        "context": model.get("max_input_tokens"),
        "output": model.get("max_tokens"),
        "thinking": ", ".join(name for name, can in types.items() if (can or {}).get("supported")),
        "input $/M": prices.input if prices else None,
        "output $/M": prices.output if prices else None,
    }


def model(magics: ClaudeMagics, rest: str) -> Text:
    """Show the default model, or set it; a model the server does not know is refused."""
    named = words(rest, "model [NAME]", most=1)
    session = magics.session
    if named:
        wanted = session.resolve(named[0])
        known = [str(m.get("id")) for m in session.models()]
        if known and wanted not in known:
            session.client.models.get(wanted)  # an alias of the API's, or a 404 that says so
        magics.model = named[0]
    resolved = session.resolve()
    return Text(resolved if resolved == magics.model else f"{magics.model}: {resolved} for now")


def count(magics: ClaudeMagics, rest: str) -> Count:
    """Count what a cell with these options and this prompt would send: the whole, its parts, and the price by model.

    The parts are differences between counts of the API's own: prompt alone, with the system prompt, with the history.
    """
    options, text = parse_prompt(rest)
    namespace, session = magics.shell.user_ns, magics.session
    if not text:
        advice = "Write `%claude count [options] TEXT`, or name variables."
        raise UsageError("There is nothing to count.", advice=advice)
    named = text.split()
    variables = all(name in namespace for name in named)
    body = "\n".join(f"{{{{ {name} }}}}" for name in named) if variables else text
    blocks = session.compose(body, options, namespace)
    counted, whole = session.count(blocks, options, namespace)
    alone = replace(options, history=False)
    with_system = session.count(blocks, alone, namespace)[1]
    bare = session.count(blocks, replace(alone, system=""), namespace)[1]
    parts = {"prompt": bare, "system prompt": with_system - bare, "history": whole - with_system}
    priced = [_priced(session, blocks, replace(options, model=line), namespace) for line in sorted(LINES)]
    return Count(counted, whole, {k: v for k, v in parts.items() if v}, table(priced, ["model", "tokens", "input $"]))


def _priced(session: Session, blocks: list[Block], options: Options, namespace: Mapping[str, Any]) -> dict[str, Any]:
    name, tokens = session.count(blocks, options, namespace)
    return {"model": name, "tokens": tokens, "input $": catalogue.cost(name, input_tokens=tokens, output_tokens=0)}


@dataclass(frozen=True, slots=True)
class Count:
    """Input tokens of a prompt.

    Attributes:
        model: whose tokenizer counted.
        tokens: all input tokens.
        parts: how many of them are the prompt, the system prompt, the history.
        prices: a DataFrame: tokens and US dollars of the same input for the newest model of each line.

    """

    model: str
    tokens: int
    parts: Mapping[str, int]
    prices: Any

    def __int__(self) -> int:
        """Return the tokens."""
        return self.tokens

    def __repr__(self) -> str:
        """Return one line for the whole and its parts, and the table."""
        parts = ", ".join(f"{name} {tokens:,}" for name, tokens in self.parts.items())
        head = f"{self.tokens:,} input tokens for {unlinked(one_line(self.model))} ({parts})"
        return f"{head}\n{self.prices.to_string(index=False)}"
