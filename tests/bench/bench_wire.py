"""What the wire costs, beside Anthropic's SDK in the same run: ``python tests/bench/bench_wire.py`` prints Markdown.

Each measurement runs in a process of its own against a raw server in another process, which sends prepared bytes
faster than any client reads them. Sides take turns; the tables show medians of CPU time (the machine may be busy with
other things) and, for files, how much the client's peak memory grew.
"""

from __future__ import annotations

import json
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

BIG = 500_000_000
ROUNDS = 3  # processes of each side
REPEATS = 5  # measurements in each process, after one to warm up
TEXTS = (2000,)
TOOLS = (1000, 4000, 8000)
# The helper parses all of the input again at every delta; at 8,000 that is 20 s of CPU for nothing new.
TOO_SLOW = {("sdk-helper", 8000)}
EVENTS_BESIDE_DELTAS = 5


# The server: prepared bytes.


def frames(kind, count):
    """Return a streamed response of `count` deltas as one piece of bytes, chunked as a server would."""
    text = kind == "text"
    block = {"type": "text", "text": ""} if text else {"type": "tool_use", "id": "toolu_1", "name": "t", "input": {}}
    usage = {"input_tokens": 10, "output_tokens": 1}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [], "usage": usage}
    message |= {"stop_reason": None, "stop_sequence": None}
    events = [
        {"type": "message_start", "message": message},
        {"type": "content_block_start", "index": 0, "content_block": block},
        *({"type": "content_block_delta", "index": 0, "delta": delta} for delta in deltas(kind, count)),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": count}},
        {"type": "message_stop"},
    ]
    chunks = []
    for event in events:
        frame = f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
        chunks.append(b"%x\r\n%s\r\n" % (len(frame), frame))
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    return head + b"".join(chunks) + b"0\r\n\r\n"


def deltas(kind, count):
    """Yield the deltas: words of text, or a JSON object in fragments."""
    if kind == "text":
        yield from ({"type": "text_delta", "text": f" word{n}"} for n in range(count))
        return
    yield {"type": "input_json_delta", "partial_json": '{"rows": ["'}
    yield from ({"type": "input_json_delta", "partial_json": f'cell {n}", "'} for n in range(count - 2))
    yield {"type": "input_json_delta", "partial_json": 'end"]}'}


def serve():
    """Answer for ever: models named ``text-2000`` stream that many deltas, files are swallowed or sent."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=64)
    sys.stdout.write(f"{listening.getsockname()[1]}\n")
    sys.stdout.flush()
    streams = {f"{kind}-{n}": frames(kind, n) for kind, counts in (("text", TEXTS), ("tool", TOOLS)) for n in counts}
    while True:
        connection, _ = listening.accept()
        threading.Thread(target=answer_all, args=(connection, streams), daemon=True).start()


def answer_all(connection, streams):
    """Answer the requests of one connection."""
    reader = connection.makefile("rb", buffering=1 << 18)
    with suppress(OSError), connection, reader:
        while first := reader.readline():
            length = 0
            while line := reader.readline().strip():
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            if b"/v1/messages" in first:
                connection.sendall(streams[json.loads(reader.read(length))["model"]])
            elif first.startswith(b"POST"):
                while length:
                    length -= len(reader.read(min(length, 1 << 18)))
                file = {"id": "file_1", "type": "file", "filename": "a", "mime_type": "text/csv", "size_bytes": BIG}
                send(connection, json.dumps(file | {"created_at": "2026-11-22T00:00:00Z"}).encode())
            elif b"small" in first:
                send(connection, b"x")
            else:
                head = f"HTTP/1.1 200 OK\r\ncontent-type: text/csv\r\ncontent-length: {BIG}\r\n\r\n"
                connection.sendall(head.encode())
                piece = bytes(1_000_000)
                for _ in range(BIG // len(piece)):
                    connection.sendall(piece)


def send(connection, body):
    """Send a small answer."""
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    connection.sendall(head.encode() + body)


# The sides: each function consumes one answer, or moves one file.


def ours(url):
    """Return claude_magic's ways, by case."""
    from claude_magic.messages import Growing
    from claude_magic.wire import Client

    client = Client(base_url=url, api_key="bench-key")

    def stream(model):
        growing = Growing()
        with client.messages.stream({"model": model, "max_tokens": 10, "messages": []}) as events:
            for event in events:
                growing.feed(event)
        return len(growing.message().content)

    def upload(path):
        client.files.upload(path, filename="a.csv", mime_type="text/csv")

    def download(file_id, path):
        client.files.download(file_id, path)

    return stream, upload, download


