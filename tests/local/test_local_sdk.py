"""Anthropic's own package, pointed at the local server as users have it: stand-in, no faults, a child process."""

from __future__ import annotations

import anthropic
import pytest

from claude_magic.local import child

MODEL = "claude-sonnet-5-5"
CODE = {"type": "code_execution_20260521", "name": "code_execution"}
CSV = b"city,day,sales\nBonn,2026-01-01,3\nKiel,2026-01-02,5\nBonn,2026-01-03,9\n"


@pytest.fixture(scope="module")
def sdk(tmp_path_factory):
    """The SDK's client; errors are not retried."""
    server = child.start(tmp_path_factory.mktemp("sdk"))
    with anthropic.Anthropic(base_url=server.base_url, api_key=server.key, max_retries=0) as client:
        yield client
    server.stop()


def question(text="Who are you?"):
    """A conversation of one question."""
    return [{"role": "user", "content": text}]


def test_messages_whole(sdk):
    """A message parses into the SDK's types, with request id."""
    message = sdk.messages.create(model=MODEL, max_tokens=500, messages=question())
    assert message.content[0].text
    assert (message.stop_reason, message.model, message.role) == ("end_turn", MODEL, "assistant")
    assert message.usage.output_tokens > 0
    assert message._request_id.startswith("req_")


def test_messages_streamed(sdk):
    """The SDK accumulates the stream to what its text events said."""
    with sdk.messages.stream(model=MODEL, max_tokens=500, messages=question()) as stream:
        said = "".join(stream.text_stream)
        message = stream.get_final_message()
    assert said == message.content[0].text != ""
    assert message.stop_reason == "end_turn"


def test_raw_events(sdk):
    """Every event is one of the SDK's types."""
    events = list(sdk.messages.create(model=MODEL, max_tokens=500, messages=question(), stream=True))
    assert [events[0].type, events[-1].type] == ["message_start", "message_stop"]


def test_count_tokens(sdk):
    """The count is that of the answer's usage."""
    counted = sdk.messages.count_tokens(model=MODEL, messages=question())
    message = sdk.messages.create(model=MODEL, max_tokens=500, messages=question())
    assert counted.input_tokens == message.usage.input_tokens


def test_models(sdk):
    """Listing pages through everything; an alias is resolved."""
    first = sdk.models.list(limit=3)
    ids = [model.id for model in sdk.models.list(limit=3)]
    assert len(first.data) == 3
    assert ids[:3] == [model.id for model in first.data]
    assert len(ids) == len(set(ids)) > 10
    assert sdk.models.retrieve("claude-haiku-4-5").id == "claude-haiku-4-5-20251001"


def test_files(sdk):
    """Upload, list, show, delete; an upload cannot be downloaded."""
    file = sdk.files.upload(file=("dát a.csv", CSV, "text/csv"), expires_in_seconds=7200)
    assert (file.filename, file.mime_type, file.size_bytes, file.downloadable) == (
        "dát a.csv",
        "text/csv",
        len(CSV),
        False,
    )
    assert file.expires_at is not None
    assert sdk.files.retrieve_metadata(file.id) == file
    others = [sdk.files.upload(file=(f"{n}.txt", b"x", "text/plain")).id for n in range(3)]
    assert [f.id for f in sdk.files.list(limit=2)] == [*reversed(others), file.id]
    with pytest.raises(anthropic.BadRequestError, match="not downloadable"):
        sdk.files.download(file.id)
    for file_id in (file.id, *others):
        assert sdk.files.delete(file_id).id == file_id
    with pytest.raises(anthropic.NotFoundError, match="not found"):
        sdk.files.retrieve_metadata(file.id)


def test_code_execution_with_an_upload(sdk):
    """A table goes up, code runs on it, a chart comes back; the container can be used again."""
    file = sdk.files.upload(file=("sales.csv", CSV, "text/csv"))
    content = [
        {"type": "text", "text": "Draw a bar chart of the mean sales by city."},
        {"type": "container_upload", "file_id": file.id},
    ]
    with sdk.messages.stream(
        model=MODEL, max_tokens=8000, tools=[CODE], messages=[{"role": "user", "content": content}]
    ) as stream:
        message = stream.get_final_message()
    results = [block for block in message.content if block.type == "bash_code_execution_tool_result"]
    assert results
    assert all(block.content.return_code == 0 for block in results), results
    made = [output.file_id for block in results for output in block.content.content]
    names = {sdk.files.retrieve_metadata(file_id).filename: file_id for file_id in made}
    charts = [file_id for name, file_id in names.items() if name.endswith(".png")]
    assert sdk.files.download(charts[0]).read().startswith(b"\x89PNG")
    assert "6" in "".join(block.text for block in message.content if block.type == "text")  # the mean of Bonn
    again = sdk.messages.create(
        model=MODEL, max_tokens=8000, tools=[CODE], container=message.container.id, messages=question("Hello")
    )
    assert again.container.id == message.container.id


def test_the_tool_runner_goes_on_without_a_thread(sdk):
    """It asks for a thread kept by the server; told in the API's words that there are none, it sends everything."""

    @anthropic.beta_tool
    def add(a: int, b: int) -> str:
        """Add two numbers."""
        return str(a + b)

    runner = sdk.beta.messages.tool_runner(model=MODEL, max_tokens=500, messages=question(), tools=[add])
    assert runner.until_done().stop_reason == "end_turn"


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"model": "claude-9"}, anthropic.NotFoundError, "model: claude-9"),
        ({"max_tokens": 10**6, "timeout": 10}, anthropic.BadRequestError, "max_tokens: 1000000 > 128000"),
        ({"extra_body": {"foo": 1}}, anthropic.BadRequestError, "foo: Extra inputs are not permitted"),
        ({"extra_headers": {"authorization": "Bearer no"}}, anthropic.AuthenticationError, "invalid x-api-key"),
        ({"extra_headers": {"anthropic-beta": "no-2026-01-01"}}, anthropic.BadRequestError, "Unexpected value"),
    ],
)
def test_errors(sdk, change, error, words):
    """Each refusal is the SDK's exception for it, with the server's words and the request id."""
    with pytest.raises(error, match=words) as caught:
        sdk.messages.create(**{"model": MODEL, "max_tokens": 50, "messages": question(), **change})
    assert caught.value.body["request_id"] == caught.value.request_id
