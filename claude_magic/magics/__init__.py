"""`%%claude` and `%claude`, registered; nothing heavier than a dictionary entry happens here.

Loading is two steps (README, Architecture): `%load_ext` registers names. A daemon thread, started when the loading
cell has ended, then imports what the first cell will need, so that the user's thinking time pays for it. Until somebody
has chosen who answers it only imports: no connection, no key.
"""

from __future__ import annotations

import threading
import tokenize
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from IPython.core.inputtransformer2 import EscapedCommand, HelpEnd
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class, no_var_expand
from traitlets import Bool, Int, List, Unicode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from claude_magic.sessions import Session


@magics_class
class ClaudeMagics(Magics):
    """`%%claude`, `%claude` and their settings: `%config ClaudeMagics.model = "opus"`."""

    model = Unicode("sonnet", help="Model id or alias (sonnet, opus, haiku, fable).").tag(config=True)
    max_tokens = Int(16_000, min=1, help="The most tokens an answer may have, thinking included.").tag(config=True)
    system = Unicode(None, allow_none=True, help="System prompt of every cell that names none.").tag(config=True)
    share = Unicode("schema", help="What prompts tell of a DataFrame: none, schema, stats, sample=N, full.").tag(
        config=True
    )
    mask = List(Unicode(), help="Columns whose values no prompt ever tells.").tag(config=True)
    warm_up = Bool(default_value=True, help="Import the client in the background after %load_ext.").tag(config=True)

    def __init__(self, shell: Any) -> None:
        super().__init__(shell=shell, parent=shell)
        self._session: Session | None = None
        self._making = threading.Lock()
        self._asked = threading.Event()  # a cell has been run
        shell.events.register("post_run_cell", self._warm_up)

    @property
    def session(self) -> Session:
        """The session behind the magics, made at first use."""
        with self._making:
            if self._session is None:
                from claude_magic.sessions import Session

                self._session = Session(self)
            return self._session

    @no_var_expand
    @cell_magic("claude")
    def cell(self, line: str, cell: str) -> None:
        """Ask Claude; the answer streams in below the cell and is its value. `%claude help` lists the options."""
        self._asked.set()
        from claude_magic.magics.cell import run

        with _one_line():
            run(self.shell, self.session, line, cell)

    @no_var_expand
    @line_magic("claude")
    def line(self, line: str) -> Any:
        """Run a command: status, models, count, files, … `%claude help` lists them."""
        from claude_magic.magics.commands import run

        with _one_line():
            return run(self, line)

    def close(self) -> None:
        """Forget the names and end the session."""
        self._stop_waiting()
        for kind in ("cell", "line"):
            self.shell.magics_manager.magics[kind].pop("claude", None)
        if self._session is not None:
            self._session.close()

    def _stop_waiting(self) -> None:
        callbacks = self.shell.events.callbacks["post_run_cell"]
        if self._warm_up in callbacks:
            self.shell.events.unregister("post_run_cell", self._warm_up)

    def _warm_up(self, _result: Any = None) -> None:
        """Start the import thread once, after the loading cell (and not inside it: the cell would wait for the GIL)."""
        self._stop_waiting()
        if self.warm_up:
            threading.Thread(target=self._import, name="claude_magic-warm-up", daemon=True).start()

    def _import(self) -> None:
        from claude_magic.magics import warmup

        warmup.run(self.session, self._asked)


class Question(EscapedCommand):
    """`%claude … ?` is a question to Claude; IPython would take it for its help on the last word, and ask nobody.

    `%claude?` alone still is that help.
    """

    priority = HelpEnd.priority - 1  # the lowest is looked at first

    @classmethod
    def find(cls, tokens_by_line: list[list[Any]]) -> Question | None:
        """Find the first such line of a cell."""
        for line in tokens_by_line:
            words = [t for t in line if t.type not in {tokenize.INDENT, tokenize.DEDENT, tokenize.NEWLINE, tokenize.NL}]
            texts = [t.string for t in words if t.string]
            if texts[:2] == ["%", "claude"] and texts[-1] == "?" and set("".join(texts[2:])) != {"?"}:
                return cls(words[0].start)
        return None


@contextmanager
def _one_line() -> Iterator[None]:
    """Let a Ctrl-C that nobody expected at this moment be one line too."""
    try:
        yield
    except KeyboardInterrupt:
        from claude_magic.errors import Interrupted

        raise Interrupted("Interrupted.", advice="What was done by then stays; run the cell again.") from None


def register(shell: Any) -> None:
    """Register the magics with a shell; a second time does nothing."""
    if find(shell) is None:
        shell.register_magics(ClaudeMagics(shell))
        shell.input_transformer_manager.token_transformers.append(Question)


def unregister(shell: Any) -> None:
    """Take the magics away from a shell and end their session."""
    magics = find(shell)
    if magics is not None:
        magics.close()
        shell.input_transformer_manager.token_transformers.remove(Question)
        del shell.magics_manager.registry["ClaudeMagics"]
        shell.configurables.remove(magics)


def find(shell: Any) -> ClaudeMagics | None:
    """Return the magics of a shell, or None when the extension is not loaded there."""
    found = shell.magics_manager.registry.get("ClaudeMagics")
    return found if isinstance(found, ClaudeMagics) else None
