"""The client: headers, keys that do not show, redirects, base URLs, what it keeps of an answer."""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys
import traceback
from datetime import UTC, datetime

import pytest

from claude_magic._version import __version__
from claude_magic.errors import ClaudeMagicError, ConnectionFailed, NotFound, UsageError
from claude_magic.wire import Client, Secret, prepare

KEY = "sk-ant-test-0123456789"


def test_what_every_request_carries(client, server, reply):
    """Key, version, our own user agent; compact JSON with characters as themselves; none of the SDK's statistics."""
    server.script = [reply()]
    client.messages.create({"model": "m", "messages": [{"role": "user", "content": "Grüße 日本"}]})
    request = server.requests[0]
    assert (request.method, request.target) == ("POST", "/v1/messages")
    assert request.headers["x-api-key"] == KEY
    assert request.headers["anthropic-version"] == "2026-10-21"
    assert request.headers["content-type"] == request.headers["accept"] == "application/json"
    assert request.headers["user-agent"] == f"claude-magic/{__version__}"
    assert {"authorization", "anthropic-beta", "anthropic-workspace-id"}.isdisjoint(request.headers)
    assert not [name for name in request.headers if "stainless" in name]
    assert request.body == '{"model":"m","messages":[{"role":"user","content":"Grüße 日本"}]}'.encode()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"api_key": KEY, "auth_header": "bearer"}, {"authorization": f"Bearer {KEY}"}),
        ({"auth_token": "gateway-token"}, {"authorization": "Bearer gateway-token"}),
        ({"api_key": "", "auth_token": "gateway-token"}, {"authorization": "Bearer gateway-token"}),
        ({"api_key": KEY, "auth_token": "t0"}, {"x-api-key": KEY}),
        (
            {"auth_token": "sk-ant-oat01-x", "betas": ["a-2026-01-01"]},
            {"authorization": "Bearer sk-ant-oat01-x", "anthropic-beta": "a-2026-01-01,oauth-2025-04-20"},
        ),
        ({"betas": ["b-1", "a-2", "b-1"]}, {"anthropic-beta": "b-1,a-2"}),
        ({"workspace_id": "wrkspc_1", "version": "2023-06-01"}, {"anthropic-workspace-id": "wrkspc_1"}),
        ({}, {}),
    ],
)
def test_credentials_and_options_as_headers(server, reply, options, expected):
    """Each option ends in its header, and no other credential goes along."""
    server.script = [reply()]
    with Client(base_url=server.url, **options) as client:
        client.messages.create({})
    names = ("authorization", "x-api-key", "anthropic-beta", "anthropic-workspace-id")
    assert {name: server.requests[0].headers[name] for name in names if name in server.requests[0].headers} == expected
    assert server.requests[0].headers["anthropic-version"] == options.get("version", "2026-10-21")


def test_betas_of_one_call(client, server, reply):
    """Beta values given with a call are sent with that call only."""
    server.script = [reply()]
    client.messages.create({}, betas=["x-2026-01-01"])
    client.messages.create({})
    assert [request.headers.get("anthropic-beta") for request in server.requests] == ["x-2026-01-01", None]


def test_a_path_prefix(server, reply):
    """A base URL may have a path; a slash at its end changes nothing."""
    server.script = [reply()]
    with Client(base_url=f"{server.url}/gate way/x/") as client:
        assert client.base_url == f"{server.url}/gate way/x"
        client.models.list()
    assert server.requests[0].target.startswith("/gate%20way/x/v1/models?")


@pytest.mark.parametrize("url", ["", "api.anthropic.com", "ftp://x", "http://", "http://x:port", "http://[::1"])
def test_what_is_no_base_url(url):
    """Anything but http or https with a host is refused in one line."""
    with pytest.raises(UsageError, match="base URL"):
        Client(base_url=url)


