"""Terminal IPython, a real one on a pseudo-terminal, and a server that wants to command the terminal."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys

import pytest

# All of C0 but line ends and tabs, DEL, C1; and what turns the direction of text or hides it.
COMMANDS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
SHOWN = """\
%load_ext claude_magic
import warnings, pandas as pd; warnings.simplefilter("ignore"); pd.set_option("display.max_rows", None)
%claude use {base_url}
reply = %claude ask hello answer all
reply = _
reply
[reply, reply.files]
reply.files["table.csv"]
reply.frame("table.csv")
reply.frame("table.csv").head(3)
reply.frame("nothing")
reply.message.content[:3]
reply.text
%claude files
%claude files show file_200
%claude models
%claude model
%claude thread
%claude container
%claude status
%claude count hello
%claude ask --no-history break {escape}
%xmode Verbose
ask = lambda n: get_ipython().run_line_magic("claude", f"ask --no-history --no-stream answer {{n}}")
for n in range(0, {count}, 2): ask(n)
"""
LAST = "print('the', 'end')\nexit\n"


class Terminal:
    """A terminal: takes lines, keeps every byte that was written to it."""

    def __init__(self, folder) -> None:
        self.master, side = pty.openpty()
        environment = {**os.environ, "TERM": "dumb", "IPYTHONDIR": str(folder / "ipython"), "COLUMNS": "200"}
        command = [
            sys.executable,
            "-m",
            "IPython",
            "--no-banner",
            "--simple-prompt",
            "--colors=NoColor",
            "--no-confirm-exit",
        ]
        self.process = subprocess.Popen(
            command, stdin=side, stdout=side, stderr=side, env=environment, cwd=folder, start_new_session=True
        )
        os.close(side)

    def run(self, source: str) -> str:
        """Type a whole session, one line after the other; return what was written until its end."""
        written = b""
        lines = iter((source + LAST).splitlines(keepends=True))
        while True:
            try:
                written += os.read(self.master, 65536)
            except OSError:  # the other side is closed
                break
            if re.search(rb"In \[\d+\]: $", written[-40:]):
                os.write(self.master, next(lines).encode())
                written += b"\n"
        os.close(self.master)
        self.process.wait(30)
        return written.decode()


@pytest.fixture(scope="module")
def hostile(serve_hostile):
    """The server."""
    return serve_hostile()


def test_no_control_sequence_of_the_servers_reaches_a_terminal(hostile, tmp_path):
    """Answers, reprs, tables, facts, errors: what is written holds none, and all of it has been shown."""
    errors = "\n".join(f"%claude ask --no-history refuse {n}" for n, p in enumerate(hostile.payloads) if _commands(p))
    session = SHOWN.format(
        base_url=hostile.base_url, count=len(hostile.payloads), escape=hostile.payloads.index("\x1b[2J\x1b[H cleared")
    )
    written = Terminal(tmp_path).run(session + errors + "\n")
    assert "the end" in written
    assert sorted(set(COMMANDS.findall(written))) == []
    for said in ("Artifact table.csv", "BadRequest: ", "StreamFailed: ", "FileProblem: ", "input tokens for"):
        assert said in written, said
    assert written.count("BadRequest: ") == errors.count("\n") + 1


def test_a_sequence_that_arrives_in_pieces_does_not_get_through(hostile, tmp_path):
    """Each piece is painted before the next is there, and the terminal still gets nothing but text."""
    split = [n for n, p in enumerate(hostile.payloads) if _commands(p) and len(p) < 100]
    asked = "\n".join(f"%claude ask --no-history split {n}" for n in split)
    written = Terminal(tmp_path).run(f"%load_ext claude_magic\n%claude use {hostile.base_url}\n{asked}\n")
    assert "the end" in written
    assert sorted(set(COMMANDS.findall(written))) == []
    assert "clipboard" in written
    assert len(split) > 15


def _commands(payload: str) -> bool:
    return "\x1b" in payload or "\x9b" in payload or "\x9d" in payload