def sdk(url, *, helper):
    """Return the SDK's ways: its raw stream, or its helper that accumulates."""
    from anthropic import Anthropic

    client = Anthropic(base_url=url, api_key="bench-key", max_retries=0)
    question = [{"role": "user", "content": "x"}]

    def raw(model):
        with client.messages.create(model=model, max_tokens=10, messages=question, stream=True) as events:
            return sum(1 for _ in events)

    def helped(model):
        with client.messages.stream(model=model, max_tokens=10, messages=question) as events:
            for _ in events:
                pass
            return len(events.get_final_message().content)

    def upload(path):
        client.files.upload(file=path)

    def download(file_id, path):
        client.files.download(file_id).write_to_file(path)

    return helped if helper else raw, upload, download


SIDES = {
    "claude_magic": ours,
    "sdk-raw": lambda url: sdk(url, helper=False),
    "sdk-helper": lambda url: sdk(url, helper=True),
}


def measure(side, case, url, folder):
    """Measure one case in this process; print a JSON list: CPU seconds, or seconds and bytes of growth."""
    stream, upload, download = SIDES[side](url)
    if case.startswith(("text", "tool")):
        slow = side == "sdk-helper" and case.startswith("tool")
        stream(case if not slow else f"text-{TEXTS[0]}")
        return [cpu(lambda: stream(case)) for _ in range(1 if slow else REPEATS)]
    small, big = Path(folder, "small"), Path(folder, "big")
    out = Path(folder, f"out-{side}")
    upload(small)  # imports, buffers and the connection are there before the peak is reset
    download("small", out)
    Path("/proc/self/clear_refs").write_text("5")
    before = memory("VmRSS")
    seconds = cpu(lambda: upload(big) if case == "upload" else download("file_1", out))
    return [seconds, memory("VmHWM") - before]


def cpu(action):
    """Return the CPU seconds of `action` in this process."""
    began = time.process_time()
    action()
    return time.process_time() - began


def memory(name):
    """Return a figure of /proc/self/status in bytes."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024


# The tables.


@contextmanager
def server():
    """Run the server in a process of its own; give its address."""
    process = subprocess.Popen([sys.executable, __file__, "serve"], stdout=subprocess.PIPE, text=True)
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def run(side, case, url, folder):
    """Measure one case in a fresh process."""
    command = [sys.executable, __file__, "measure", side, case, url, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def rows_of_streams(url, folder):
    """Yield a row for each kind and length of stream: microseconds of CPU an event, for each side."""
    for case in [f"text-{n}" for n in TEXTS] + [f"tool-{n}" for n in TOOLS]:
        count = int(case.split("-")[1])
        found = {side: [] for side in SIDES}
        for round_ in range(ROUNDS):
            for side in SIDES:
                slow = side == "sdk-helper" and case.startswith("tool")
                if (side, count) not in TOO_SLOW and not (slow and round_):
                    found[side] += run(side, case, url, folder)
        events = count + EVENTS_BESIDE_DELTAS
        yield case, {side: 1e6 * statistics.median(times) / events for side, times in found.items() if times}


def table_of_streams(url, folder):
    """Yield the lines of the table of streams."""
    yield "| burst of events, µs of CPU each | claude_magic | SDK raw stream | SDK stream helper | goal |"
    yield "| --- | ---: | ---: | ---: | ---: |"
    for case, found in rows_of_streams(url, folder):
        cells = [f"{found[side]:.1f}" if side in found else "not run" for side in SIDES]
        yield f"| {case.replace('-', ', ')} deltas | **{cells[0]}** | {cells[1]} | {cells[2]} | ≤ 20 |"


def table_of_files(url, folder):
    """Yield the lines of the table of files."""
    with (Path(folder) / "big").open("wb") as file:
        file.truncate(BIG)
    with (Path(folder) / "big").open("rb") as file:  # into the page cache, so that no side pays for it
        while file.read(1 << 20):
            pass
    (Path(folder) / "small").write_bytes(b"x")
    yield f"| {BIG // 1_000_000} MB | claude_magic, MiB added | CPU s | SDK, MiB added | CPU s | goal |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: |"
    for case in ("upload", "download"):
        found = {"claude_magic": [], "sdk-raw": []}
        for _ in range(2):
            for side, figures in found.items():
                figures.append(run(side, case, url, folder))
        cells = []
        for figures in found.values():
            seconds, growth = (statistics.median(column) for column in zip(*figures, strict=True))
            cells += [f"{growth / (1 << 20):.1f}", f"{seconds:.2f}"]
        yield f"| {case} | **{cells[0]}** | {cells[1]} | {cells[2]} | {cells[3]} | ≤ 8 MiB |"


def main():
    """Print the tables."""
    if sys.argv[1:2] == ["serve"]:
        serve()
    if sys.argv[1:2] == ["measure"]:
        sys.stdout.write(json.dumps(measure(*sys.argv[2:6])))
        return
    folder = tempfile.mkdtemp(prefix="bench-wire-")
    try:
        with server() as url:
            for table in (table_of_streams, table_of_files):
                for line in table(url, folder):
                    sys.stdout.write(line + "\n")
                    sys.stdout.flush()
                sys.stdout.write("\n")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