def test_user_names_and_queries_in_a_base_url_are_dropped():
    """They are not shown, and not sent."""
    client = Client(base_url="https://me:pass@[::1]:8443/p?token=x#y")
    assert client.base_url == "https://[::1]:8443/p"
    assert repr(client) == "Client(base_url='https://[::1]:8443/p')"


@pytest.mark.parametrize("options", [{"betas": ["a\r\nx: y"]}, {"workspace_id": "ü"}, {"version": "1\n"}])
def test_what_cannot_stand_in_a_header(options):
    """Line breaks and non-ASCII characters are refused before a request is made."""
    with pytest.raises(UsageError):
        Client(**options).messages.create({})


def test_a_secret_does_not_show_itself():
    """Neither repr, str, format, f-string, vars, dir, pickle nor copying reveal it; equality does not need to."""
    secret = Secret(f"  {KEY}\n")
    shown = f"{secret} {secret!r} {secret!s:>40} {[secret]} {secret.__dir__()}" + "{}".format(secret)  # noqa: UP032
    assert KEY not in shown
    assert not hasattr(secret, "__dict__")
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError):
            pickle.dumps(secret, protocol)
    with pytest.raises(TypeError):
        json.dumps(secret)
    assert copy.copy(secret) is secret
    assert copy.deepcopy(secret) is secret
    assert (secret == Secret(KEY), secret == Secret("other"), secret == KEY) == (True, False, False)
    assert len({secret, Secret(KEY)}) == 1
    assert secret.reveal() == KEY


@pytest.mark.parametrize("value", ["", "   ", "two words", "line\nbreak", "schlüssel", "a\x00b"])
def test_what_is_no_key(value):
    """What cannot be a key is refused without being quoted."""
    with pytest.raises(UsageError) as caught:
        Secret(value)
    assert not value.strip() or value not in str(caught.value)


def test_a_client_shows_no_key():
    """The repr of a client, and of everything hanging from it, has no key; a client does not pickle."""
    client = Client(api_key=KEY)

    def walk(thing, depth=0):
        yield repr(thing)
        for value in vars(thing).values() if hasattr(thing, "__dict__") and depth < 5 else ():
            yield from walk(value, depth + 1)

    assert KEY not in "".join(walk(client))
    with pytest.raises(TypeError):
        pickle.dumps(client)


def test_a_traceback_with_variables_shows_no_key(client, server, reply):
    """Tools that print the variables of every frame print no key."""
    server.script = [reply(b"{}", 404)]
    with pytest.raises(NotFound) as caught:
        client.messages.create({})
    below = caught.value.__traceback__.tb_next  # the test's own frame has the server, which saw the key
    shown = "".join(traceback.TracebackException(NotFound, caught.value, below, capture_locals=True).format())
    assert "_sender.py" in shown
    assert KEY not in shown


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_within_the_server_is_followed(client, server, reply, status):
    """A GET goes where the same server points it, with its key."""
    server.script = [reply(b"", status, location="/v1/moved"), reply(b'{"id":"m"}')]
    assert client.models.get("m")["id"] == "m"
    assert [request.target for request in server.requests] == ["/v1/models/m", "/v1/moved"]
    assert server.requests[1].headers["x-api-key"] == KEY


def test_a_post_is_redirected_only_with_its_method_and_body(client, server, reply):
    """307 and 308 repeat the POST on the same server; 301, 302 and 303 would turn it into a GET and are refused."""
    server.script = [reply(b"", 307, location="/elsewhere"), reply(b'{"id":"m"}')]
    assert client.messages.create({"a": 1}).body == {"id": "m"}
    assert (server.requests[1].method, server.requests[1].body) == ("POST", b'{"a":1}')
    server.script = [reply(b"", 302, location="/elsewhere")]
    with pytest.raises(ConnectionFailed, match="redirects to"):
        client.messages.create({})


