"""What the server refuses, and in which words (claude-api/wire.md section 9, models.md, messages.md)."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_magic import catalogue
from claude_magic.local.bodies import parse
from claude_magic.local.problems import encode
from claude_magic.local.requests import VERSIONS, check_shape
from claude_magic.local.shapes import passes

OLD = "claude-haiku-4-5"
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + (28).to_bytes(4) * 2 + b"\0" * 9).decode()
PDF = base64.b64encode(b"%PDF-1.7\n1 0 obj <</Type /Page>> endobj").decode()
TOOL = {"name": "look", "input_schema": {"type": "object"}}
CODE = {"type": "code_execution_20250825", "name": "code_execution"}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "seen"}
RUN = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "bash_code_execution", "input": {"command": "ls"}}
RAN = {
    "type": "bash_code_execution_tool_result",
    "tool_use_id": "srvtoolu_1",
    "content": {"type": "bash_code_execution_result", "stdout": "", "stderr": "", "return_code": 0, "content": []},
}


def user(*blocks):
    """A user message."""
    return {"role": "user", "content": list(blocks) if blocks else "Go on."}


def assistant(*blocks):
    """An assistant message."""
    return {"role": "assistant", "content": list(blocks)}


def text(words="Hello", **more):
    """A text block."""
    return {"type": "text", "text": words, **more}


def image(source):
    """A conversation that is one image."""
    return [user({"type": "image", "source": source})]


def document(source, **more):
    """A conversation that is one document."""
    return [user({"type": "document", "source": source, **more})]


def doc(citations):
    """A document block."""
    return {"type": "document", "source": {"type": "content", "content": "x"}, "citations": citations}


HOUR = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
EXTRA = "Extra inputs are not permitted"
REFUSED = [
    # top level
    ({"foo": 1}, f"foo: {EXTRA}"),
    ({"safeguards": {}}, f"safeguards: {EXTRA}"),
    ({"model": None}, "model: Field required"),
    ({"messages": None}, "messages: Field required"),
    ({"max_tokens": None}, "max_tokens: Field required"),
    ({"max_tokens": "5"}, "max_tokens: Input should be a valid integer"),
    ({"max_tokens": True}, "max_tokens: Input should be a valid integer"),
    ({"max_tokens": -1}, "max_tokens: Input should be greater than or equal to 0"),
    ({"max_tokens": 128_001}, "max_tokens: 128001 > 128000, which is the maximum allowed number of output tokens for"),
    ({"max_tokens": 0, "stream": True}, "max_tokens: 0 is not allowed"),
    ({"stream": "yes"}, "stream: Input should be a valid boolean"),
    ({"messages": []}, "messages: List should have at least 1 item"),
    ({"stop_sequences": [""]}, "stop_sequences.0: String should have at least 1 character"),
    ({"metadata": {"user": "x"}}, f"metadata.user: {EXTRA}"),
    ({"metadata": {"user_id": "x" * 513}}, "metadata.user_id: String should have at most 512 characters"),
    ({"service_tier": "gold"}, "service_tier: Input should be 'auto' or 'standard_only'"),
    (
        {"output_config": {"effort": "huge"}},
        "output_config.effort: Input should be 'low', 'medium', 'high', 'xhigh' or",
    ),
    ({"output_config": {"effort": "max"}, "model": "claude-opus-4-5"}, "output_config.effort: 'max' is not supported"),
    # keys of betas are unknown without them
    ({"mcp_servers": []}, f"mcp_servers: {EXTRA}"),
    ({"context_management": {}}, f"context_management: {EXTRA}"),
    ({"output_config": {"task_budget": {}}}, f"output_config.task_budget: {EXTRA}"),
    # messages
    ({"messages": [{"role": "user"}]}, "messages.0.content: Field required"),
    ({"messages": [{"role": "bot", "content": "x"}]}, "messages.0.role: Input should be 'user', 'assistant' or"),
    ({"messages": [user(), {**assistant(text()), "foo": 1}, user()]}, f"messages.1.foo: {EXTRA}"),
    ({"messages": [assistant(text()), user()]}, 'messages: first message must use the "user" role'),
    ({"messages": [{"role": "user", "content": 5}]}, "messages.0.content: Input should be a valid list"),
    ({"messages": [{"role": "user", "content": ""}]}, "messages.0: all messages must have non-empty content except"),
    ({"messages": [{"role": "user", "content": []}]}, "messages.0: all messages must have non-empty content except"),
    ({"messages": [{"role": "user", "content": " \n"}]}, "messages: text content blocks must contain non-whitespace"),
    ({"messages": [user(text(""))]}, "messages: text content blocks must be non-empty"),
    ({"messages": [user(text("  "))]}, "messages: text content blocks must contain non-whitespace text"),
    ({"system": [text("")]}, "system: text content blocks must be non-empty"),
    (
        {"messages": [user(text("", cache_control={"type": "ephemeral"}))]},
        "messages.0.content.0.text: cache_control cannot be set for empty text blocks",
    ),
    ({"messages": [user(text(parsed_output=1))]}, f"messages.0.content.0.text.parsed_output: {EXTRA}"),
    ({"messages": [user({"type": "text"})]}, "messages.0.content.0.text.text: Field required"),
    ({"messages": [user({"text": "x"})]}, "messages.0.content.0.type: Field required"),
    (
        {"messages": [user({"type": "poem"})]},
        "messages.0.content.0: Input tag 'poem' found using 'type' does not match",
    ),
    (
        {"messages": [user(text(cache_control={"type": "ephemeral", "ttl": "2h"}))]},
        "messages.0.content.0.text.cache_control.ephemeral.ttl: Input should be '5m' or '1h'",
    ),
    (
        {"messages": [user(*[text(cache_control={"type": "ephemeral"})] * 5)]},
        "A maximum of 4 blocks with cache_control may be provided. Found 5.",
    ),
    # prefill and system messages
    ({"messages": [user(), assistant(text("{"))]}, "This model does not support assistant message prefill."),
    ({"messages": [user(), assistant(text("x "))], "model": OLD}, "messages: final assistant content cannot end with"),
    ({"messages": [{"role": "system", "content": "x"}, user()]}, 'messages: first message must use the "user" role'),
    ({"messages": [user(), {"role": "system", "content": "x"}, user()]}, "messages.1: system messages must be last"),
    (
        {"messages": [user(), {"role": "system", "content": "x"}], "model": OLD},
        "messages.1.role: Input should be 'user'",
    ),
    # images and documents
    (
        {"messages": image({"type": "base64", "media_type": "image/tiff", "data": PNG})},
        "messages.0.content.0.image.source.base64.media_type: Input should be 'image/jpeg', 'image/png', 'image/gif'",
    ),
    (
        {"messages": image({"type": "base64", "media_type": "image/jpeg", "data": PNG})},
        "messages.0.content.0.image.source.base64.data: Image does not match the provided media type image/jpeg",
    ),
    (
        {"messages": image({"type": "base64", "media_type": "image/png", "data": "%%%"})},
        "messages.0.content.0.image.source.base64.data: Invalid base64 data",
    ),
    ({"messages": image({"type": "url", "url": "https://example.org/a.png"})}, "The local server does not do sources"),
    (
        {"messages": document({"type": "text", "media_type": "text/csv", "data": "a,b"})},
        "messages.0.content.0.document.source.text.media_type: Input should be 'text/plain'",
    ),
    (
        {"messages": document({"type": "base64", "media_type": "application/pdf", "data": PNG})},
        "messages.0.content.0.document.source.base64.data: The PDF specified was not valid.",
    ),
    (
        {"messages": document({"type": "text", "media_type": "text/plain", "data": "x"}, title="")},
        "messages.0.content.0.document.title: String should have at least 1 character",
    ),
    ({"messages": image({"type": "file", "file_id": "file_none"})}, "File `file_none` not found."),
    ({"messages": [user({"type": "container_upload", "file_id": "file_none"})]}, "File `file_none` not found."),
    # tool calls and results
    ({"messages": [user(), assistant(CALL), user()], "tools": [TOOL]}, "messages.1: `tool_use` ids were found without"),
    ({"messages": [user(), assistant(CALL), user(text(), RESULT)]}, "messages.1: `tool_use` ids were found without"),
    ({"messages": [user(RESULT)]}, "messages.0: unexpected `tool_use_id` found in `tool_result` blocks: toolu_1"),
    (
        {"messages": [user(), assistant({**CALL, "text": ""}), user(RESULT)]},
        f"messages.1.content.0.tool_use.text: {EXTRA}",
    ),
    (
        {"messages": [user(), assistant({**CALL, "id": "a b"}), user()]},
        "messages.1.content.0.tool_use.id: String should",
    ),
    (
        {"messages": [user(), assistant(RUN), user()]},
        "messages.1: `bash_code_execution` tool use with id `srvtoolu_1` was found without",
    ),
    (
        {"messages": [user(), assistant(RAN), user()]},
        "messages.1: `bash_code_execution_tool_result` with id `srvtoolu_1`",
    ),
    (
        {"messages": [user(), assistant({**RUN, "id": "toolu_1"}), user()]},
        "messages.1.content.0.server_tool_use.id: String should match pattern '^srvtoolu_",
    ),
    # tools
    ({"tools": [{"name": "x"}]}, "tools.0.custom.input_schema: Field required"),
    ({"tools": [{**TOOL, "name": "a b"}]}, "tools.0.custom.name: String should match pattern"),
    ({"tools": [{**TOOL, "input_schema": {}}]}, "tools.0.custom.input_schema.type: Field required"),
    ({"tools": [TOOL, TOOL]}, "tools: Tool names must be unique."),
    ({"tools": [{**CODE, "name": "run"}]}, "tools.0.code_execution_20250825.name: Input should be 'code_execution'"),
    ({"tools": [{"type": "web_search_20260318", "name": "web_search"}]}, "The local server does not do tools of type"),
    ({"tools": [{"type": "magic_20990101"}]}, "tools.0: Input tag 'magic_20990101' found using 'type'"),
    (
        {"tools": [{**TOOL, "allowed_callers": ["code_execution_20260120"]}], "model": OLD},
        "tools.0.allowed_callers: programmatic tool calling is not supported on this model",
    ),
    ({"tool_choice": {"type": "auto"}}, "tool_choice: may only be specified while providing tools"),
    ({"tools": [TOOL], "tool_choice": {"type": "any"}}, "tool_choice: 'any' is not supported on this model"),
    (
        {"tools": [TOOL], "tool_choice": {"type": "tool", "name": "y"}, "model": OLD},
        "tool_choice: Tool 'y' not found in provided tools",
    ),
    # thinking
    (
        {"thinking": {"type": "enabled", "budget_tokens": 1024}},
        '"thinking.type.enabled" is not supported for this model.',
    ),
    ({"thinking": {"type": "disabled"}}, '"thinking.type.disabled" is not supported for this model.'),
    ({"thinking": {"type": "adaptive"}, "model": OLD}, "adaptive thinking is not supported on this model"),
    (
        {"thinking": {"type": "enabled", "budget_tokens": 100}, "model": OLD},
        "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024",
    ),
    (
        {"thinking": {"type": "enabled", "budget_tokens": 2000}, "model": OLD},
        "`max_tokens` must be greater than `thinking.budget_tokens`",
    ),
    # what excludes each other
    (
        {"max_tokens": 0, "tools": [TOOL], "tool_choice": {"type": "any"}, "model": OLD},
        "max_tokens: 0 is not allowed together with streaming, manual thinking or a forced tool choice",
    ),
    (
        {"messages": [user(doc({"enabled": True}), doc(None))]},
        "messages: citations must be enabled on all or none of the documents",
    ),
    (
        {"messages": [user({**doc(None), "source": {"type": "content", "content": [text(**HOUR)]}}, text(**HOUR))] * 3},
        "A maximum of 4 blocks with cache_control may be provided. Found 6.",
    ),
    (
        {"system": [text(cache_control={"type": "ephemeral"})], "messages": [user(text(**HOUR))]},
        "A cache_control block with ttl '1h' must not come after one with ttl '5m'.",
    ),
    ({"speed": "fast", "model": "claude-sonnet-5-5"}, "speed: fast mode is not supported on this model"),
    # what is valid elsewhere
    ({"output_config": {"format": {"type": "json_schema", "schema": {}}}}, "The local server does not do structured"),
    ({"container": {"skills": [{"type": "anthropic", "skill_id": "xlsx"}]}}, "The local server does not do skills"),
    # API version 2026-10-21
    ({"temperature": 1}, f"temperature: {EXTRA}"),
    ({"top_p": 1}, f"top_p: {EXTRA}"),
    ({"top_k": 0}, f"top_k: {EXTRA}"),
    (
        {"messages": [user(), assistant({"type": "document", "source": {"type": "content", "content": "x"}}), user()]},
        "messages.1.content.0: document blocks are not permitted in assistant messages",
    ),
    (
        {"messages": [user(text(citations=[{"type": "char_location"}]))]},
        "messages.0.content.0: text blocks with citations are not permitted in user messages",
    ),
]


@pytest.mark.parametrize(("change", "message"), REFUSED, ids=[message[:60] for _, message in REFUSED])
def test_refused(local, change, message):
    """The answer is an error in the API's shape whose message names the place; nothing streams."""
    answer = local.ask("Hello", **change)
    error = answer.json()
    assert answer.status_code == (404 if "not found" in message and "File" in message else 400)
    assert error["type"] == "error"
    assert error["error"]["type"] in {"invalid_request_error", "not_found_error"}
    assert error["error"]["message"].startswith(message)
    assert error["request_id"] == answer.headers["request-id"]


