"""Identifiers in the API's style: a prefix that names the kind, a version figure, random letters and digits."""

from __future__ import annotations

import secrets
import string

_ALPHABET = string.digits + string.ascii_letters
_RANDOM = 20  # letters after the version figure: about 119 bits


def new(prefix: str) -> str:
    """A fresh id such as ``msg_01…``; `prefix` comes without its underscore, as in ``new("srvtoolu")``."""
    return f"{prefix}_01" + "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM))
