"""The one module that names httpx: connections to one server, one exchange at a time.

What leaves this module is ours: `Response`, or `Lost` with an error of the tree. An exception of httpx is looked at,
dropped, and ours is raised after the handler has ended, so that nothing is chained: the frames of httpx hold request
headers, and a verbose traceback prints the variables of every frame. For the same reason Ctrl-C is raised anew.

The key is written into a request by an auth flow, which is the last thing that happens to it, only when the request
goes to the server the key is for, and taken out again when the answer's headers are there.
"""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urljoin, urlsplit

import httpx

from claude_magic._version import __version__
from claude_magic.errors import ClaudeMagicError, ConnectionFailed, TimedOut, UsageError, one_line
from claude_magic.wire._call import PIECE, Call, Headers, Lost, Pieces
from claude_magic.wire._urls import origin, proxy, without_query

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

    from claude_magic.wire._secret import Secret

# Cells of a notebook come minutes apart; httpx's own 5 s would pay DNS, TCP and TLS for each (performance sheet).
_KEEP_SECONDS: Final = 300.0
_MOST_REDIRECTS: Final = 5
_FOLLOWED: Final = frozenset({301, 302, 303, 307, 308})
_SAME_METHOD: Final = frozenset({307, 308})
_FIRST_ERROR: Final = 400
_MOST_BYTES: Final = 1 << 28  # of an answer that is kept in memory
# As the SDK sets them: long generations leave a socket silent, and a dead one must be noticed.
_KEEP_ALIVE: Final = [
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *(
        (socket.IPPROTO_TCP, getattr(socket, name), value)
        for name, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 60), ("TCP_KEEPCNT", 5))
        if hasattr(socket, name)
    ),
]


class Response:
    """An answer whose headers are there; its body is `body` when the call was for the whole, else `pieces()`."""

    def __init__(self, line: Line, response: httpx.Response) -> None:
        self._line = line
        self._response = response
        self.status = response.status_code
        self.headers = Headers(response.headers.multi_items())
        self.body = b""

    def __repr__(self) -> str:
        return f"Response({self.status})"

    @property
    def encoded(self) -> bool:
        """Whether the body is compressed on the way, so that `content-length` says nothing about the content."""
        return self.headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}

    def pieces(self) -> Iterator[bytes]:
        """Yield the body as it arrives.

        Raises:
            ConnectionFailed: the line broke.
            TimedOut: nothing came for too long.

        """
        source = self._response.iter_bytes() if self.encoded else self._response.iter_raw()
        try:
            yield from source
        except GeneratorExit:
            raise
        except BaseException as problem:  # noqa: BLE001 - sorted by `_ours`; see the module's docstring
            failure = self._line.ours(problem, begun=True)
        else:
            return
        self.close()
        raise failure

    def read(self, most: int) -> bytes:
        """Return the body, at most about `most` bytes of it, and close."""
        collected = bytearray()
        try:
            for piece in self.pieces():
                collected += piece
                if len(collected) > most:
                    break
        finally:
            self.close()
        return bytes(collected[:most])

    def read_error(self, most: int = 1 << 20) -> bytes:
        """Return as much of an error's body as there is: a broken one does not hide the status."""
        if self.body or self._response.is_stream_consumed:
            return self.body
        collected = bytearray()
        try:
            for piece in self.pieces():
                collected += piece
                if len(collected) > most:
                    break
        except ConnectionFailed:
            return bytes(collected)
        finally:
            self.close()
        return bytes(collected[:most])

    def close(self) -> None:
        """Let go of the connection: it is kept when the body was read to its end, and closed otherwise."""
        self._response.close()

    def abort(self) -> None:
        """Hang up, also under a thread that is waiting for the next byte: closing alone would not wake it."""
        stream = self._response.extensions.get("network_stream")
        line = stream.get_extra_info("socket") if stream is not None else None
        if isinstance(line, socket.socket):
            try:
                socket.socket.shutdown(line, socket.SHUT_RDWR)  # of TLS too: its own shutdown is not for two threads
            except OSError:
                self.close()  # it has hung up already
        self.close()

    def finish(self, rest: Iterator[bytes], patience: float = 0.25) -> None:
        """Read the rest of a body that has said all it had to say, so that its connection can be kept.

        A server that does not end the body is not waited for: after `patience` seconds a thread goes on waiting.
        """
        reader = threading.Thread(target=self._drain, args=(rest,), name="claude-magic-drain", daemon=True)
        reader.start()
        reader.join(patience)

    def _drain(self, rest: Iterator[bytes]) -> None:
        try:
            for _ in rest:
                pass
        except ClaudeMagicError:
            return  # `pieces` has closed it; nothing was missing
        self.close()


