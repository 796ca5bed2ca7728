"""The shapes of content blocks as a request may hold them (ranges and patterns: the API's own, as of 2026-11)."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from claude_magic.local.problems import not_done, refuse
from claude_magic.local.shapes import (
    Check,
    anything,
    array,
    below,
    boolean,
    integer,
    mapping,
    nullable,
    one_of,
    record,
    string,
    string_or,
    tagged,
)

CALL_ID = "^[a-zA-Z0-9_-]+$"
SERVER_CALL_ID = "^srvtoolu_[a-zA-Z0-9_]+$"
SERVER_TOOLS = (
    "web_search",
    "web_fetch",
    "code_execution",
    "bash_code_execution",
    "text_editor_code_execution",
    "tool_search_tool_regex",
    "tool_search_tool_bm25",
)
_MAX_IMAGE = 10 * 2**20  # base64 characters

cache_control = nullable(tagged({"ephemeral": record({}, {"ttl": one_of("5m", "1h")})}))
_cached: dict[str, Check] = {"cache_control": cache_control}
_citations = nullable(record({}, {"enabled": boolean}))


def _text(value: Any, path: str) -> None:
    """Accept text that says something; an empty or blank block is refused in words of its own."""
    string()(value.get("text", "-"), below(path, "text"))
    text = value.get("text")
    if text is not None and not text.strip():
        if not text and value.get("cache_control"):
            refuse(path, "cache_control cannot be set for empty text blocks")
        blank = "must contain non-whitespace text" if text else "must be non-empty"
        refuse(path.partition(".")[0], f"text content blocks {blank}")
    record({"text": anything}, {"citations": nullable(array(mapping)), **_cached})(value, path)


def _sniff(data: bytes) -> str | None:
    """The image type that the first bytes tell."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data[:6] in {b"GIF87a", b"GIF89a"}:
        return "image/gif"
    return "image/webp" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else None


def _base64(value: Any, path: str) -> None:
    string(least=1)(value, path)
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        refuse(path, "Invalid base64 data")


def _image_bytes(value: Any, path: str) -> None:
    record({"media_type": one_of("image/jpeg", "image/png", "image/gif", "image/webp"), "data": _base64})(value, path)
    if len(value["data"]) > _MAX_IMAGE:
        refuse(below(path, "data"), f"image exceeds 10 MB maximum: {len(value['data'])} bytes > {_MAX_IMAGE} bytes")
    if _sniff(base64.b64decode(value["data"][:64])) != value["media_type"]:
        refuse(below(path, "data"), f"Image does not match the provided media type {value['media_type']}")


def _pdf_bytes(value: Any, path: str) -> None:
    record({"media_type": one_of("application/pdf"), "data": _base64})(value, path)
    if b"%PDF-" not in base64.b64decode(value["data"])[:1024]:
        refuse(below(path, "data"), "The PDF specified was not valid.")


def _url(value: Any, path: str) -> None:
    record({"url": string(least=1)})(value, path)
    not_done(f"sources of type 'url' ({path}): it loads nothing from the network")


_file = record({"file_id": string(least=1)})
image_source = tagged({"base64": _image_bytes, "url": _url, "file": _file})
text = _text
image = record(
    {"source": image_source},
    {"transformations": nullable(record({}, {"oversized_image": one_of("downsize", "error")})), **_cached},
)
_inner = array(tagged({"text": text, "image": image}))
document = record(
    {
        "source": tagged(
            {
                "base64": _pdf_bytes,
                "text": record({"media_type": one_of("text/plain"), "data": string()}),
                "content": record({"content": string_or(_inner)}),
                "url": _url,
                "file": _file,
            }
        )
    },
    {
        "title": nullable(string(least=1, most=500)),
        "context": nullable(string(least=1)),
        "citations": _citations,
        **_cached,
    },
)
search_result = record(
    {"content": array(tagged({"text": text})), "source": string(), "title": string()},
    {"citations": _citations, **_cached},
)
caller = tagged(
    {
        "direct": record({}),
        "code_execution_20250825": record({"tool_id": string(pattern=SERVER_CALL_ID)}),
        "code_execution_20260120": record({"tool_id": string(pattern=SERVER_CALL_ID)}),
    }
)
_tool_result_content = array(
    tagged(
        {
            "text": text,
            "image": image,
            "document": document,
            "search_result": search_result,
            "tool_reference": record({"tool_name": string()}, _cached),
        }
    )
)
tool_use = record(
    {"id": string(pattern=CALL_ID), "name": string(least=1, most=200), "input": mapping},
    {"caller": nullable(caller), "toolset_name": nullable(string()), **_cached},
)
tool_result = record(
    {"tool_use_id": string(pattern=CALL_ID)},
    {
        "content": string_or(_tool_result_content),
        "is_error": nullable(boolean),
        "toolset_name": nullable(string()),
        **_cached,
    },
)
server_tool_use = record(
    {"id": string(pattern=SERVER_CALL_ID), "name": one_of(*SERVER_TOOLS), "input": mapping},
    {"caller": nullable(caller), **_cached},
)


def _result(content: Check) -> Check:
    """A server tool's result block, as the API sent it."""
    return record(
        {"tool_use_id": string(pattern=SERVER_CALL_ID), "content": content}, {"caller": nullable(caller), **_cached}
    )


def _ran(kind: str) -> Check:
    """The content of a command's result: what came out, and the files."""
    files = array(tagged({f"{kind}_output": record({"file_id": string(least=1)})}))
    done = record({"stdout": string(), "stderr": string(), "return_code": integer(), "content": files})
    error = record({"error_code": string()}, {"error_message": nullable(string())})
    kinds = {f"{kind}_result": done, f"{kind}_tool_result_error": error}
    if kind == "code_execution":
        kinds["encrypted_code_execution_result"] = mapping
    return tagged(kinds)


_number = nullable(integer())
_EDITOR = "text_editor_code_execution"
_edited = tagged(
    {
        f"{_EDITOR}_view_result": record(
            {"file_type": one_of("text", "image", "pdf"), "content": string()},
            {"num_lines": _number, "start_line": _number, "total_lines": _number},
        ),
        f"{_EDITOR}_create_result": record({"is_file_update": boolean}),
        f"{_EDITOR}_str_replace_result": record(
            {},
            {
                **dict.fromkeys(("old_start", "old_lines", "new_start", "new_lines"), _number),
                "lines": nullable(array(string())),
            },
        ),
        f"{_EDITOR}_tool_result_error": record({"error_code": string()}, {"error_message": nullable(string())}),
    }
)

block = tagged(
    {
        "text": text,
        "image": image,
        "document": document,
        "search_result": search_result,
        "thinking": record({"thinking": string(), "signature": string()}),
        "redacted_thinking": record({"data": string()}),
        "tool_use": tool_use,
        "tool_result": tool_result,
        "server_tool_use": server_tool_use,
        "web_search_tool_result": _result(anything),
        "web_fetch_tool_result": _result(mapping),
        "code_execution_tool_result": _result(_ran("code_execution")),
        "bash_code_execution_tool_result": _result(_ran("bash_code_execution")),
        "text_editor_code_execution_tool_result": _result(_edited),
        "tool_search_tool_result": _result(mapping),
        "container_upload": record({"file_id": string(least=1)}, _cached),
    }
)
