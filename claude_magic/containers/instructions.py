"""What Claude is told about the files in its container, and about how to hand back what it makes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from claude_magic.messages import Block

# The newest version of the tool (code execution page, 2026-11): shell and files, without a beta header.
TOOL: dict[str, str] = {"type": "code_execution_20260521", "name": "code_execution"}

# Only files at the top level of $OUTPUT_DIR come back, and the directory is fresh for every command (same page).
_HAND_BACK = (
    "Answer from the data: run code on it rather than guess. Save every chart (PNG) and every table (CSV) that is "
    "asked for under a speaking file name directly in the directory named by the environment variable OUTPUT_DIR, in "
    "the same command that makes it; only files there reach the user, who sees charts inline. State figures as the "
    "code printed them."
)


@dataclass(frozen=True, slots=True)
class Mounted:
    """A file that is put into the container.

    Attributes:
        file_id: the Files API's id.
        filename: its name in the container.
        variable: the variable or path it came from.
        description: what is in it, as far as the user lets it be told; empty for a plain file.
        load_code: Python that loads it from the variable `path`; empty for a plain file.

    """

    file_id: str
    filename: str
    variable: str
    description: str = ""
    load_code: str = ""


def mount_blocks(files: Iterable[Mounted]) -> list[Block]:
    """Return the blocks that put files into the container and say what they are; empty without files."""
    files = list(files)
    if not files:
        return []
    told = "\n\n".join([*(_about(f) for f in files), _HAND_BACK])
    return [*({"type": "container_upload", "file_id": f.file_id} for f in files), {"type": "text", "text": told}]


def _about(file: Mounted) -> str:
    name = json.dumps(file.filename, ensure_ascii=False)
    where = "the environment variable INPUT_DIR; if it is not set, find the file by name"
    lines = [f"The file {name} is in the container's input directory ({where})."]
    if file.description:
        lines.append(f"It holds the user's variable `{file.variable}`:\n{file.description}")
    if file.load_code:
        path = f'path = os.path.join(os.environ["INPUT_DIR"], {name})'
        lines.append(f"Load it with:\n```python\nimport os\n\n{path}\n{file.load_code}\n```")
    return "\n".join(lines)
