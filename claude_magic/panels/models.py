"""The models panel: what the server has, what each can and costs; the default is picked here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from claude_magic import catalogue
from claude_magic.errors import UsageError
from claude_magic.panels.base import Panel
from claude_magic.panels.foot import script, style
from claude_magic.panels.front import Front
from claude_magic.rendering import plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from claude_magic.panels.tasks import Task

# key, heading, whether it is a number; the order of the table. The name is not shown, but the filter finds it.
COLUMNS = (
    ("id", "Model", False),
    ("line", "Line", False),
    ("context", "Context", True),
    ("output", "Longest answer", True),
    ("input_price", "Input $/M", True),
    ("output_price", "Output $/M", True),
    ("cache_price", "Cached $/M", True),
    ("lifecycle", "Lifecycle", False),
    ("can", "Capabilities", False),
)
# A capability's name in the Models API → how it is said here. What it does not know yet is said as the API does.
_WORDS = {
    "image_input": "images",
    "pdf_input": "PDFs",
    "code_execution": "code",
    "structured_outputs": "structured",
    "server_tools": "server tools",
    "context_management": "context management",
}


class View(Front):
    """The browser side: `static/models.js`, a table that sorts and filters without the kernel."""

    _esm = script("models")
    _css = style("models")


class Models(Panel):
    """Models with limits, prices, lifecycle and capabilities."""

    title = "Models"

    def build(self) -> Sequence[Any]:
        """Return the table."""
        self.view = View()
        self.rows: list[dict[str, Any]] = []
        heard = {"hello": lambda _: self.show(), "refresh": lambda _: self.refresh(), "default": self._picked}

        def hear(message: Mapping[str, Any], _buffers: Sequence[Any]) -> None:
            act = heard.get(str(message.get("kind")))
            if act is not None:
                self.guarded(act)(message)

        self.view.hear(hear)
        return [self.view]

    def start(self) -> None:
        """Ask the server."""
        self.refresh()

    def refresh(self) -> None:
        """Ask the server for its models and show them."""
        self.repeat("%claude models")
        self.background(self._ask, done=lambda _: self.show(), busy="Asking for the models…", key="models")

    def _ask(self, _task: Task) -> None:
        self.rows = [row(model) for model in self.session.models()]

    def show(self) -> None:
        """Send the table."""
        default = self.session.settings.model
        resolved = ""
        if self.rows:
            resolved = self.session.resolve()
        columns = [{"key": key, "title": title, "number": number} for key, title, number in COLUMNS]
        said = f"Default: {default}" + (f", which is {resolved} for now" if resolved not in {"", default} else "")
        self.view.post({"kind": "table", "columns": columns, "rows": self.rows, "default": resolved, "said": said})

    def _picked(self, message: Mapping[str, Any]) -> None:
        self.pick(str(message.get("model", "")))

    def pick(self, model: str) -> None:
        """Make a model the default of cells and panels.

        Raises:
            UsageError: it is not in the table.

        """
        if model not in {known["id"] for known in self.rows}:
            raise UsageError(f"`{model}` is none of the models here.", advice="Refresh, and choose one.")
        self.session.settings.model = model
        self.repeat(f"%claude model {model}")
        self.show()


def row(model: Mapping[str, Any]) -> dict[str, Any]:
    """Return one model as a row: numbers as numbers, words as clean text, what is not known as None."""
    name = str(model.get("id") or "")
    entry = catalogue.find(name)
    prices = entry.prices if entry else None
    return {
        "id": plain(name),
        "name": plain(str(model.get("display_name") or "")),
        "line": plain(str(model.get("line") or "")),
        "lifecycle": plain(_lifecycle(model)),
        "context": _number(model.get("max_input_tokens")),
        "output": _number(model.get("max_tokens")),
        "input_price": prices.input if prices else None,
        "output_price": prices.output if prices else None,
        "cache_price": prices.cache_read if prices else None,
        "can": plain(", ".join(_capabilities(model.get("capabilities")))),
    }


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _lifecycle(model: Mapping[str, Any]) -> str:
    """Return the stage, with the day it ends where one is set."""
    ends = model.get("retires_at")
    return str(model.get("lifecycle") or "") + (f", retires {str(ends)[:10]}" if ends else "")


def _capabilities(given: object) -> Iterator[str]:
    for name, told in given.items() if isinstance(given, dict) else ():
        about = told if isinstance(told, dict) else {}
        if not about.get("supported"):
            continue
        said = _WORDS.get(str(name), str(name).replace("_", " "))
        types = about.get("types")
        kinds = [k for k, can in types.items() if (can or {}).get("supported")] if isinstance(types, dict) else []
        yield said + (f" ({', '.join(map(str, kinds))})" if kinds else "")
