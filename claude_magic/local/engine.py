"""Who answers: the interface between the server and an engine.

An engine is asked once per request and yields content-block events, the ones that go over the wire but without
``index``. The server numbers them, puts `message_start`, `message_delta` and `message_stop` around them, counts
tokens, cuts at `max_tokens` and at stop sequences. An engine written with the two helpers of `Turn` is a plain
generator::

    def answer(self, turn):
        yield from turn.text("Let me look.")
        result = yield from turn.call("bash_code_execution", {"command": "ls $INPUT_DIR"})
        yield from turn.text(f"It printed {result['stdout']}.")

**Pausing.** After `MAX_ROUNDS` tool calls in one request `call` raises `Paused` (let it pass); the answer then stops
with `pause_turn`. The client sends the same content back as the last message, and the engine is asked again *from
its beginning*: `text` and `call` recognise what was said and run before (the same texts, the same inputs, in the same
order), emit nothing for it and return the recorded results, until they reach what is new. So an engine whose words
depend only on the request and on the results needs no memory. One that departs from its earlier words simply goes on
from where it departs.

**Stopping.** When the client goes away the server kills the running command and closes the generator. An engine that
waits for something else of its own is woken by what it gave to `when_stopped`.

**Counting.** The server estimates tokens. An engine whose model counts them itself sets `usage` and keeps it up to
date; its figures are then the answer's. It also keeps to `max_tokens`, and raises `Spent` where it had to stop for it.
"""

from __future__ import annotations

import contextlib
import json
import re
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from claude_magic.local import ids

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

Event = dict[str, Any]

MAX_ROUNDS = 10
"""Tool calls in one request before it pauses (the API's own limit for synchronous calls)."""

_WORDS = re.compile(r"\s*\S+\s*|\s+")
_WORDS_PER_DELTA = 3
_JSON_PER_DELTA = 48


class Paused(Exception):  # an engine lets it pass, so it is no error of ours
    """The round limit is reached; the request ends with `pause_turn`."""


class Spent(Exception):  # likewise
    """The model's own count has reached `max_tokens`; the request ends with that stop reason."""


@dataclass
class Usage:
    """Tokens of one answer as the model counted them, all its rounds together."""

    input_tokens: int = 0
    output_tokens: int = 0


class Engine(Protocol):
    """Who answers. One with a method `close` has it called when the server ends."""

    name: str
    """Travels in the response header ``x-claude-magic-engine``."""

    def answer(self, turn: Turn) -> Iterator[Event]:
        """The events of one answer's content blocks, in order, without ``index``."""
        ...


@dataclass(frozen=True)
class UploadedFile:
    """A file that the conversation put into the container with a `container_upload` block.

    In the container it stands at ``$INPUT_DIR/<filename>``. `size` is in bytes.
    """

    id: str
    filename: str
    mime_type: str
    size: int


def _cannot_run(name: str, _input: dict[str, Any]) -> dict[str, Any]:
    return {"type": f"{name}_tool_result_error", "error_code": "unavailable"}


