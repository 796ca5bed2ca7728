"""The panels' style sheets: one page holds those of all panels that are open."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path

from claude_magic import panels

SHEETS = {p.stem: p.read_text("utf-8") for p in (Path(panels.__file__).parent / "static").glob("*.css")}


def owned(sheet: str) -> set[str]:
    """Return the classes that the sheet's selectors begin with."""
    selectors = re.sub(r"/\*.*?\*/|\{[^}]*\}", "\n", sheet, flags=re.DOTALL)
    return set(re.findall(r"^\s*\.(claude-magic-[\w-]+)", selectors, re.MULTILINE))


def test_no_sheet_changes_what_another_panel_looks_like():
    """The models panel's table once took the room of every other panel's tables: no two sheets begin at one class."""
    assert {"chat", "forms", "models", "panel"} <= set(SHEETS)
    begun = {name: owned(sheet) for name, sheet in SHEETS.items()}
    assert all(begun.values())
    shared = {(a, b): begun[a] & begun[b] for a, b in combinations(sorted(begun), 2)}
    assert {pair: names for pair, names in shared.items() if names} == {}