ACCEPTED = [
    {"system": "Be brief.", "metadata": {"user_id": None}, "service_tier": "auto", "inference_geo": "us"},
    {"system": [text(cache_control={"type": "ephemeral", "ttl": "1h"})], "cache_control": {"type": "ephemeral"}},
    {"thinking": {"type": "adaptive", "display": "summarized"}, "output_config": {"effort": "max"}},
    {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2000, "model": OLD},
    {"thinking": {"type": "between_tools"}, "model": "claude-sonnet-5-5"},
    {"speed": "fast", "stop_sequences": [], "container": None, "diagnostics": {"previous_message_id": None}},
    {"tools": [TOOL, CODE, {"type": "bash_20250124", "name": "bash"}], "tool_choice": {"type": "none"}},
    {"tools": [TOOL], "tool_choice": {"type": "any"}, "model": OLD},
    {"messages": [user(text("a")), user(text("b"))]},
    {"messages": [user(), assistant(text("{"))], "model": OLD},
    {"messages": [user(), {"role": "system", "content": "Be brief."}]},
    {"messages": [user(), assistant(text(), CALL), user(RESULT, text())], "tools": [TOOL]},
    {"messages": [user(), assistant(CALL), user({"type": "tool_result", "tool_use_id": "toolu_1"})]},
    {"messages": [user(), assistant(RUN, RAN, text()), user()]},
    {"messages": [user(), assistant(RUN)], "tools": [CODE]},
    {"messages": [user(), assistant(RUN, CALL), user(RESULT)], "tools": [CODE, TOOL]},
    {"messages": [user(), assistant({"type": "thinking", "thinking": "", "signature": "EuYB"}, text()), user()]},
    {"messages": image({"type": "base64", "media_type": "image/png", "data": PNG})},
    {"messages": document({"type": "base64", "media_type": "application/pdf", "data": PDF}, title="T")},
    {"messages": document({"type": "text", "media_type": "text/plain", "data": "x"}, citations={"enabled": True})},
]


