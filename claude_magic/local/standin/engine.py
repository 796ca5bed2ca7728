"""The stand-in: reads a prompt, writes code, runs it through the server's own tool, words what came out.

No language model. Words depend only on the request and on the tools' results, so a paused turn goes on by itself
(`claude_magic.local.engine`).
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from claude_magic.local.standin import look, prompts, talk
from claude_magic.local.standin.intents import INTENTS, read
from claude_magic.local.standin.numbers import code, md
from claude_magic.local.standin.plan import Plan, Step
from claude_magic.local.standin.scripts import script
from claude_magic.local.standin.wording import answer, title

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from claude_magic.local.engine import Event, Turn
    from claude_magic.local.standin.table import Table

_PAUSE = 0.05  # seconds between deltas when asked to go slowly
_END = "_END_OF_PROGRAM"
Figures = list[dict[str, Any]]


class StandIn:
    """An engine that is no language model (see `claude_magic.local.engine.Engine`)."""

    name = "stand-in"

    def answer(self, turn: Turn) -> Iterator[Event]:
        """The events of one answer."""
        asked = prompts.read(turn.request)
        file = prompts.table_file(turn.files, asked.prompt)
        pieces = talk.long_text(asked.prompt)
        if pieces is not None:
            return _paced(pieces, turn, slow=talk.slowly(asked.prompt))
        events = _analyse(turn, asked, file) if file and turn.can_run else turn.text(_without_table(turn, asked))
        return _slow(events) if talk.slowly(asked.prompt) else events


def _slow(events: Iterator[Event]) -> Iterator[Event]:
    for event in events:
        if event["type"] == "content_block_delta":
            time.sleep(_PAUSE)
        yield event


def _paced(pieces: Iterator[str], turn: Turn, *, slow: bool) -> Iterator[Event]:
    """A long text, one delta per word."""
    del turn
    yield {"type": "content_block_start", "content_block": {"type": "text", "text": ""}}
    for piece in pieces:
        if slow:
            time.sleep(_PAUSE)
        yield {"type": "content_block_delta", "delta": {"type": "text_delta", "text": piece}}
    yield {"type": "content_block_stop"}


def _without_table(turn: Turn, asked: prompts.Asked) -> str:
    if turn.files and not turn.can_run:
        return f"{talk.WHO} {talk.NO_TOOL}"
    if turn.files:
        listed = ", ".join(code(f.filename) for f in turn.files)
        return f"{talk.WHO} You uploaded {listed}, which is no table that I can read.\n\n{talk.ABILITIES}"
    analysis = any(
        intent.words.search(asked.prompt)
        for name, intent in INTENTS.items()
        if name not in {"plot", "describe", "top", "group", "group-which"}
    )
    return talk.reply(
        asked.prompt, asked.earlier, asked.attached, asked.tables[-1] if asked.tables else None, analysis=analysis
    )


def _analyse(turn: Turn, asked: prompts.Asked, file: str) -> Generator[Event, None, None]:
    """Read, look into the file where that is needed, compute, answer; on failure say so and try a general profile."""
    table = asked.told(file)
    plan = read([*asked.earlier, asked.prompt], table) if table else None
    if table is None or plan is None or prompts.doubtful(plan, table, asked.prompt):
        yield from turn.text(f"{talk.WHO} First I look at the columns of {code(file)}.")
        table = yield from _look(turn, file)
        if table is None:
            return
        plan = read([*asked.earlier, asked.prompt], table)
        yield from turn.text(_understood(plan))
    else:
        yield from turn.text(f"{talk.WHO} {_understood(plan)}")
    failure = yield from _carry_out(turn, plan, table)
    if not failure:
        return
    yield from turn.text(f"The program failed: {failure}. I try a general profile of the table instead.")
    looked = table if table.looked else (yield from _look(turn, file))
    if looked is None:
        return
    again = plan if not table.looked and plan.understood else Plan((Step("profile"),), understood=False)
    again = read([*asked.earlier, asked.prompt], looked) if again is plan else again
    failure = yield from _carry_out(turn, again, looked)
    if failure:
        yield from turn.text(f"That failed as well: {failure}. There is no figure that I could report.")


def _understood(plan: Plan) -> str:
    if not plan.understood:
        return "I could not read the request as one of the analyses I know, so here is a general profile of the table."
    return "I read the request as: " + "; ".join(_lower(title(s)) for s in plan.steps) + "."


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _look(turn: Turn, file: str) -> Generator[Event, None, Table | None]:
    result = yield from turn.call("bash_code_execution", {"command": _command(look.program(file))})
    table = look.table(file, result.get("stdout", "")) if _went_well(result) else None
    if table is None:
        yield from turn.text(
            f"I could not read {code(file)}: {_problem(result)}. There is nothing that I could report."
        )
    return table


def _carry_out(turn: Turn, plan: Plan, table: Table) -> Generator[Event, None, str]:
    """Run the plan's program and word its figures; returns what went wrong, or an empty text."""
    if table.rows == 0:
        # A paragraph of its own: what was said before it may be the block just before.
        yield from turn.text(f"\n\n{code(table.filename)} has no rows, so there is nothing to compute.")
        return ""
    program = script(plan, table)
    result = yield from _run(turn, program)
    if not _went_well(result):
        return _problem(result)
    figures = _figures(result.get("stdout", ""))
    if figures is None:
        return "it printed no figures"
    yield from turn.text(answer(plan, figures))
    return ""


def _run(turn: Turn, program: str) -> Generator[Event, None, dict[str, Any]]:
    """Write the program to a file and run it; in one command where the editor is not there."""
    path = "analysis.py"
    made = yield from turn.call("text_editor_code_execution", {"command": "create", "path": path, "file_text": program})
    if made.get("type") == "text_editor_code_execution_create_result":
        return (yield from turn.call("bash_code_execution", {"command": f"python {path}"}))
    return (yield from turn.call("bash_code_execution", {"command": _command(program)}))


def _command(program: str) -> str:
    # Names enter programs as `repr`, so that no line of one can be the end mark.
    return f"python - <<'{_END}'\n{program}{_END}\n"


def _went_well(result: dict[str, Any]) -> bool:
    return result.get("return_code") == 0


def _problem(result: dict[str, Any]) -> str:
    """What a failed command said: its last line of stderr, or the tool's error code."""
    lines = [line for line in str(result.get("stderr", "")).splitlines() if line.strip()]
    said = lines[-1] if lines else result.get("error_code") or f"return code {result.get('return_code')}"
    return md(said, 300).rstrip(".")


def _figures(printed: str) -> Figures | None:
    line = next((part for part in reversed(printed.splitlines()) if part.startswith("figures: ")), "")
    try:
        found = json.loads(line.removeprefix("figures: "))
    except ValueError:
        return None
    return found if isinstance(found, list) else None
