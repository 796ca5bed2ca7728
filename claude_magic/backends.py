"""Who answers: the Claude API, the local server, or anything else that speaks the Messages API; and with which key.

A key goes only where it belongs: `ANTHROPIC_API_KEY` to the Claude API or to `ANTHROPIC_BASE_URL`, never to a URL that
was typed after `%claude use`; that one gets the key of its own `%claude login`, or none.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from claude_magic.errors import ClaudeMagicError, LocalServerError, NoCredentials, UsageError, one_line
from claude_magic.wire import Client, Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

API = "https://api.anthropic.com"
_SERVICE = "claude_magic"


@dataclass(frozen=True, slots=True)
class Backend:
    """Who answers.

    Attributes:
        name: ``api``, ``local`` or ``url``.
        base_url: where.
        key: the API key, or None.
        token: a bearer token (`ANTHROPIC_AUTH_TOKEN`), or None.
        source: where the key came from, in words.
        stop: ends the local server; does nothing elsewhere.

    """

    name: Literal["api", "local", "url"]
    base_url: str
    key: Secret | None = None
    token: Secret | None = None
    source: str = "no key"
    stop: Callable[[], None] = field(default=lambda: None, repr=False)

    @property
    def ready(self) -> bool:
        """Whether it can be asked: the Claude API wants a key, others may not."""
        return self.name != "api" or self.key is not None or self.token is not None

    def bills(self, headers: Mapping[str, str]) -> bool:
        """Tell whether tokens cost money there: a local server never bills, anybody else is taken to."""
        return self.name != "local" and "x-claude-magic-engine" not in headers

    def who(self, headers: Mapping[str, str]) -> str:
        """Say who answered, from the name of the server and what its response headers add."""
        if self.name == "api":
            return "Claude API"
        engine = headers.get("x-claude-magic-engine")
        if engine:
            return f"local {one_line(engine)}, not Claude"
        return urlsplit(self.base_url).netloc

    def client(self, **options: Any) -> Client:
        """Return a client for it.

        Raises:
            NoCredentials: the Claude API is asked without a key.

        """
        if not self.ready:
            raise NoCredentials("There is no API key, so nothing was sent.")
        return Client(base_url=self.base_url, api_key=self.key, auth_token=self.token, **options)


class Server:
    """A backend in use: its connections, its models, and how many stay with it.

    It ends when it was left and nobody stays any more: `%claude use` cuts off no answer and no upload.

    Attributes:
        backend: who answers.
        models: the Models API's list, once it was asked for; set by who asked.

    """

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.models: list[dict[str, Any]] | None = None
        self._client: Client | None = None
        self._held, self._left = 0, False
        self._lock = threading.Lock()

    @property
    def client(self) -> Client:
        """The one connection pool to it.

        Raises:
            NoCredentials: there is no key to send.

        """
        with self._lock:
            if self._client is None:
                self._client = self.backend.client()
            return self._client

    def hold(self) -> None:
        """Keep it up until `release`."""
        with self._lock:
            self._held += 1

    def release(self) -> None:
        """Undo one `hold`."""
        with self._lock:
            self._held -= 1
            over = self._left and not self._held
        if over:
            self.end()

    def leave(self) -> None:
        """End it, as soon as nobody holds it."""
        with self._lock:
            self._left = True
            idle = not self._held
        if idle:
            self.end()

    def end(self) -> None:
        """Close its connections and end a local server, at once; twice is fine."""
        if self._client is not None:
            self._client.close()
        self.backend.stop()


def from_environment(environ: Mapping[str, str], home: Path) -> Backend:
    """Return the backend that the environment names: `CLAUDE_MAGIC_BACKEND`, else the Claude API."""
    return choose(environ.get("CLAUDE_MAGIC_BACKEND") or "api", environ, home)


def choose(where: str, environ: Mapping[str, str], home: Path, *, key: Secret | None = None) -> Backend:
    """Return the backend called `where`: ``api``, ``local``, or a URL.

    Args:
        where: as typed after `%claude use`.
        environ: the process environment; variables as in Anthropic's SDK.
        home: where the local server keeps its files.
        key: a key to use instead of the environment's and the keyring's.

    Raises:
        UsageError: `where` is none of the three.
        LocalServerError: the local server is not installed or does not start.

    """
    if where == "local":
        return _local(home)
    if where == "api":
        base_url = environ.get("ANTHROPIC_BASE_URL") or API
        if not _is_url(base_url):
            raise UsageError("ANTHROPIC_BASE_URL is no URL.", advice="Unset it, or set it to `https://HOST`.")
        return _with_key("api" if base_url.rstrip("/") == API else "url", base_url, environ, key)
    if _is_url(where):
        return _with_key("url", where, {}, key)
    raise UsageError(
        f"`{where}` is no backend.",
        advice="Use `%claude use api`, `%claude use local` or `%claude use http://HOST:PORT`.",
    )


def _is_url(text: str) -> bool:
    """Tell whether a text is an http(s) URL that names a host.

    Raises:
        UsageError: a user name or password stands in it: it would be shown with every answer.

    """
    try:
        parts = urlsplit(text)
        named = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a bracket that is not closed, a port that is no number or too high
        return False
    if parts.username is not None or parts.password is not None:
        raise UsageError("A URL with a user name or password in it is not used.", advice="Use `--key-env NAME`.")
    return named


def _with_key(name: Literal["api", "url"], base_url: str, environ: Mapping[str, str], key: Secret | None) -> Backend:
    if key is not None:
        return Backend(name, base_url, key, source="given here")
    if environ.get("ANTHROPIC_API_KEY"):
        return Backend(name, base_url, Secret(environ["ANTHROPIC_API_KEY"]), source="ANTHROPIC_API_KEY")
    if environ.get("ANTHROPIC_AUTH_TOKEN"):
        return Backend(name, base_url, token=Secret(environ["ANTHROPIC_AUTH_TOKEN"]), source="ANTHROPIC_AUTH_TOKEN")
    kept = kept_key(base_url)
    return Backend(name, base_url, kept, source="system keyring" if kept else "no key")


def _local(home: Path) -> Backend:
    try:
        from claude_magic.local import child
    except ImportError as missing:
        raise LocalServerError(
            f"The local server needs `{missing.name}`, which is not installed.",
            advice="Run `%pip install 'claude-magic[local]'` and restart the kernel.",
        ) from None
    running = child.start(home / "local")
    return Backend("local", running.base_url, Secret(running.key), source="the local server's own", stop=running.stop)


def _keyring() -> Any:
    """Return the keyring module, or None where it is missing or has nowhere to keep a secret."""
    try:
        import keyring
        from keyring.backends import fail
    except ImportError:
        return None
    return None if isinstance(keyring.get_keyring(), fail.Keyring) else keyring


def _entry(base_url: str) -> str:
    """Return what the keyring calls the key for a server: one kept for https is not sent in the clear."""
    parts = urlsplit(base_url)
    return parts.netloc if parts.scheme == "https" else f"{parts.scheme}://{parts.netloc}"


def kept_key(base_url: str) -> Secret | None:
    """Return the key that `%claude login` kept for a server, or None."""
    keyring = _keyring()
    if keyring is None:
        return None
    try:
        kept = keyring.get_password(_SERVICE, _entry(base_url))
    except keyring.errors.KeyringError:  # locked, or refused by the user: as good as none
        return None
    return Secret(kept) if kept else None


def keep_key(base_url: str, key: Secret) -> bool:
    """Keep a key for a server in the system keyring; return whether it was kept."""
    keyring = _keyring()
    if keyring is None:
        return False
    try:
        keyring.set_password(_SERVICE, _entry(base_url), key.reveal())
    except keyring.errors.KeyringError:
        return False
    return True


def forget_key(base_url: str) -> bool:
    """Take a server's key out of the system keyring; return whether there was one."""
    keyring = _keyring()
    if keyring is None:
        return False
    try:
        keyring.delete_password(_SERVICE, _entry(base_url))
    except keyring.errors.PasswordDeleteError:
        return False
    except keyring.errors.KeyringError as problem:
        raise ClaudeMagicError(f"The keyring did not give the key up: {problem}.", advice="Unlock it first.") from None
    return True