@pytest.mark.parametrize("change", ACCEPTED, ids=[json.dumps(change)[:70] for change in ACCEPTED])
def test_accepted(local, change):
    """What the API takes is taken."""
    answer = local.ask("Hello", **change)
    assert answer.status_code == 200, answer.text


KNOWN = [e for e in catalogue.models() if e.lifecycle != "retired" and e.info()["capabilities"] is not None]


@pytest.mark.parametrize("entry", KNOWN, ids=lambda e: e.id)
@pytest.mark.parametrize("kind", ["adaptive", "disabled", "between_tools", "enabled"])
def test_thinking_types_are_those_of_the_models_api(local, entry, kind):
    """A thinking type is refused exactly where the Models API says it is not supported."""
    thinking = {"type": kind, **({"budget_tokens": 1024} if kind == "enabled" else {})}
    answer = local.ask("Hello", model=entry.id, thinking=thinking, max_tokens=2000)
    capabilities = local.http.get(f"/v1/models/{entry.id}").json()["capabilities"]
    assert (answer.status_code == 200) == capabilities["thinking"]["types"][kind]["supported"]


@pytest.mark.parametrize("name", ["claude-9", "claude-3-opus-20240229", "gpt"])
def test_unknown_and_retired_models_are_not_found(local, name):
    """404 `model: NAME`."""
    answer = local.ask("Hello", model=name)
    assert answer.status_code == 404
    assert answer.json()["error"] == {"type": "not_found_error", "message": f"model: {name}"}


