"""Python read as it would run: which files it opens, and where the numbers it draws come from.

An abstract interpreter over the syntax tree. It follows assignments in order, both sides of a branch, loops twice,
functions where they are called (so that one that is never called opens nothing), and takes no side: what happens in
one branch only *may* have happened. It never runs anything, and it gives up, which means "cannot tell", rather than
guess: on `exec`, on code that is too long to follow, on syntax that this Python does not know.
"""

from __future__ import annotations

import ast
import warnings
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from claude_magic.containers import calls
from claude_magic.containers.traces import (
    BLANK,
    DATA,
    INPUT,
    NOTHING,
    OPAQUE,
    OUTPUT,
    TABLE_ENDINGS,
    UNKNOWN,
    Disk,
    Trace,
    clean,
    either,
    glued,
    last,
    mixed,
    normal,
    numbers,
    one_of,
    table_text,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_FUEL = 60_000  # expressions: a program of a thousand lines has some ten thousand
_DEPTH = 12  # calls of the code's own functions inside each other
_PLACES = {"INPUT_DIR": INPUT, "OUTPUT_DIR": OUTPUT}


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


class _GaveUp(Exception):  # inside this module only
    """There is too much to follow."""


Scope = dict[str, Trace]


@dataclass
class Program:
    """One Python program.

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
        self._fuel, self._depth, self._line = _FUEL, 0, 0
        self._attributes: Scope = {}
        self._methods: dict[str, Trace] = {}
        self._modules: set[str] = set()
        self._conditional = 0
        self._returned: list[list[Trace]] = []

    def run(self, code: str) -> Findings:
        """Read the code; what cannot be read is a doubt."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a program may hold invalid escapes
                tree = ast.parse(code)
            self._block(tree.body, self.scope)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            self.findings.doubts.append(f"{self.label} cannot be read as Python")
        except _GaveUp:
            self.findings.doubts.append(f"{self.label} is too long to follow")
        return self.findings

    # Statements. A block returns how it ends: "", or "raise", "exit", "return", "loop".

    def _block(self, body: Sequence[ast.stmt], scope: Scope) -> str:
        for statement in body:
            ended = self._statement(statement, scope)
            if ended:
                return ended
        return ""

    def _statement(self, node: ast.stmt, scope: Scope) -> str:  # noqa: C901, PLR0911, PLR0912 - one arm per kind of statement
        self._line = node.lineno
        match node:
            case ast.Expr(value):
                self.value(value, scope)
                return "exit" if _is_exit(value) else ""
            case ast.Assign(targets, value):
                made = self.value(value, scope)
                for target in targets:
                    self._bind(target, made, scope, value)
            case ast.AnnAssign(target, _, value):
                if value is not None:
                    self._bind(target, self.value(value, scope), scope, value)
            case ast.AugAssign(target, _, value):
                both = [self.value(_loaded(target), scope), self.value(value, scope)]
                self._bind(target, glued(both), scope)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                scope[node.name] = Trace(function=(node, scope))
            case ast.ClassDef():
                self._class(node, scope)
            case ast.Return(value):
                if self._returned:
                    self._returned[-1].append(self.value(value, scope) if value else BLANK)
                return "return"
            case ast.Raise():
                return "raise"
            case ast.Break() | ast.Continue():
                return "loop"
            case ast.If(test, body, other):
                return self._if(test, body, other, scope)
            case ast.For(target, iterated, body, other) | ast.AsyncFor(target, iterated, body, other):
                self._loop(body, scope, (target, self.value(iterated, scope)))
                return self._block(other, scope)
            case ast.While(test, body, _):
                self.value(test, scope)
                if not _is_false(test):
                    self._loop(body, scope, None)
            case ast.With(items, body) | ast.AsyncWith(items, body):
                for item in items:
                    made = self.value(item.context_expr, scope)
                    if item.optional_vars is not None:
                        self._bind(item.optional_vars, made, scope)
                return self._block(body, scope)
            case ast.Try() | ast.TryStar():
                return self._try(node, scope)
            case ast.Match(subject, cases):
                self.value(subject, scope)
                return self._branches([(case.body, scope) for case in cases] + [([], scope)], scope)
            case ast.Import(names) | ast.ImportFrom(names=names):
                self._import(node, [alias.name for alias in names], scope)
            case ast.Delete(targets):
                for target in targets:
                    if isinstance(target, ast.Name):
                        scope.pop(target.id, None)
        return ""

    def _class(self, node: ast.ClassDef, scope: Scope) -> None:
        inner = dict(scope)
        self._block([s for s in node.body if not isinstance(s, ast.FunctionDef | ast.AsyncFunctionDef)], inner)
        for statement in node.body:
            if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
                self._methods[statement.name] = Trace(function=(statement, scope))
                if statement.name == "__init__":
                    scope[node.name] = Trace(function=(statement, scope))

    def _if(self, test: ast.expr, body: list[ast.stmt], other: list[ast.stmt], scope: Scope) -> str:
        self.value(test, scope)
        if _is_false(test):
            return self._block(other, scope)
        if _is_true(test):
            return self._block(body, scope)
        return self._branches([(body, scope), (other, scope)], scope)

    def _try(self, node: ast.Try | ast.TryStar, scope: Scope) -> str:
        handled = dict(scope)  # a handler starts with what held before, or with some of what the body made
        branches: list[tuple[Sequence[ast.stmt], Scope]] = [([*node.body, *node.orelse], scope)]
        branches += [(handler.body, handled) for handler in node.handlers]
        ended = self._branches(branches, scope) if node.handlers else self._block(branches[0][0], scope)
        return self._block(node.finalbody, scope) or ended

    def _branches(self, branches: Sequence[tuple[Sequence[ast.stmt], Scope]], scope: Scope) -> str:
        """Read each branch by itself; what all that go on have in common is sure, the rest may be."""
        outer, results = self.findings, []
        self._conditional += 1
        for body, start in branches:
            self.findings, inner = Findings(), dict(start)
            ended = self._block(body, inner)
            results.append((ended, inner, self.findings))
        self._conditional -= 1
        self.findings = outer
        going = [result for result in results if result[0] != "raise"] or results
        surely = set.intersection(*(set(found.opened) for _, _, found in going))
        for _, _, found in results:
            kept = {name: where for name, where in found.opened.items() if name in surely}
            outer.add(replace(found, opened=kept, maybe=found.maybe | found.opened))
        on = [inner for ended, inner, _ in going if not ended] or [inner for _, inner, _ in going]
        for name in {name for inner in on for name in inner}:
            scope[name] = either(inner[name] for inner in on if name in inner)
        ends = {ended for ended, _, _ in results}
        return next(iter(ends)) if len(ends) == 1 else "" if "" in ends else "return"

    def _loop(self, body: list[ast.stmt], scope: Scope, over: tuple[ast.expr, Trace] | None) -> None:
        """Read a body twice, so that what it makes in one round is seen in the next."""
        for _ in range(2):
            if over is not None:
                self._bind(over[0], replace(over[1], function=None), scope)
            self._block(body, scope)

    def _import(self, node: ast.Import | ast.ImportFrom, names: list[str], scope: Scope) -> None:
        module = (node.module or "") if isinstance(node, ast.ImportFrom) else ""
        for name in [module] if module else names:
            own = self.disk.script(name.replace(".", "/") + ".py")
            if own is not None and self._depth < _DEPTH:
                self._depth += 1
                self._modules.add(name)
                label, self.label = self.label, name + ".py"
                self.run(own)
                self.label = label
                self._depth -= 1
        if "*" in names:
            self._attributes["*"] = OPAQUE
        for name in names:
            scope.setdefault(name.split(".")[0], BLANK)

    def _bind(self, target: ast.expr, made: Trace, scope: Scope, source: ast.expr | None = None) -> None:
        match target:
            case ast.Name(name):
                scope[name] = made
            case ast.Tuple(parts) | ast.List(parts):
                given = source.elts if isinstance(source, ast.Tuple | ast.List) else []
                for number, part in enumerate(parts):
                    alone = len(given) == len(parts) and not any(isinstance(g, ast.Starred) for g in given)
                    self._bind(part, self.value(given[number], scope) if alone else made, scope)
            case ast.Starred(inner):
                self._bind(inner, made, scope)
            case ast.Attribute(owner, name):
                self._attributes[name] = either([made, *([self._attributes[name]] if name in self._attributes else [])])
                self._taint(owner, made, scope)
            case ast.Subscript(owner, key):
                if _dotted(owner).endswith("environ") and "INPUT_DIR" in self.value(key, scope).texts:
                    self.disk.moved = True
                self._taint(owner, made, scope)

    def _taint(self, owner: ast.expr, made: Trace, scope: Scope) -> None:
        """Give a name part of a value: `d[key] = value`, `values.append(value)`."""
        while isinstance(owner, ast.Subscript | ast.Attribute):
            owner = owner.value
        if isinstance(owner, ast.Name) and owner.id in scope:
            before = scope[owner.id]
            scope[owner.id] = replace(before, origins=mixed([before, made]), texts=either([before, made]).texts)

    # Expressions

    def value(self, node: ast.expr | None, scope: Scope) -> Trace:  # noqa: C901, PLR0911, PLR0912 - one arm per kind of expression
        """Return the trace of an expression."""
        self._fuel -= 1
        if self._fuel < 0:
            raise _GaveUp
        match node:
            case None:
                return BLANK
            case ast.Constant(str(value)):
                return Trace(table_text(value), frozenset({clean(value)}))
            case ast.Constant():
                return BLANK
            case ast.Name(name):
                return scope.get(name) or self._attributes.get("*") or BLANK
            case ast.JoinedStr(parts):
                return glued(self.value(part, scope) for part in parts)
            case ast.FormattedValue(value):
                return self.value(value, scope)
            case ast.List() | ast.Tuple() | ast.Set() | ast.Dict():
                return self._collection(node, scope)
            case ast.BinOp(left, operator, right):
                return self._binary(operator, self.value(left, scope), self.value(right, scope))
            case ast.BoolOp(_, parts):
                return either([self.value(part, scope) for part in parts])
            case ast.IfExp(test, yes, no):
                self.value(test, scope)
                return self._choice(yes, no, scope)
            case ast.Subscript(owner, key):
                return self._subscript(owner, key, scope)
            case ast.Attribute(owner, name):
                return self._attribute(owner, name, scope)
            case ast.Call():
                return self._call(node, scope)
            case ast.Lambda():
                return Trace(function=(node, scope))
            case ast.ListComp(made, loops) | ast.SetComp(made, loops) | ast.GeneratorExp(made, loops):
                return self._comprehension([made], loops, scope)
            case ast.DictComp(key, made, loops):
                return self._comprehension([key, made], loops, scope)
            case ast.NamedExpr(target, value):
                made = self.value(value, scope)
                self._bind(target, made, scope)
                return made
            case ast.Starred(value) | ast.Await(value) | ast.YieldFrom(value):
                return self.value(value, scope)
            case ast.Yield(value):
                if self._returned:
                    self._returned[-1].append(self.value(value, scope))
                return BLANK
        parts = [self.value(part, scope) for part in ast.iter_child_nodes(node) if isinstance(part, ast.expr)]
        return Trace(mixed(parts))

    def _choice(self, yes: ast.expr, no: ast.expr, scope: Scope) -> Trace:
        names = ["\x00yes", "\x00no"]
        bodies = [
            [ast.Assign([ast.Name(n, ast.Store())], v, lineno=self._line)]
            for n, v in zip(names, (yes, no), strict=True)
        ]
        self._branches([(body, scope) for body in bodies], scope)
        return either([scope.pop(name, BLANK) for name in names])

    def _collection(self, node: ast.List | ast.Tuple | ast.Set | ast.Dict, scope: Scope) -> Trace:
        values = [*node.values] if isinstance(node, ast.Dict) else node.elts
        inside = [self.value(value, scope) for value in values]
        inside += [self.value(key, scope) for key in node.keys if key] if isinstance(node, ast.Dict) else []
        here = Trace(numbers(len(_constants(node))))
        return Trace(mixed([here, *inside]), either(inside).texts if inside else frozenset())

    @staticmethod
    def _binary(operator: ast.operator, left: Trace, right: Trace) -> Trace:
        if isinstance(operator, ast.Div):
            return glued([left, right], "/") if left.texts or right.texts else Trace(mixed([left, right]))
        if isinstance(operator, ast.Add) and (left.texts or right.texts):
            rooted = right.texts and all(t.startswith((INPUT, OUTPUT)) for t in right.texts)
            return either_all([left, right]) if rooted else glued([left, right])  # lists of paths, or texts
        if isinstance(operator, ast.Mod) and left.texts:
            return Trace(mixed([left, right]), frozenset(_filled(t, "%s", right) for t in left.texts))
        return Trace(mixed([left, right]))

    def _subscript(self, owner: ast.expr, key: ast.expr, scope: Scope) -> Trace:
        name = _dotted(owner)
        index = self.value(key, scope)
        if name.endswith("environ"):
            return self._variable(index)
        if name.endswith("argv"):
            return self._argument(key)
        whole = self.value(owner, scope)
        return Trace(mixed([whole, index]), one_of(whole).texts if not isinstance(key, ast.Slice) else whole.texts)

    @staticmethod
    def _variable(names: Trace) -> Trace:
        return text(*(_PLACES.get(name, UNKNOWN) for name in names.texts or {UNKNOWN}))

    def _argument(self, key: ast.expr) -> Trace:
        at = key.value if isinstance(key, ast.Constant) and isinstance(key.value, int) else None
        given = list(self.arguments)
        if at is not None and 0 < at <= len(given):
            return given[at - 1]
        return either(given) if given else text(UNKNOWN)

    def _attribute(self, owner: ast.expr, name: str, scope: Scope) -> Trace:
        if _dotted(owner) == "sys" and name == "stdin":
            return self.stdin
        if name in self._methods:
            return self._methods[name]
        whole = self.value(owner, scope)
        own = self._attributes.get(name)
        texts = whole.texts if name not in {"parent", "suffix", "name", "stem"} else frozenset({UNKNOWN})
        if name in {"name", "stem"}:
            texts = frozenset(last(t) if name == "name" else UNKNOWN for t in whole.texts)
        made = Trace(mixed([whole, *([own] if own else [])]), (own.texts if own else frozenset()) | texts)
        return replace(made, function=own.function) if own else made

    def _comprehension(self, made: list[ast.expr], loops: list[ast.comprehension], scope: Scope) -> Trace:
        inner, sources = dict(scope), []
        for loop in loops:
            source = self.value(loop.iter, inner)
            sources.append(source)
            self._bind(loop.target, replace(source, function=None), inner)
            for test in loop.ifs:
                self.value(test, inner)
        parts = [self.value(part, inner) for part in made]
        return Trace(mixed([*parts, *sources]), either(parts).texts)

    # Calls

    def _call(self, node: ast.Call, scope: Scope) -> Trace:
        dotted = _dotted(node.func)
        name = dotted.rpartition(".")[2]
        owner = self.value(node.func.value, scope) if isinstance(node.func, ast.Attribute) else BLANK
        given = [self.value(argument, scope) for argument in node.args]
        named = {word.arg or "**": self.value(word.value, scope) for word in node.keywords}
        self._line = node.lineno
        everything = [*given, *named.values()]
        for shortcut in (self._place, self._own, self._unreadable, self._file):
            made = shortcut(node, name, owner, (given, named), scope)
            if made is not None:
                return made
        self._draw(node, name, owner, (given, named))
        self._called_back([owner, *everything])
        if calls.sets_stage(name):
            return BLANK
        if calls.makes_random(dotted):
            return Trace(mixed([owner, *everything, Trace(frozenset({"random"}))]))
        if name in calls.CHANGES and isinstance(node.func, ast.Attribute):
            self._taint(node.func.value, either_all(everything), scope)
        return self._rest(name, owner, everything)

    def _rest(self, name: str, owner: Trace, everything: list[Trace]) -> Trace:
        """Return what a function that does nothing special gives: something made from what it was given."""
        origins = mixed([owner, *everything])
        if name in {"next", "min", "max", "pop", "choice"} and everything:
            return Trace(origins, one_of(everything[0]).texts)
        if name == "pop":
            return Trace(origins, one_of(owner).texts)
        if name in {"keys", "values", "items", "strip", "resolve", "absolute", "expanduser", "as_posix", "copy", "get"}:
            return Trace(origins, owner.texts)
        first = everything[0].texts if everything else frozenset()
        same = {"str", "Path", "PurePath", "PosixPath", "list", "tuple", "sorted", "set", "iter", "reversed", "enumerate",
                "fspath", "abspath", "realpath", "normpath", "expanduser", "concat", "zip", "chain", "StringIO", "print"}  # fmt: skip
        return Trace(
            origins, either(everything).texts if name in {"zip", "chain"} else first if name in same else frozenset()
        )

    def _place(
        self, node: ast.Call, name: str, owner: Trace, args: tuple[list[Trace], dict[str, Trace]], scope: Scope
    ) -> Trace | None:  # noqa: E501
        """Functions that make paths."""
        given, _ = args
        del scope
        if name in {"getenv"} or (name == "get" and _dotted(node.func).endswith("environ.get")):
            return self._variable(given[0]) if given else BLANK
        if name in {"Path", "PurePath", "PosixPath", "join", "joinpath"} and not (name == "join" and owner.texts):
            return glued([*([owner] if name == "joinpath" else []), *given], "/") if given else text(".")
        if name == "expandvars" and given:
            return text(*(expanded(t) for t in given[0].texts or {UNKNOWN}))
        if name == "format" and owner.texts:
            fills = [*given, *args[1].values()]
            return Trace(mixed([owner, *fills]), frozenset(_filled(t, "{", glued(fills)) for t in owner.texts))
        if name in {"glob", "iglob", "rglob"} and given:
            inside = owner.texts and name != "iglob" and not _dotted(node.func).startswith("glob.")
            return text(*(_pattern(t) for t in (glued([owner, given[0]], "/") if inside else given[0]).texts))
        if name == "iterdir":
            return glued([owner, text("*")], "/")
        if name in {"listdir", "walk", "scandir"}:
            return (
                glued([given[0], text("*")], "/")
                if name == "scandir" and given
                else text("*", *(given[0].texts if given else ()))
            )
        return None

    def _own(
        self, node: ast.Call, name: str, owner: Trace, args: tuple[list[Trace], dict[str, Trace]], scope: Scope
    ) -> Trace | None:  # noqa: E501
        """Functions and methods that the code defines."""
        function = self._function(node.func, name, scope)
        if function is None:
            return None
        given, named = args
        return self._enter(function, [owner, *given] if _is_method(function[0]) else given, named)

    def _function(self, called: ast.expr, name: str, scope: Scope) -> Any:
        if isinstance(called, ast.Name):
            return scope.get(name, BLANK).function
        if isinstance(called, ast.Attribute):
            own_module = isinstance(called.value, ast.Name) and called.value.id in self._modules
            known = (self._methods.get(name), self._attributes.get(name), self.scope.get(name) if own_module else None)
            return next((trace.function for trace in known if trace and trace.function), None)
        return None

    def _enter(
        self, function: tuple[ast.FunctionDef | ast.Lambda, Scope], given: list[Trace], named: dict[str, Trace]
    ) -> Trace:
        node, outer = function
        if self._depth >= _DEPTH:
            return Trace(mixed([*given, *named.values()]))
        inner = dict(outer)
        names = [a.arg for a in (*node.args.posonlyargs, *node.args.args)]
        defaults = [BLANK] * (len(names) - len(node.args.defaults)) + [self.value(d, outer) for d in node.args.defaults]
        inner |= dict(zip(names, defaults, strict=True))
        inner |= {a.arg: self.value(d, outer) for a, d in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)}
        inner |= dict(zip(names, given, strict=False)) | named
        if node.args.vararg:
            inner[node.args.vararg.arg] = either(given)
        self._depth += 1
        line = self._line
        try:
            if isinstance(node, ast.Lambda):
                return self.value(node.body, inner)
            self._returned.append([])
            self._block(node.body, inner)
            return either(self._returned.pop() or [BLANK])
        finally:
            self._depth -= 1
            self._line = line

    def _called_back(self, traces: Iterable[Trace]) -> None:
        """Read functions that are handed to others (`apply`, `map`): they get whatever the others have."""
        traces = list(traces)
        material = Trace(mixed(traces), either([t for t in traces if t.function is None] or [BLANK]).texts)
        for trace in traces:
            if trace.function is not None:
                count = len(trace.function[0].args.args)
                self._enter(trace.function, [material] * count, {})

    def _file(
        self, node: ast.Call, name: str, owner: Trace, args: tuple[list[Trace], dict[str, Trace]], scope: Scope
    ) -> Trace | None:  # noqa: E501
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
        return self._open(name, paths, [owner, *everything])

    def _where(self, what: str) -> str:
        return f"{self.label} line {self._line}: {what}"

    def _open(self, name: str, paths: frozenset[str], traces: list[Trace]) -> Trace:
        origins: set[str] = set()
        sure = {n for n in self.disk.names if paths and all(self.disk.found(p, folders=True).get(n) for p in paths)}
        for path in paths:
            for file, _ in self.disk.found(path, folders=name != "open").items():
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
        if not paths and inherited == NOTHING and traces[1:]:
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
        if name == "open" and _writes(node):
            path = owner.texts if owner.texts and not _mode_first(node) else given[0].texts if given else owner.texts
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
        for path in (p for target in targets for p in target.texts):
            self.disk.write(path, source.origins)
            if not calls.WRITERS.fullmatch(name) and path.lower().endswith(TABLE_ENDINGS):
                self._shown(name, source.origins)
        if calls.WRITERS.fullmatch(name):
            self._shown(name, source.origins)
        return BLANK

    def _unreadable(
        self, node: ast.Call, name: str, owner: Trace, args: tuple[list[Trace], dict[str, Trace]], scope: Scope
    ) -> Trace | None:  # noqa: E501
        """Code in a text, and other programs."""
        given, _ = args
        del owner
        dotted = _dotted(node.func)
        if name in calls.UNREADABLE and (dotted == name or not dotted.startswith(("re.", "df."))):
            if dotted not in {"re.compile"}:
                self.findings.doubts.append(self._where(f"{name}()"))
            return OPAQUE if dotted != "re.compile" else BLANK
        if name in calls.SHELLS and dotted.split(".")[0] in {"os", "subprocess", name} and given and name not in scope:
            return self._shell(node, given[0])
        return None

    def _shell(self, node: ast.Call, command: Trace) -> Trace:
        first = node.args[0]
        texts = [t for t in command.texts if UNKNOWN not in t]
        if isinstance(first, ast.List | ast.Tuple):
            words = [self.value(part, self.scope).texts for part in first.elts]
            texts = [" ".join(_shell_word(min(word)) for word in words)] if all(len(w) == 1 for w in words) else []
        if len(texts) != 1 or self.shell is None:
            self.findings.doubts.append(self._where("runs another program"))
            return OPAQUE
        line = texts[0].replace(INPUT, "$INPUT_DIR").replace(OUTPUT, "$OUTPUT_DIR")
        found = self.shell(line)
        self.findings.add(found)
        return DATA if found.opened else Trace()

    def _draw(self, node: ast.Call, name: str, owner: Trace, args: tuple[list[Trace], dict[str, Trace]]) -> None:
        given, named = args
        on_plot = ".plot." in f".{_dotted(node.func)}." and owner.origins != NOTHING
        if not (calls.draws(name) or on_plot):
            return
        if owner.origins != NOTHING and name not in {"rng"}:
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

    def _shown(self, name: str, origins: frozenset[str]) -> None:
        # Two numbers make a line from corner to corner, but also two bars.
        origins = frozenset(
            "none" if o == "few" and name in calls.LINES else "literal" if o == "few" else o for o in origins
        )
        if origins != NOTHING:
            self.findings.drawn.append((self._where(f"{name}()"), origins, not self._conditional))