@dataclass
class Turn:
    """What an engine sees of a request, and what it can do.

    Args:
        request: the validated request body.
        files: the `container_upload` files of the whole conversation, oldest first.
        can_run: a code execution tool is in the request; without it `call` yields an `unavailable` error.
        run: runs one server tool and returns the ``content`` object of its result block.
        earlier: the assistant's own blocks at the end of the conversation, when a paused turn is continued.

    Attributes:
        usage: the model's own count of tokens; None leaves it to the server's estimate.
        stopped: set when nobody waits for the answer any more.

    """

    request: dict[str, Any]
    files: tuple[UploadedFile, ...] = ()
    can_run: bool = False
    run: Callable[[str, dict[str, Any]], dict[str, Any]] = field(default=_cannot_run, repr=False)
    earlier: Sequence[dict[str, Any]] = ()
    rounds: int = field(default=0, init=False)
    usage: Usage | None = field(default=None, init=False)
    stopped: threading.Event = field(default_factory=threading.Event, init=False, repr=False)

    def __post_init__(self) -> None:
        self._replay = deque(self.earlier)
        self._wakers: list[Callable[[], None]] = []

    def stop(self) -> None:
        """Nobody waits any more: set `stopped` and wake the engine; from any thread, as often as one likes."""
        self.stopped.set()
        for wake in list(self._wakers):
            wake()

    @contextlib.contextmanager
    def when_stopped(self, wake: Callable[[], None]) -> Iterator[None]:
        """Inside the block `stop` calls `wake`, which may be called twice, must not block and raises nothing."""
        self._wakers.append(wake)
        try:
            if self.stopped.is_set():
                wake()
            yield
        finally:
            self._wakers.remove(wake)

    def text(self, s: str) -> Iterator[Event]:
        """Say `s`: one text block in several deltas; nothing when `s` is blank or was said before the pause."""
        if not s.strip() or self._said(s):
            return
        yield _start({"type": "text", "text": ""})
        words = _WORDS.findall(s)
        for i in range(0, len(words), _WORDS_PER_DELTA):
            yield _delta({"type": "text_delta", "text": "".join(words[i : i + _WORDS_PER_DELTA])})
        yield _stop()

    def stream(self, pieces: Iterable[str]) -> Iterator[Event]:
        """Say what comes, piece by piece as it comes: one text block, none when all of it is blank.

        For words that cannot be said twice alike; what was said before a pause does not count.

        Raises:
            Spent: from `pieces`, once the block is complete.

        """
        self._replay.clear()
        held, begun, spent = "", False, None
        try:
            for piece in pieces:
                held += piece
                if not held or not (begun or held.strip()):
                    continue
                if not begun:
                    yield _start({"type": "text", "text": ""})
                    begun = True
                yield _delta({"type": "text_delta", "text": held})
                held = ""
        except Spent as reason:
            spent = reason
        if begun:
            yield _stop()
        if spent is not None:
            raise spent

    def call(self, name: str, input: dict[str, Any]) -> Generator[Event, None, dict[str, Any]]:  # noqa: A002 - the API's word
        """Call a server tool: ``result = yield from turn.call("bash_code_execution", {"command": "ls"})``.

        Emits the call's block, runs it, emits the result's block.

        Args:
            name: ``bash_code_execution`` or ``text_editor_code_execution``.
            input: the tool's input.

        Returns:
            The ``content`` object of the result block: a result, or an error with an ``error_code``.

        Raises:
            Paused: the request has had its rounds.

        """
        call_id, recorded = self._called(name, input)
        if recorded is not None:
            return recorded
        if self.rounds >= MAX_ROUNDS:
            raise Paused
        self.rounds += 1
        if call_id is None:
            call_id = ids.new("srvtoolu")
            yield from _call_block(call_id, name, input)
        content = self.run(name, input) if self.can_run else _cannot_run(name, input)
        yield _start({"type": f"{name}_tool_result", "tool_use_id": call_id, "content": content})
        yield _stop()
        return content

    def _said(self, s: str) -> bool:
        """Whether `s` is the next thing said before the pause."""
        block = self._replay[0] if self._replay else {}
        if block.get("type") == "text" and block.get("text") == s:
            self._replay.popleft()
            return True
        self._replay.clear()
        return False

    def _called(self, name: str, given: dict[str, Any]) -> tuple[str | None, dict[str, Any] | None]:
        """The id and result of this call when it is the next thing done before the pause; the result may be open."""
        block = self._replay[0] if self._replay else {}
        if block.get("type") != "server_tool_use" or block.get("name") != name or block.get("input") != given:
            self._replay.clear()
            return None, None
        self._replay.popleft()
        call_id = str(block["id"])
        if self._replay and self._replay[0].get("tool_use_id") == call_id:
            return call_id, dict(self._replay.popleft()["content"])
        return call_id, None


def _start(block: dict[str, Any]) -> Event:
    return {"type": "content_block_start", "content_block": block}


def _delta(delta: dict[str, Any]) -> Event:
    return {"type": "content_block_delta", "delta": delta}


def _stop() -> Event:
    return {"type": "content_block_stop"}


def _call_block(call_id: str, name: str, given: dict[str, Any]) -> Iterator[Event]:
    """The events of a call: the input arrives as JSON text in pieces, the first of them empty, as the API's does."""
    yield _start({"type": "server_tool_use", "id": call_id, "name": name, "input": {}})
    text = json.dumps(given, ensure_ascii=False)
    for piece in ("", *(text[i : i + _JSON_PER_DELTA] for i in range(0, len(text), _JSON_PER_DELTA))):
        yield _delta({"type": "input_json_delta", "partial_json": piece})
    yield _stop()
