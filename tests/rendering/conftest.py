"""What the tests of rendering share: the corpus, and a reader of HTML that names everything that may not be in it."""

from __future__ import annotations

import importlib.util
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from claude_magic.rendering.highlight import class_names
from claude_magic.rendering.links import is_safe
from claude_magic.rendering.markdown import TAGS
from claude_magic.rendering.tex import harmless

CHROME = {"details", "summary"}
PATTERNS = {
    ("a", "rel"): "noopener( noreferrer nofollow)?",
    ("div", "class"): "highlight",
    ("ol", "start"): "[0-9]+",
    ("th", "style"): "text-align: ?(left|right|center);?",
    ("td", "style"): "text-align: ?(left|right|center);?",
    ("details", "open"): "",
    ("div", "style"): "margin: ?0.6em 0;?",
    ("details", "style"): "margin:0.6em 0",
    ("pre", "style"): "white-space:pre-wrap;overflow-wrap:anywhere",
    ("small", "style"): "opacity:0.8",
}
OF_CHROME = {("details", "open"), ("details", "style"), ("pre", "style"), ("small", "style")}
INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e01ef\ud800-\udfff]"
)


class Reader(HTMLParser):
    """Reads HTML as a browser's tokenizer would, and lists what may not be there."""

    def __init__(self, *, chrome: bool) -> None:
        super().__init__(convert_charrefs=True)
        self.tags = set(TAGS) | (CHROME if chrome else set())
        self.chrome = chrome
        self.wrong: list[str] = []
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag not in self.tags:
            self.wrong.append(f"<{tag}>")
        if tag not in {"br", "hr"}:
            self.open.append(tag)
        self.wrong += [f"{tag} {name}={value!r}" for name, value in attrs if not self._allowed(tag, name, value or "")]

    def _allowed(self, tag, name, value):
        if (tag, name) == ("a", "href"):
            return is_safe(value) or (self.chrome and re.fullmatch(r"[\w.~%-]+(/[\w.~%-]+)*", value))
        if (tag, name) == ("span", "class"):
            return value in class_names()
        return re.fullmatch(PATTERNS.get((tag, name), "(?!)"), value) and (self.chrome or (tag, name) not in OF_CHROME)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}> closes nothing")

    def handle_data(self, data):
        self.text.append(data)
        if INVISIBLE.search(data):
            self.wrong.append(f"invisible {data!r}")
        if not {"pre", "code"} & set(self.open) and re.search(r"[\\$]", data) and not self._maths(data):
            self.wrong.append(f"maths? {data!r}")

    def _maths(self, data):
        formula = re.fullmatch(r"\\([(\[])(.*)\\([)\]])", data, re.DOTALL)
        return data in {"$", "\\"} or (formula is not None and harmless(formula[2]))

    def handle_comment(self, data):
        self.wrong.append(f"comment {data!r}")

    def handle_decl(self, decl):
        self.wrong.append(f"declaration {decl!r}")

    def handle_pi(self, data):
        self.wrong.append(f"instruction {data!r}")


@pytest.fixture(scope="session")
def violations():
    """`violations(html, chrome=False)`: everything in a fragment that may not be there; empty when it is safe."""

    def read(fragment: str, *, chrome: bool = False) -> list[str]:
        reader = Reader(chrome=chrome)
        reader.feed(fragment)
        reader.close()
        return reader.wrong + [f"<{tag}> stays open" for tag in reader.open]

    return read


@pytest.fixture(scope="session")
def corpus():
    """The module `payloads`: `.families(beacon)`, `.payloads(beacon)`."""
    spec = importlib.util.spec_from_file_location("payloads", Path(__file__).with_name("payloads.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def poisoned(corpus):
    """`poisoned(x)`: keyword arguments of `bundle` for an answer with `x` wherever something can come over the wire."""
    return corpus.poisoned
