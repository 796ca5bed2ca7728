"""Characters and control sequences: what may reach a terminal, and what may stand as text in HTML.

`plain` works line by line (a control sequence ends with its line), so that cleaning a text in pieces that end in a
newline gives the same as cleaning it whole; the incremental renderer stands on that.
"""

from __future__ import annotations

import html
import re

# ECMA-48: strings (OSC, DCS, SOS, PM, APC) up to BEL or ST; CSI with its parameters; other escapes. Each introducer
# ends the one before it, which keeps the scan linear. What is left of a broken sequence has lost its introducer.
_SEQUENCE = (
    r"(?:\x1b[\]PX^_]|[\x90\x98\x9d\x9e\x9f])[^\x07\x1b\x90-\x9f\n]*(?:\x07|\x1b\\|\x9c)"
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|\x1b[ -/]*[0-~]?"
)
# C0 and C1 controls, soft hyphen, joiners and fillers without width, bidirectional marks, invisible operators,
# annotation marks, and the tags and variation selectors that can carry text nobody sees. Unicode 16: Cc, Cf, some Mn.
_INVISIBLE = (
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e01ef]"
)
_REMOVED = re.compile(f"{_SEQUENCE}|{_INVISIBLE}")
_LINE_ENDS = re.compile("\r\n|[\r\u2028\u2029]")
_SURROGATES = re.compile("[\ud800-\udfff]")  # JSON can spell half a character; no encoder takes it
_UNFINISHED = re.compile(
    r"(?:\r|\x1b|(?:\x1b\[|\x9b)[0-?]{0,64}[ -/]{0,8}|\x1b[ -/]{1,8}"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d\x9e\x9f])[^\x07\x1b\x90-\x9f\n]{0,4096}\x1b?)\Z"
)


def plain(text: str) -> str:
    """Untrusted text as a terminal may have it: no control sequence, nothing invisible; newlines and tabs kept."""
    text = _LINE_ENDS.sub("\n", text)
    return _SURROGATES.sub("\ufffd", _REMOVED.sub("", text))


def finished_part(text: str) -> int:
    """Return how much of `text` can be cleaned now: its length, or where a sequence begins that may still go on."""
    window = max(0, len(text) - 4200)
    found = _UNFINISHED.search(text, window)
    return found.start() if found else len(text)


def inert(text: str) -> str:
    r"""Untrusted text as HTML text that stays text: cleaned, escaped, and no maths to MathJax.

    MathJax looks for `$`, `\(` and `\begin` within one element; each sign gets an element of its own.
    """
    escaped = html.escape(plain(text))
    return escaped.replace("\\", "<span>\\</span>").replace("$", "<span>$</span>")


def code_text(text: str) -> str:
    """Untrusted text for the inside of `<pre>` or `<code>`, which MathJax passes over."""
    return html.escape(plain(text))


def shortened(text: str, *, lines: int, characters: int) -> str:
    """Return `text` cut to its first and last lines, with a note in the middle that says how much is missing."""
    rows = text.split("\n")
    if len(rows) > lines:
        head = lines * 2 // 3
        tail = lines - head
        note = f"… {len(rows) - lines:,} lines not shown …"
        rows = [*rows[:head], note, *rows[len(rows) - tail :]]
    text = "\n".join(rows)
    if len(text) > characters:
        head = characters * 2 // 3
        tail = characters - head
        text = f"{text[:head]}\n… {len(text) - characters:,} characters not shown …\n{text[len(text) - tail :]}"
    return text