def test_interleaved_thinking_may_think_for_longer_than_one_answer(local):
    """With its beta value the budget of manual thinking is not bound by `max_tokens`."""
    thinking = {"type": "enabled", "budget_tokens": 4000}
    body = local.body("Hi", model=OLD, thinking=thinking, max_tokens=2000)
    beta = {"anthropic-beta": "interleaved-thinking-2025-05-14"}
    assert local.http.post("/v1/messages", json=body).status_code == 400
    assert local.http.post("/v1/messages", json=body, headers=beta).status_code == 200


def test_the_older_version_knows_sampling_parameters(local):
    """Under 2023-06-01 they are known, their ranges hold, and models from 4.7 on take only the defaults."""
    old = {"anthropic-version": "2023-06-01"}

    def status(**more):
        return local.http.post("/v1/messages", json=local.body("Hi", **more), headers=old).status_code

    assert status(model=OLD, temperature=0.2, top_k=5) == 200
    assert status(model=OLD, temperature=1.5) == 400
    assert status(temperature=1) == 200
    assert status(temperature=0.2) == 400
    cited = [user(text(citations=[{"type": "char_location"}]))]
    assert status(messages=cited) == 200


def test_a_beta_key_with_its_beta_is_something_the_server_does_not_do(local):
    """With the beta value the key is known, and the answer says who does it."""
    headers = {"anthropic-beta": "mcp-client-2025-11-20"}
    answer = local.http.post("/v1/messages", json=local.body("Hi", mcp_servers=[]), headers=headers)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith("The local server does not do 'mcp_servers'.")


