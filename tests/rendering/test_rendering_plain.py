"""Text for a terminal."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_magic.rendering import plain
from claude_magic.rendering.clean import finished_part, shortened


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07rest", "rest"),
        ("\x1b]52;c;cm0=\x1b\\rest", "rest"),
        ("\x1b]8;;https://a.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x9b2Jcleared", "cleared"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("tab\tand\nline", "tab\tand\nline"),
        ("user\u202etxt.exe", "usertxt.exe"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("half \ud83d pair", "half \ufffd pair"),
        ("naïve 漢字 🙂 é", "naïve 漢字 🙂 é"),
        ("a\u2028b", "a\nb"),
    ],
)
def test_control_sequences_go_and_text_stays(raw, clean):
    """Sequences go as a whole, invisible characters one by one; newlines, tabs, letters and emoji stay."""
    assert plain(raw) == clean


@settings(derandomize=True, deadline=None)
@given(st.text(alphabet="\x1b[]0;m\x07\\\x9b\x9c\n\rab"))
def test_cleaning_is_idempotent_and_complete(text):
    """What is clean stays as it is, and no introducer of a sequence is left."""
    assert plain(plain(text)) == plain(text)
    assert not set(plain(text)) & set("\x1b\x9b\x9c\x07\r")


@settings(derandomize=True, deadline=None)
@given(st.lists(st.text(alphabet="\x1b[]0;m\x07\\\x9b\x9c\n\rab", max_size=6)))
def test_a_growing_text_never_takes_back_what_was_clean(pieces):
    """A sequence cut in two by the stream is held back: each clean beginning is a beginning of the whole."""
    whole, text = plain("".join(pieces)), ""
    for piece in pieces:
        text += piece
        assert whole.startswith(plain(text[: finished_part(text)]))


def test_shortening_says_what_is_missing():
    """Beginning and end stay; a note says how many lines or characters are not shown."""
    assert (
        shortened("\n".join(map(str, range(100))), lines=9, characters=10_000).split("\n")[6]
        == "… 91 lines not shown …"
    )
    assert "… 900 characters not shown …" in shortened("x" * 1000, lines=9, characters=100)
    assert shortened("short", lines=9, characters=100) == "short"
