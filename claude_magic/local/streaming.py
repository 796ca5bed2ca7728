"""Sends an answer on its way as server-sent events, or waits for its end and sends it whole."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from starlette.responses import Response

from claude_magic.local.answer import collect
from claude_magic.local.door import hang_up
from claude_magic.local.faults import Cut, Spoiler
from claude_magic.local.problems import Problem, encode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.types import Receive, Scope, Send

    from claude_magic.local.door import Caller
    from claude_magic.local.engine import Event
    from claude_magic.local.pump import Pump

log = logging.getLogger("claude_magic.local")

SILENCE = 15.0  # seconds without an event before a ping; the API pings every 15 to 30


def frame(event: Event, number: int = 0) -> bytes:
    """One server-sent event; `number` decides how many spare spaces stand before the last brace, as in the API's."""
    data = encode(event)
    return b"event: %s\ndata: %s%s}\n\n" % (event["type"].encode(), data[:-1], b" " * (number * 7 % 13))


class Streaming(Response):
    """An answer on its way.

    Args:
        pump: gives the events.
        caller: who asked.
        gone: ends when the client has gone away.
        spent: called once at the end.
        silence: seconds without an event before a ping.

    """

    media_type = "text/event-stream"

    def __init__(
        self, pump: Pump, caller: Caller, gone: asyncio.Task[None], spent: Callable[[], None], silence: float = SILENCE
    ) -> None:
        super().__init__(headers={"cache-control": "no-cache"})
        del self.headers["content-length"]
        self._pump = pump
        self._caller = caller
        self._gone = gone
        self._spent = spent
        self._silence = silence

    async def whole(self) -> Response:
        """The message as one JSON object, once it is there."""
        try:
            events = [event async for batch in self._pump.batches(self._silence) for event in batch]
            if self._pump.stopped.is_set():
                raise Problem(500, "The local server is stopping.")  # or the client has gone, and nobody reads this
            return Response(encode(collect(events)), media_type="application/json")
        finally:
            self._end()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events as they come."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        spoiler = Spoiler(self._caller.fault)
        complete = True
        try:
            async for data in self._frames(spoiler):
                for chunk in spoiler.chunks(data):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
        except Cut as cut:
            complete = cut.clean
        finally:
            complete = complete and not self._pump.stopped.is_set()
            self._end()
        if complete:
            await send({"type": "http.response.body", "body": b""})
        else:
            await hang_up(scope, receive)

    async def _frames(self, spoiler: Spoiler) -> AsyncIterator[bytes]:
        """Whole frames, as many at a time as there are; an error on the way becomes the last one."""
        number = 0
        out: list[bytes] = []
        try:
            async for batch in self._pump.batches(self._silence):
                for event in batch or [{"type": "ping"}]:
                    if spoiler.delay and event["type"] == "content_block_delta":
                        yield _taken(out)
                        await asyncio.sleep(spoiler.delay)
                    for sent in spoiler.events(event):
                        out.append(frame(sent, number))
                        number += 1
                yield _taken(out)
        except Cut:
            yield _taken(out)
            raise
        except Problem as problem:
            yield _taken(out) + self._error(problem)
        except Exception:
            log.exception("An answer failed (%s)", self._caller.request_id)
            yield _taken(out) + self._error(Problem(500, "Internal server error"))

    def _error(self, problem: Problem) -> bytes:
        return frame({"type": "error", **problem.body(self._caller.request_id)})

    def _end(self) -> None:
        self._gone.cancel()
        self._pump.stop()
        self._spent()


def _taken(out: list[bytes]) -> bytes:
    """What has gathered in `out`, which is empty afterwards."""
    data = b"".join(out)
    out.clear()
    return data
