"""Python read as it would run: which files it opens, and where the numbers it draws come from.

An abstract interpreter over the syntax tree. It follows assignments in order, both sides of a branch, loops twice,
functions where they are called (so that one that is never called opens nothing), and takes no side: what happens in
one branch only *may* have happened. It never runs anything, and it gives up, which means "cannot tell", rather than
guess: on `exec`, on code that is too long to follow, on syntax that this Python does not know.
"""

from __future__ import annotations

import ast
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING

from claude_magic.containers import syntax
from claude_magic.containers.expressions import DEPTH, Expressions, GaveUp
from claude_magic.containers.findings import Findings
from claude_magic.containers.traces import BLANK, OPAQUE, Trace, either, glued

if TYPE_CHECKING:
    from collections.abc import Sequence

    from claude_magic.containers.effects import Scope


class Program(Expressions):
    """One Python program, to be read with `run`. Its arguments are those of `effects.Effects`."""

    def run(self, code: str) -> Findings:
        """Read the code; what cannot be read is a doubt."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a program may hold invalid escapes
                tree = ast.parse(code)
            self._block(tree.body, self.scope)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            self.findings.doubts.append(f"{self.label} cannot be read as Python")
        except GaveUp:
            self.findings.doubts.append(f"{self.label} is too long to follow")
        return self.findings

    def _block(self, body: Sequence[ast.stmt], scope: Scope) -> str:
        for statement in body:
            ended = self._statement(statement, scope)
            if ended:
                return ended
        return ""

    def _statement(self, node: ast.stmt, scope: Scope) -> str:  # noqa: C901, PLR0911, PLR0912 - one arm per kind
        self._line = node.lineno
        match node:
            case ast.Expr(value):
                self.value(value, scope)
                return "exit" if syntax.is_exit(value) else ""
            case ast.Assign(targets, value):
                made = self.value(value, scope)
                for target in targets:
                    self._bind(target, made, scope, value)
            case ast.AnnAssign(target, _, value):
                if value is not None:
                    self._bind(target, self.value(value, scope), scope, value)
            case ast.AugAssign(target, _, value):
                both = [self.value(syntax.loaded(target), scope), self.value(value, scope)]
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
                if not syntax.is_false(test):
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
        if syntax.is_false(test):
            return self._block(other, scope)
        if syntax.is_true(test):
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
            if own is not None and self._depth < DEPTH:
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
                if syntax.dotted(owner).endswith("environ") and "INPUT_DIR" in self.value(key, scope).texts:
                    self.disk.moved = True
                self._taint(owner, made, scope)
