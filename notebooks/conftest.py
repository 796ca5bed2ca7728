"""The notebooks under nbval: their kernels keep their store and the local server's files in a temporary home."""

import os
import tempfile

_home = tempfile.TemporaryDirectory(prefix="claude_magic-notebooks-", ignore_cleanup_errors=True)


def pytest_configure() -> None:
    """Give every kernel that is started from here on a home of its own: nbval asks no fixtures."""
    os.environ.setdefault("CLAUDE_MAGIC_HOME", _home.name)


def pytest_unconfigure() -> None:
    """Take it away."""
    _home.cleanup()