def either_all(traces: Iterable[Trace]) -> Trace:
    """Return what is made from all of these, with the texts of each."""
    traces = list(traces) or [BLANK]
    return replace(either(traces), origins=mixed(traces))


def expanded(path: str) -> str:
    """Return a text with its shell variables put in."""
    for name, mark in _PLACES.items():
        path = path.replace(f"${{{name}}}", mark).replace(f"${name}", mark)
    return path


def _pattern(path: str) -> str:
    # A pattern without a sign finds one file; `**/` any folder, of which the input directory has none.
    return path.replace("**/", "")


def _filled(template: str, sign: str, fill: Trace) -> str:
    only = min(fill.texts) if len(fill.texts) == 1 else UNKNOWN
    if template.count(sign) != 1:
        only = UNKNOWN
    if sign == "{":
        begin, end = template.find("{"), template.find("}")
        return (
            template[:begin] + only + template[end + 1 :]
            if 0 <= begin < end and only != UNKNOWN
            else (template if begin < 0 else UNKNOWN)
        )
    return template.replace(sign, only)


def _shell_word(word: str) -> str:
    quoted = word.replace("\\", "\\\\").replace('"', '\\"').replace("`", "\\`").replace("$", "\\$")
    return f'"{quoted}"'


def _dotted(node: ast.expr) -> str:
    names: list[str] = []
    while True:
        if isinstance(node, ast.Attribute):
            names.append(node.attr)
            node = node.value
        elif isinstance(node, ast.Call | ast.Subscript):
            node = node.func if isinstance(node, ast.Call) else node.value
        else:
            names.append(node.id if isinstance(node, ast.Name) else "")
            return ".".join(reversed(names))


