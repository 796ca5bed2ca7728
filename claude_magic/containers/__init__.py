"""Files into Claude's container, artifacts out of it."""

from claude_magic.containers.artifacts import Artifact, Collected, collect, generated_ids, safe_name, target_in
from claude_magic.containers.instructions import TOOL, Mounted, mount_blocks

__all__ = [
    "TOOL",
    "Artifact",
    "Collected",
    "Mounted",
    "collect",
    "generated_ids",
    "mount_blocks",
    "safe_name",
    "target_in",
]
