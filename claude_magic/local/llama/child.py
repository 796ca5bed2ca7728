"""The program of the child process: llama.cpp's own HTTP server on loopback, through the package xllamacpp.

It reads one JSON line, `{"model", "key", "threads", "context"}`, writes one, `{"address"}` or `{"error"}`, and ends
when its standard input does. It ends at once and without tidying up: llama.cpp takes up to half a minute to leave a
running answer in the ordinary way, and there is nothing to lose.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import Any

_PROMPT_CACHE_MIB = 256  # its default may grow to 8 GiB


def main() -> None:
    """Serve until standard input ends."""
    answers = os.dup(1)
    os.dup2(2, 1)  # what the library prints is log
    told = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        server = _server(told)
        said = {"address": server.listening_address}
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent says it
        said = {"error": f"{type(error).__name__}: {error}"}
    os.write(answers, json.dumps(said).encode() + b"\n")
    threading.Event().wait() if "address" in said else os._exit(1)


def _server(told: dict[str, Any]) -> Any:
    """Load the model and serve it."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = told["model"]
    params.model_alias = {"model"}
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [told["key"]]
    params.n_ctx = told["context"]
    params.n_parallel = 1
    params.cache_ram_mib = _PROMPT_CACHE_MIB
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = told["threads"]
    return xllamacpp.Server(params)


def _end_with_parent() -> None:
    while os.read(0, 4096):
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
