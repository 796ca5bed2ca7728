"""The option line of a cell, parsed once into frozen `Options`. One table serves parser, help and completion."""

from __future__ import annotations

import difflib
import keyword
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from claude_magic.errors import UsageError
from claude_magic.options import Options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping


@dataclass(frozen=True, slots=True)
class Option:
    """One option of the cell.

    Attributes:
        names: short form first.
        value: what its value is called in the help; empty for a switch.
        meaning: one sentence for the help.
        sets: returns the fields of `Options` it sets, given the value (True for a switch) and the fields so far.

    """

    names: tuple[str, ...]
    value: str
    meaning: str
    sets: Callable[[Any, dict[str, Any]], dict[str, Any]]


_DIGITS = 9  # more than any model's limit needs; Python itself refuses to read numbers of thousands of digits


def _number(value: str, _: dict[str, Any]) -> dict[str, Any]:
    if not (value.isascii() and value.isdecimal() and len(value) <= _DIGITS and int(value)):
        advice = "Give a whole number above 0, such as 16000."
        raise UsageError(f"`--max-tokens {value}` is no number of tokens; nothing was sent.", advice=advice)
    return {"max_tokens": int(value)}


def _name(value: str, _: dict[str, Any]) -> dict[str, Any]:
    if not value.isidentifier() or keyword.iskeyword(value):
        advice = "Give a name such as `answer`."
        raise UsageError(f"`--out {value}` is no Python name; nothing was sent.", advice=advice)
    return {"out": value}


def _share(value: str, _: dict[str, Any]) -> dict[str, Any]:
    if not re.fullmatch(r"none|schema|stats|full|sample=[1-9][0-9]{0,8}", value):
        advice = "Use none, schema, stats, sample=N or full."
        raise UsageError(f"`--share {value}` is no level; nothing was sent.", advice=advice)
    return {"share": value}


_HOURS = {"h": 1, "d": 24, "w": 24 * 7}


def _duration(value: str, _: dict[str, Any]) -> dict[str, Any]:
    """Read `12h`, `7d`, `2w`; the Files API takes an hour to 90 days."""
    found = re.fullmatch(r"([0-9]{1,4})([hdw])", value)
    hours = int(found[1]) * _HOURS[found[2]] if found else 0
    if not 1 <= hours <= 24 * 90:
        advice = "Use 1h to 90d, such as `7d`."
        raise UsageError(f"`--keep {value}` is no time a file can be kept; nothing was sent.", advice=advice)
    return {"keep": hours * 3600}


OPTIONS: tuple[Option, ...] = (
    Option(("-m", "--model"), "M", "model id or alias (sonnet, opus, haiku, fable)", lambda v, _: {"model": v}),
    Option(
        ("-s", "--system"),
        "TEXT",
        "system prompt; the name of a string variable takes its value",
        lambda v, _: {"system": v},
    ),
    Option(("-o", "--out"), "NAME", "bind the Reply to NAME", _name),
    Option(
        ("-u", "--upload"),
        "X",
        "put a DataFrame or a file into Claude's container (repeat for more); switches --run on",
        lambda v, so_far: {"upload": (*so_far.get("upload", ()), v), "run": True},
    ),
    Option(("--run",), "", "let Claude run code in its container", lambda _, __: {"run": True}),
    Option(("--share",), "LEVEL", "what the prompt may tell of a frame: none, schema, stats, sample=N, full", _share),
    Option(
        ("--verify",),
        "",
        "run the answer's code again here, sandboxed, and compare its tables and charts",
        lambda _, __: {"verify": True, "run": True},
    ),
    Option(("--save",), "DIR", "put a copy of every file Claude makes into DIR", lambda v, _: {"save": v}),
    Option(("--keep",), "TIME", "let the server delete what is uploaded after TIME: 12h, 7d, 2w", _duration),
    Option(
        ("--new-container",),
        "",
        "run code in a new container instead of the thread's",
        lambda _, __: {"new_container": True},
    ),
    Option(("--max-tokens",), "N", "the most tokens of the answer, thinking included; default 16000", _number),
    Option(("--thread",), "NAME", "which conversation; default: the current one, main", lambda v, _: {"thread": v}),
    Option(("--new",), "", "start the conversation afresh", lambda _, __: {"new": True}),
    Option(
        ("--no-history",), "", "send this cell alone, and keep it out of the thread", lambda _, __: {"history": False}
    ),
    Option(("--no-stream",), "", "wait for the whole answer", lambda _, __: {"stream": False}),
    Option(("--raw",), "", "send {{ }} as it stands", lambda _, __: {"raw": True}),
)
_BY_NAME = {name: option for option in OPTIONS for name in option.names}


def parse(line: str) -> tuple[Options, list[str]]:
    """Return the options of a line and the words that are no option, in order.

    `--model M`, `--model=M`, `-m M` and `-mM` are the same; quotes group words as in a shell; `--` ends the options.

    Raises:
        UsageError: an option is unknown, lacks its value, or has one it does not take; a quote is not closed.

    """
    fields: dict[str, Any] = {}
    words: list[str] = []
    rest = iter(_split(line))
    for word in rest:
        if word == "--":
            words += rest
        elif word.startswith("-") and word != "-":
            option, given = _option(word)
            fields |= option.sets(_value(option, word, given, rest), fields)
        else:
            words.append(word)
    return Options(**fields), words


