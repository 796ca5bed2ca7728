"""TLS: a certificate that is trusted works, one that is not is refused in one line, and nothing goes back to http."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import sys
import textwrap

import pytest

from claude_magic.errors import ConnectionFailed

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="makes a certificate with openssl")

CODE = """
    import sys
    from claude_magic.errors import ClaudeMagicError
    from claude_magic.wire import Client
    with Client(base_url=sys.argv[1], api_key="sk-tls-0123456789", max_retries=0) as client:
        for _ in range(2):
            try:
                print(client.messages.create({}).body)
            except ClaudeMagicError as error:
                print(error)
"""


@pytest.fixture
def certificate(tmp_path):
    """Return the path of a fresh self-signed certificate for localhost, its key in the same file."""
    path = tmp_path / "cert.pem"
    key = tmp_path / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    path.write_bytes(path.read_bytes() + key.read_bytes())
    return path


@pytest.fixture
def secure(server, certificate):
    """Return the scripted server behind TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.wrap = lambda connection: context.wrap_socket(connection, server_side=True)
    server.url = f"https://localhost:{server.port}"
    return server


def ask(url, **environment):
    """Return what a process of its own gets: certificates are read once in a process."""
    command = [sys.executable, "-c", textwrap.dedent(CODE), url]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout.splitlines()


def test_a_trusted_certificate(secure, reply, certificate):
    """With the certificate in SSL_CERT_FILE two requests go through, over one connection."""
    secure.script = [reply(b'{"id":"m"}')]
    assert ask(secure.url, SSL_CERT_FILE=str(certificate)) == ["{'id': 'm'}"] * 2
    assert secure.connections == 1


def test_an_unknown_certificate(secure, reply):
    """Without it the connection is refused, the line says why, and no request was sent."""
    secure.script = [reply()]
    lines = ask(secure.url)
    assert all("certificate verify failed" in line.lower() and secure.url in line for line in lines)
    assert secure.requests == []


def test_nothing_goes_from_https_to_http(secure, reply, certificate, monkeypatch):
    """A redirect that would drop TLS is not followed, not even by a GET."""
    from claude_magic.wire import Client, _http

    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    _http._tls.cache_clear()
    secure.script = [reply(b"", 307, location=f"http://localhost:{secure.port}/plain")]
    with Client(base_url=secure.url) as client, pytest.raises(ConnectionFailed, match="redirects to http:"):
        client.models.get("m")
    _http._tls.cache_clear()
