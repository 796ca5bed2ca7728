"""Runs untrusted code: limits, no keys, and bwrap where it works.

A `Sandbox` is a directory and a long-lived process of its own. The process, a small supervisor, takes commands over a
pipe and runs each with limits on time, memory, disk, output and processes; what they leave running lives and dies with
it.

What keeps the machine safe depends on `isolation`:

* ``"bwrap"`` (Linux with bubblewrap and user namespaces): no network, its own process tree, and of the file system
  only the system's programs and this Python environment, read-only, beside the sandbox's own directories. No home, no
  data of the user.
* ``"process"`` (anything else but Windows): limits, and an environment made from scratch without keys. **The code runs
  as the user and can read and write what the user can.** Where Linux lets an ordinary user make namespaces, it has no
  network and sees no process but its own; elsewhere it has both. `Sandbox.network` and `Sandbox.secluded` tell.

Imports the standard library only, and nothing of the rooms above.
"""

from __future__ import annotations

from claude_magic.sandbox.box import Sandbox
from claude_magic.sandbox.isolation import isolation
from claude_magic.sandbox.limits import Completed, Limits

__all__ = ["Completed", "Limits", "Sandbox", "isolation"]
