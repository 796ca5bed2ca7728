"""Where values come from: the small vocabulary that the reading of shell and of Python share.

A *trace* stands for a value that the code would have: which texts it may be (paths, with marks for what only the
container knows), and of what origin its numbers are. Origins mix by rank: what has one part from the file is from the
file; what may be one or the other, depending on a branch, keeps both.
"""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

# Marks inside texts, for $INPUT_DIR, $OUTPUT_DIR, what is not known, and "one of several".
INPUT, OUTPUT, UNKNOWN, ONE = "\x01", "\x02", "\x03", "\x04"
_MARKS = str.maketrans(dict.fromkeys((INPUT, OUTPUT, UNKNOWN, ONE), "?"))

# Origins of numbers, the strongest first: "data" is the uploaded file; "opaque" is anything that we cannot follow;
# "literal" stands in the code (three numbers or more), "few" are two (a size, a line from 0 to 1); "random" is made.
RANKS = ("data", "opaque", "literal", "random", "few", "none")
NOTHING = frozenset({"none"})
MOST_TEXTS = 12

# Two numbers are a size or a pair of ends; a list, or two rows of a CSV text, is data.
_FEW, _MANY = 2, 3
_CELL = re.compile(r"(?:^|[,;\t|])\s*-?\d+(?:\.\d+)?\s*(?=$|[,;\t|])", re.MULTILINE)
TABLE_ENDINGS = (".csv", ".tsv", ".json", ".jsonl")


@dataclass(frozen=True, slots=True)
class Trace:
    """What is known of a value.

    Attributes:
        origins: where its numbers come from; several where it depends on a branch.
        texts: the texts it, or its elements, may be; empty when it is no known text.
        function: the function it is, as syntax with the scope it was defined in.

    """

    origins: frozenset[str] = NOTHING
    texts: frozenset[str] = frozenset()
    function: Any = field(default=None, compare=False)


BLANK = Trace()
OPAQUE = Trace(frozenset({"opaque"}))
DATA = Trace(frozenset({"data"}))


def text(*texts: str) -> Trace:
    """Return the trace of a text that is one of these."""
    return Trace(texts=_bounded(texts))


def clean(value: str) -> str:
    """Return a text of the code without our marks."""
    return value.translate(_MARKS)


def _bounded(texts: Iterable[str]) -> frozenset[str]:
    found = frozenset(texts)
    return found if len(found) <= MOST_TEXTS else frozenset({UNKNOWN})


def mixed(traces: Iterable[Trace]) -> frozenset[str]:
    """Return the origins of a value made from all of these."""
    result = NOTHING
    for trace in traces:
        result = frozenset(min(a, b, key=RANKS.index) for a in result for b in trace.origins)
    return result


def either(traces: Iterable[Trace]) -> Trace:
    """Return a value that is one of these."""
    traces = list(traces)
    origins = frozenset(o for trace in traces for o in trace.origins) or NOTHING
    function = next((trace.function for trace in traces if trace.function is not None), None)
    return Trace(origins, _bounded(t for trace in traces for t in trace.texts), function)


def either_all(traces: Iterable[Trace]) -> Trace:
    """Return what is made from all of these, with the texts of each."""
    traces = list(traces) or [BLANK]
    return replace(either(traces), origins=mixed(traces))


def glued(traces: Iterable[Trace], between: str = "") -> Trace:
    """Return the concatenation of texts; what is no text is unknown."""
    traces = list(traces)
    made = [""]
    for number, trace in enumerate(traces):
        joint = between if number else ""
        pieces = trace.texts or {UNKNOWN}
        # As `os.path.join` and `/`: what begins at a root leaves what stood before.
        made = [p if joint and p[:1] in {"/", INPUT, OUTPUT} else f"{m}{joint}{p}" for m in made for p in pieces]
        if len(made) > MOST_TEXTS:
            made = [UNKNOWN]
    return Trace(mixed(traces), _bounded(made))


