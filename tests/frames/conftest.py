"""What the frames' tests share: loading a file the way Claude's container would."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(scope="session")
def load(tmp_path_factory):
    """Return a function that writes encoded files to a folder, runs the loading code there, and gives the frame."""
    folder = tmp_path_factory.mktemp("container")

    def run(*encoded):
        last = encoded[-1]
        for one in encoded:
            one.file.seek(0)
            (folder / one.filename).write_bytes(one.file.read())
        names = {"path": os.fspath(folder / last.filename)}
        exec(compile(last.load_code, last.filename, "exec"), names)  # the code under test is code
        return names[last.variable]

    return run
