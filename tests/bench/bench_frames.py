"""What a large frame costs on its way up, beside `to_csv` and Anthropic's SDK: ``python tests/bench/bench_frames.py``.

A frame of 1,000,000 rows and 10 columns of mixed types goes to the local server (a process of its own), by
`claude_magic` as a cell's `--upload` sends it (fingerprint, parquet, upload, description), and by `df.to_csv` with
the SDK's `files.upload` of that file (the way that takes the SDK least memory). Every sample is a new process, the
sides take turns; the table has medians of CPU time and of how far the peak of memory rose above what the process had
with the frame made and the libraries imported. The second time an unchanged frame goes up no bytes are sent; that row
is the fingerprint alone.
"""

from __future__ import annotations

import ctypes
import gc
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from claude_magic.local import child

ROWS = 1_000_000
ROUNDS = 3
MIB = 1 << 20


def frame(rows=ROWS):
    """Return the frame: numbers, text, dates with a zone, categories, nullable numbers, gaps."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(0)
    words = pd.array([f"customer {n:05}" for n in range(20_000)], dtype="str")
    return pd.DataFrame(
        {
            "id": np.arange(rows),
            "amount": rng.normal(100, 15, rows).round(2),
            "ratio": rng.random(rows),
            "missing": np.where(rng.random(rows) < 0.1, np.nan, rng.normal(size=rows)),
            "count": pd.array(rng.integers(0, 99, rows), dtype="Int32"),
            "flag": rng.random(rows) < 0.3,
            "when": pd.date_range("2024", periods=rows, freq="s", tz="Europe/Berlin"),
            "day": pd.Timestamp("2024") + pd.to_timedelta(rng.integers(0, 700, rows), unit="D"),
            "kind": pd.Categorical.from_codes(rng.integers(0, 5, rows), ["a", "b", "c", "d", "e"]),
            "name": words[rng.integers(0, len(words), rows)],
        }
    )


def ours(url, key, home):
    """Return what `--upload df` does, on a session of its own."""
    from claude_magic import uploads
    from claude_magic.sessions import Session
    from claude_magic.wire import Secret

    session = Session(home=Path(home))
    session.use(url, key=Secret(key))
    return lambda df: uploads.mount(session, "df", {"df": df})[1].size


def again(url, key, home):
    """Return the second time: the store knows the frame."""
    upload = ours(url, key, home)
    upload(frame())
    return upload


def sdk(url, key, home):
    """Return `df.to_csv` and the SDK's upload."""
    from anthropic import Anthropic

    client = Anthropic(base_url=url, api_key=key, max_retries=0)

    def upload(df):
        path = Path(home) / "df.csv"
        df.to_csv(path, index=False)
        return client.files.upload(file=path).size_bytes

    return upload


SIDES = {
    "`%%claude --upload df`": ours,
    "the same frame again": again,
    "`df.to_csv(path)`, SDK `files.upload(file=path)`": sdk,
}


def trim():
    """Give back what was freed, so that what comes next cannot hide in it."""
    import pyarrow as pa

    gc.collect()
    pa.default_memory_pool().release_unused()
    ctypes.CDLL(None).malloc_trim(0)


def memory(name):
    """Return a figure of /proc/self/status in bytes."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024


def measure(side, url, key):
    """Measure one side in this process: CPU seconds, wall seconds, bytes of memory added, bytes sent."""
    with tempfile.TemporaryDirectory(prefix="bench-frames-") as home:
        upload = SIDES[side](url, key, home)
        df = frame()
        upload(df.head(1000))  # imports, buffers and the connection are there before the peak is reset
        trim()
        Path("/proc/self/clear_refs").write_text("5")
        before, cpu, wall = memory("VmRSS"), time.process_time(), time.perf_counter()
        size = upload(df)
        return [time.process_time() - cpu, time.perf_counter() - wall, memory("VmHWM") - before, size]


def sample(side, server):
    """Measure one side in a fresh process; the key goes through its standard input."""
    done = subprocess.run(
        [sys.executable, __file__, "measure", side, server.base_url],
        input=server.key,
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    return json.loads(done.stdout)


def main():
    """Print the table."""
    if sys.argv[1:2] == ["measure"]:
        sys.stdout.write(json.dumps(measure(sys.argv[2], sys.argv[3], sys.stdin.read())))
        return
    found = {side: [] for side in SIDES}
    with tempfile.TemporaryDirectory(prefix="bench-frames-") as data:
        server = child.start(Path(data))
        try:
            for _ in range(ROUNDS):
                for side, figures in found.items():
                    figures.append(sample(side, server))
        finally:
            server.stop()
    medians = {side: [statistics.median(c) for c in zip(*rows, strict=True)] for side, rows in found.items()}
    ours_cpu, _, ours_memory, ours_size = next(iter(medians.values()))
    print(
        f"| frame of {ROWS:,} x 10 to the local server | CPU s | wall s | memory added, MiB | file, MB | CPU | memory |"
    )
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for side, (cpu, wall, added, size) in medians.items():
        ratios = f"{cpu / ours_cpu:.2f}x | {added / ours_memory:.2f}x"
        print(f"| {side} | **{cpu:.2f}** | {wall:.2f} | {added / MIB:.0f} | {size / 1e6:.1f} | {ratios} |")
    print(f"\nMedians of {ROUNDS}; the last two columns are times ours ({ours_size / 1e6:.1f} MB of parquet).")


if __name__ == "__main__":
    main()
