"""The language model's text, and the program made of it."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_magic.local.llama import figures, program
from claude_magic.local.llama.fences import Fences
from claude_magic.local.standin.table import Column, Table

LINES = st.lists(st.text(st.characters(exclude_characters="`\r", codec="utf-8"), max_size=20), max_size=5)


def split(pieces):
    """The words and the program of a text that comes in these pieces."""
    fences = Fences()
    words = []
    for piece in pieces:
        words.append(fences.feed(piece))
        if fences.closed:
            break
    words.append(fences.end())
    return "".join(words), fences.program


@given(before=LINES, code=LINES, data=st.data())
@settings(derandomize=True, deadline=None, max_examples=150)
def test_a_program_is_found_however_the_text_is_cut(before, code, data):
    """Words before the fence are words, lines inside it are the program, and no cut between pieces matters."""
    words = "\n".join([*before, ""])
    written = "\n".join(code).strip("\n")
    text = f"{words}```python\n{written}\n```\nAnd so on."
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=12)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert split(pieces) == (words, written)


@given(text=st.text(st.sampled_from("a`\n ~"), max_size=40), data=st.data())
@settings(derandomize=True, deadline=None, max_examples=300)
def test_no_cut_changes_what_a_text_amounts_to(text, data):
    """Piece by piece is the same as whole, also with stray backticks."""
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=12)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert split(pieces) == split([text])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("no code", ("no code", None)),
        ("one `x` two ``", ("one `x` two ``", None)),
        ("```\nx = 1\n```", ("", "x = 1")),
        ("```py\nx = 1", ("", "x = 1")),
        ("a ```json\n{}\n``` b\n```python\nx\n```", ("a ```json\n{}\n``` b\n", "x")),
        ("end ```", ("end ```", None)),
    ],
)
def test_fences(text, found):
    """Python and nameless fences are programs, an open one too; everything else is words."""
    assert split([text]) == found


@given(code=LINES.map("\n".join).filter(str.strip))
@settings(derandomize=True, deadline=None)
def test_what_the_model_wrote_is_found_again(code):
    """The command holds it between two fixed lines."""
    table = Table("a 'b'.csv", (Column("x", "number"),))
    assert program.written_in(program.command(table, code)) == code


def test_the_end_mark_is_no_part_of_the_program():
    """A program that holds the mark gets another."""
    piped = program.piped("print('''\n_END_OF_PROGRAM\n''')\n")
    ran = subprocess.run(["bash", "-c", piped], check=True, capture_output=True, text=True)
    assert ran.stdout.split() == ["_END_OF_PROGRAM"]


@given(value=st.floats(-1e6, 1e6), digits=st.integers(0, 6))
@settings(derandomize=True, deadline=None)
def test_a_rounded_figure_is_the_printed_one(value, digits):
    """However far it is rounded."""
    assert figures.unfounded(f"It is {value:.{digits}f} g.", f"mean {value!r}") == ()


@pytest.mark.parametrize(
    ("words", "source", "found"),
    [
        ("168 on Biscoe, 124 on Dream", "Biscoe 168\nDream 124", ()),
        ("1,234.5 kg", "1234.46", ()),
        ("48.8 percent", "0.4878", ()),
        ("1.5 mm and 1.5 mm, then 2", "Empty DataFrame", ("1.5", "2")),
        ("bill_2 and 4th", "nothing", ()),
    ],
)
def test_figures_of_the_words(words, source, found):
    """Thousands, percent, names with digits in them."""
    assert figures.unfounded(words, source) == found
