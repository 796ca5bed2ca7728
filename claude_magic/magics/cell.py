"""One cell, one straight line: parse, compose, prepare, stream, show, settle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from claude_magic import rendering
from claude_magic.errors import Interrupted
from claude_magic.interrupts import Shield
from claude_magic.magics.arguments import parse_cell

if TYPE_CHECKING:
    from claude_magic.answering import Prepared
    from claude_magic.options import Options
    from claude_magic.reply import Reply
    from claude_magic.sessions import Session


def run(shell: Any, session: Session, line: str, cell: str) -> None:
    """Run a `%%claude` cell.

    Raises:
        ClaudeMagicError: what went wrong, in one line; what had arrived by then is shown and bound.

    """
    ask(shell, session, parse_cell(line), cell.removesuffix("\n"))


def ask(shell: Any, session: Session, options: Options, body: str) -> None:
    """Send a prompt with its options, show the answer, bind it to `_`, `Out[n]` and `--out`."""
    with rendering.painter(shell) as painter, session.server():
        prepared = _prepared(session, body, options, shell.user_ns, rendering.Progress(painter.progress))
        with session.turn(prepared) as answer:
            for growing in answer:
                painter.show(growing)
        with Shield() as shield:
            _bind(shell, answer.reply, options.out)
            painter.settle(answer.reply.bundle(), list(answer.reply.pictures()))
    answer.reply.raise_for_error()
    if shield.pending:
        raise Interrupted("Interrupted while the answer was shown.", advice="It is whole, in `_`.")


def _prepared(session: Session, body: str, options: Options, namespace: dict[str, Any], progress: Any) -> Prepared:
    try:
        blocks = session.compose(body, options, namespace)
        return session.prepare(blocks, options, namespace, progress)
    except KeyboardInterrupt:
        raise Interrupted("Interrupted before anything was asked.", advice="The thread is as it was.") from None


def _bind(shell: Any, reply: Reply, out: str | None) -> None:
    # The displayhook's own way of setting `_` and `Out[n]`, without showing the value a second time; it works also
    # when the cell is going to raise.
    shell.displayhook.update_user_ns(reply)
    if out is not None:
        shell.push({out: reply}, interactive=False)