def test_no_key_goes_to_another_host(client, server, reply):
    """A GET follows to another server without the key; a POST does not follow at all."""
    other = type(server)()
    try:
        other.script = [reply(b'{"id":"m"}')]
        server.script = [reply(b"", 307, location=f"{other.url}/there?sig=1")]
        assert client.models.get("m")["id"] == "m"
        assert KEY not in str(other.requests)
        assert {"x-api-key", "authorization", "anthropic-version"}.isdisjoint(other.requests[0].headers)
        with pytest.raises(ConnectionFailed, match=f"redirects to {other.url}/there,") as caught:
            client.messages.create({"prompt": "private"})
        assert "sig" not in str(caught.value)
        assert len(other.requests) == 1
    finally:
        other.close()


def test_a_circle_of_redirects_ends(client, server, reply):
    """A server that redirects to itself is left after a few times."""
    server.script = [reply(b"", 302, location="/v1/models/m")]
    with pytest.raises(ConnectionFailed, match="circles"):
        client.models.get("m")
    assert len(server.requests) < 10


def test_limits_and_workspace_of_the_last_response(client, server, reply):
    """Rate limits and workspace are read from headers, of errors too, and kept until others are told."""
    assert (client.limits, client.workspace_id) == (None, None)
    told = {
        "anthropic_workspace_id": "wrkspc_1",
        "anthropic_ratelimit_requests_limit": 1000,
        "anthropic_ratelimit_requests_remaining": 999,
        "anthropic_ratelimit_requests_reset": "2026-11-22T10:00:00Z",
        "anthropic_ratelimit_output_tokens_remaining": 5000,
        "anthropic_fast_input_tokens_limit": 7,
        "anthropic_ratelimit_tokens_limit": "many",
        "anthropic_ratelimit_tokens_reset": "soon",
    }
    server.script = [reply(b"{}", 400, **told), reply()]
    with pytest.raises(Exception, match="400"):
        client.messages.create({})
    for _ in range(2):
        limits = client.limits
        assert (limits.requests.limit, limits.requests.remaining) == (1000, 999)
        assert limits.requests.reset == datetime(2026, 11, 22, 10, tzinfo=UTC)
        assert (limits.output_tokens.limit, limits.output_tokens.remaining) == (None, 5000)
        assert limits.fast_input_tokens.limit == 7
        assert (limits.tokens.limit, limits.tokens.reset, limits.input_tokens) == (None, None, None)
        assert client.workspace_id == "wrkspc_1"
        client.messages.create({})


def test_headers_of_an_answer(client, server, reply):
    """Response headers are there in any case of letters, the engine's name among them."""
    server.script = [reply(x_claude_magic_engine="stand-in")]
    answer = client.messages.create({})
    assert answer.headers["X-Claude-Magic-Engine"] == answer.headers["x-claude-magic-engine"] == "stand-in"
    assert answer.headers.get("absent") is None
    assert answer.request_id == "req_1"


def test_count_tokens(client, server, reply):
    """The count is a number."""
    server.script = [reply(b'{"input_tokens":14}')]
    assert client.messages.count_tokens({"model": "m", "messages": []}) == 14
    assert server.requests[0].target == "/v1/messages/count_tokens"


@pytest.mark.parametrize("status", [404, 200])
def test_connect_opens_a_connection_and_sends_no_key(client, server, reply, status):
    """Warming up makes the connection that the first request then uses, whatever the server says to it."""
    server.script = [reply(b"", status, content_length=0), reply()]
    client.connect()
    client.messages.create({})
    assert server.connections == 1
    assert KEY not in str(server.requests[0])


def test_connect_says_nothing_of_a_server_that_is_not_there(server, client):
    """Warming up is allowed to fail in silence: the first request will say it."""
    server.close()
    client.connect()


def test_a_closed_client_says_so(client):
    """Using a closed client is a usage error."""
    client.close()
    with pytest.raises(UsageError, match="closed"):
        client.models.list()