class Line:
    """Connections to the server at one base URL. Thread-safe; connects when first used.

    Args:
        base_url: scheme, host, port and path prefix.
        header: name and form of the header that carries the key, such as ``("authorization", "Bearer {}")``.
        secret: the key, or None to send none.
        timeout: seconds without a byte after which an answer is given up.
        connect_timeout: seconds to connect.
        transport: replaces the network: an httpx transport.

    """

    def __init__(
        self,
        base_url: str,
        *,
        header: tuple[str, str],
        secret: Secret | None,
        timeout: float,
        connect_timeout: float,
        transport: Any = None,
    ) -> None:
        self.base_url = base_url
        self._credentials = _Credentials(*header, secret, origin(base_url)) if secret else None
        self._seconds, self._connect_seconds = timeout, connect_timeout
        self._timeout = httpx.Timeout(timeout, connect=connect_timeout, pool=None)
        self._transport = transport
        self._lock = threading.Lock()
        self._own: httpx.Client | None = None
        self._foreign: httpx.Client | None = None
        self._closed = False

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            self._closed = True
            for client in filter(None, (self._own, self._foreign)):
                client.close()

    def send(self, call: Call) -> Response | Lost:
        """Exchange one request for one answer, following redirects.

        Raises:
            ClaudeMagicError: what a retry cannot cure: a redirect that must not be followed, a body that cannot be
                read.

        """
        url, method = self.base_url + call.path, call.method
        for _ in range(_MOST_REDIRECTS + 1):
            answer = self._exchange(method, url, call)
            target = self._redirect(answer, url, method) if isinstance(answer, Response) else ""
            if isinstance(answer, Lost) or not target:
                return answer
            answer.close()
            url = target
        raise ConnectionFailed(f"{self.base_url} redirects in circles.", advice="Check the base URL.")

    def _redirect(self, answer: Response, url: str, method: str) -> str:
        """Return where `answer` points to, empty when it is no redirect.

        A request with a body is only sent again to the same server with the same method, and nothing goes from
        https to http: prompts and keys stay.
        """
        if answer.status not in _FOLLOWED or "location" not in answer.headers:
            return ""
        try:
            target = urljoin(url, answer.headers["location"])
            same = origin(target) == origin(url)
        except ValueError:  # neither an address nor a port
            same = None
        if same is None:
            answer.close()
            raise ConnectionFailed(f"{self.base_url} redirects to what is no address.", advice="Check the base URL.")
        downgraded = origin(url)[0] == "https" != origin(target)[0]
        if (method in {"GET", "HEAD"} and not downgraded) or (same and answer.status in _SAME_METHOD):
            return target
        answer.close()
        shown = one_line(without_query(target))
        raise ConnectionFailed(
            f"{self.base_url} redirects to {shown}, where this request is not sent on to.",
            advice="Set the base URL to the server that answers.",
        )

    def _exchange(self, method: str, url: str, call: Call) -> Response | Lost:
        seen = _Seen()
        try:
            answer = Response(self, self._raw(method, url, call, seen))
            if call.whole and answer.status < _FIRST_ERROR:
                seen.begun = True
                answer.body = answer.read(_MOST_BYTES)
        except BaseException as problem:  # noqa: BLE001 - sorted below; see the module's docstring
            failure = self.ours(problem)
        else:
            return answer
        if isinstance(failure, ConnectionFailed):
            return Lost(failure, stale=seen.stale and not isinstance(failure, TimedOut), begun=seen.begun)
        raise failure

    def _raw(self, method: str, url: str, call: Call, seen: _Seen) -> httpx.Response:
        at_home = origin(url) == origin(self.base_url)
        client = self._client(at_home=at_home)
        headers = {name: value for name, value in call.headers.items() if at_home or not name.startswith("anthropic-")}
        content: Any = call.body
        if method in {"GET", "HEAD"} and call.method != method:
            content = b""
        if call.length is not None:
            headers["content-length"] = str(call.length)
        elif isinstance(content, bytes) and len(content) > PIECE:
            headers["content-length"] = str(len(content))
            content = Pieces(content)
        request = client.build_request(
            method, url, headers=headers, content=content or None, extensions={"trace": seen.trace}
        )
        auth = self._credentials if at_home and not call.public else None
        return client.send(request, stream=True, auth=auth or _nobody, follow_redirects=False)

    def _client(self, *, at_home: bool) -> httpx.Client:
        with self._lock:
            if self._closed:
                raise UsageError("This client is closed.", advice="Make a new one.")
            if at_home:
                self._own = self._own or self._made(self._transport or _transport(self.base_url))
                return self._own
            # What another host gets, it gets from a client that never had the key.
            self._foreign = self._foreign or self._made(self._transport or _transport("https://elsewhere"))
            return self._foreign

    def _made(self, transport: Any) -> httpx.Client:
        headers = {"user-agent": f"claude-magic/{__version__}", "accept-encoding": "gzip, deflate"}
        return httpx.Client(transport=transport, timeout=self._timeout, headers=headers, trust_env=False)

    def ours(self, problem: BaseException, *, begun: bool = False) -> BaseException:
        """Return the exception to raise in place of `problem`, without traceback or context."""
        if isinstance(problem, httpx.TransportError):
            return self._transport_error(problem, begun=begun)
        if isinstance(problem, httpx.InvalidURL | UnicodeError):  # a name that DNS cannot spell is the latter
            return UsageError("That is no address a request can go to.", advice="Check the base URL.")
        if isinstance(problem, httpx.HTTPError):  # a body that cannot be decoded
            return ConnectionFailed(f"The answer of {self.base_url} cannot be read.")
        if isinstance(problem, ImportError):  # httpx brings no SOCKS of its own
            return UsageError("The proxy needs a package that is missing.", advice="Run: pip install 'httpx[socks]'.")
        if isinstance(problem, KeyboardInterrupt):
            return KeyboardInterrupt()
        return _bare(problem)

    def _transport_error(self, problem: httpx.TransportError, *, begun: bool) -> ClaudeMagicError:
        if isinstance(problem, httpx.ConnectTimeout):
            return TimedOut(f"No connection to {self.base_url} within {self._connect_seconds:g} s.")
        if isinstance(problem, httpx.TimeoutException):
            return TimedOut(f"Nothing came from {self.base_url} for {self._seconds:g} s.")
        if isinstance(problem, httpx.ConnectError):
            return ConnectionFailed(
                f"No server answers at {self.base_url}: {_reason(problem)}.",
                advice="Check the address and the network, and that the server is running (`%claude status`).",
            )
        if isinstance(problem, httpx.ProxyError):
            return ConnectionFailed(f"The proxy does not let {self.base_url} through.", advice="Check HTTPS_PROXY.")
        if isinstance(problem, httpx.LocalProtocolError | httpx.UnsupportedProtocol):
            # The text of the original may quote a header.
            return UsageError("The request cannot be written as HTTP.", advice="Check the base URL and the key.")
        when = "in the middle of an answer" if begun else "before an answer began"
        return ConnectionFailed(f"The line to {self.base_url} broke {when}.")


