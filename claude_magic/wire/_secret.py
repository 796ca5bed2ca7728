"""A key that does not show itself."""

from __future__ import annotations

import hmac
import re
from typing import Any, Final, NoReturn, final

from claude_magic.errors import UsageError

# What may stand in a header's value (RFC 9110, field-value), without the space: no key has one.
_SENDABLE: Final = re.compile(r"[\x21-\x7e]+")
# Below this, replacing the value in a message would replace ordinary words.
_SHORTEST_REDACTED: Final = 4
_MASK: Final = "[key]"


@final
class Secret:
    """A key or token whose value leaves only through `reveal`.

    Its repr, str and format show a placeholder of fixed length, it does not pickle, and it has no `__dict__`.

    Raises:
        UsageError: the value is empty or holds what no key holds (spaces, line breaks, non-ASCII characters).

    """

    __slots__ = ("__value",)

    def __init__(self, value: str | Secret) -> None:
        text = value.reveal() if isinstance(value, Secret) else value.strip()
        if not _SENDABLE.fullmatch(text):
            message = "That is no key: a key is one word of ASCII characters."
            raise UsageError(message, advice="Copy it again from the Claude Console.")
        self.__value = text

    def reveal(self) -> str:
        """Return the value: for the one place that writes it into a request."""
        return self.__value

    def redact(self, text: str) -> str:
        """Return `text` with every occurrence of the value masked."""
        if len(self.__value) < _SHORTEST_REDACTED:
            return text
        return text.replace(self.__value, _MASK)

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self.__value, other.reveal())

    def __hash__(self) -> int:
        return hash((Secret, self.__value))

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, _: dict[int, Any]) -> Secret:
        return self

    def __reduce__(self) -> NoReturn:
        message = "a Secret is not pickled"
        raise TypeError(message)