def test_an_image_file_is_no_document(local):
    """A stored file is used by its type; uploads need the code execution tool."""
    file = local.upload(b"a,b", "x.csv", "text/csv")
    upload = [user({"type": "container_upload", "file_id": file["id"]})]
    for messages in (document({"type": "file", "file_id": file["id"]}), upload):
        assert local.ask("", messages=messages).status_code == 400
    plain = local.upload(b"a,b", "x.txt", "text/plain")
    assert local.ask("", messages=document({"type": "file", "file_id": plain["id"]})).status_code == 200
    assert local.ask("", messages=upload, tools=[CODE]).status_code == 200


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "text", "role", "content", "id", "name", "source"]) | st.text(), inner
        )
    ),
    max_leaves=12,
)
KEYS = ["model", "max_tokens", "messages", "tools", "system", "thinking", "tool_choice", "container", "output_config"]


@given(body=st.dictionaries(st.sampled_from(KEYS), JSON), version=st.sampled_from(VERSIONS), counting=st.booleans())
@settings(derandomize=True, deadline=None, max_examples=120)
def test_no_body_is_too_strange(body, version, counting):
    """Whatever JSON comes, the check ends in a 400 or in nothing, never in a bug."""
    assert passes(lambda value, _: check_shape(value, version=version, betas=(), counting=counting), body) in {
        True,
        False,
    }


@given(value=JSON)
@settings(derandomize=True, deadline=None)
def test_json_survives(value):
    """What is written can be read, and is the same."""
    assert parse(encode(value)) == value


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"\xff", b'{"a": NaN}', b'{"a": "\\ud800"}', b"[" * 100_000, b"1" * 5000], ids=range(7)
)
def test_what_is_no_json_is_refused(local, raw):
    """400, for endless nesting, lone surrogates and numbers beyond Python's patience as well."""
    answer = local.http.post("/v1/messages", content=raw, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"
