"""What reading some code has shown."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Findings:
    """What reading some code has shown.

    Attributes:
        opened: uploaded file → where it was surely opened; `maybe` likewise for what may have been.
        drawn: (where, origins, surely) of every chart and table.
        doubts: what could not be followed.

    """

    opened: dict[str, str] = field(default_factory=dict)
    maybe: dict[str, str] = field(default_factory=dict)
    drawn: list[tuple[str, frozenset[str], bool]] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)

    def open(self, name: str, where: str, *, surely: bool) -> None:
        """Take note of a file that is opened."""
        (self.opened if surely else self.maybe).setdefault(name, where)

    def doubted(self) -> Findings:
        """Return the same, of code that may not have run (to its end)."""
        return Findings({}, self.maybe | self.opened, [(w, o, False) for w, o, _ in self.drawn], self.doubts)

    def add(self, other: Findings) -> None:
        """Add what other code has shown."""
        for mine, more in ((self.opened, other.opened), (self.maybe, other.maybe)):
            for name, where in more.items():
                mine.setdefault(name, where)
        self.drawn += other.drawn
        self.doubts += other.doubts
