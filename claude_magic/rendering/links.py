"""Links: absolute http, https and mailto only, and one sees where they go."""

from __future__ import annotations

import html
import re

from claude_magic.rendering.clean import inert, plain

# No user name before the host: "https://your.bank@other.example/" reads like your bank.
_ABSOLUTE = re.compile(
    r"https?://(?:[a-z0-9](?:[a-z0-9.-]{0,252})|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?(?:[/?#][!-~]*)?"
    r"|mailto:[!-~]+",
    re.IGNORECASE,
)
_BARE = re.compile(r"https?://[^\s<>\"'`\\$]{3,2000}", re.IGNORECASE)
_TRAILING = ".,;:!?*_~)]}\u201d\u2019\u00bb"
_MAX_SHOWN = 300  # more than a host can have (253), so that its end, which says whose it is, is always shown


def is_safe(address: str) -> bool:
    """Whether `address` may be linked: it names scheme and host, in ASCII, and nobody to log in as."""
    return len(address) <= 2000 and _ABSOLUTE.fullmatch(address) is not None and "<" not in address  # noqa: PLR2004


def link(address: str, text: str) -> str:
    """Return an anchor around untrusted `text`; `address` must be safe, otherwise both stay text."""
    if not is_safe(address):
        return inert(text if address in {"", text} else f"{text} ({address})")
    return f'<a href="{html.escape(address)}">{inert(text)}</a>{destination(address, text)}'


def destination(address: str, text: str) -> str:
    """Return the address to print beside a link's text; nothing when there is none or the text already is it."""
    said = plain(text).strip()
    if not address or said in {address, address.partition("://")[2], address.removeprefix("mailto:")}:
        return ""
    shown = address if len(address) <= _MAX_SHOWN else address[:_MAX_SHOWN] + "…"
    return f" <small>({inert(shown)})</small>"


def with_links(text: str) -> str:
    """Untrusted text as inert HTML in which bare http addresses are links."""
    out, at = [], 0
    for match in _BARE.finditer(text):
        address = _trimmed(match.group())
        if is_safe(address):
            out += [inert(text[at : match.start()]), link(address, address)]
            at = match.start() + len(address)
    return "".join(out) + inert(text[at:]) if out else inert(text)


def _trimmed(address: str) -> str:
    """Leave the sentence's own punctuation outside, and a closing bracket unless it was opened inside."""
    while address and address[-1] in _TRAILING:
        if address[-1] == ")" and address.count("(") >= address.count(")"):
            break
        address = address[:-1]
    return address