def one_of(trace: Trace) -> Trace:
    """Return one element of several: of the files that a pattern finds, say."""
    return replace(trace, texts=frozenset(t if "*" not in t or ONE in t else t + ONE for t in trace.texts))


def numbers(count: int) -> frozenset[str]:
    """Return the origin of so many different numbers that stand in the code."""
    return frozenset({"literal" if count >= _MANY else "few" if count >= _FEW else "none"})


def table_text(value: str) -> frozenset[str]:
    """Return the origin of a text of the code: "literal" when it is a small CSV or JSON table."""
    rows = sum(1 for line in value.splitlines() if _CELL.search(line))
    return frozenset({"literal"}) if rows >= _FEW and len(_CELL.findall(value)) >= _MANY else NOTHING


@dataclass
class Disk:
    """The container's files as far as the code tells.

    Attributes:
        names: the uploaded files.
        scripts: text files that were written, by path.
        written: origin of what the code wrote, by path.
        copies: other names of uploaded files, by path.
        moved: the code sets INPUT_DIR itself, so that it tells nothing.

    """

    names: tuple[str, ...]
    scripts: dict[str, str] = field(default_factory=dict)
    written: dict[str, frozenset[str]] = field(default_factory=dict)
    copies: dict[str, str] = field(default_factory=dict)
    moved: bool = False

    def script(self, path: str) -> str | None:
        """Return the text of a file that the answer wrote, by its path or, failing that, its name."""
        path = normal(path)
        if path in self.scripts:
            return self.scripts[path]
        return next((t for p, t in reversed(self.scripts.items()) if last(p) == last(path)), None)

    def found(self, path: str, *, folders: bool) -> dict[str, bool]:
        """Return the uploaded files that `path` names, and whether it surely does; a folder names all in it."""
        one, path = ONE in path, path.replace(ONE, "")
        rooted = path.startswith(INPUT)
        if path.rstrip("/") in {INPUT, INPUT + "/."}:
            return dict.fromkeys(self.names, not self.moved) if folders else {}
        name = last(path)
        if normal(path) in self.copies:
            return {self.copies[normal(path)]: True}
        if name in self.names:
            # Elsewhere a file of the same name may be the code's own.
            return {name: not self.moved} if rooted or not self._is_own(path) else {}
        if UNKNOWN in name or any(sign in name for sign in "*?["):
            return self._several(path, one=one)
        return {}

    def _several(self, path: str, *, one: bool) -> dict[str, bool]:
        name = last(path)
        pattern = "".join(".*" if c in {UNKNOWN, "*"} else "." if c == "?" else re.escape(c) for c in name)
        found = [n for n in self.names if re.fullmatch(pattern, n) or fnmatch.fnmatchcase(n, name)]
        sure = path.startswith(INPUT) and not self.moved
        alone = len(found) == 1 and (UNKNOWN not in name or len(self.names) == 1)
        return dict.fromkeys(found, sure and (alone or not (one or UNKNOWN in name)))

    def _is_own(self, path: str) -> bool:
        return normal(path) in self.written or normal(path) in self.scripts

    def origins(self, path: str) -> frozenset[str] | None:
        """Return the origin of a file that the code wrote, or None."""
        return None if path.startswith(INPUT) else self.written.get(normal(path))

    def write(self, path: str, origins: frozenset[str]) -> None:
        """Take note of a file that the code writes."""
        self.written[normal(path)] = self.written.get(normal(path), frozenset()) | origins
        self.copies.pop(normal(path), None)


def normal(path: str) -> str:
    """Return a path without what changes nothing."""
    path = re.sub(r"/(\./)*/*", "/", path)
    return path.removeprefix("./")


def last(path: str) -> str:
    """Return the last part of a path."""
    return path.rstrip("/").rsplit("/", 1)[-1].lstrip(INPUT + OUTPUT)
