"""The body of a panel as one widget: state goes to the browser, messages come back, each to its handler.

`state` is what the browser side shows, so that every new view of the widget begins with it. It is set in the context of
the latest message, for the reason `front.py` gives.
"""

from __future__ import annotations

import threading
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

import traitlets

from claude_magic.panels.foot import script, style
from claude_magic.panels.front import Front

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Handler = Callable[[dict[str, Any], Sequence[Any]], None]


def module(*names: str) -> str:
    """Return the scripts of these names in `static` with what they share, as one module; the last has `render`."""
    return script("forms", *names)


class View(Front):
    """A widget whose subclass brings `_esm`, made by `module`.

    Args:
        state: what it shows at first.

    Attributes:
        state: JSON; `show` changes it.

    """

    state = traitlets.Dict().tag(sync=True)
    _css = style("forms")

    def __init__(self, **state: Any) -> None:
        super().__init__()
        self._guard = threading.RLock()
        self._handlers: dict[str, Handler] = {"hello": lambda _message, _buffers: self.post({"kind": "hello"})}
        self.state = state
        self.hear(self._take)

    def on(self, **handlers: Handler) -> None:
        """Call each handler with the messages of the kind it is named for, and their binary buffers."""
        self._handlers |= handlers

    def _take(self, message: dict[str, Any], buffers: Sequence[Any]) -> None:
        handler = self._handlers.get(str(message.get("kind")))
        if handler is not None:
            handler(message, buffers)

    def show(self, **changes: Any) -> None:
        """Change some of the state, from any thread."""
        context = copy_context() if self._spoken is None else self._spoken.copy()
        with self._guard:
            if not self._closed:
                context.run(setattr, self, "state", {**self.state, **changes})
