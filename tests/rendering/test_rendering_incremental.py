"""Text that grows: the same HTML at the end, at a cost that is linear."""

from __future__ import annotations

import time

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from claude_magic.rendering.incremental import IncrementalMarkdown
from claude_magic.rendering.markdown import _render

_WORDS = r"""a $$ \[ \] $x$ ``` ` | |-|-| --- === ** [a](http://b) [ ] ~~ <b> \ text &amp; _"""
_SPACES = [" ", "\n", "\n\n", "* ", "- ", "1. ", "> ", "# ", "    ", "\x1b[31m", "\x1b]0;", "\r", "\t"]
PARTS = st.sampled_from(_WORDS.split() + _SPACES)
PARAGRAPHS = (
    "Here is **some** text about `columns` and \\(x^2\\), with $5 and a [link](https://example.org/a).\n\n"
    "- item one\n- item two with *emphasis*\n\n"
    "```python\nimport pandas as pd\ndf = pd.read_csv('x.csv')\nprint(df.groupby('a').sum())\n```\n\n"
    "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n\n"
)


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.lists(PARTS, max_size=50), st.integers(1, 7))
def test_piece_by_piece_equals_at_once(parts, step):
    """However a text is cut, the last paint is byte for byte the full render (but for late link definitions)."""
    text = "".join(parts)
    assume("]:" not in text)
    growing = IncrementalMarkdown()
    for end in range(step, len(text), step):
        growing.render(text[:end], growing=True)
    assert growing.render(text, growing=False) == _render(text)


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.lists(PARTS, max_size=30))
def test_every_paint_on_the_way_is_safe(violations, parts):
    """Half a tag, half a formula, half a link: no paint holds what may not be there."""
    growing, text = IncrementalMarkdown(), ""
    for part in parts:
        text += part
        assert violations(growing.render(text, growing=True)) == []


def test_definitions_before_their_use_hold_across_finished_blocks():
    """A link definition in a finished block is known to the blocks after it."""
    text = "[a]: https://example.org/a\n\nfirst\n\nsecond [a]\n\nthird"
    growing = IncrementalMarkdown()
    for end in range(1, len(text)):
        growing.render(text[:end], growing=True)
    assert growing.render(text, growing=False) == _render(text)


def test_a_long_answer_costs_little_more_than_rendering_it_once():
    """100 kB painted 100 times (ten seconds at ten a second): at most 0.5 s of CPU, or 4 full renders."""
    text = (PARAGRAPHS * 400)[:100_000]
    begun = time.process_time()
    _render(text)
    once = time.process_time() - begun
    growing = IncrementalMarkdown()
    begun = time.process_time()
    for paint in range(1, 100):
        growing.render(text[: 1000 * paint], growing=True)
    growing.render(text, growing=False)
    assert time.process_time() - begun < max(0.5, 4 * once)
