"""What calls do to the world of a program: files opened, written and copied, numbers drawn."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from claude_magic.containers import calls, syntax
from claude_magic.containers.findings import Findings
from claude_magic.containers.traces import (
    BLANK,
    DATA,
    INPUT,
    NOTHING,
    OPAQUE,
    TABLE_ENDINGS,
    UNKNOWN,
    Disk,
    Trace,
    either,
    either_all,
    last,
    mixed,
    normal,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FUEL = 60_000  # expressions: a program of a thousand lines has some ten thousand
Scope = dict[str, Trace]


@dataclass
class Effects:
    """One Python program: what its calls do. Read by `flow.Program`.

    Args:
        disk: the container's files.
        label: what evidence calls it.
        arguments: its command line, `stdin` what it is piped.
        shell: reads shell commands that the program runs.

    """

    disk: Disk
    label: str
    arguments: Sequence[Trace] = ()
    stdin: Trace = OPAQUE
    shell: Callable[[str], Findings] | None = None
    findings: Findings = field(default_factory=Findings)
    scope: Scope = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._fuel, self._depth, self._line = FUEL, 0, 0
        self._attributes: Scope = {}
        self._methods: dict[str, Trace] = {}
        self._modules: set[str] = set()
        self._conditional = 0
        self._returned: list[list[Trace]] = []

    def _where(self, what: str) -> str:
        return f"{self.label} line {self._line}: {what}"

    def _shown(self, name: str, origins: frozenset[str]) -> None:
        # Two numbers make a line from corner to corner, but also two bars.
        origins = frozenset(
            "none" if o == "few" and name in calls.LINES else "literal" if o == "few" else o for o in origins
        )
        if origins != NOTHING:
            self.findings.drawn.append((self._where(f"{name}()"), origins, not self._conditional))

    def _draw(self, node: ast.Call, name: str, owner: Trace, args: tuple[list[Trace], dict[str, Trace]]) -> None:
        given, named = args
        on_plot = ".plot." in f".{syntax.dotted(node.func)}." and owner.origins != NOTHING
        if not (calls.draws(name) or on_plot):
            return
        if owner.origins != NOTHING:
            self._shown(name, owner.origins)  # `df.plot(…)`
            return
        plain = [
            t
            for t, a in zip(given, node.args, strict=True)
            if not (isinstance(a, ast.Constant) and isinstance(a.value, str))
        ]
        at = min(calls.drawn_from(name), max(len(plain) - 1, 0))
        values = plain[at : at + 1] if plain else []
        keywords = [t for k, t in named.items() if k in calls.VALUES | {"**"}]
        chosen = [t for t in (named.get("y"), named.get("height"), named.get("width") if name == "barh" else None) if t]
        chosen = [t for t in chosen if not t.texts] or [*values, *keywords]
        parts = [t for t in chosen if t.origins != NOTHING]
        if parts:
            self._shown(name, mixed(parts) if any("data" in t.origins for t in parts) else either(parts).origins)

    def _open(self, name: str, paths: frozenset[str], traces: list[Trace]) -> Trace:
        origins: set[str] = set()
        sure = {n for n in self.disk.names if paths and all(self.disk.found(p, folders=True).get(n) for p in paths)}
        for path in paths:
            for file in self.disk.found(path, folders=name != "open"):
                self.findings.open(file, self._where(f"{name} opens {file}"), surely=file in sure)
                origins.add("data")
            made = self.disk.origins(path)
            if made is not None:
                origins |= made
                if made == {"data"} and self.disk.names:
                    self._derived(name, path)
            elif UNKNOWN in path and "data" not in origins:
                origins.add("opaque")
        inherited = mixed(traces)
        if not paths and inherited <= {"none", "opaque"} and traces[1:]:
            for file in self.disk.names:
                self.findings.open(file, self._where(f"{name} opens what cannot be followed"), surely=False)
        if not origins and inherited != NOTHING:
            return Trace(inherited, frozenset(paths) if name in {"open", "reader", "DictReader"} else frozenset())
        return Trace(frozenset(origins or {"opaque"}), paths if name == "open" else frozenset())

    def _derived(self, name: str, path: str) -> None:
        """Reading what was written from the data is reading the data."""
        for file in self.disk.names:
            self.findings.maybe.setdefault(file, self._where(f"{name} opens {last(path)}, made from the data"))
        if len(self.disk.names) == 1:
            self.findings.open(self.disk.names[0], self.findings.maybe[self.disk.names[0]], surely=True)

    def _query(self, traces: list[Trace]) -> Trace | None:
        queries = [t for trace in traces for t in trace.texts]
        found = {
            n for n in self.disk.names if any(n in q or (INPUT in q and len(self.disk.names) == 1) for q in queries)
        }
        for file in found:
            self.findings.open(file, self._where(f"a query reads {file}"), surely=not self.disk.moved)
        return DATA if found else None

    def _handed_on(self, name: str, paths: frozenset[str], traces: list[Trace]) -> Trace | None:
        """Return an opaque value when a file's path goes to a function that we do not know."""
        found = {f for p in paths if UNKNOWN not in last(p) and "*" not in p for f in self.disk.found(p, folders=True)}
        for file in found:
            self.findings.open(file, self._where(f"{name}() is given {file}"), surely=False)
        return Trace(mixed([*traces, OPAQUE])) if found else None

    def _copy(self, given: list[Trace]) -> None:
        for source in given[0].texts:
            found = self.disk.found(source, folders=False)
            for target in given[1].texts if len(given) > 1 else ():
                for file in found:
                    self.disk.copies[normal(target)] = file
                    self.disk.copies[normal(f"{target}/{file}")] = file
                    self.findings.maybe.setdefault(file, self._where(f"copies {file}"))

    def _written(
        self, node: ast.Call, name: str, owner: Trace, args: tuple[list[Trace], dict[str, Trace]]
    ) -> Trace | None:
        """Take note of what is written where; return a value for what only writes."""
        given, named = args
        if name == "open" and syntax.writes(node):
            path = (
                owner.texts if owner.texts and not syntax.mode_first(node) else given[0].texts if given else owner.texts
            )
            return Trace(texts=path)
        if calls.WRITERS.fullmatch(name):
            source = owner if owner.origins != NOTHING or not given else either_all([owner, *given])
            targets = [*given, *named.values()]
        elif name in {"write", "write_text", "write_bytes", "writelines"} and given:
            source, targets = given[0], [owner]
        elif name in {"dump", "savetxt", "save", "savez"} and len(given) > 1:
            source, targets = (given[0], [given[1]]) if name == "dump" else (given[1], [given[0]])
        elif name in {"writerow", "writerows", "writeheader"}:
            source, targets = either_all(given or [BLANK]), [owner]
        else:
            return None
        for place in (p for target in targets for p in target.texts):
            self.disk.write(place, source.origins)
            if not calls.WRITERS.fullmatch(name) and place.lower().endswith(TABLE_ENDINGS):
                self._shown(name, source.origins)
        if calls.WRITERS.fullmatch(name):
            self._shown(name, source.origins)
        return BLANK

    def _file(
        self, node: ast.Call, name: str, owner: Trace, args: tuple[list[Trace], dict[str, Trace]], scope: Scope
    ) -> Trace | None:
        """Functions that open, write or copy files."""
        del scope
        given, named = args
        everything = [*given, *named.values()]
        if name in calls.COPIES and (given or owner.texts):
            self._copy(given if len(given) > 1 else [owner, *given])
        written = self._written(node, name, owner, args)
        if written is not None:
            return written
        if name in calls.QUERIES:
            return self._query([owner, *everything])
        own_path = name in calls.PATH_READERS and bool(owner.texts)
        paths = owner.texts if own_path else frozenset(t for trace in everything for t in trace.texts)
        if calls.reads(name) and not own_path:  # the other texts say how: encodings, separators
            first = [trace for key, trace in named.items() if key in calls.PATH_WORDS and trace.texts]
            paths = (given[0].texts if given else frozenset()) or either(first).texts
        if not (calls.reads(name) or own_path):
            if not calls.looks_on(name) and not calls.WRITERS.fullmatch(name):
                return self._handed_on(name, paths, [owner, *everything])
            return None
        words = [*node.args, *(word.value for word in node.keywords)]
        told = [t for t, word in zip(everything, words, strict=True) if not isinstance(word, ast.Constant)]
        return self._open(name, paths, [owner, *told])  # `load_iris(as_frame=True)` is given nothing of ours
