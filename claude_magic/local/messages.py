"""`POST /v1/messages`, whole and streamed, and `POST /v1/messages/count_tokens`."""

from __future__ import annotations

import asyncio
import logging
import weakref
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from claude_magic.local import bodies, rules
from claude_magic.local.answer import Answer
from claude_magic.local.bench import Bench
from claude_magic.local.engine import Turn, UploadedFile
from claude_magic.local.problems import Problem, encode
from claude_magic.local.pump import Pump
from claude_magic.local.requests import check_shape
from claude_magic.local.streaming import SILENCE, Streaming
from claude_magic.local.tokens import Counter

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.types import Receive

    from claude_magic.catalogue import ModelEntry
    from claude_magic.local.containers import ContainerPool
    from claude_magic.local.door import Caller
    from claude_magic.local.engine import Engine
    from claude_magic.local.files import FileStore
    from claude_magic.local.limits import Limits

log = logging.getLogger("claude_magic.local")


class MessageRoutes:
    """The two routes.

    Args:
        engine: gives the engine; called at the first message.
        files: the uploads.
        pool: gives the containers; called when the first one is needed.
        limits: told what was used.
        workspace: whose containers they are.
        silence: seconds without an event before a ping.

    """

    def __init__(
        self,
        *,
        engine: Callable[[], Engine],
        files: FileStore,
        pool: Callable[[], ContainerPool],
        limits: Limits,
        workspace: str,
        silence: float = SILENCE,
    ) -> None:
        self._engine = engine
        self._files = files
        self._pool = pool
        self._limits = limits
        self._workspace = workspace
        self._silence = silence
        self._running: weakref.WeakSet[Pump] = weakref.WeakSet()

    def stop(self) -> None:
        """End all running answers."""
        for pump in list(self._running):
            pump.stop()

    async def count(self, request: Request) -> Response:
        """`POST /v1/messages/count_tokens`."""
        raw = await bodies.read_body(request)
        tokens = await asyncio.to_thread(self._count, raw, request.scope["caller"])
        return Response(encode({"input_tokens": tokens}), media_type="application/json")

    async def create(self, request: Request) -> Response:
        """`POST /v1/messages`."""
        raw = await bodies.read_body(request)
        caller: Caller = request.scope["caller"]
        answer, bench = await asyncio.to_thread(self._prepare, raw, caller)
        self._limits.spend(input_tokens=answer.input_tokens)
        pump = Pump(answer.events(), lambda: _stop(answer.turn, bench))
        self._running.add(pump)
        gone = asyncio.create_task(_disconnected(request.receive))
        gone.add_done_callback(lambda _: pump.stop())
        stream = Streaming(
            pump, caller, gone, lambda: self._limits.spend(output_tokens=answer.output_tokens), self._silence
        )
        return stream if answer.turn.request.get("stream") else await stream.whole()

    def _count(self, raw: bytes, caller: Caller) -> int:
        body, model = self._checked(raw, caller, counting=True)
        return Counter(model, self._files).request(body)

    def _checked(self, raw: bytes, caller: Caller, *, counting: bool) -> tuple[dict[str, Any], ModelEntry]:
        """The body and its model, when both are in order."""
        body = bodies.parse(raw)
        check_shape(body, version=caller.version, betas=caller.betas, counting=counting)
        model = rules.find_model(body["model"])
        rules.check_rules(body, model, version=caller.version, betas=caller.betas)
        rules.check_files(body, self._files)
        return body, model

    def _prepare(self, raw: bytes, caller: Caller) -> tuple[Answer, Bench]:
        """Everything that can be refused is refused here, before the first byte of a stream."""
        body, model = self._checked(raw, caller, counting=False)
        counter = Counter(model, self._files)
        tokens = counter.request(body)
        if model.max_input_tokens is not None and tokens > model.max_input_tokens:
            raise Problem(400, f"prompt is too long: {tokens} tokens > {model.max_input_tokens} maximum")
        records = [self._files.get(file_id) for file_id in rules.upload_ids(body)]
        wanted = rules.container_id(body)
        bench = Bench(self._pool, wanted, records, self._workspace)
        if wanted is not None or records:
            bench.open()
        files = tuple(UploadedFile(r.id, bench.names[r.id], r.mime_type, r.size_bytes) for r in records)
        asked, earlier = rules.split_pause(body)
        turn = Turn(asked, files, can_run=rules.can_run(body), run=bench.run, earlier=earlier)
        return Answer(self._engine(), turn, model.id, counter, tokens, bench.info), bench


def _stop(turn: Turn, bench: Bench) -> None:
    """Wake the engine, whatever it waits for."""
    turn.stop()
    bench.kill()


async def _disconnected(receive: Receive) -> None:
    """Wait until the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
