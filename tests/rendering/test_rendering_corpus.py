"""The corpus, read without a browser: nothing but allowed tags and attributes comes out, wherever it goes in."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_magic.rendering import bundle, plain, render_markdown

CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_WORDS = r"""< > & " ' ` ``` $ $$ \( \) \[ [ ]( ) ![ javascript: https://a.example/ <script> onerror= | |-| &#27; \def
\begin{ } # * ~~ ]:"""
_SPACES = ["\n", "\n\n", "    ", "- ", "> ", "\x1b[", "\x1b]", "\u202e", "\u200b", "\x00", "\ud800"]
SNIPPETS = st.sampled_from(_WORDS.split() + _SPACES)
TEXTS = st.one_of(st.text(), st.lists(st.one_of(SNIPPETS, st.text(max_size=4)), max_size=40).map("".join))


def test_the_corpus_is_large_enough(corpus):
    """There are at least 150 payloads, all different."""
    assert len(set(corpus.payloads())) == len(corpus.payloads()) >= 150


def test_markdown_of_every_payload_is_safe(corpus, violations):
    """Rendered Markdown holds only allowed tags, attributes, schemes, and harmless maths."""
    assert {p: v for p in corpus.payloads() if (v := violations(render_markdown(p)))} == {}


@pytest.mark.parametrize("settled", [True, False])
def test_bundles_are_safe_wherever_a_payload_stands(corpus, violations, poisoned, settled):
    """Text, thinking, tool names, input, output, citations, file names, model names, errors: all of it is cleaned."""
    bad = {}
    for payload in corpus.payloads():
        made = bundle(**poisoned(payload), settled=settled)
        assert set(made) == {"text/html", "text/plain"}
        if wrong := violations(made["text/html"], chrome=True) + CONTROLS.findall(made["text/plain"]):
            bad[payload] = wrong
    assert bad == {}


def test_plain_text_of_every_payload_moves_no_cursor(corpus):
    """No control sequence, no control character, nothing that turns the direction of text."""
    assert [p for p in corpus.payloads() if CONTROLS.search(plain(p))] == []


def test_the_checker_sees_what_is_wrong(violations):
    """The reader these tests stand on names scripts, handlers, loading attributes, relative links and live maths."""
    for bad in (
        "<script>",
        "<p onclick=x>",
        "<img src=x>",
        '<a href="/lab">x</a>',
        "$x$",
        "<p style='color:red'>",
        "<!-- -->",
    ):
        assert violations(bad), bad
    assert violations(r"<p><span>\(\def\a{b}\)</span></p>")
    assert not violations(r'<p><span>\(x^2\)</span> <a href="https://example.org" rel="noopener">x</a></p>')


@settings(derandomize=True, deadline=None, max_examples=400)
@given(TEXTS)
def test_any_text_is_rendered_safely(violations, text):
    """Whatever is written: no exception, and nothing but what is allowed."""
    assert violations(render_markdown(text)) == []


@settings(derandomize=True, deadline=None, max_examples=60)
@given(TEXTS)
def test_any_message_is_shown_safely(violations, poisoned, text):
    """The same for a whole answer with that text in every place."""
    made = bundle(**poisoned(text))
    assert violations(made["text/html"], chrome=True) == []
    assert not CONTROLS.search(made["text/plain"])
