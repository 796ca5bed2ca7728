"""A server that means ill: it speaks the Messages and Files APIs, and every word in its answers is a payload.

Model ids and display names, file names, types and dates, error messages, types and request ids, text, tool names,
inputs and outputs, citations, the container's id. What it answers a prompt with is said by the prompt's last two words:

* `answer all`: text, a citation, a program and its output for each payload, and files with payloads for names;
* `answer N`: payload number N in every kind of block;
* `split N`: payload number N as text, one character to a delta, the first few so far apart that each is painted;
* `refuse N`: status 400 and an error; `break N`: an error in the middle of a stream.

File number N is called like payload number N; file 9000 is a picture in words only, 9001 the table `table.csv`.
"""

from __future__ import annotations

import contextlib
import csv
import http.server
import io
import json
import threading
import time

TABLE = 9001
FILES = (9001, 3, 40, 80, 120, 160, 200, 240, 9000)  # those of `answer all`
_HUGE = 600


class Hostile:
    """The server, on a loopback port. `base_url` is where, `payloads` what."""

    def __init__(self, payloads: list[str], poisoned) -> None:
        self.payloads = payloads
        self._poisoned = poisoned
        hostile = self

        class Handler(_Handler):
            server_of = hostile

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # a client that goes away in the middle is no news
        self.base_url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close the socket."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def short(self) -> list[str]:
        """The payloads that are not huge."""
        return [p for p in self.payloads if len(p) < _HUGE]

    def models(self) -> dict:
        """Return the Models API's list."""
        return {"data": [{"id": p, "display_name": p, "line": p, "lifecycle": p, "created_at": p} for p in self.short]}

    def file(self, number: int) -> dict:
        """Return a file's metadata."""
        p = self.payloads[number % len(self.payloads)]
        name = {9000: "picture.png", TABLE: "table.csv"}.get(number, p)
        kind = "image/png" if number == 9000 else p
        made = {"id": f"file_{number}", "filename": name, "mime_type": kind, "size_bytes": len(self.content(number))}
        return {**made, "created_at": p, "expires_at": p, "downloadable": True}

    def content(self, number: int) -> bytes:
        """Return a file's bytes: the table, or an SVG that calls itself something else."""
        if number != TABLE:
            return b"<svg xmlns='http://www.w3.org/2000/svg' onload='window.claudeMagicFired=1'></svg>"
        rows = io.StringIO()
        lines = [p.replace("\0", "") for p in self.short]
        heads = [p for p in lines if "\\def" in p or "<img" in p or "\x1b]" in p][::4]
        csv.writer(rows).writerows([[f"{p}#{n}" for n, p in enumerate(heads)], *([p] * 2 for p in lines)])
        return rows.getvalue().encode(errors="replace")

    def blocks(self, verb: str, which: str) -> list[dict]:
        """Return the content of an answer."""
        if verb == "answer" and which == "all":
            return [*(b for n, p in enumerate(self.short) for b in _worked(n, p)), *_ran("files", "", FILES)]
        p = self.payloads[int(which)]
        return [{"type": "text", "text": p}] if verb in {"split", "break"} else self._poisoned(p)["message"].content

    def events(self, verb: str, which: str):
        """Yield the events of an answer."""
        p = self.payloads[0 if which == "all" else int(which)]
        start = {"id": p, "model": p, "container": {"id": p, "expires_at": p}, "usage": {"input_tokens": 1}}
        yield {"type": "message_start", "message": start}
        for index, block in enumerate(self.blocks(verb, which)):
            yield from _streamed(index, block, 1 if verb == "split" else 7)
        if verb == "break":
            yield {"type": "error", "error": {"type": p, "message": p}, "request_id": p}
            return
        end = {"stop_reason": p, "stop_details": {"explanation": p}}
        yield {"type": "message_delta", "delta": end, "usage": {"output_tokens": 2}}
        yield {"type": "message_stop"}


def _worked(number: int, p: str) -> list[dict]:
    text = {"type": "text", "text": p, "citations": [{"url": p, "title": p, "cited_text": p}]}
    return [text, *_ran(str(number), p, ())]


def _ran(name: str, p: str, files) -> list[dict]:
    made = [{"type": "bash_code_execution_output", "file_id": f"file_{n}"} for n in files]
    result = {"type": "bash_code_execution_result", "stdout": p, "stderr": p, "return_code": 0, "content": made}
    call = {"type": "server_tool_use", "id": f"t{name}", "name": "bash_code_execution", "input": {"command": p}}
    return [call, {"type": "bash_code_execution_tool_result", "tool_use_id": f"t{name}", "content": result}]


def _streamed(index: int, block: dict, step: int):
    begun = {"type": "content_block_start", "index": index}
    piece = {"type": "content_block_delta", "index": index}
    if block.get("type") == "text":
        text = block["text"]
        yield {**begun, "content_block": {"type": "text", "text": ""}}
        for at in range(0, len(text), step):
            yield {**piece, "delta": {"type": "text_delta", "text": text[at : at + step]}}
        for citation in block.get("citations", ()):
            yield {**piece, "delta": {"type": "citations_delta", "citation": citation}}
    elif block.get("type") == "server_tool_use":
        yield {**begun, "content_block": {**block, "input": {}}}
        yield {**piece, "delta": {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}}
    else:
        yield {**begun, "content_block": block}
    yield {"type": "content_block_stop", "index": index}


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # headers and body leave together

    def do_HEAD(self) -> None:
        self._send(200, b"")

    def do_GET(self) -> None:
        hostile, (path, *rest) = self.server_of, self.path.partition("?")[0].removeprefix("/v1/").split("/")
        if path == "models":
            self._json(hostile.models())
        elif path == "files" and not rest:
            self._json({"data": [hostile.file(n) for n in range(len(hostile.payloads))]})
        elif path == "files" and rest[1:] == ["content"]:
            self._send(200, hostile.content(int(rest[0].removeprefix("file_"))))
        elif path == "files":
            self._json(hostile.file(int(rest[0].removeprefix("file_"))))
        else:
            self._json({"error": {"type": "not_found_error", "message": path}}, 404)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path.endswith("count_tokens"):
            self._json({"input_tokens": 12})
            return
        verb, which = self._asked(body)
        if verb == "refuse":
            p = self.server_of.payloads[int(which)]
            error = {"type": p, "message": p, "details": {"error_code": p}}
            self._json({"type": "error", "error": error, "request_id": p}, 400)
        elif body.get("stream"):
            self._stream(self.server_of.events(verb, which), slow=verb == "split")
        else:
            content = list(self.server_of.blocks(verb, which))
            self._json({"model": "m", "content": content, "stop_reason": "end_turn", "usage": {"input_tokens": 1}})

    @staticmethod
    def _asked(body: dict) -> list[str]:
        said = body["messages"][-1]["content"]
        return (said if isinstance(said, str) else said[-1]["text"]).split()[-2:]

    def _stream(self, events, *, slow: bool) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        with contextlib.suppress(OSError):
            for number, event in enumerate(events):
                self.wfile.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
                if slow and number < 6:
                    self.wfile.flush()
                    time.sleep(0.11)
        self.close_connection = True

    def _json(self, body: dict, status: int = 200) -> None:
        self._send(status, json.dumps(body).encode(), "application/json")

    def _send(self, status: int, body: bytes, kind: str = "application/octet-stream") -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_) -> None:
        """Stay silent."""