def _loaded(target: ast.expr) -> ast.expr:
    return ast.Name(target.id, ast.Load()) if isinstance(target, ast.Name) else target


def _constants(node: ast.AST) -> set[float]:
    """Return the different numbers that stand in a collection, not as keys."""
    found: set[float] = set()
    todo: list[ast.AST | None] = [node]
    while todo:
        match todo.pop():
            case ast.Constant(bool()):
                continue
            case ast.Constant(int() | float() as value):
                found.add(value)
            case ast.List(parts) | ast.Tuple(parts) | ast.Set(parts):
                todo += parts
            case ast.Dict(_, parts):
                todo += parts
            case ast.UnaryOp(_, inner):
                todo.append(inner)
    return found


def _is_true(test: ast.expr) -> bool:
    if isinstance(test, ast.Constant):
        return bool(test.value)
    return isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and test.left.id == "__name__"


def _is_false(test: ast.expr) -> bool:
    return (isinstance(test, ast.Constant) and not test.value) or (
        isinstance(test, ast.Name) and test.id == "TYPE_CHECKING"
    )


def _is_exit(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and _dotted(node.func) in {"sys.exit", "exit", "quit", "os._exit"}


def _is_method(function: ast.FunctionDef | ast.Lambda) -> bool:
    return (
        not isinstance(function, ast.Lambda)
        and bool(function.args.args)
        and function.args.args[0].arg in {"self", "cls"}
    )


def _mode(node: ast.Call) -> str:
    for word in node.keywords:
        if word.arg == "mode" and isinstance(word.value, ast.Constant):
            return str(word.value.value)
    at = 0 if isinstance(node.func, ast.Attribute) and _mode_first(node) else 1
    given = node.args[at] if len(node.args) > at else None
    return str(given.value) if isinstance(given, ast.Constant) else "r"


def _mode_first(node: ast.Call) -> bool:
    """Whether it is `path.open("w")`: no path among the arguments."""
    first = node.args[0] if node.args else None
    return isinstance(node.func, ast.Attribute) and (
        first is None or (isinstance(first, ast.Constant) and len(str(first.value)) <= 3)
    )  # noqa: PLR2004


def _writes(node: ast.Call) -> bool:
    return any(sign in _mode(node) for sign in "wax")
