"""The engine with a language model: a small open one, run by llama.cpp on this machine.

::

    engine    question -> the model's program -> the container -> the model's words
    chat      request -> the few, short messages the model sees      (pure)
    fences    the model's text as it comes, split at its program     (pure)
    program   the model's lines made a whole program                 (pure)
    figures   numbers in words held against what was printed         (pure)
    wire      one reply of llama.cpp's HTTP server, piece by piece
    process   that server as a child process
    child     what runs in it

The model writes its own pandas code; nothing of the stand-in's plans or scripts is used. Small models are wrong often:
the words and figures are the model's, and the footer names it.
"""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from claude_magic.errors import LocalServerError
from claude_magic.local.serve import MODEL

if TYPE_CHECKING:
    from claude_magic.local.llama.engine import Llama

__all__ = ["checked", "engine_name", "load"]

_INSTALL = "Install it: pip install 'claude-magic[llm]'"
_NAME_IT = f"Name a GGUF file with --model or {MODEL}."
_MAGIC = b"GGUF"  # first bytes of every file of that format (ggml-org/ggml, docs/gguf.md)
_MOST_OF_A_NAME = 60


def checked(model: str | Path | None) -> Path:
    """The model file as an absolute path, when everything is there to run it.

    Args:
        model: the GGUF file that was named, or None.

    Raises:
        LocalServerError: llama.cpp's package is missing, no file was named, or it is no GGUF file.

    """
    if find_spec("xllamacpp") is None:
        raise LocalServerError("The engine `llama` needs xllamacpp, which is not installed.", advice=_INSTALL)
    if not model:
        raise LocalServerError("The engine `llama` needs a model file.", advice=_NAME_IT)
    path = Path(model).expanduser().resolve()
    try:
        with path.open("rb") as file:
            begins = file.read(len(_MAGIC))
    except OSError as error:
        raise LocalServerError(f"The model {path} cannot be read: {error.strerror}.", advice=_NAME_IT) from None
    if begins != _MAGIC:
        raise LocalServerError(f"The model {path} is no GGUF file.", advice=_NAME_IT)
    return path


def engine_name(model: Path) -> str:
    """What the footer calls the engine; plain letters, since it travels in a header."""
    stem = re.sub(r"[^A-Za-z0-9._+-]+", "-", model.stem).strip("-")
    return f"llama.cpp ({stem[:_MOST_OF_A_NAME] or 'model'})"


def load(model: str | Path | None) -> Llama:
    """The engine that runs a model file; the model is loaded at the first answer.

    Raises:
        LocalServerError: as `checked`.

    """
    path = checked(model)
    from claude_magic.local.llama.engine import Llama
    from claude_magic.local.llama.process import Process

    return Llama(engine_name(path), Process(path))
