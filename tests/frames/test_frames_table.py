"""Frames of foreign content show themselves as text only."""

from __future__ import annotations

import pickle

import pandas as pd

from claude_magic import frames

FOREIGN = pd.DataFrame({"$\\def\\a{b}$": ["\x1b]52;c;eA==\x07x", "\u202ey"], "n": [1, 2]})


def test_neither_mathjax_nor_a_terminal_finds_anything_in_them():
    """The table tells MathJax to stay away and holds no control; the data is as it came; pandas' own does neither."""
    shown = frames.inert(FOREIGN)
    for made in (shown, shown.head(1), shown[shown.n > 1], shown.T, shown.sort_values("n"), shown.copy()):
        assert "mathjax_ignore" in made._repr_html_()
        assert not {"\x1b", "\x07", "\u202e"} & set(made._repr_html_() + repr(made))
    pd.testing.assert_frame_equal(shown, FOREIGN)
    assert "\x1b" in repr(FOREIGN)
    assert "mathjax_ignore" not in FOREIGN._repr_html_()


def test_they_are_frames_to_everybody_else():
    """Described, fingerprinted and sent like any other; pickled they are ordinary."""
    shown = frames.inert(FOREIGN)
    assert frames.is_frame(shown)
    assert frames.fingerprint(shown, "x") == frames.fingerprint(FOREIGN, "x")
    assert frames.describe(shown, "x") == frames.describe(FOREIGN, "x")
    assert type(pickle.loads(pickle.dumps(shown))) is pd.DataFrame


def test_tables_that_claude_made_are_such_frames():
    """What is read from a file of Claude's shows itself so."""
    made = frames.load_artifact(b"$x$,b\n1,2\n", "t.csv")
    assert "mathjax_ignore" in made._repr_html_()
