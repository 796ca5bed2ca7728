"""Code as HTML: Pygments' classes.

Lab and Notebook 7 colour them in light and dark (jupyterlab_pygments, which nbconvert brings along), nbconvert's HTML
has its own rules for them; elsewhere the code is simply not coloured.
"""

from __future__ import annotations

import io
import re
import time
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from claude_magic.rendering.clean import code_text, plain

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from pygments.lexer import Lexer

MAX_LENGTH = 20_000
"""Characters; longer code is shown without colours."""
_PATIENCE = 1.0  # seconds of this thread's work; ordinary code of that length takes a tenth of it

SPACED = "margin:0.6em 0"
"""Room above and below, which Lab takes away from `pre`; kept by nh3 and by Lab's own sanitiser."""

# Names in a fence, by Pygments' alias. Only these: a lexer is a program that the model would choose.
_NAMES = {
    "python": "python py python3 py3 ipython pandas",
    "bash": "bash sh shell zsh",
    "javascript": "javascript js jsx",
    "typescript": "typescript ts tsx",
    "markdown": "markdown md",
    "yaml": "yaml yml",
    "cpp": "cpp c++",
    "csharp": "csharp c# cs",
    "tex": "tex latex",
    "docker": "docker dockerfile",
    "make": "make makefile",
    "diff": "diff patch",
}
_SAME = (
    "json sql r julia html css xml toml ini c java go rust ruby php kotlin swift scala lua perl matlab fortran haskell "
    "powershell pycon console pytb postgresql sqlite3"
)
_LANGUAGES = {name: alias for alias, names in _NAMES.items() for name in names.split()}
_LANGUAGES |= {name: name for name in _SAME.split()}
# White space, plain names and punctuation: nearly half of the bytes, and no theme of Jupyter's tells them from text.
_BARE = re.compile(r'<span class="(?:w|n|p)">([^<]*)</span>')
_SUFFIXES = {"py": "python", "sh": "bash", "json": "json", "sql": "sql", "r": "r", "md": "markdown", "toml": "toml"}


def highlighted(code: str, language: str = "") -> str:
    """Untrusted code in a `div` of class "highlight"; an unknown language or huge code stays plain."""
    inside = code_text(code) if len(code) > MAX_LENGTH else _spans(code, _LANGUAGES.get(language.lower(), ""))
    return f'<div class="highlight" style="{SPACED}"><pre>{inside}</pre></div>\n'


def language_of(path: str) -> str:
    """Return the language that a file's name says, or nothing."""
    return _SUFFIXES.get(path.rpartition(".")[2].lower(), "") if "." in path else ""


@cache
def class_names() -> frozenset[str]:
    """Return all classes that Pygments gives to spans."""
    from pygments.token import STANDARD_TYPES

    return frozenset(name for name in STANDARD_TYPES.values() if name)


@cache
def _lexer(alias: str) -> Lexer:
    from pygments.lexers import get_lexer_by_name

    return get_lexer_by_name(alias, stripnl=False, ensurenl=False)


@lru_cache(maxsize=64)
def _spans(code: str, alias: str) -> str:
    code = plain(code)
    if not alias:
        return code_text(code)
    from pygments.formatters.html import HtmlFormatter

    made = io.StringIO()
    try:
        HtmlFormatter(nowrap=True).format(_tokens(_lexer(alias), code), made)
    except TimeoutError:
        return code_text(code)
    # A newline right after <pre> is swallowed by every HTML parser; the empty span keeps the first line.
    return "<span></span>" + _BARE.sub(r"\1", made.getvalue())


def _tokens(lexer: Lexer, code: str) -> Iterator[tuple[Any, str]]:
    """Yield the tokens of `code`. Some lexers look ahead to its end from every sign: 6 kB can take them minutes.

    Raises:
        TimeoutError: it takes too long.

    """
    end = time.thread_time() + _PATIENCE
    for token in lexer.get_tokens(code):
        if time.thread_time() > end:
            raise TimeoutError
        yield token
