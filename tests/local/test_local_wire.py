"""Headers, keys, paths, sizes, counting and models: everything around an answer."""

from __future__ import annotations

import datetime as dt
import http.client
import json
import re

import httpx
import pytest

from claude_magic import catalogue
from claude_magic.local.door import is_loopback

GROUPS = ("requests", "tokens", "input-tokens", "output-tokens")


def check_error(answer, status, kind, message):
    """An error answer has the API's shape, to the letter."""
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "type": "error",
        "error": {"type": kind, "message": message},
        "request_id": answer.headers["request-id"],
    }


@pytest.mark.parametrize("path", ["/v1/models", "/v1/files", "/nowhere", "/v1/files/file_none"])
def test_every_response_tells_who_and_how_much_is_left(local, path):
    """Request id, organization, workspace, engine, and the four rate-limit groups are on every response."""
    headers = local.http.get(path).headers
    assert re.fullmatch(r"req_01[0-9A-Za-z]{20}", headers["request-id"])
    assert re.fullmatch(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", headers["anthropic-organization-id"])
    assert headers["anthropic-workspace-id"] == local.app.workspace
    assert headers["anthropic-workspace-id"].startswith("wrkspc_")
    assert headers["x-claude-magic-engine"] == "scripted"
    for group in GROUPS:
        limit, remaining = (int(headers[f"anthropic-ratelimit-{group}-{part}"]) for part in ("limit", "remaining"))
        assert 0 <= remaining <= limit
        reset = dt.datetime.fromisoformat(headers[f"anthropic-ratelimit-{group}-reset"])
        assert reset.utcoffset() == dt.timedelta(0)


def test_the_limits_go_down_with_use(fresh):
    """Requests count singly, tokens to the nearest thousand."""
    before = fresh.http.get("/v1/models").headers
    after = fresh.ask("x" * 40_000).headers
    left = "anthropic-ratelimit-{}-remaining".format
    assert int(before[left("requests")]) - int(after[left("requests")]) == 1
    assert int(before[left("input-tokens")]) - int(after[left("input-tokens")]) == 13_000  # 40,000 bytes / 4 * 1.3


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({}, "x-api-key header is required"),
        ({"authorization": "Basic abc"}, "x-api-key header is required"),
        ({"authorization": "Bearer"}, "x-api-key header is required"),
        ({"x-api-key": "sk-wrong"}, "invalid x-api-key"),
        ({"authorization": "Bearer sk-wrong"}, "invalid x-api-key"),
        ({"x-api-key": "ключ".encode()}, "invalid x-api-key"),
    ],
)
def test_without_the_key_there_is_no_entry(local, headers, message):
    """401 in the API's shape."""
    answer = httpx.get(f"{local.base_url}/v1/models", headers={"anthropic-version": "2026-10-21", **headers})
    check_error(answer, 401, "authentication_error", message)


@pytest.mark.parametrize("name", ["x-api-key", "authorization"])
def test_both_key_headers_open(local, name):
    """The documented header and the SDK's both do (oddity 46)."""
    value = local.key if name == "x-api-key" else f"Bearer {local.key}"
    answer = httpx.get(f"{local.base_url}/v1/models", headers={"anthropic-version": "2023-06-01", name: value})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "host", ["example.org", "example.org:80", "127.0.0.1.example.org", "10.0.0.1:8000", "[::2]", ""]
)
def test_other_hosts_are_refused(local, host):
    """A web page that points its own name at 127.0.0.1 gets nothing, even with the key."""
    answer = local.http.get("/v1/models", headers={"host": host})
    assert answer.status_code in {400, 403}


def test_loopback_names():
    """Names and addresses of this machine, and no others."""
    assert all(map(is_loopback, ["localhost", "LOCALHOST", "127.0.0.1", "127.8.8.8", "[::1]", "::1"]))
    assert not any(map(is_loopback, ["", "0.0.0.0", "::", "localhost.example.org", "127.0.0.1.nip.io", "1"]))


def test_unknown_paths_and_methods(local):
    """404 and 405 have the API's shape too."""
    check_error(local.http.get("/v1/nothing"), 404, "not_found_error", "Not found")
    check_error(local.http.get("/v1/models/"), 404, "not_found_error", "Not found")
    wrong = local.http.get("/v1/messages")
    check_error(wrong, 405, "invalid_request_error", "Method Not Allowed")
    assert wrong.headers["allow"] == "POST"


