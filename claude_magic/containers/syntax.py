"""Small questions to Python's syntax tree, and texts that stand in it."""

from __future__ import annotations

import ast

from claude_magic.containers.traces import INPUT, OUTPUT, UNKNOWN, Trace

PLACES = {"INPUT_DIR": INPUT, "OUTPUT_DIR": OUTPUT}
_LONGEST_MODE = 3


def dotted(node: ast.expr) -> str:
    """Return `a.b.c` for whatever is called or looked at, without the calls and subscripts in between."""
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


def loaded(target: ast.expr) -> ast.expr:
    """Return a target as the expression that reads it."""
    return ast.Name(target.id, ast.Load()) if isinstance(target, ast.Name) else target


def constants(node: ast.AST) -> set[float]:
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


def is_true(test: ast.expr) -> bool:
    """Whether a condition always holds; `__name__ == "__main__"` does in a program that runs."""
    if isinstance(test, ast.Constant):
        return bool(test.value)
    return isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and test.left.id == "__name__"


def is_false(test: ast.expr) -> bool:
    """Whether a condition never holds."""
    return (isinstance(test, ast.Constant) and not test.value) or (
        isinstance(test, ast.Name) and test.id == "TYPE_CHECKING"
    )


def is_exit(node: ast.expr) -> bool:
    """Whether it ends the program."""
    return isinstance(node, ast.Call) and dotted(node.func) in {"sys.exit", "exit", "quit", "os._exit"}


def is_method(function: ast.FunctionDef | ast.Lambda) -> bool:
    """Whether its first argument is the object."""
    return (
        not isinstance(function, ast.Lambda)
        and bool(function.args.args)
        and function.args.args[0].arg in {"self", "cls"}
    )


def mode(node: ast.Call) -> str:
    """Return the mode that a file is opened with."""
    for word in node.keywords:
        if word.arg == "mode" and isinstance(word.value, ast.Constant):
            return str(word.value.value)
    at = 0 if isinstance(node.func, ast.Attribute) and mode_first(node) else 1
    given = node.args[at] if len(node.args) > at else None
    return str(given.value) if isinstance(given, ast.Constant) else "r"


def mode_first(node: ast.Call) -> bool:
    """Whether it is `path.open("w")`: no path among the arguments."""
    first = node.args[0] if node.args else None
    return isinstance(node.func, ast.Attribute) and (
        first is None or (isinstance(first, ast.Constant) and len(str(first.value)) <= _LONGEST_MODE)
    )


def writes(node: ast.Call) -> bool:
    """Whether a file is opened to be written."""
    return any(sign in mode(node) for sign in "wax")


def shell_word(word: str) -> str:
    """Return a text as one word of a shell."""
    quoted = word.replace("\\", "\\\\").replace('"', '\\"').replace("`", "\\`").replace("$", "\\$")
    return f'"{quoted}"'


def filled(template: str, sign: str, fill: Trace) -> str:
    """Return a template with its one place filled; several places are unknown."""
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


def pattern(path: str) -> str:
    """Return a pattern without `**/`: the input directory has no folders."""
    # A pattern without a sign finds one file; `**/` any folder, of which the input directory has none.
    return path.replace("**/", "")


def expanded(path: str) -> str:
    """Return a text with its shell variables put in."""
    for name, mark in PLACES.items():
        path = path.replace(f"${{{name}}}", mark).replace(f"${name}", mark)
    return path
