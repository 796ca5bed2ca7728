"""`{{ expression }}` in a prompt: found, evaluated once, replaced by what the value is worth to a reader.

Everything else in the body is sent exactly as typed. What came out of an expression is never looked at again, so a
value may hold `{{ }}` of its own.
"""

from __future__ import annotations

import ast
import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from claude_magic.errors import UndefinedName, UsageError, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_QUOTED = 120  # characters of an expression in an error, so that what is said about it still fits the line
_RAW = "Use `--raw` to send double braces as they are."


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression found in the body, ready to be evaluated."""

    source: str
    tree: ast.Expression

    def evaluate(self, namespace: Mapping[str, Any]) -> Any:
        """Return its value in `namespace`.

        Raises:
            UndefinedName: a name in it is not defined, with the nearest one that is.
            UsageError: it raises anything else.

        """
        try:
            return eval(compile(self.tree, "<prompt>", "eval"), dict(namespace))  # noqa: S307 - the user's own code, in the user's kernel
        except Exception as error:  # noqa: BLE001 - whatever the user's expression raises
            if type(error) is NameError and error.name:
                raise undefined(error.name, namespace) from None
            raise self.failed(error) from None

    def failed(self, error: Exception) -> UsageError:
        """Return the error for an expression, or its value's representation, that raised `error`."""
        said = one_line(error).rstrip(".")
        raised = type(error).__name__ + (f": {said}" if said else "")
        return UsageError(f"{_quoted(self.source)} raised {raised}.", advice="Nothing was sent.")


def _quoted(source: str) -> str:
    line = one_line(source)
    return f"`{{{{ {line if len(line) <= _QUOTED else line[: _QUOTED - 1] + '…'} }}}}`"


def undefined(name: str, namespace: Mapping[str, Any]) -> UndefinedName:
    """Return the error for a name that is not there, with the nearest one that is."""
    near = difflib.get_close_matches(name, [n for n in namespace if not n.startswith("_")], n=1)
    advice = f"Did you mean `{near[0]}`?" if near else "Define it in a cell above, then run this one again."
    return UndefinedName(f"`{name}` is not defined; nothing was sent.", advice=advice)


def parts(body: str) -> Iterator[str | Expression]:
    """Split a body into text and expressions, in order; joined, the text is all that stands outside the braces.

    An opening `{{` without any `}}` is text.

    Raises:
        UsageError: what stands between the braces is not a Python expression.

    """
    at = 0
    while (start := body.find("{{", at)) >= 0:
        found = _expression(body, start + 2)
        if found is None:
            break
        expression, end = found
        if body[at:start]:
            yield body[at:start]
        yield expression
        at = end
    if body[at:]:
        yield body[at:]


def _expression(body: str, start: int) -> tuple[Expression, int] | None:
    """Return the expression that begins at `start` and where it ends; braces inside it (a dict, a set) are its own."""
    first_end = end = body.find("}}", start)
    while end >= 0:
        source = body[start:end].strip()
        try:
            return Expression(source, ast.parse(source, mode="eval")), end + 2
        except (SyntaxError, ValueError, RecursionError, MemoryError):  # the last two: nested too deep for the parser
            end = body.find("}}", end + 1)
    if first_end < 0:
        return None
    what = _quoted(body[start:first_end])
    raise UsageError(f"{what} is not a Python expression; nothing was sent.", advice=_RAW)
