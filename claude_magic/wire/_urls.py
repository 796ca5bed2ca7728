"""Addresses: base URLs, paths, origins, proxies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit
from urllib.request import getproxies, proxy_bypass

from claude_magic.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

_PORTS: Final = {"http": 80, "https": 443}


def base(url: str) -> str:
    """Return the base URL, without what does not belong into one."""
    try:
        parts = urlsplit(url.strip())
        port = f":{parts.port}" if parts.port is not None else ""
    except ValueError:  # a port that is no number
        parts, port = urlsplit(""), ""
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise UsageError(
            "That base URL is not one of a server.",
            advice="One looks like https://api.anthropic.com or http://127.0.0.1:8080.",
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    path = parts.path.rstrip("/")
    return f"{parts.scheme}://{host}{port}{path}"


def segment(value: str) -> str:
    """Return an id as one segment of a path.

    Raises:
        UsageError: it is none.

    """
    if not value.strip() or value in {".", ".."}:
        raise UsageError(f"{value!r} is no id.", advice="Ids look like file_… or claude-…")
    return quote(value, safe="", errors="replace")


def with_query(path: str, pairs: Iterable[tuple[str, object]]) -> str:
    """Return `path` with a query; None is left out. An array is the name with brackets, repeated."""
    query = "&".join(
        f"{quote(name, safe='')}={quote(str(value), safe='')}" for name, value in pairs if value is not None
    )
    return f"{path}?{query}" if query else path


def origin(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port."""
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    return scheme, (parts.hostname or "").lower(), parts.port or _PORTS.get(scheme, 0)


def without_query(url: str) -> str:
    """Return `url` without query and user name, to be shown."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def proxy(scheme: str, host: str) -> str | None:
    """Return the proxy the environment names for `host`, or None."""
    # A server on this machine is never behind a proxy, whatever NO_PROXY forgot to say.
    if host in {"localhost", "::1"} or host.startswith("127.") or proxy_bypass(host):
        return None
    found = getproxies()
    named = found.get(scheme) or found.get("all")
    return named if not named or "://" in named else f"http://{named}"
