"""Answers without a table: who this is, and the few things it does exactly. It never pretends to understand more."""

from __future__ import annotations

import ast
import operator
import re
from typing import TYPE_CHECKING, Any

from claude_magic.local.standin.numbers import code, count, md, number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from claude_magic.local.standin.table import Table

WHO = "I am the local stand-in, not Claude: a program without a language model."
ABILITIES = (
    "Given a table (`-u df`), I match the words of a prompt to its columns, write pandas and matplotlib code, run "
    "it and report what it printed: describe, missing values, histogram, bars by group, line over time, scatter, "
    "correlation, largest and smallest, pivot, outliers, regression line, comparison of groups. For everything else, "
    "ask Claude with `%claude use api`."
)
NO_TOOL = (
    "A table is attached, but the request holds no code execution tool, so I can't compute from it: use `--upload` "
    "(`-u`) or `--run`."
)
NO_TABLE = (
    "This reads like a question about a table, but none was uploaded: attach one with `-u`, such as `%%claude -u df`."
)

_I = re.IGNORECASE
_LONG = re.compile(r"\b(\d[\d,]{0,6}|one|two|three|five|ten|twenty)[\s-]+(words?|paragraphs?|sentences?|lines?)\b", _I)
_WRITE = re.compile(
    r"\b(write|tell|generate|produce|give|say|print|compose|stream)\b|\b(essay|story|long text|long answer)\b", _I
)
_LONG_TEXT = re.compile(r"\b(long|lengthy) (text|answer|story|essay|reply|response)\b", _I)
_SMALL_NUMBERS = {"one": 1, "two": 2, "three": 3, "five": 5, "ten": 10, "twenty": 20}
_SLOWLY = re.compile(r"\bslow(ly)?\b", _I)
_FEATURES = re.compile(
    r"\b(markdown|formatting)\b.*\b(features?|show|demo|sample|example|everything)\b|\bshow\b.*\bmarkdown\b",
    _I | re.DOTALL,
)
_ECHO = re.compile(
    r"^\s*(?:please\s+)?(?:say|repeat|echo|reply with|answer with|respond with)"
    r"(?:\s+(?:exactly|only|just|the words?|after me))*\s*:?\s+(.+)$",
    _I | re.DOTALL,
)
_RECAP = re.compile(
    r"\bwhat (did|have) i (just |last )?(say|said|ask|asked|tell|told|write|written)|"
    r"\b(my|the) (previous|last|first|earlier) (message|question|prompt)|so far\b",
    _I,
)
_WORDS = re.compile(r"\b(count|how many)\b.*\b(words|characters|letters)\b", _I)
_SUM = re.compile(
    r"(?<![\w.])[-+(]*\d[\d\s.,+\-*/%()^\u00d7\u00f7\u00b7\u2212]*(?<![\s.,+\-*/%^\u00d7\u00f7\u00b7\u2212])"
)
_OPERATORS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.Pow: operator.pow,
}  # fmt: skip
# Signs as people type them: times, dot, division, minus.
_SIGNS = {"\u00d7": "*", "\u00b7": "*", "\u00f7": "/", "\u2212": "-"}
_MOST_BITS = 4096
_MOST_WORDS = 100_000


def slowly(prompt: str) -> bool:
    """Whether the prompt asks for a slow answer."""
    return bool(_SLOWLY.search(prompt))


def reply(prompt: str, earlier: Sequence[str], attached: Sequence[str], table: Table | None, *, analysis: bool) -> str:
    """The answer to a prompt without a table to compute from.

    Args:
        prompt: the request.
        earlier: the user's messages before it.
        attached: kinds of attached blocks that are no text ("image", "document").
        table: the columns that a text in the prompt tells of.
        analysis: the prompt reads like a request about a table.

    """
    for find in (_features, _echo, _counted, _calculated):
        said = find(prompt)
        if said:
            return f"{WHO} {said}"
    if _RECAP.search(prompt):
        return f"{WHO} {_recap(earlier)}"
    parts = [_seen(attached), _schema(table) if table else "", NO_TABLE if analysis and table is None else ""]
    said = " ".join(p for p in parts if p)
    words = len(prompt.split())
    what = said or f"Your message has {count(words, 'word')}, and I did not find anything in it that I can do."
    turns = f" It is message {len(earlier) + 1} of yours in this conversation." if earlier else ""
    return f"{WHO} {what}{turns}\n\n{ABILITIES}"


def _seen(attached: Sequence[str]) -> str:
    kinds = [count(attached.count(k), k) for k in dict.fromkeys(attached)]
    return f"You attached {' and '.join(kinds)}, which I can't look at." if kinds else ""


def _schema(table: Table) -> str:
    rows = f" and {count(table.rows, 'row')}" if table.rows is not None else ""
    kinds = [c.kind for c in table.columns]
    inside = ", ".join(f"{number(kinds.count(k))} {k}" for k in dict.fromkeys(kinds))
    listed = ", ".join(code(c.name) for c in table.columns[:30]) + (", …" if len(table.columns) > 30 else "")  # noqa: PLR2004 - enough to recognise a table
    return (
        f"The prompt describes a table with **{count(len(table.columns), 'column')}**{rows} ({inside}): {listed}. "
        "I have its description, not its values; attach it with `-u` and I can compute."
    )


