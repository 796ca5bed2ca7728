"""Every error shows itself in one harmless line."""

import inspect
import unicodedata
from itertools import filterfalse

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_magic import errors
from claude_magic.errors import APIError, ClaudeMagicError, StreamFailed, Unfinished, harmless, one_line

CLASSES = [c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, ClaudeMagicError)]
# Text a hostile server might send: escape sequences, line breaks, right-to-left overrides, half characters.
HOSTILE = st.text(
    st.characters() | st.sampled_from("\x1b[\r\n\t\x00\x9b\u200b\u202e\u2066\u2028\u0085\ufeff\U000e0041\ud800\u061c")
)


def made(cls, message="It broke.", **rest):
    """An error of any class."""
    if issubclass(cls, APIError):
        rest.setdefault("status", 418)
    if issubclass(cls, StreamFailed):
        rest.setdefault("error_type", "overloaded_error")
    return cls(message, **rest)


def is_harmless(line):
    """Whether `line` is one line without controls, format characters that move text, or half characters."""
    bad = {"Cc", "Zl", "Zp", "Cs"}
    moves = {"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"}
    return not any(unicodedata.category(c) in bad or unicodedata.bidirectional(c) in moves for c in line)


@pytest.mark.parametrize("cls", CLASSES)
def test_every_error_shows_itself_in_one_line(cls):
    """IPython's hook returns one line with the class, what happened, and what to do."""
    (line,) = made(cls, "It broke\nin two.", advice="Mend it.")._render_traceback_()

    assert line.startswith(f"{cls.__name__}: It broke in two.")
    assert "Mend it." in line
    assert is_harmless(line)


@pytest.mark.parametrize("cls", CLASSES)
def test_every_error_is_in_the_tree(cls):
    """The tree in the module's docstring draws each class once, as deep as it is."""
    (drawn,) = [line for line in errors.__doc__.splitlines() if cls.__name__ in line.replace("─", " ").split()]

    assert drawn.index(cls.__name__) == 4 * cls.__mro__.index(Exception)


@pytest.mark.parametrize("cls", [c for c in CLASSES if issubclass(c, (APIError, Unfinished))])
def test_the_request_id_is_shown(cls):
    """Whoever asks for help can name the request; without one there are no empty brackets."""
    assert str(made(cls, request_id="req_011C")).endswith("[req_011C]")
    assert "[" not in str(made(cls))


@pytest.mark.parametrize("cls", [c for c in CLASSES if issubclass(c, APIError)])
def test_an_api_error_names_its_status(cls):
    """The status stands between what happened and what to do; a full stop is added where the server left it out."""
    assert str(made(cls, "no such thing", status=404, advice="Look again.")) == (
        "no such thing. (HTTP 404) Look again."
    )


@pytest.mark.parametrize("cls", CLASSES)
@settings(derandomize=True, deadline=None, max_examples=60)
@given(message=HOSTILE, advice=HOSTILE, request_id=HOSTILE)
def test_no_error_lets_a_control_character_through(cls, message, advice, request_id):
    """Whatever a server or a file name puts into message, advice or request id, the line stays one harmless line."""
    rest = {"request_id": request_id} if issubclass(cls, (APIError, Unfinished)) else {}
    error = made(cls, message, advice=advice, **rest)

    for shown in (*error._render_traceback_(), str(error), *map(str, error.args)):
        assert is_harmless(shown)
        shown.encode()


@settings(derandomize=True, deadline=None)
@given(HOSTILE)
def test_harmless_text_is_one_line_and_stays_as_it_is(text):
    """Cleaning twice is cleaning once, and ordinary words survive."""
    cleaned = harmless(f"word {text}")

    assert harmless(cleaned) == cleaned
    assert cleaned.startswith("word")
    assert is_harmless(cleaned)


def test_every_character_that_could_move_or_break_a_line_is_taken_out():
    """All of Unicode: controls, line separators, half characters, bidirectional embeddings, overrides and isolates."""
    for character in filterfalse(is_harmless, map(chr, range(0x110000))):
        assert harmless(f"a{character}b") == "a b"
    for mark in "\u200e\u200f\u061c\u200b\u2060\ufeff\u00ad\U000e0041":  # unseen, and they reorder or hide words
        assert harmless(f"a{mark}b") == "a b"


def test_a_line_is_at_most_600_characters():
    """A server that answers with a page does not fill the notebook; the cut is marked."""
    assert one_line("x" * 600) == "x" * 600
    assert one_line("x" * 601) == "x" * 599 + "…"
    assert len(harmless("x" * 10_000)) == 10_000


def test_the_error_code_of_details_is_read_only_when_it_is_text():
    """`error.details.error_code` is an open set; anything but text is none."""
    assert made(APIError, details={"error_code": "model_unavailable"}).code == "model_unavailable"
    assert made(APIError, details={"error_code": 7}).code is None
    assert made(APIError).code is None


@pytest.mark.parametrize(
    "secret", ["sk-ant-api03-abcdefgh", "http://user:hunter22@host/x", "user:hunter22@host:9", "http://hunter22@[bad"]
)
def test_no_error_tells_a_credential(secret):
    """A key, or what stands before the host of a URL, is hidden in message, advice and request id."""
    told = str(errors.BadRequest(f"no `{secret}`", status=400, advice=f"see {secret}", request_id=secret))

    assert "hunter22" not in told
    assert "abcdefgh" not in told
    assert "[hidden]" in told


def test_nothing_but_http_becomes_a_link_in_a_traceback():
    """Lab makes links of whatever has a scheme; a space after it is enough."""
    (line,) = ClaudeMagicError("data:text/html,x file:///etc vscode://y https://e.org")._render_traceback_()

    assert line.endswith("data: text/html,x file: ///etc vscode: //y https://e.org")
