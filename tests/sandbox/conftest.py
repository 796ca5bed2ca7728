"""Sandboxes behind either kind of walls, and a look at what runs on this machine."""

import time
import uuid
from pathlib import Path

import pytest

from claude_magic.sandbox import Limits, Sandbox, isolation


@pytest.fixture(params=["bwrap", "process"])
def mode(request):
    """Both modes; bwrap only where it works."""
    if request.param == "bwrap" and isolation() != "bwrap":
        pytest.skip("bwrap does not work on this machine: isolation() is 'process'")
    return request.param


@pytest.fixture
def walled():
    """The mode with walls."""
    if isolation() != "bwrap":
        pytest.skip("bwrap does not work on this machine: isolation() is 'process'")
    return "bwrap"


@pytest.fixture
def box(mode, tmp_path):
    """A sandbox in each mode."""
    with Sandbox(tmp_path / "root", mode=mode, limits=Limits(seconds=30)) as opened:
        yield opened


class Tag:
    """A mark for `sleep` by which its processes are found from outside, whatever namespace they are in."""

    def __init__(self):
        self.seconds = f"9{uuid.uuid4().int % 10**8:08d}"  # years

    def count(self):
        found = 0
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                found += path.read_bytes().split(b"\0")[:2] == [b"sleep", self.seconds.encode()]
            except OSError:  # ended meanwhile
                continue
        return found

    def wait(self, count, seconds=10.0):
        """Wait until so many run; return how many do in the end."""
        end = time.monotonic() + seconds
        while self.count() != count and time.monotonic() < end:
            time.sleep(0.02)
        return self.count()


@pytest.fixture
def tag():
    """A fresh mark."""
    if not Path("/proc/self/cmdline").exists():
        pytest.skip("there is no /proc to look into")
    return Tag()
