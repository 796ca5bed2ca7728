"""Asks the model, runs what it writes, shows it what came out.

About a table: the model is asked for a program, at most `TRIES` times, each time with the last failure; when one has
run, it is asked for an answer in words. Everything it says on the way is streamed as it is written. An answer without a
program is taken as it is.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Protocol

from claude_magic.errors import LocalServerError, one_line
from claude_magic.local.engine import Spent, Usage
from claude_magic.local.llama import chat, figures, program
from claude_magic.local.llama.fences import Fences
from claude_magic.local.llama.wire import Reply, pieces
from claude_magic.local.problems import Problem
from claude_magic.local.standin import look, prompts

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence

    from claude_magic.local.engine import Event, Turn
    from claude_magic.local.llama.process import Address
    from claude_magic.local.standin.table import Table

TRIES = 3
"""Programs that one question gets."""

_MOST_OF_A_REPLY = 1024  # tokens; small models that do not find an end repeat themselves
_TEMPERATURES = (0.0, 0.4, 0.8)  # of each try: what failed at the likeliest words is not written again
_OF_WORDS = 0.0
_SEED = 1
_MOST_LINES = 30
_APART = "\n\n"  # neighbouring blocks of text are shown as one


class Runner(Protocol):
    """What runs the model (`claude_magic.local.llama.process.Process`)."""

    def address(self) -> Address:
        """Where llama.cpp's server is."""
        ...

    def close(self) -> None:
        """End it."""
        ...


class Llama:
    """An engine that is a small language model (see `claude_magic.local.engine.Engine`).

    Args:
        name: what the footer calls it.
        runner: runs the model.

    """

    def __init__(self, name: str, runner: Runner) -> None:
        self.name = name
        self._runner = runner

    def close(self) -> None:
        """End the model's process."""
        self._runner.close()

    def answer(self, turn: Turn) -> Iterator[Event]:
        """The events of one answer."""
        turn.usage = Usage()
        try:
            asked = prompts.read(turn.request)
            file = prompts.table_file(turn.files, asked.prompt) if turn.can_run else ""
            if file:
                yield from self._analyse(turn, asked, file)
            else:
                yield from self._talk(turn, asked)
        except LocalServerError as error:
            raise Problem(500, str(error)) from None

    def _talk(self, turn: Turn, asked: prompts.Asked) -> Iterator[Event]:
        """Answer from the texts of the conversation alone."""
        if turn.files or asked.attached:
            kinds = ", ".join(sorted({*asked.attached, *(["file"] if turn.files else [])}))
            yield from turn.text(f"This model does not see what is attached here ({kinds}), only the text.{_APART}")
        with contextlib.closing(self._said(turn, chat.conversation(turn.request), _OF_WORDS)) as said:
            yield from turn.stream(said)

    def _analyse(self, turn: Turn, asked: prompts.Asked, file: str) -> Iterator[Event]:
        table = asked.told(file)
        if table is None:
            table, failure = yield from _looked(turn, file)
            if table is None:
                yield from turn.text(f"The file `{file}` could not be read: {failure}.")
                return
        messages = chat.about_table(turn.request, asked, table)
        asking = messages
        failure = ""
        for temperature in _TEMPERATURES[:TRIES]:
            written = yield from self._program(turn, asking, temperature)
            if written is None:
                if failure:
                    yield from turn.text(_APART + _nothing(failure))
                return
            result = yield from turn.call("bash_code_execution", {"command": program.command(table, written)})
            failure = _failure(result)
            if not failure:
                yield from self._worded(turn, asked.prompt, written, result)
                return
            asking = chat.again(messages, written, failure)
        yield from turn.text(_nothing(failure))

    def _program(
        self, turn: Turn, messages: Sequence[chat.Message], temperature: float
    ) -> Generator[Event, None, str | None]:
        """What the model writes, its words shown as they come; None when there was no program in it."""
        fences = Fences()
        with contextlib.closing(self._said(turn, messages, temperature)) as said:
            yield from turn.stream(_until_closed(fences, said))
        return fences.program or None

    def _worded(self, turn: Turn, prompt: str, written: str, result: dict[str, Any]) -> Iterator[Event]:
        """What was printed, as it was printed, and below it the model's words, which may get it wrong."""
        printed = str(result.get("stdout", "")).strip("\n")
        if printed.strip():
            shown = "\n".join(printed.replace("```", "").splitlines()[:_MOST_LINES])
            yield from turn.text(f"The program printed:\n\n```text\n{shown}\n```{_APART}")
        asking = chat.in_words(prompt, printed, drawn=program.draws(written))
        with contextlib.closing(self._said(turn, asking, _OF_WORDS)) as said:
            words = []
            for event in turn.stream(_until_closed(Fences(), said)):
                words.append(event.get("delta", {}).get("text", ""))
                yield event
        invented = figures.unfounded("".join(words), f"{printed} {prompt}")
        if invented:
            yield from turn.text(f"{_APART}Not in what the program printed: {', '.join(invented)}.")

    def _said(self, turn: Turn, messages: Sequence[chat.Message], temperature: float) -> Generator[str, None, None]:
        """One reply of the model, piece by piece, counted into the turn's usage.

        Raises:
            Spent: the answer has had its tokens.

        """
        usage = turn.usage or Usage()
        left = int(turn.request["max_tokens"]) - usage.output_tokens
        if left <= 0:
            raise Spent
        most = min(left, _MOST_OF_A_REPLY)
        body = {"messages": messages, "max_tokens": most, "temperature": temperature, "seed": _SEED}
        before = Usage(usage.input_tokens, usage.output_tokens)
        address = self._runner.address()
        reply = Reply()
        with contextlib.closing(pieces(address, body, reply, turn)) as coming:
            try:
                for piece in coming:
                    _count(usage, before, reply)
                    yield piece
            finally:
                _count(usage, before, reply)
        if reply.finish == "length" and most == left:
            raise Spent


def _count(usage: Usage, before: Usage, reply: Reply) -> None:
    usage.input_tokens = before.input_tokens + reply.input_tokens
    usage.output_tokens = before.output_tokens + reply.output_tokens


def _until_closed(fences: Fences, said: Iterable[str]) -> Iterator[str]:
    """The words of a reply, up to the end of its first program."""
    for piece in said:
        yield fences.feed(piece)
        if fences.closed:
            return
    yield fences.end()


def _looked(turn: Turn, file: str) -> Generator[Event, None, tuple[Table | None, str]]:
    """The table as a look into the file shows it, or why there is none."""
    result = yield from turn.call("bash_code_execution", {"command": program.piped(look.program(file))})
    failure = _failure(result)
    table = None if failure else look.table(file, str(result.get("stdout", "")))
    return table, failure or "its columns could not be listed"


def _failure(result: dict[str, Any]) -> str:
    """What is wrong with a result, in a line for the model to read; empty when nothing is."""
    if result.get("return_code") == 0:
        nothing = not str(result.get("stdout", "")).strip() and not result.get("content")
        return "it printed nothing; put the answer into the variable `result`" if nothing else ""
    lines = [line for line in str(result.get("stderr", "")).splitlines() if line.strip()]
    return one_line(lines[-1] if lines else result.get("error_code") or f"return code {result.get('return_code')}")


def _nothing(failure: str) -> str:
    last = failure.replace("`", "")
    return f"No program ran to its end; the last one failed with `{last}`. There is no figure to report."
