"""A message as Jupyter shows and keeps it: `text/html` and `text/plain`, nothing else.

Never `text/markdown`: whoever prefers it renders it by his own rules, which run what a model wrote
(front-ends.md, section 3).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from claude_magic.rendering.blocks import MUTED, html_of, whole
from claude_magic.rendering.clean import inert, plain
from claude_magic.rendering.parts import parts
from claude_magic.rendering.plaintext import text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from claude_magic.messages import Message


@dataclass(frozen=True, slots=True)
class Footer:
    """The small line under an answer.

    Attributes:
        parts: words already composed: model, tokens, price, seconds, who answered.
        warning: what the reader must not miss, such as a stop reason other than `end_turn`.

    """

    parts: tuple[str, ...]
    warning: str = ""


@dataclass(frozen=True, slots=True)
class FileLink:
    """A file to list under an answer.

    Attributes:
        name: its name, untrusted.
        size: bytes.
        note: a few words beside it.
        path: where it is, relative to the notebook; without one there is no link.

    """

    name: str
    size: int
    note: str = ""
    path: str | None = None


def bundle(
    message: Message,
    *,
    footer: Footer | None,
    files: Sequence[FileLink] = (),
    settled: bool = True,
    error: str = "",
) -> dict[str, str]:
    """Return the mimebundle of a message: `text/html` and `text/plain`, both safe to show anywhere. Pure.

    Args:
        message: whole, or still arriving.
        footer: the line under it.
        files: listed with their sizes, linked where they have a path.
        settled: nothing more will come: what ran is folded away.
        error: why it is not whole, in one sentence.

    """
    text = [text_of(message, settled=settled), *_lines(footer, files, error)]
    return {
        "text/html": html(message, footer=footer, files=files, settled=settled, error=error),
        "text/plain": "\n\n".join(piece for piece in text if piece),
    }


def html(
    message: Message,
    *,
    footer: Footer | None = None,
    files: Sequence[FileLink] = (),
    settled: bool = True,
    error: str = "",
    render: Callable[[int, str, bool], str] = whole,
) -> str:
    """Return the `text/html` of `bundle`; `render` as in `blocks.html_of`."""
    shown, notes = parts(message, settled=settled)
    pieces = [html_of(shown, render), notes.html(), _files_html(files)]
    if error:
        pieces.append(f"<p><strong>⚠ {inert(error)}</strong></p>\n")
    if footer is not None:
        pieces.append(_footer_html(footer))
    return "".join(pieces)


def _footer_html(footer: Footer) -> str:
    warning = f"<p><strong>⚠ {inert(footer.warning)}</strong></p>\n" if footer.warning else ""
    words = " · ".join(inert(part) for part in footer.parts if part)
    return warning + (f'<p><small style="{MUTED}">{words}</small></p>\n' if words else "")


def _files_html(files: Sequence[FileLink]) -> str:
    rows = "".join(f"<li>{_named(file)} <small>{inert(_about(file))}</small></li>\n" for file in files)
    return f"<ul>\n{rows}</ul>\n" if rows else ""


def _named(file: FileLink) -> str:
    target = _target(file.path)
    name = inert(" ".join(file.name.split()) or "file")
    return f'<a href="{target}" rel="noopener">{name}</a>' if target else name


def _target(path: str | None) -> str:
    """Return the link to a file beside or below the notebook, every other sign quoted; empty when it is elsewhere."""
    steps = (path or "").replace("\\", "/").removeprefix("./").split("/")
    if any(step in {"", ".", ".."} for step in steps) or path != plain(str(path)):
        return ""
    return "/".join(quote(step, safe="") for step in steps)


def _about(file: FileLink) -> str:
    return " · ".join(part for part in (size_in_words(file.size), file.note) if part)


def size_in_words(size: int) -> str:
    """Say a number of bytes as people do: `512 bytes`, `1.23 MB`, in powers of 1000."""
    if size < 1000:  # noqa: PLR2004
        return f"{size} bytes"
    value, unit = size / 1000, "kB"
    for larger in ("MB", "GB", "TB"):
        if value < 1000:  # noqa: PLR2004
            break
        value, unit = value / 1000, larger
    return f"{value:.3g} {unit}" if value < 1000 else f"{value:.0f} {unit}"  # noqa: PLR2004


def _lines(footer: Footer | None, files: Sequence[FileLink], error: str) -> list[str]:
    lines = ["\n".join(f"    {' '.join(plain(f.name).split())} ({plain(_about(f))})" for f in files)]
    lines.append(f"! {plain(error)}" if error else "")
    if footer is not None:
        lines.append(f"! {plain(footer.warning)}" if footer.warning else "")
        lines.append("— " + " · ".join(plain(part) for part in footer.parts if part) if any(footer.parts) else "")
    return lines
