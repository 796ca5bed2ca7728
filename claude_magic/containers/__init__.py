"""Files into Claude's container, artifacts out of it."""

from claude_magic.containers.artifacts import (
    Artifact,
    Collected,
    collect,
    generated_ids,
    safe_name,
    saved_name,
    target_in,
)
from claude_magic.containers.compare import Check
from claude_magic.containers.instructions import TOOL, Mounted, mount_blocks
from claude_magic.containers.localcode import localised
from claude_magic.containers.provenance import Provenance, examine
from claude_magic.containers.verify import Rerun, Verification, verify

__all__ = [
    "TOOL",
    "Artifact",
    "Check",
    "Collected",
    "Mounted",
    "Provenance",
    "Rerun",
    "Verification",
    "collect",
    "examine",
    "generated_ids",
    "localised",
    "mount_blocks",
    "safe_name",
    "saved_name",
    "target_in",
    "verify",
]
