"""Lists: both kinds of pages, arrays with brackets, and servers with shapes of their own."""

from __future__ import annotations

import json

import pytest

from claude_magic.errors import UsageError
from claude_magic.wire import RemoteFile


def page(*ids, **rest):
    """Return a page with objects of these ids."""
    return json.dumps({"data": [{"id": one} for one in ids], **rest})


def test_models_by_after_id(client, server, reply):
    """Pages go on after the last id until `has_more` is false."""
    server.script = [reply(page("a", "b", has_more=True, last_id="b")), reply(page("c", has_more=False, last_id="c"))]
    assert [model["id"] for model in client.models.list()] == ["a", "b", "c"]
    assert [request.target for request in server.requests] == [
        "/v1/models?limit=1000",
        "/v1/models?limit=1000&after_id=b",
    ]


def test_lifecycles_repeat_the_key_with_brackets(client, server, reply):
    """Arrays in a query are the name with percent-encoded brackets, repeated."""
    server.script = [reply(page())]
    client.models.list(["active", "retired"])
    assert server.requests[0].target == "/v1/models?limit=1000&lifecycle%5B%5D=active&lifecycle%5B%5D=retired"


def test_files_by_page_through_an_empty_one(client, server, reply):
    """An empty page is not the end; a null `next_page` is."""
    server.script = [
        reply(page("f1", next_page="page_ 2")),
        reply(page(next_page="page_3")),
        reply(page("f2", next_page=None)),
    ]
    assert [file.id for file in client.files.list()] == ["f1", "f2"]
    assert [request.target for request in server.requests] == [
        "/v1/files?limit=1000",
        "/v1/files?limit=1000&page=page_%202",
        "/v1/files?limit=1000&page=page_3",
    ]


def test_a_limit_ends_the_list_early(client, server, reply):
    """`limit` counts files, and no page is fetched beyond it."""
    server.script = [reply(page("f1", "f2", next_page="page_2"))]
    assert [file.id for file in client.files.list(limit=2)] == ["f1", "f2"]
    assert [request.target for request in server.requests] == ["/v1/files?limit=2"]


def test_files_by_id(client, server, reply):
    """`ids` excludes `limit` and `page`."""
    server.script = [reply(page("f1", next_page=None))]
    assert [file.id for file in client.files.list(ids=["f1", "f 2"])] == ["f1"]
    assert server.requests[0].target == "/v1/files?ids%5B%5D=f1&ids%5B%5D=f%202"


def test_the_same_page_for_ever_is_left(client, server, reply):
    """A server that hands out one cursor again and again does not hold a cell."""
    server.script = [reply(page("f1", next_page="page_1"))]
    assert [file.id for file in client.files.list()] == ["f1", "f1"]


def test_the_old_shape_of_files(client, server, reply):
    """Under its old beta value the Files API pages by id and leaves keys out."""
    server.script = [reply(page("f1", has_more=True, last_id="f1")), reply(page("f2", has_more=False, last_id="f2"))]
    files = list(client.files.list())
    assert [(file.id, file.downloadable, file.expires_at) for file in files] == [
        ("f1", False, None),
        ("f2", False, None),
    ]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            {"object": "list", "data": [{"id": "qwen", "object": "model", "created": 1700000000, "owned_by": "me"}]},
            ("qwen", "qwen", "2023-11-14T22:13:20Z"),
        ),
        ({"models": [{"name": "smol", "model": "smol:135m"}]}, ("smol:135m", "smol:135m", None)),
        (
            {"data": [{"id": "x", "display_name": "X", "created_at": "2026-01-01T00:00:00Z"}, "odd"]},
            ("x", "X", "2026-01-01T00:00:00Z"),
        ),
    ],
)
def test_models_of_other_servers(client, server, reply, body, expected):
    """OpenAI's and Ollama's lists are read too; id, name and date are filled in, nothing is made up."""
    server.script = [reply(json.dumps(body))]
    (model,) = client.models.list()
    assert (model["id"], model["display_name"], model.get("created_at")) == expected
    assert "max_tokens" not in model


def test_a_list_without_data(client, server, reply):
    """An empty object is an empty list."""
    server.script = [reply()]
    assert client.models.list() == []


@pytest.mark.parametrize("wrong", ["", "  ", ".", ".."])
def test_what_is_no_id(client, server, wrong):
    """An empty id would list, and dots would climb: refused before sending."""
    for action in (client.files.get, client.files.delete, client.models.get):
        with pytest.raises(UsageError):
            action(wrong)
    assert server.requests == []


def test_ids_stay_one_segment(client, server, reply):
    """Whatever an id holds, it does not become another path or a query."""
    server.script = [reply(b'{"id":"x"}')]
    client.files.get("../models?x=1#y")
    assert server.requests[0].target == "/v1/files/..%2Fmodels%3Fx%3D1%23y"


def test_a_remote_file_is_read_with_all_its_keys():
    """Known keys become attributes, the whole object stays in `raw`."""
    item = {
        "id": "file_1",
        "type": "file",
        "filename": "a.csv",
        "mime_type": "text/csv",
        "size_bytes": 3,
        "created_at": "2026-11-21T09:00:00Z",
        "downloadable": True,
        "expires_at": "2026-12-21T09:00:00Z",
        "scope": {"type": "session"},
    }
    file = RemoteFile.from_wire(item)
    assert (file.id, file.filename, file.mime_type, file.size_bytes) == ("file_1", "a.csv", "text/csv", 3)
    assert (file.downloadable, file.expires_at, file.raw) == (True, "2026-12-21T09:00:00Z", item)


@pytest.mark.parametrize("data", ["null", "5", "true", '"abc"', '{"a": 1}', "[1, null]"])
def test_a_list_that_is_none_is_empty(client, server, reply, data):
    """What a server that is not the API puts where the list should be is passed over."""
    server.script = [reply(f'{{"data": {data}}}')]
    assert client.models.list() == []
    assert list(client.files.list()) == []


@pytest.mark.parametrize("created", [10**20, -(10**20)])
def test_a_number_that_is_no_time_is_no_date(client, server, reply, created):
    """A model without a date that can be told has none."""
    server.script = [reply(json.dumps({"data": [{"id": "m", "created": created}]}))]
    assert "created_at" not in client.models.list()[0]


def test_a_file_with_values_of_the_wrong_type(client, server, reply):
    """They count as absent."""
    server.script = [reply('{"data": [{"id": null, "size_bytes": "5", "filename": null, "expires_at": 5}]}')]
    (file,) = client.files.list()
    assert (file.id, file.size_bytes, file.filename, file.expires_at) == ("", 0, "", None)
