"""Checks on JSON values, put together from small ones.

A check is a function of a value and its path that raises a 400 `Problem` worded as the API words it. Unknown keys are
errors everywhere: the API is strict, and a lax server would hide bugs in what a client keeps in its history. In a
`tagged` object (one whose shape depends on its ``type``) the path gains the type's name, as in
``messages.0.content.0.image.source.base64.data``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from claude_magic.local.problems import Problem, refuse

Check = Callable[[Any, str], None]


def below(path: str, key: str | int) -> str:
    """The path of `key` inside `path`."""
    return f"{path}.{key}" if path else str(key)


def anything(_value: Any, _path: str) -> None:
    """Accept."""


def boolean(value: Any, path: str) -> None:
    """Accept true and false."""
    if not isinstance(value, bool):
        refuse(path, "Input should be a valid boolean")


def mapping(value: Any, path: str) -> None:
    """Accept any object."""
    if not isinstance(value, dict):
        refuse(path, "Input should be a valid dictionary")


def string(*, least: int = 0, most: int | None = None, pattern: str | None = None) -> Check:
    """Accept strings of `least` to `most` characters that match `pattern`."""

    def check(value: Any, path: str) -> None:
        if not isinstance(value, str):
            refuse(path, "Input should be a valid string")
        if len(value) < least:
            refuse(path, f"String should have at least {least} character{'s' * (least > 1)}")
        if most is not None and len(value) > most:
            refuse(path, f"String should have at most {most} characters")
        if pattern is not None and not re.fullmatch(pattern, value):
            refuse(path, f"String should match pattern '{pattern}'")

    return check


def number(*, least: float | None = None, most: float | None = None, whole: bool = False) -> Check:
    """Accept numbers (whole ones) from `least` to `most`."""

    def check(value: Any, path: str) -> None:
        if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
            refuse(path, f"Input should be a valid {'integer' if whole else 'number'}")
        if least is not None and value < least:
            refuse(path, f"Input should be greater than or equal to {least}")
        if most is not None and value > most:
            refuse(path, f"Input should be less than or equal to {most}")

    return check


def integer(*, least: int | None = None, most: int | None = None) -> Check:
    """Accept whole numbers from `least` to `most`."""
    return number(least=least, most=most, whole=True)


def one_of(*values: str) -> Check:
    """Accept exactly these strings."""
    quoted = [f"'{value}'" for value in values]
    wanted = quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"

    def check(value: Any, path: str) -> None:
        if not isinstance(value, str) or value not in values:
            refuse(path, f"Input should be {wanted}")

    return check


def nullable(check: Check) -> Check:
    """Accept null too."""

    def either(value: Any, path: str) -> None:
        if value is not None:
            check(value, path)

    return either


def array(item: Check, *, least: int = 0, most: int | None = None) -> Check:
    """Accept lists of `least` to `most` items, each passing `item`."""

    def check(value: Any, path: str) -> None:
        if not isinstance(value, list):
            refuse(path, "Input should be a valid list")
        if len(value) < least:
            refuse(
                path, f"List should have at least {least} item{'s' * (least > 1)} after validation, not {len(value)}"
            )
        if most is not None and len(value) > most:
            refuse(path, f"List should have at most {most} items after validation, not {len(value)}")
        for i, entry in enumerate(value):
            item(entry, below(path, i))

    return check


def record(required: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    """Accept objects with all the `required` keys, perhaps the `optional` ones, and no others."""
    known = {**required, **(optional or {})}

    def check(value: Any, path: str) -> None:
        mapping(value, path)
        for key in required:
            if key not in value:
                refuse(below(path, key), "Field required")
        for key, entry in value.items():
            if key not in known:
                refuse(below(path, key), "Extra inputs are not permitted")
            known[key](entry, below(path, key))

    return check


def tagged(kinds: Mapping[str, Check], *, default: str | None = None) -> Check:
    """Accept objects whose ``type`` is one of `kinds` and which pass that kind's check (`default` when absent)."""
    expected = ", ".join(f"'{kind}'" for kind in kinds)

    def check(value: Any, path: str) -> None:
        mapping(value, path)
        kind = value.get("type") or default
        if kind is None:
            refuse(below(path, "type"), "Field required")
        if not isinstance(kind, str) or kind not in kinds:
            refuse(path, f"Input tag '{kind}' found using 'type' does not match any of the expected tags: {expected}")
        rest = {key: entry for key, entry in value.items() if key != "type"}
        kinds[kind](rest, below(path, kind))

    return check


def string_or(check: Check, *, of: Check | None = None) -> Check:
    """Accept a string (passing `of`), or what `check` accepts."""

    def either(value: Any, path: str) -> None:
        if not isinstance(value, str):
            check(value, path)
        elif of is not None:
            of(value, path)

    return either


def passes(check: Check, value: Any) -> bool:
    """Whether `check` accepts `value`."""
    try:
        check(value, "")
    except Problem:
        return False
    return True