@pytest.mark.parametrize(
    "path", ["/v1/messages/batches", "/v1/skills", "/v1/skills/skill_1/versions", "/v1/oauth/token"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_it_does_not_do_it_says(local, method, path):
    """The rest of the API answers 400 with a sentence."""
    answer = local.http.request(method, path)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith("The local server does not do ")


def test_version_and_beta_headers(local):
    """The version is required and known; beta values are known, repeated or comma-separated."""
    bare = {"x-api-key": local.key}
    url = f"{local.base_url}/v1/models"
    check_error(httpx.get(url, headers=bare), 400, "invalid_request_error", "anthropic-version: header is required")
    assert local.http.get("/v1/models", headers={"anthropic-version": "2024-01-01"}).status_code == 400
    good = [("anthropic-beta", "compact-2026-09-04,fast-mode-2026-02-01"), ("anthropic-beta", "oauth-2025-04-20")]
    assert local.http.get("/v1/models", headers=good).status_code == 200
    bad = local.http.get("/v1/models", headers={"anthropic-beta": "compact-2026-09-04, time-travel-2031-01-01"})
    assert bad.status_code == 400
    assert "`time-travel-2031-01-01`" in bad.json()["error"]["message"]
    assert "`anthropic-beta`" in bad.json()["error"]["message"]


def test_a_workspace_that_is_not_the_keys_is_refused(local):
    """`anthropic-workspace-id` must match when it is sent."""
    name = "anthropic-workspace-id"
    assert local.http.get("/v1/models", headers={name: local.app.workspace}).status_code == 200
    assert local.http.get("/v1/models", headers={name: "wrkspc_01other"}).status_code == 403


@pytest.mark.parametrize("accept", ["application/json", "application/binary", "image/png", ""])
def test_there_is_no_content_negotiation(local, accept):
    """The SDK asks for JSON even when it streams (oddity 19); `?beta=true` means nothing."""
    answer = local.http.post("/v1/messages?beta=true", json=local.body("Hi", stream=True), headers={"accept": accept})
    assert answer.headers["content-type"].startswith("text/event-stream")


def test_a_body_over_32_mb_is_too_large(local):
    """413 `request_too_large`, with the length announced or not."""
    big = b'{"model":"' + b"x" * (32 * 2**20) + b'"}'
    for content in (big, (big[i : i + 2**20] for i in range(0, len(big), 2**20))):
        answer = local.http.post("/v1/messages", content=content)
        assert answer.status_code == 413
        assert answer.json()["error"]["type"] == "request_too_large"


def test_a_body_is_utf_8(local):
    """JSON in another encoding is none; a byte order mark does no harm, nor does saying that nothing is compressed."""
    body = json.dumps(local.body("Hä?"), ensure_ascii=False)
    plain = {"content-encoding": "Identity"}
    assert local.http.post("/v1/messages", content=body.encode("utf-8-sig"), headers=plain).status_code == 200
    for coding in ("utf-16", "utf-16-le", "utf-32", "latin-1"):
        answer = local.http.post("/v1/messages", content=body.encode(coding))
        assert answer.status_code == 400
        assert "not valid JSON" in answer.json()["error"]["message"]


def test_compressed_bodies_are_refused(local):
    """400 with its own error code."""
    answer = local.http.post("/v1/messages", content=b"x", headers={"content-encoding": "br"})
    assert answer.status_code == 400
    assert answer.json()["error"]["details"] == {"error_code": "request_body_encoding_unsupported"}


def test_a_prompt_beyond_the_window_is_refused(local):
    """400 with both figures."""
    answer = local.ask("x " * 500_000, model="claude-haiku-4-5")
    assert answer.status_code == 400
    assert re.fullmatch(r"prompt is too long: \d+ tokens > 200000 maximum", answer.json()["error"]["message"])


def count(local, **body):
    """The tokens of a request."""
    whole = {"model": "claude-opus-5-5", "messages": [{"role": "user", "content": "Hello"}], **body}
    answer = local.http.post("/v1/messages/count_tokens", json=whole)
    assert answer.status_code == 200, answer.text
    return answer.json()["input_tokens"]


def test_counting_counts_everything(local):
    """The same request gives the same count; system, tools, images and files add to it; newer models count more."""
    tool = {"name": "look", "description": "Looks.", "input_schema": {"type": "object"}}
    assert count(local) == count(local) > 0
    assert count(local, system="Be brief.") > count(local)
    assert count(local, tools=[tool]) > count(local)
    long = [{"role": "user", "content": "word " * 4000}]
    newer, older = (count(local, messages=long, model=m) for m in ("claude-opus-4-7", "claude-opus-4-6"))
    assert older == pytest.approx(5000, rel=0.01)
    assert newer / older == pytest.approx(1.3, rel=0.01)
    file = local.upload(b"x" * 8000, "x.txt", "text/plain")
    block = {"type": "document", "source": {"type": "file", "file_id": file["id"]}}
    assert count(local, messages=[{"role": "user", "content": [block]}]) == pytest.approx(2600, rel=0.02)


def test_counting_is_strict(local):
    """`max_tokens` belongs to Messages; the model must be known."""
    body = {"model": "claude-opus-5-5", "messages": [{"role": "user", "content": "x"}], "max_tokens": 5}
    answer = local.http.post("/v1/messages/count_tokens", json=body)
    check_error(answer, 400, "invalid_request_error", "max_tokens: Extra inputs are not permitted")


def test_the_count_is_what_the_answer_reports(local):
    """`usage.input_tokens` equals the count of the same request."""
    body = local.body("How many?", max_tokens=None)
    counted = local.http.post("/v1/messages/count_tokens", json=body).json()["input_tokens"]
    assert local.ask("How many?").json()["usage"]["input_tokens"] == counted


def test_models_come_newest_first(local):
    """The default list is the catalogue without the retired ones."""
    listed = local.http.get("/v1/models").json()
    known = [entry.info() for entry in catalogue.models() if entry.lifecycle != "retired"]
    assert listed["data"] == known[:20]
    assert (listed["first_id"], listed["last_id"]) == (known[0]["id"], known[:20][-1]["id"])


def test_models_page_both_ways(local):
    """`after_id` and `before_id` walk the same list, `has_more` says when to stop."""
    whole = [m["id"] for m in local.http.get("/v1/models?limit=1000").json()["data"]]
    there, params = [], {"limit": 4}
    while True:
        page = local.http.get("/v1/models", params=params).json()
        there += [m["id"] for m in page["data"]]
        if not page["has_more"]:
            break
        params["after_id"] = page["last_id"]
    assert there == whole
    back = local.http.get("/v1/models", params={"before_id": whole[6], "limit": 4}).json()
    assert ([m["id"] for m in back["data"]], back["has_more"]) == (whole[2:6], True)
    end = local.http.get("/v1/models", params={"after_id": whole[-1]}).json()
    assert end == {"data": [], "has_more": False, "first_id": None, "last_id": None}


def test_models_by_lifecycle(local):
    """Arrays come with brackets, percent-encoded or not (oddity 33)."""
    for query in ("lifecycle%5B%5D=deprecated", "lifecycle[]=deprecated"):
        connection = http.client.HTTPConnection(local.base_url.removeprefix("http://"))
        connection.request("GET", f"/v1/models?{query}", headers=dict(local.http.headers))
        assert b'"lifecycle":"deprecated"' in (body := connection.getresponse().read())
        assert b'"lifecycle":"active"' not in body
        connection.close()
    assert local.http.get("/v1/models?lifecycle[]=new").status_code == 400


def test_one_model(local):
    """An alias finds the dated id; an unknown name is 404 `model: NAME`."""
    assert local.http.get("/v1/models/claude-haiku-4-5").json()["id"] == "claude-haiku-4-5-20251001"
    check_error(local.http.get("/v1/models/claude-9"), 404, "not_found_error", "model: claude-9")


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "limit=x", "page=1", "after_id=a&before_id=b", "after_id=none"]
)
def test_wrong_queries_are_refused(local, query):
    """400, never a different list."""
    assert local.http.get(f"/v1/models?{query}").status_code == 400
