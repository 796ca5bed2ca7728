"""Files into Claude's container, artifacts out of it.

What judges an answer (`provenance`, `verify`) is not imported here: only an answer with an upload needs it.
"""

from claude_magic.containers.artifacts import (
    Artifact,
    Collected,
    collect,
    folder,
    generated_ids,
    safe_name,
    saved_name,
    target_in,
)
from claude_magic.containers.instructions import TOOL, Mounted, mount_blocks
from claude_magic.containers.localcode import localised

__all__ = [
    "TOOL",
    "Artifact",
    "Collected",
    "Mounted",
    "collect",
    "folder",
    "generated_ids",
    "localised",
    "mount_blocks",
    "safe_name",
    "saved_name",
    "target_in",
]
