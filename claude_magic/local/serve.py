"""Runs the local server: ``claude-magic serve``, ``python -m claude_magic.local``.

The socket is bound before the server starts, so the port is known at once and the first connection waits in the
socket's queue rather than failing. ``--child`` is how a notebook starts it (see `child.py`): base URL and key go out
as one JSON line, and the end of standard input ends the server, so it never outlives its parent.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import signal
import socket
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from claude_magic.errors import LocalServerError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from claude_magic.local.app import App
    from claude_magic.local.engine import Engine

_INSTALL = "Install what it needs: pip install 'claude-magic[local]'"
PORT = 8765
ENGINES = ("stand-in", "llama")
ENGINE, MODEL = "CLAUDE_MAGIC_ENGINE", "CLAUDE_MAGIC_GGUF"  # what a kernel's server takes its choice from
KEYS = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_CUSTOM_HEADERS", "ANTHROPIC_IDENTITY_TOKEN")
_LAST_SECONDS = 1  # that open streams get to close when the server stops


def parser() -> argparse.ArgumentParser:
    """The options."""
    options = argparse.ArgumentParser(prog="claude-magic serve", description="The Claude API on this machine.")
    options.add_argument("--host", default="127.0.0.1", help="loopback address to listen on (default: %(default)s)")
    options.add_argument(
        "--port", type=int, help=f"port to listen on, 0 for any free one (default: {PORT}, any if that is taken)"
    )
    options.add_argument("--data", type=Path, help="directory for files and containers (default: a temporary one)")
    options.add_argument("--key", help="the key to accept, beginning with sk- (default: a fresh one each start)")
    options.add_argument(
        "--engine",
        default=os.environ.get(ENGINE) or ENGINES[0],
        help=f"who answers: {' or '.join(ENGINES)} (default: {ENGINE}, else {ENGINES[0]})",
    )
    options.add_argument(
        "--model", default=os.environ.get(MODEL), help=f"the GGUF file of the engine llama (default: {MODEL})"
    )
    options.add_argument("--faults", action="store_true", help="let requests ask for faults, for testing clients")
    options.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until stopped; the exit status.

    Raises:
        UsageError: the host is not this machine's, the key does not begin with ``sk-``, or there is no such engine.
        LocalServerError: the packages of the server or the engine are missing, the model file is no such file, the
            port is taken, or the data directory cannot be written.

    """
    options = parser().parse_args(argv)
    check_installed()
    from claude_magic.local.app import create_app, new_key

    key = options.key or new_key()
    if not key.startswith("sk-"):
        raise UsageError("A key for the local server begins with `sk-`.", advice="Leave --key out for a fresh one.")
    engine = chosen(options.engine, options.model)
    for name in KEYS:  # what runs in a container inherits nothing of them
        os.environ.pop(name, None)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    port = 0 if options.child else options.port
    with _listening(options.host, port) as listener, _data(options.data) as data:
        host = f"[{options.host}]" if ":" in options.host else options.host
        _announce(f"http://{host}:{listener.getsockname()[1]}", key, child=options.child)
        app = create_app(data, key=key, engine=engine, faults=options.faults)
        _run(listener, app, child=options.child)
    return 0


def check_installed() -> None:
    """Make sure the packages of the extra `local` are there.

    Raises:
        LocalServerError: one is missing.

    """
    from importlib.util import find_spec

    missing = [name for name in ("starlette", "uvicorn", "python_multipart") if find_spec(name) is None]
    if missing:
        raise LocalServerError(f"The local server needs {', '.join(missing)}.", advice=_INSTALL)


def chosen(name: str, model: str | Path | None) -> Engine | None:
    """The engine of that name; None for the stand-in, which the server imports when it is first needed.

    Args:
        name: one of `ENGINES`.
        model: the GGUF file of the engine ``llama``.

    Raises:
        UsageError: there is no such engine.
        LocalServerError: it cannot run.

    """
    if name == "stand-in":
        return None
    if name != "llama":
        raise UsageError(f"There is no engine `{name}`.", advice=f"Take one of: {', '.join(ENGINES)}.")
    from claude_magic.local import llama

    return llama.load(model)


@contextlib.contextmanager
def _listening(host: str, port: int | None) -> Iterator[socket.socket]:
    """A socket that listens on a loopback address; without a port, on ours or, where that is taken, on a free one."""
    from claude_magic.local.door import is_loopback

    if not is_loopback(host):
        raise UsageError(f"The local server listens only on this machine, not on {host}.", advice="Use 127.0.0.1.")
    for number in (PORT, 0) if port is None else (port,):
        try:
            listener = _bound(host.strip("[]"), number)
        except (OSError, OverflowError) as error:
            if port is None and number:
                continue
            reason = error.strerror if isinstance(error, OSError) else "a port is a number from 0 to 65535"
            raise LocalServerError(
                f"Port {number} on {host} cannot be used: {reason}.", advice="Use --port 0 for any free one."
            ) from None
        with listener:
            yield listener
        return


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio sends small pieces at once (TCP_NODELAY); without, each answer waits 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
    except BaseException:
        listener.close()
        raise
    return listener


@contextlib.contextmanager
def _data(given: Path | None) -> Iterator[Path]:
    """The data directory: the one given, or a temporary one that is removed at the end."""
    if given is not None:
        try:
            given.mkdir(parents=True, exist_ok=True, mode=0o700)
            with tempfile.TemporaryFile(dir=given):  # a folder that is there may still take no files
                pass
        except (OSError, ValueError) as error:
            raise LocalServerError(
                f"{given} cannot hold the server's data: {getattr(error, 'strerror', None) or error}.",
                advice="Name a folder that can be written: with --data, or in a notebook with CLAUDE_MAGIC_HOME.",
            ) from None
        yield given.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="claude-magic-", ignore_cleanup_errors=True) as scratch:
        yield Path(scratch)


def _announce(base_url: str, key: str, *, child: bool) -> None:
    """Tell where the server is: to a parent as one JSON line, to a person as two lines."""
    text = json.dumps({"base_url": base_url, "key": key}) if child else f"{base_url}\n{key}"
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _run(listener: socket.socket, app: App, *, child: bool) -> None:
    import uvicorn

    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=_LAST_SECONDS,
    )
    server = _stopping(uvicorn.Server(config), app)
    if child:
        threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    try:
        server.run(sockets=[listener])
    finally:
        app.close()


def _stopping(server: Any, app: App) -> Any:
    """Let `server`, when told to exit, first end the running answers, whose streams would keep it.

    Its own handler would also repeat the signal after the end, which would end us before we have tidied up.
    """

    def handle_exit(_number: int, _stack: Any) -> None:
        app.stop()
        server.force_exit = server.should_exit
        server.should_exit = True

    server.handle_exit = handle_exit
    return server


def _end_with_parent() -> None:
    """Wait for the end of standard input (the parent has closed it, or is no more), then end in the ordinary way."""
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
