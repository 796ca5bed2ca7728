"""Untrusted Markdown → a fragment of safe HTML.

Three walls, each enough for most attacks: the parser knows no HTML and our rules write no image and only absolute
links; every piece of text is made inert where it is written (`clean.inert`); and nh3 lets only the tags, attributes,
classes and schemes below through, whatever the rules before it did.
"""

from __future__ import annotations

import html
from collections import OrderedDict
from functools import cache
from typing import TYPE_CHECKING

from claude_magic.rendering import links, maths
from claude_magic.rendering.clean import code_text, inert, plain
from claude_magic.rendering.highlight import class_names, highlighted

if TYPE_CHECKING:
    from collections.abc import Sequence

    import nh3
    from markdown_it import MarkdownIt
    from markdown_it.renderer import RendererProtocol
    from markdown_it.rules_core import StateCore
    from markdown_it.token import Token
    from markdown_it.utils import EnvType, OptionsDict

_TAG_WORDS = (
    "p br hr h1 h2 h3 h4 h5 h6 strong em s code pre blockquote ul ol li table thead tbody tr th td a span div small"
)
TAGS = frozenset(_TAG_WORDS.split())
"""Elements of a rendered answer; everything else is removed."""
ATTRIBUTES = {"a": {"href"}, "ol": {"start"}, "th": {"style"}, "td": {"style"}, "div": {"style"}}
"""Attributes besides `class`, which is limited to Pygments' names and `highlight`; `style` only aligns and spaces."""
SCHEMES = frozenset({"http", "https", "mailto"})
_REL = "noopener noreferrer nofollow"
_UNFINISHED_CODE = 8_000  # characters of code still arriving up to which it is coloured at every repaint
_LONGEST_PARAGRAPH = 20_000  # characters; the parser's time for brackets that are never closed grows with the square
_MOST_ADDRESSES = (
    500_000  # characters of all links' addresses: a definition is written once and used any number of times
)


_KEPT = 32
_rendered: OrderedDict[str, str] = OrderedDict()  # the last few: a painter's last paint is the saved output


def render_markdown(text: str) -> str:
    """Untrusted Markdown as safe HTML; whatever cannot be parsed is shown as it is. Never raises.

    Source of the rules: front-ends.md, section 3, where each was tried in a browser.
    """
    made = _rendered.get(text)
    if made is None:
        made = _render(text)
        remember(text, made)
    return made


def remember(text: str, made: str) -> None:
    """Keep a text's HTML for the next time it is asked for."""
    _rendered[text] = made
    while len(_rendered) > _KEPT:
        _rendered.popitem(last=False)


def _render(text: str) -> str:
    env: EnvType = {}
    try:
        return clean(render_tokens(parse(plain(text), env), env))
    except Exception:  # noqa: BLE001 - a parser's defect must not cost the answer: it is shown unformatted
        return f"<pre>{code_text(text)}</pre>\n"


def parse(text: str, env: EnvType) -> list[Token]:
    """Return the block tokens of cleaned Markdown; `env` takes and gives link definitions."""
    return parser().parse(text, env)


def render_tokens(tokens: Sequence[Token], env: EnvType) -> str:
    """Return HTML of block tokens, still to be cleaned."""
    made = parser()
    return str(made.renderer.render(tokens, made.options, env))


def clean(fragment: str) -> str:
    """Let only what the lists above name through."""
    return _cleaner().clean(fragment)


@cache
def _cleaner() -> nh3.Cleaner:
    import nh3

    return nh3.Cleaner(
        tags=set(TAGS),
        clean_content_tags={"script", "style"},
        attributes={tag: set(names) for tag, names in ATTRIBUTES.items()},
        allowed_classes={"span": set(class_names()), "div": {"highlight"}},
        filter_style_properties={"text-align", "margin"},
        url_schemes=set(SCHEMES),
        link_rel=_REL,
        strip_comments=True,
    )


@cache
def parser() -> MarkdownIt:
    """Return the parser with our rules; it is not changed after that, so threads may share it."""
    from markdown_it import MarkdownIt

    made = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    # `[x](javascript:…)`, `[x](//host)` and relative targets are no links at all: they stay the text they are.
    made.validateLink = links.is_safe  # type: ignore[method-assign, assignment]
    made.core.ruler.at("inline", _inline)
    maths.install(made)
    for name, rule in _RULES.items():
        made.add_render_rule(name, rule)
    return made


def _inline(state: StateCore) -> None:
    """Parse what is in paragraphs, cells and headings; one that is too long stays text."""
    from markdown_it.token import Token

    for token in state.tokens:
        if token.type == "inline" and len(token.content) > _LONGEST_PARAGRAPH:
            token.children = [Token("text", "", 0, content=token.content)]
        elif token.type == "inline":
            token.children = token.children or []
            state.md.inline.parse(token.content, state.md, state.env, token.children)


def _address(token: Token, name: str, env: EnvType) -> str:
    """Return where a link or an image goes; nothing when all of them together have become too long."""
    address = str(token.attrs.get(name, ""))
    env["addresses"] = env.get("addresses", 0) + len(address)
    return address if env["addresses"] <= _MOST_ADDRESSES else ""


def _text(_: RendererProtocol, tokens: Sequence[Token], at: int, __: OptionsDict, env: EnvType) -> str:
    return inert(tokens[at].content) if env.get("in_link") else links.with_links(tokens[at].content)


def _code(_: RendererProtocol, tokens: Sequence[Token], at: int, __: OptionsDict, ___: EnvType) -> str:
    return f"<code>{code_text(tokens[at].content)}</code>"


def _fence(_: RendererProtocol, tokens: Sequence[Token], at: int, __: OptionsDict, env: EnvType) -> str:
    token = tokens[at]
    language = (token.info.split() or [""])[0]
    arriving = env.get("arriving") is token and len(token.content) > _UNFINISHED_CODE
    return highlighted(token.content, "" if arriving else language)


def _image(_: RendererProtocol, tokens: Sequence[Token], at: int, __: OptionsDict, env: EnvType) -> str:
    """Show an image as a link: loading it would tell its server, and carry what its address spells."""
    address, alt = _address(tokens[at], "src", env), tokens[at].content or "image"
    shown = inert(alt) + links.destination(address, alt) if env.get("in_link") else links.link(address, alt)
    return f"[image: {shown}]"


def _link_open(_: RendererProtocol, tokens: Sequence[Token], at: int, __: OptionsDict, env: EnvType) -> str:
    address = _address(tokens[at], "href", env)
    env["in_link"] = (address, at)
    return f'<a href="{html.escape(address)}">' if links.is_safe(address) else ""


def _link_close(_: RendererProtocol, tokens: Sequence[Token], at: int, __: OptionsDict, env: EnvType) -> str:
    address, begun = env.pop("in_link", ("", at))
    said = "".join(token.content for token in tokens[begun:at])
    return ("</a>" if links.is_safe(address) else "") + links.destination(address, said)


_RULES = {
    "text": _text,
    "code_inline": _code,
    "code_block": _fence,
    "fence": _fence,
    "image": _image,
    "link_open": _link_open,
    "link_close": _link_close,
    "html_block": _code,
    "html_inline": _code,
}