def parse_cell(line: str) -> Options:
    """Return the options of a cell's line, which holds options only.

    Raises:
        UsageError: as `parse`, and for text that is no option.

    """
    options, words = parse(line)
    if words:
        text = " ".join(words)
        raise UsageError(
            f"`{text}` on the line of %%claude is no option; nothing was sent.",
            advice="The prompt goes below the line, and a value with spaces needs quotes: see `%claude help`.",
        )
    return options


# What a function's caller has in other ways: a value is what it returns, and its uploads are objects.
_NOT_IN_CALLS = frozenset({"out", "upload"})
_IN_CALLS = {o.names[-1][2:].replace("-", "_"): o for o in OPTIONS} | {
    "history": Option(("history",), "", "keep and send the conversation", lambda v, _: {"history": v}),
    "stream": Option(("stream",), "", "take the answer as it arrives", lambda v, _: {"stream": v}),
}


def of_call(given: Mapping[str, Any]) -> Options:
    """Return the options of a function call: the cell's, with underscores, and the same values as texts or numbers.

    A switch is True or False; `history=False` is `no_history=True`, and so with `stream`. None leaves an option out.

    Raises:
        UsageError: an option is unknown, or has a value it does not take.

    """
    fields: dict[str, Any] = {}
    for name, value in given.items():
        option = None if name in _NOT_IN_CALLS else _IN_CALLS.get(name)
        if option is None:
            near = nearest(name, _IN_CALLS.keys() - _NOT_IN_CALLS)
            known = f"Did you mean `{near}`?" if near else "`help(claude_magic.ask)` lists the options."
            raise UsageError(f"`{name}` is no option; nothing was sent.", advice=known)
        if option.value and value is not None:
            fields |= option.sets(str(value), fields)
        elif not option.value and isinstance(value, bool):
            fields |= option.sets(value, fields) if value or name in {"history", "stream"} else {}
        elif value is not None:
            raise UsageError(f"`{name}={value!r}` is no switch; nothing was sent.", advice="Give True or False.")
    return Options(**fields)


# A word ends at white space; what an unclosed quote begins is none, and `_split` says so.
_WORD = re.compile(r"""\s*((?:"[^"]*"|'[^']*'|[^\s"'])+)(?=\s|$)""")


def parse_prompt(line: str) -> tuple[Options, str]:
    """Return the options a line begins with, and the prose after them, as it stands.

    Prose is no shell: an apostrophe in it is an apostrophe, so only the leading options are read as words.

    Raises:
        UsageError: as `parse`.

    """
    at = 0
    while (word := _WORD.match(line, at)) and word[1].startswith("-") and word[1] != "-":
        at = word.end()
        if word[1] == "--":
            break
        option, given = _option(word[1])
        if option.value and given is None:
            value = _WORD.match(line, at)
            if value is None:
                _split(line[at:])
                break
            at = value.end()
    if word is None and line[at:].lstrip().startswith("-"):
        _split(line[at:])
    return parse(line[:at].rstrip().removesuffix(" --"))[0], line[at:].strip()


def words(rest: str, usage: str, *, least: int = 0, most: int | None = None) -> list[str]:
    """Return the words after a command, as a shell reads them.

    Raises:
        UsageError: there are fewer than `least` or more than `most`, or a quote is not closed.

    """
    found = _split(rest)
    if len(found) < least or (most is not None and len(found) > most):
        raise UsageError("That is not how this command is used.", advice=f"Write `%claude {usage}`.")
    return found


def _split(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError as problem:
        raise UsageError(f"The line cannot be read: {problem}.", advice="Close the quote; nothing was sent.") from None


def _option(word: str) -> tuple[Option, str | None]:
    """Return the option a word names, and the value that is joined to it."""
    name, equals, value = word.partition("=")
    if name in _BY_NAME:
        return _BY_NAME[name], value if equals else None
    short = word[:2]
    meant = f"-{name}" in _BY_NAME  # `-model` is `--model` with a dash forgotten, not `-m odel`
    if not word.startswith("--") and short in _BY_NAME and _BY_NAME[short].value and not meant:
        return _BY_NAME[short], word[2:]
    near = f"-{name}" if meant else nearest(name, _BY_NAME)
    advice = f"Did you mean `{near}`?" if near else "`%claude help` lists the options."
    raise UsageError(f"`{name}` is no option; nothing was sent.", advice=advice)


_LIKE_AN_OPTION = re.compile(r"--[a-z][a-z-]*")


def _value(option: Option, word: str, given: str | None, rest: Iterator[str]) -> Any:
    if not option.value:
        if given is not None:
            raise UsageError(f"`{option.names[-1]}` takes no value; nothing was sent.", advice="Leave out the `=…`.")
        return True
    value = given if given is not None else next(rest, None)
    if not value or (given is None and (value in _BY_NAME or _LIKE_AN_OPTION.fullmatch(value))):
        name = word.removesuffix("=")
        advice = f"Write `{name} {option.value}`: {option.meaning}."
        raise UsageError(f"`{name}` needs a value; nothing was sent.", advice=advice)
    return value


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known word most like `name`, or None."""
    return next(iter(difflib.get_close_matches(name, list(known), n=1)), None)


def table() -> str:
    """Return the options as lines of `names value  meaning`."""
    left = [", ".join(o.names) + (f" {o.value}" if o.value else "") for o in OPTIONS]
    width = max(map(len, left))
    return "\n".join(f"  {names:<{width}}  {option.meaning}" for names, option in zip(left, OPTIONS, strict=True))
