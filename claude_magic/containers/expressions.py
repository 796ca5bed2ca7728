"""Python expressions read as they would be evaluated: where the values come from. See `flow`."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from claude_magic.containers import calls, syntax
from claude_magic.containers.effects import Effects, Scope
from claude_magic.containers.traces import (
    BLANK,
    DATA,
    INPUT,
    OPAQUE,
    OUTPUT,
    UNKNOWN,
    Trace,
    clean,
    either,
    either_all,
    glued,
    last,
    mixed,
    numbers,
    one_of,
    table_text,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

DEPTH = 12  # calls of the code's own functions inside each other


class GaveUp(Exception):  # inside these modules only
    """There is too much to follow."""


class Expressions(Effects):
    """Reads expressions; statements are `flow.Program`'s."""

    def _block(self, body: Sequence[ast.stmt], scope: Scope) -> str:
        raise NotImplementedError

    def _bind(self, target: ast.expr, made: Trace, scope: Scope, source: ast.expr | None = None) -> None:
        raise NotImplementedError

    def _branches(self, branches: Sequence[tuple[Sequence[ast.stmt], Scope]], scope: Scope) -> str:
        raise NotImplementedError

    def _taint(self, owner: ast.expr, made: Trace, scope: Scope) -> None:
        """Give a name part of a value: `d[key] = value`, `values.append(value)`."""
        while isinstance(owner, ast.Subscript | ast.Attribute):
            owner = owner.value
        if isinstance(owner, ast.Name) and owner.id in scope:
            before = scope[owner.id]
            scope[owner.id] = replace(before, origins=mixed([before, made]), texts=either([before, made]).texts)

    def value(self, node: ast.expr | None, scope: Scope) -> Trace:  # noqa: C901, PLR0911, PLR0912 - one arm per kind
        """Return the trace of an expression."""
        self._fuel -= 1
        if self._fuel < 0:
            raise GaveUp
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
                bound = self.value(value, scope)
                self._bind(target, bound, scope)
                return bound
            case ast.Starred(value) | ast.Await(value) | ast.YieldFrom(value):
                return self.value(value, scope)
            case ast.Yield(value):
                if self._returned:
                    self._returned[-1].append(self.value(value, scope))
                return BLANK
        inside = [self.value(part, scope) for part in ast.iter_child_nodes(node) if isinstance(part, ast.expr)]
        return Trace(mixed(inside))

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
        here = Trace(numbers(len(syntax.constants(node))))
        return Trace(mixed([here, *inside]), either(inside).texts if inside else frozenset())

    @staticmethod
    def _binary(operator: ast.operator, left: Trace, right: Trace) -> Trace:
        if isinstance(operator, ast.Div):
            return glued([left, right], "/") if left.texts or right.texts else Trace(mixed([left, right]))
        if isinstance(operator, ast.Add) and (left.texts or right.texts):
            rooted = right.texts and all(t.startswith((INPUT, OUTPUT)) for t in right.texts)
            return either_all([left, right]) if rooted else glued([left, right])  # lists of paths, or texts
        if isinstance(operator, ast.Mod) and left.texts:
            return Trace(mixed([left, right]), frozenset(syntax.filled(t, "%s", right) for t in left.texts))
        return Trace(mixed([left, right]))

    def _subscript(self, owner: ast.expr, key: ast.expr, scope: Scope) -> Trace:
        name = syntax.dotted(owner)
        index = self.value(key, scope)
        if name.endswith("environ"):
            return self._variable(index)
        if name.endswith("argv"):
            return self._argument(key)
        whole = self.value(owner, scope)
        if not index.origins & {"data", "opaque"}:
            index = BLANK  # numbers of the code choose from a value, they are none of it
        return Trace(mixed([whole, index]), one_of(whole).texts if not isinstance(key, ast.Slice) else whole.texts)

    @staticmethod
    def _variable(names: Trace) -> Trace:
        return text(*(syntax.PLACES.get(name, UNKNOWN) for name in names.texts or {UNKNOWN}))

    def _argument(self, key: ast.expr) -> Trace:
        at = key.value if isinstance(key, ast.Constant) and isinstance(key.value, int) else None
        given = list(self.arguments)
        if at is not None and 0 < at <= len(given):
            return given[at - 1]
        return either(given) if given else text(UNKNOWN)

    def _attribute(self, owner: ast.expr, name: str, scope: Scope) -> Trace:
        if syntax.dotted(owner) == "sys" and name == "stdin":
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

    def _call(self, node: ast.Call, scope: Scope) -> Trace:
        dotted = syntax.dotted(node.func)
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
        if name in {"zip", "chain"}:
            return Trace(origins, either(everything).texts)
        return Trace(origins, first if calls.keeps_text(name) else frozenset())

    def _place(  # noqa: PLR0911 - one arm per function
        self, node: ast.Call, name: str, owner: Trace, args: tuple[list[Trace], dict[str, Trace]], scope: Scope
    ) -> Trace | None:
        """Functions that make paths."""
        given, _ = args
        del scope
        if name == "getenv" or (name == "get" and syntax.dotted(node.func).endswith("environ.get")):
            return self._variable(given[0]) if given else BLANK
        if name in {"Path", "PurePath", "PosixPath", "join", "joinpath"} and not (name == "join" and owner.texts):
            return glued([*([owner] if name == "joinpath" else []), *given], "/") if given else text(".")
        if name == "expandvars" and given:
            return text(*(syntax.expanded(t) for t in given[0].texts or {UNKNOWN}))
        if name == "format" and owner.texts:
            fills = [*given, *args[1].values()]
            return Trace(mixed([owner, *fills]), frozenset(syntax.filled(t, "{", glued(fills)) for t in owner.texts))
        if name in {"glob", "iglob", "rglob"} and given:
            inside = owner.texts and name != "iglob" and not syntax.dotted(node.func).startswith("glob.")
            return text(*(syntax.pattern(t) for t in (glued([owner, given[0]], "/") if inside else given[0]).texts))
        if name == "iterdir":
            return glued([owner, text("*")], "/")
        if name == "scandir" and given:
            return glued([given[0], text("*")], "/")
        if name in {"listdir", "walk"}:
            return text("*", *(given[0].texts if given and name == "walk" else ()))
        return None

    def _own(
        self, node: ast.Call, name: str, owner: Trace, args: tuple[list[Trace], dict[str, Trace]], scope: Scope
    ) -> Trace | None:
        """Functions and methods that the code defines."""
        function = self._function(node.func, name, scope)
        if function is None:
            return None
        given, named = args
        return self._enter(function, [owner, *given] if syntax.is_method(function[0]) else given, named)

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
        if self._depth >= DEPTH:
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

    def _unreadable(
        self, node: ast.Call, name: str, owner: Trace, args: tuple[list[Trace], dict[str, Trace]], scope: Scope
    ) -> Trace | None:
        """Code in a text, and other programs."""
        given, _ = args
        del owner
        dotted = syntax.dotted(node.func)
        if dotted in calls.UNREADABLE:
            self.findings.doubts.append(self._where(f"{name}()"))
            return OPAQUE
        if name in calls.SHELLS and dotted.split(".")[0] in {"os", "subprocess", name} and given and name not in scope:
            return self._shell(node, given[0])
        return None

    def _shell(self, node: ast.Call, command: Trace) -> Trace:
        first = node.args[0]
        texts = [t for t in command.texts if UNKNOWN not in t]
        if isinstance(first, ast.List | ast.Tuple):
            words = [self.value(part, self.scope).texts for part in first.elts]
            texts = (
                [" ".join(syntax.shell_word(min(word)) for word in words)] if all(len(w) == 1 for w in words) else []
            )
        if len(texts) != 1 or self.shell is None:
            self.findings.doubts.append(self._where("runs another program"))
            return OPAQUE
        line = texts[0].replace(INPUT, "$INPUT_DIR").replace(OUTPUT, "$OUTPUT_DIR")
        found = self.shell(line)
        self.findings.add(found)
        return DATA if found.opened else Trace()