def _recap(earlier: Sequence[str]) -> str:
    if not earlier:
        return "This is your first message in this conversation."
    listed = "\n".join(f"{i}. {md(text, 200)}" for i, text in enumerate(earlier, 1))
    return f"Before this you wrote, in this conversation:\n\n{listed}"


def _echo(prompt: str) -> str:
    match = _ECHO.match(prompt)
    return f"You asked me to say: {md(match[1].strip(), 2000)}" if match else ""


def _counted(prompt: str) -> str:
    if not _WORDS.search(prompt):
        return ""
    text = prompt.partition(":")[2].strip() or prompt
    which = "The text after the colon" if prompt.partition(":")[2].strip() else "Your message"
    return f"{which} has **{count(len(text.split()), 'word')}** and {count(len(text), 'character')}."


def _calculated(prompt: str) -> str:
    for match in _SUM.finditer(prompt):
        text = match.group().strip()
        if not re.search(r"\d\s*\)*\s*[-+*/%^\u00d7\u00f7\u00b7\u2212]", text) or re.fullmatch(
            r"\d{4}-\d\d(-\d\d)?", text
        ):  # a date is no sum
            continue
        value = calculate(text)
        if value is not None:
            return f"{md(text, 200)} = **{number(value) if abs(value) < 1e12 else md(value, 200)}**"  # noqa: PLR2004 - beyond it digits matter less than their number
    return ""


def calculate(text: str) -> int | float | None:
    """The value of an arithmetic expression, or None when it is none; never runs anything."""
    source = text.replace(",", "").replace("^", "**")
    for sign, plain in _SIGNS.items():
        source = source.replace(sign, plain)
    try:
        return _value(ast.parse(source.strip(), mode="eval").body)
    except (SyntaxError, ValueError, ArithmeticError, RecursionError, MemoryError):
        return None


def _value(node: ast.expr) -> int | float:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        return -_value(node.operand) if isinstance(node.op, ast.USub) else _value(node.operand)
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        left, right = _value(node.left), _value(node.right)
        if isinstance(node.op, ast.Pow) and abs(right) * max(1, int(left).bit_length()) > _MOST_BITS:
            raise ValueError
        value = _OPERATORS[type(node.op)](left, right)
        if isinstance(value, int | float):
            return value
    raise ValueError


def _features(prompt: str) -> str:
    return f"Here is what Markdown can do.\n\n{FEATURES}" if _FEATURES.search(prompt) else ""


def long_text(prompt: str) -> Iterator[str] | None:
    """Pieces of the long text that the prompt asks for, or None when it asks for none."""
    match = _LONG.search(prompt)
    if (match and _WRITE.search(prompt) and not _WORDS.search(prompt)) or _LONG_TEXT.search(prompt):
        raw = match[1].casefold() if match else "400"
        n = _SMALL_NUMBERS.get(raw) or int(raw.replace(",", "") or 1)
        return _pieces(n, match[2].casefold() if match else "words")
    return None


def _pieces(n: int, unit: str) -> Iterator[str]:
    """The text about itself, word by word, until it has `n` words, sentences, lines or paragraphs."""
    yield f"{WHO} "
    yield "You asked for a long text; this one is generated.\n\n"
    word = unit.startswith("word")
    done = 0
    for number_, sentence in enumerate(_sentences(), 1):
        for piece in re.findall(r"\S+\s*", sentence):
            if word and done >= n:
                return
            yield piece
            done += word
        done += unit.startswith(("sentence", "line"))
        ends = number_ % 4 == 0
        done += unit.startswith("paragraph") and ends
        if done >= min(n, _MOST_WORDS):
            return
        yield (
            f"\n\n## Part {number_ // 12 + 1}\n\n"
            if number_ % 12 == 0
            else "\n\n"
            if ends or unit.startswith("line")
            else " "
        )


_SUBJECTS = ("A column", "The stand-in", "An answer", "A prompt", "The server", "A chart", "A figure")
_VERBS = ("is read", "is counted", "is written down", "arrives in pieces", "is kept", "is shown", "stays where it is")
_ENDS = ("word by word", "without a guess", "in the order it came", "on this machine", "for as long as it takes")


def _sentences() -> Iterator[str]:
    """Endless plain sentences, numbered so that none is missing or doubled unseen."""
    i = 0
    while True:
        i += 1
        yield f"{_SUBJECTS[i % 7]} {_VERBS[(i * 3) % 7]} {_ENDS[(i * 2) % 5]}, and this is sentence {i}."


FEATURES = """\
## A heading

Plain text with *emphasis*, **strong words**, `code` and a [link](https://docs.claude.com/).

1. First
2. Second
   - nested
   - list

> A quotation.

| method | figure |
| --- | ---: |
| mean | 2.5 |
| median | 2 |

```python
def area(r: float) -> float:
    return 3.14159 * r**2
```

Inline maths $a^2 + b^2 = c^2$ and a displayed formula:

$$\\bar{x} = \\frac{1}{n} \\sum_{i=1}^{n} x_i$$

---

~~Struck out~~ and the end.
"""
