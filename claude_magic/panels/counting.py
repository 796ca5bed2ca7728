"""Counting a prompt in steps, so that the first figure is there early and a newer prompt ends the rest.

All figures are `count_tokens`'s own; parts are differences, in the order and way of `%claude count`.
"""

from __future__ import annotations

import ast
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from claude_magic import catalogue
from claude_magic.errors import UsageError
from claude_magic.options import Options
from claude_magic.prompt.interpolation import Expression, parts
from claude_magic.sessions import LINES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from claude_magic.messages import Request
    from claude_magic.sessions import Session

_KEPT = 200  # counts that are remembered: while one types, system prompt and history stay as they are
# What a name leads to can be looked at again and again; what calls something is the user's to run.
_QUIET = (
    *(ast.Expression, ast.Name, ast.Attribute, ast.Subscript, ast.Constant, ast.Slice, ast.expr_context),
    *(ast.Tuple, ast.List, ast.UnaryOp, ast.unaryop),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be counted.

    Attributes:
        system: the system prompt, empty for the session's own.
        model: id or alias, empty for the default.
        history: together with the current conversation.
        run: also evaluate expressions that call something; else they raise `Waiting`.

    """

    prompt: str
    system: str = ""
    model: str = ""
    history: bool = True
    run: bool = False

    def options(self) -> Options:
        """Return these as the options of a cell."""
        return Options(model=self.model or None, system=self.system or None, history=self.history)


@dataclass(frozen=True, slots=True)
class Price:
    """The same input for one model.

    Attributes:
        window: tokens its context window has, None when not known.
        cost: US dollars for the input, None when not known.

    """

    model: str
    tokens: int
    window: int | None
    cost: float | None


@dataclass(frozen=True, slots=True)
class Counted:
    """What is known so far.

    Attributes:
        parts: tokens of prompt, files and variables, system prompt, history; empty until they are known.
        prices: the chosen model first.

    """

    model: str
    tokens: int
    parts: Mapping[str, int] = field(default_factory=dict)
    prices: tuple[Price, ...] = ()


class Waiting(UsageError):
    """An expression calls something, which typing alone must not do."""


def quiet(source: str) -> bool:
    """Tell whether an expression only looks something up: no call, or one that reads a file as `reading` writes it."""
    try:
        tree = ast.parse(source.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return True  # it is an error, which evaluating it says
    if isinstance(tree.body, ast.Call):
        paths = [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
        return any(ast.dump(tree) == ast.dump(ast.parse(form, mode="eval")) for p in paths for form in _forms(p))
    return all(isinstance(node, _QUIET) for node in ast.walk(tree))


def _forms(path: str) -> tuple[str, str]:
    return f"__import__('pathlib').Path({path!r}).read_text('utf-8')", f"__import__('PIL.Image').Image.open({path!r})"


def reading(path: str, *, picture: bool) -> str:
    """Return the expression that puts a text file, or a picture, into a prompt."""
    return f"{{{{ {_forms(path)[picture]} }}}}"


class Counter:
    """Counts for one panel, and remembers what it has counted."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._known: OrderedDict[tuple[str, str], int] = OrderedDict()

    def count(self, asked: Asked, namespace: Mapping[str, Any], check: Callable[[], None]) -> Iterator[Counted]:
        """Yield the count with ever more detail: the whole, its parts, the other models.

        Args:
            asked: what to count.
            namespace: where `{{ }}` is evaluated.
            check: called before each question to the server; raises when nobody wants the answer any more.

        Raises:
            Waiting: an expression calls something and `asked.run` is not set.
            ClaudeMagicError: as a cell would raise; nothing is uploaded.

        """
        session, options = self._session, asked.options()
        pieces = list(parts(asked.prompt.strip()))
        if not asked.run and any(isinstance(p, Expression) and not quiet(p.source) for p in pieces):
            raise Waiting("An expression in the prompt calls something.", advice="Press “Count now” to run it.")
        blocks = session.compose(asked.prompt.strip(), options, namespace)

        def request(model: str | None) -> Request:
            return session.prepare(blocks, replace(options, model=model), namespace).request

        def tokens(one: Request) -> int:
            check()
            return self._tokens(one)

        chosen = request(options.model)
        whole = tokens(chosen)
        prices = [_price(chosen.model, whole, self._window(chosen.model))]
        yield Counted(chosen.model, whole, {}, tuple(prices))
        told = _split(chosen, pieces, whole, tokens)
        yield Counted(chosen.model, whole, told, tuple(prices))
        for model in self._others(chosen.model):
            prices.append(_price(model, tokens(request(model)), self._window(model)))
            yield Counted(chosen.model, whole, told, tuple(prices))

    def _tokens(self, request: Request) -> int:
        key = (self._session.client.base_url, repr(request.count_body()))
        if key not in self._known:
            self._known[key] = self._session.tokens(request)
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return self._known[key]

    def _others(self, chosen: str) -> list[str]:
        """Return the newest active model of each line, without the chosen one."""
        resolved = (self._session.resolve(line) for line in sorted(LINES))
        return [model for model in dict.fromkeys(resolved) if model != chosen]

    def _window(self, model: str) -> int | None:
        for one in self._session.models():
            if one.get("id") == model and isinstance(one.get("max_input_tokens"), int):
                return int(one["max_input_tokens"])
        entry = catalogue.find(model)
        return entry.max_input_tokens if entry else None


def _price(model: str, tokens: int, window: int | None) -> Price:
    return Price(model, tokens, window, catalogue.cost(model, input_tokens=tokens, output_tokens=0))


def _split(
    whole: Request, pieces: list[str | Expression], total: int, tokens: Callable[[Request], int]
) -> dict[str, int]:
    """Return the tokens of each part that there is; together they are `total`."""
    last = whole.messages[-1:]
    with_system = tokens(replace(whole, messages=last, tools=())) if len(whole.messages) > 1 else total
    bare = tokens(replace(whole, messages=last, tools=(), system=None)) if whole.system else with_system
    told = {"prompt": bare}
    if any(isinstance(piece, Expression) for piece in pieces):
        text = "".join(piece for piece in pieces if isinstance(piece, str)).strip()
        only = {"role": "user", "content": [{"type": "text", "text": text}]}
        typed = tokens(replace(whole, messages=(only,), tools=(), system=None)) if text else 0
        told = {"prompt": min(typed, bare), "files and variables": max(0, bare - typed)}
    told |= {"system prompt": with_system - bare, "history": total - with_system}
    return {name: count for name, count in told.items() if count}
