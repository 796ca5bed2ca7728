"""Markdown: what it becomes."""

from __future__ import annotations

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
    "tex", [r"\def\a{b}", r"\href{https://a.example}{x}", r"\require{html}", r"\unknown", "x" * 5001]
)
def test_tex_that_does_more_than_draw_is_code(tex):
    """Definitions, links, packages, unknown commands and very long formulas are shown, not typeset."""
    made = render_markdown(f"$${tex}$$")
    assert "\\[" not in made
    assert tex.split("{")[0] in made


@pytest.mark.parametrize(
    "tex",
    [
        r"\begin{pmatrix} a & b \\ c & d \end{pmatrix}",
        r"\left( \frac{1}{n} \sum_{i=1}^n x_i \right)^2 \leq \mathbb{E}[X^2]",
        r"f(x) = \begin{cases} 1 & \text{if } x > 0 \\[2pt] 0 & \text{otherwise} \end{cases}",
        r"\hat{\beta} = (X^\top X)^{-1} X^\top y, \quad \operatorname{rank} X = p",
        r"\begin{align*} a &= b \tag{1} \\ &\approx \color{red}{c} \end{align*}",
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