def test_compressed_answers_are_understood(client, server, reply):
    """A whole answer may come gzipped."""
    import gzip

    server.script = [reply(gzip.compress(b'{"id":"z"}'), content_encoding="gzip")]
    assert client.messages.create({}).body == {"id": "z"}
    assert "gzip" in server.requests[0].headers["accept-encoding"]


def test_no_tls_is_set_up_for_plain_http():
    """A client of a plain HTTP server reads no certificates: that costs more than a request."""
    code = (
        "from claude_magic.wire import Client, _http\n"
        "with Client(base_url='http://127.0.0.1:9', max_retries=0) as c: c.connect()\n"
        "print(_http._tls.cache_info().misses)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0"


def test_a_server_on_this_machine_is_not_behind_a_proxy(server, reply, monkeypatch):
    """HTTP_PROXY does not stand between the kernel and its own machine."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    server.script = [reply()]
    with Client(base_url=server.url) as client:
        assert client.messages.create({}).body == {}


def test_a_proxy_is_used_for_other_hosts(server, reply, monkeypatch):
    """Requests to elsewhere go through the proxy of the environment."""
    monkeypatch.setenv("HTTP_PROXY", server.url)
    monkeypatch.setenv("http_proxy", server.url)
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    server.script = [reply()]
    with Client(base_url="http://api.example.test") as client:
        assert client.messages.create({}).body == {}
    assert server.requests[0].target == "http://api.example.test/v1/messages"


def test_many_threads_share_a_client(client, server, reply):
    """Concurrent requests on one client each get an answer."""
    from concurrent.futures import ThreadPoolExecutor

    server.script = [reply(b'{"id":"m"}')]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: client.messages.create({"n": n}).body, range(40)))
    assert answers == [{"id": "m"}] * 40
    assert sorted(json.loads(request.body)["n"] for request in server.requests) == list(range(40))


@pytest.mark.parametrize("target", ["http://[bad", "http://127.0.0.1:99999/", "mailto:x", ""])
def test_a_redirect_to_nowhere(client, server, target):
    """An address that is none ends in one line of ours."""
    server.script = [f"HTTP/1.1 302 Found\r\nlocation: {target}\r\ncontent-length: 0\r\n\r\n".encode()]
    with pytest.raises(ClaudeMagicError):
        client.models.list()


@pytest.mark.parametrize("tokens", ["true", "-5", '"5"', "null", "5.0"])
def test_a_count_that_is_none(client, server, reply, tokens):
    """Only a whole number from 0 on is a count."""
    server.script = [reply(f'{{"input_tokens": {tokens}}}')]
    with pytest.raises(ConnectionFailed, match="does not count tokens"):
        client.messages.count_tokens({})


def test_limits_that_are_no_numbers_are_unknown(client, server, reply):
    """A gateway's headers do not cost the answer."""
    head = {"anthropic_ratelimit_requests_limit": "9" * 5000, "anthropic_ratelimit_requests_remaining": "7"}
    server.script = [reply(**head)]
    client.messages.create({})
    assert (client.limits.requests.limit, client.limits.requests.remaining) == (None, 7)


@pytest.mark.parametrize("address", ["http://[bad", "ftp://user:hunter2@127.0.0.1:1"])
def test_a_proxy_that_is_none(monkeypatch, address):
    """One line names the variables, and not what is in them; warming up, which nobody waits for, says nothing."""
    monkeypatch.setenv("HTTP_PROXY", address)
    prepare("http://example.invalid")
    client = Client(base_url="http://example.invalid", max_retries=0)
    client.connect()
    with client, pytest.raises(UsageError, match="HTTP_PROXY") as caught:
        client.models.list()
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("host", ["a" * 70 + ".invalid", "m\u00fcller..invalid"])
def test_a_host_that_cannot_be_looked_up(host):
    """A name that DNS cannot spell ends in one line of ours."""
    with Client(base_url=f"http://{host}", max_retries=0) as client, pytest.raises(UsageError, match="no address"):
        client.models.list()
