"""Markdown: what it becomes."""

from __future__ import annotations

import html
import re
import time

import pytest

from claude_magic.rendering import render_markdown


def test_money_is_text_and_maths_is_maths():
    """Dollars before amounts stay dollars; the four ways to write maths all become what MathJax reads."""
    assert render_markdown("$5 and $6") == "<p><span>$</span>5 and <span>$</span>6</p>\n"
    assert r"\(" not in render_markdown("from $5 for one to 10$ for two")
    assert render_markdown(r"$x^2$ \(y\)") == "<p><span>\\(x^2\\)</span> <span>\\(y\\)</span></p>\n"
    assert render_markdown("text\n$$\na\n= b\n$$\nmore") == "<p>text</p>\n<div>\\[a\n= b\\]</div>\n<p>more</p>\n"
    assert render_markdown("\\[\n\\frac{a}{b}\n\\]") == "<div>\\[\\frac{a}{b}\\]</div>\n"
    assert "<code>$x$</code>" in render_markdown("`$x$`")


@pytest.mark.parametrize(
    "tex",
    [
        *(r"\def\a{b}", r"\href{https://a.example}{x}", r"\require{html}", r"\unknown", "x" * 5001),
        *(r"x" + r"\!" * 9, r"x" + r"\negthickspace{}" * 9, r"a \\[-90em] b", r"a \\* [ -9em ] b", r"a \\[999em] b"),
        r"\begin{alignat}{99999999} a & b \end{alignat}",
        r"\begin{alignedat} [t] {99999999} a & b \end{alignedat}",
        r"\begin{array}{*{99999999}{c}} a & b \end{array}",
        r"\begin{array}{c@{\quad}c} a & b \end{array}",
    ],
)
def test_tex_that_does_more_than_draw_is_code(tex):
    """Definitions, links, packages, unknown and endless commands, drawing over what is before: shown, not typeset."""
    made = render_markdown(f"$${tex}$$")
    assert made.startswith("<p><code>")
    assert html.escape(tex.split("{")[0]) in made


@pytest.mark.parametrize(
    "tex",
    [
        r"\begin{pmatrix} a & b \\ c & d \end{pmatrix}",
        r"\left( \frac{1}{n} \sum_{i=1}^n x_i \right)^2 \leq \mathbb{E}[X^2]",
        r"f(x) = \begin{cases} 1 & \text{if } x > 0 \\[2pt] 0 & \text{otherwise} \end{cases}",
        r"\hat{\beta} = (X^\top X)^{-1} X^\top y, \quad \operatorname{rank} X = p",
        r"\begin{align*} a &= b \tag{1} \\ &\approx \color{red}{c} \end{align*}",
        r"\begin{alignedat}{2} a &= b \\[1.5ex] &= c \end{alignedat} \begin{array}{l|cc} a & \!b\! & c \end{array}",
        r"\{x \mid x \in \mathbb{R}\} \, 50\% \, \$".replace(r" \, \$", ""),
    ],
)
def test_ordinary_tex_is_typeset(tex):
    """What a statistics answer holds is on the list of harmless commands."""
    assert "<div>\\[" in render_markdown(f"$$\n{tex}\n$$")


def test_links_show_where_they_go():
    """The address stands beside the text unless it is the text; relative and script links stay text."""
    rel = 'rel="noopener noreferrer nofollow"'
    assert render_markdown("[a](https://b.example/c)") == (
        f'<p><a href="https://b.example/c" {rel}>a</a> <small>(https://b.example/c)</small></p>\n'
    )
    assert render_markdown("see https://b.example/c_(d).") == (
        f'<p>see <a href="https://b.example/c_(d)" {rel}>https://b.example/c_(d)</a>.</p>\n'
    )
    assert "<a" not in render_markdown(
        "[a](/lab) [b](javascript:x) [c](//d.example) [e](data:x) [f](https://g@h.example)"
    )


def test_images_become_links():
    """No image is loaded: its text and address are shown."""
    made = render_markdown("![a chart](https://b.example/c.png)")
    assert "<img" not in made
    assert '[image: <a href="https://b.example/c.png"' in made


def test_code_is_coloured_by_class():
    """A fence of a known language has Pygments' classes, an unknown one none, a huge one none."""
    assert '<span class="k">def</span>' in render_markdown("```python\ndef f(): pass\n```")
    assert "<pre>graph\n</pre>" in render_markdown("```mermaid\ngraph\n```")
    assert "<span" not in render_markdown("```python\n" + "x = 1\n" * 20_000 + "```")


def test_tables_lists_and_headings():
    """The usual parts of an answer come out as the usual elements."""
    made = render_markdown("# T\n\n| a | b |\n|:-|-:|\n| 1 | ~~2~~ |\n\n3. x\n4. **y**")
    for part in (
        "<h1>T</h1>",
        '<th style="text-align:left">a</th>',
        "<s>2</s>",
        '<ol start="3">',
        "<strong>y</strong>",
    ):
        assert part in made


@pytest.mark.parametrize(
    "unit",
    [
        "[",
        "![",
        "\\(",
        "$a ",
        "*a ",
        "_*",
        "\\[\n",
        "$$\n",
        "[a]: x\n",
        "|\n",
        "> ",
        "- ",
        "`a",
        "https://a.b/",
        "\x1b]",
    ],
)
def test_hostile_texts_cost_no_more_than_seconds(unit):
    """50 kB made to be slow are rendered within 5 s of CPU (measured: below 0.7 s)."""
    begun = time.process_time()
    render_markdown(unit * (50_000 // len(unit)))
    assert time.process_time() - begun < 5


def test_the_owner_of_a_links_host_is_always_shown():
    """A host as long as hosts can be is shown to its end: the beginning may look like somebody else's."""
    host = "your.bank." + "a" * 60 + "." + "b" * 60 + "." + "c" * 60 + "." + "d" * 40 + ".other.example"
    assert f"(https://{host}/)" in render_markdown(f"[x](https://{host}/)")


@pytest.mark.parametrize("text", ["[" * 60_000, "![" * 30_000, "*a_ " * 15_000, "[a](" * 15_000])
def test_a_paragraph_without_end_is_text(text):
    """What would take the parser minutes is not parsed: all of it is there, as text."""
    made = render_markdown(text)
    assert "<a" not in made
    assert "<em" not in made
    assert html.unescape(made.replace("<p>", "").replace("</p>", "")).strip() == text.strip()


def test_a_definition_used_again_and_again_does_not_grow_without_end():
    """60 kB that point at one long address 15,000 times stay below 2 MB, and every word is there."""
    made = render_markdown(f"[a]: https://a.example/{'x' * 1500}\n\n" + "\n\n".join(["[a] " * 100] * 150))
    assert len(made) < 2_000_000
    assert made.count("<a ") > 100
    assert len(re.sub("<[^>]*>", "", made).split("a")) > 15_000


def test_code_that_a_lexer_is_endless_at_is_shown_without_colours():
    """Twelve thousand characters at which the C# lexer works a quarter of a minute are given up after a second."""
    made = render_markdown("```csharp\n" + "a\n" * 6000 + "```")
    assert "<span" not in made
    assert made.count("a\n") == 6000