class _Credentials(httpx.Auth):
    """Writes the key into a request for its own server, at the last moment, and takes it out afterwards."""

    def __init__(self, name: str, form: str, secret: Secret, origin: tuple[str, str, int]) -> None:
        self._name, self._form, self._secret, self._origin_of_key = name, form, secret, origin

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send with the key."""
        if origin(str(request.url)) != self._origin_of_key:
            yield request
            return
        request.headers[self._name] = self._form.format(self._secret.reveal())
        try:
            yield request
        finally:
            del request.headers[self._name]


def _nobody(request: httpx.Request) -> httpx.Request:
    """Stand for no credentials: None would make httpx take them from the URL."""
    return request


class _Seen:
    """What the transport reports while it works: whether a connection was made, and whether anything was sent."""

    def __init__(self) -> None:
        self._connected = False
        self._sent = False
        self.begun = False

    def trace(self, name: str, _: Mapping[str, Any]) -> None:
        """Take a note: httpcore calls this at every step."""
        if name == "connection.connect_tcp.started":
            self._connected = True
        elif name == "http11.send_request_headers.started":
            self._sent = True

    @property
    def stale(self) -> bool:
        """Whether the request went out on a kept connection and no answer began."""
        return self._sent and not self._connected and not self.begun


def _bare(problem: BaseException) -> BaseException:
    """Return `problem` without the frames it came through, and with nothing chained."""
    problem.__context__ = problem.__cause__ = None
    return problem.with_traceback(None)


def _reason(problem: BaseException) -> str:
    """Return the operating system's reason, without its number."""
    text = one_line(problem)
    if text.startswith("[Errno"):
        text = text.partition("] ")[2]
    return text[:1].lower() + text[1:].rstrip(".") if text else "no reason given"


def _transport(url: str) -> httpx.HTTPTransport:
    """Return a pool of connections for `url`, through the proxy of the environment where there is one.

    Raises:
        UsageError: the environment names a proxy that cannot be one.

    """
    scheme, host, _ = origin(url)
    through = proxy(scheme, host)
    try:
        return httpx.HTTPTransport(
            verify=_tls() if "https" in {scheme, urlsplit(through or "").scheme} else _no_tls(),
            limits=httpx.Limits(max_connections=1000, max_keepalive_connections=100, keepalive_expiry=_KEEP_SECONDS),
            proxy=through,
            socket_options=_KEEP_ALIVE,
            trust_env=False,
        )
    except (ValueError, httpx.InvalidURL):  # its text may quote a password
        pass
    raise UsageError(
        f"What the environment names as the proxy for {scheme} is no address of one.",
        advice="Check HTTPS_PROXY, HTTP_PROXY and ALL_PROXY.",
    )


@cache
def _tls() -> ssl.SSLContext:
    """Return the TLS settings, made once in a process: 24 to 38 ms of CPU (performance sheet)."""
    return httpx.create_ssl_context()


@cache
def _no_tls() -> ssl.SSLContext:
    """Return a context that trusts nobody, for lines that speak plain HTTP: cheap, and it fails closed."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def prepare(base_url: str) -> None:
    """Import what a connection to `base_url` needs, TLS settings included; opens nothing, sends nothing.

    httpx imports its machinery when its first transport is made, and the first TLS context reads the list of
    authorities: 40 ms that a thread can spend while nobody waits.
    """
    with suppress(UsageError):  # of a proxy that is none the first request will tell
        _transport(base_url).close()
