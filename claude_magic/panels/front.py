"""A widget of ours that talks with its browser side by messages, also while a cell keeps the kernel busy.

JupyterLab and Notebook 7 send a widget's messages on a subshell, a second thread of the kernel. ipykernel 7 takes a
message to the thread from which the widget last spoke (`BaseComm._reply_subshell_for`), and a widget made in a cell
first spoke from the main thread, where a running cell holds every message up. So the browser side says `hello` when it
appears, and everything is answered in the context of its latest message: from then on its messages are taken in the
subshell, and a Stop button works while `time.sleep(100)` runs. Kernels without subshells handle them between cells.
"""

from __future__ import annotations

import re
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any

import anywidget

_HALVES = re.compile("[\ud800-\udfff]")

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Front(anywidget.AnyWidget):
    """A widget whose subclass brings `_esm` and `_css`; `hear` what it says, `post` to it from any thread."""

    def __init__(self) -> None:
        super().__init__()
        self._spoken: Context | None = None
        self._closed = False

    def hear(self, listener: Callable[[dict[str, Any], Sequence[Any]], None]) -> None:
        """Call `listener` with each message of the browser's and its binary buffers."""

        def take(_widget: Any, message: Any, buffers: Sequence[Any] = ()) -> None:
            self._spoken = copy_context()
            if isinstance(message, dict):
                listener(message, buffers or ())

        self.on_msg(take)

    def post(self, message: dict[str, Any], buffers: Sequence[bytes] = ()) -> None:
        """Send a message to every view of the widget."""
        if self._closed:
            return
        # A copy: a context can be entered only once at a time, and threads post at once.
        context = copy_context() if self._spoken is None else self._spoken.copy()
        context.run(self.send, _encodable(message), list(buffers))

    def close(self) -> None:
        """Take it away in the browser; what is posted later goes nowhere."""
        self._closed = True
        super().close()


def _encodable(value: Any) -> Any:
    """Return a message without halves of characters, which no encoder takes: a thread's name may hold one."""
    if isinstance(value, str):
        return _HALVES.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, dict):
        return {key: _encodable(inside) for key, inside in value.items()}
    return [_encodable(inside) for inside in value] if isinstance(value, list | tuple) else value
