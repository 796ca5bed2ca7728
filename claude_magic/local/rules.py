"""What a well-shaped request may still not say: rules between its parts, and what the model refuses.

`check_rules` knows the request and the model; `check_files` what the request does with stored files.
Sources: claude-api/messages.md sections 2, 6, 7, claude-api/models.md, claude-api/wire.md section 9.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from claude_magic import catalogue
from claude_magic.local.history import check_history, turns
from claude_magic.local.problems import Problem, not_done, refuse
from claude_magic.local.requests import CODE_EXECUTION, NEW_VERSION

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from claude_magic.catalogue import ModelEntry
    from claude_magic.local.files import FileStore

_IMAGES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
_DOCUMENTS = frozenset({"application/pdf", "text/plain"})
_MAX_BREAKPOINTS = 4
_INTERLEAVED = "interleaved-thinking-2025-05-14"


def find_model(name: str) -> ModelEntry:
    """The model of that id or alias.

    Raises:
        Problem: 404 ``model: NAME``, also when the model is retired.

    """
    entry = catalogue.find(name)
    if entry is None or entry.lifecycle == "retired":
        raise Problem(404, f"model: {name}")
    return entry


def can_run(body: dict[str, Any]) -> bool:
    """Whether a code execution tool is among the tools."""
    return any(tool.get("type") in CODE_EXECUTION for tool in body.get("tools", ()))


def blocks(body: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Every content block of the messages with its path and the role of its message."""
    for i, message in enumerate(body["messages"]):
        if isinstance(message["content"], list):
            for j, block in enumerate(message["content"]):
                yield f"messages.{i}.content.{j}", block, message["role"]


def check_rules(body: dict[str, Any], model: ModelEntry, *, version: str, betas: Collection[str] = ()) -> None:
    """Check what `check_shape` cannot see.

    Raises:
        Problem: 400, in the API's words.

    """
    check_history(body["messages"], model)
    _check_output(body, model)
    _check_thinking(body, model, interleaved=_INTERLEAVED in betas)
    _check_tools(body, model)
    _check_citations(body)
    _check_cache(body)
    if version == NEW_VERSION:
        _check_new_version(body)
    else:
        _check_sampling(body, model)


def _check_output(body: dict[str, Any], model: ModelEntry) -> None:
    tokens = body.get("max_tokens")
    if tokens is not None and model.max_tokens is not None and tokens > model.max_tokens:
        most = model.max_tokens
        refuse("max_tokens", f"{tokens} > {most}, which is the maximum allowed number of output tokens for {model.id}")
    if tokens == 0 and (body.get("stream") or (body.get("thinking") or {}).get("type") == "enabled" or _forced(body)):
        refuse("max_tokens", "0 is not allowed together with streaming, manual thinking or a forced tool choice")
    effort = (body.get("output_config") or {}).get("effort")
    if effort and not _supports(model, "effort", effort):
        refuse("output_config.effort", f"'{effort}' is not supported on this model")
    if body.get("speed") == "fast" and catalogue.refuses(model.id, "fast"):
        refuse("speed", "fast mode is not supported on this model")
    container = body.get("container")
    if isinstance(container, dict) and container.get("skills"):
        not_done("skills (container.skills)")


def _supports(model: ModelEntry, capability: str, part: str) -> bool:
    capabilities = model.info()["capabilities"]
    found = ((capabilities or {}).get(capability) or {}).get(part)
    return found is None or bool(found["supported"])


def _forced(body: dict[str, Any]) -> bool:
    return (body.get("tool_choice") or {}).get("type") in {"any", "tool"}


def _check_thinking(body: dict[str, Any], model: ModelEntry, *, interleaved: bool) -> None:
    thinking = body.get("thinking")
    if thinking is None:
        return
    kind = thinking["type"]
    effort = (body.get("output_config") or {}).get("effort") or model.default_effort
    if catalogue.refuses(model.id, f"thinking_{kind}", effort=effort):
        if kind == "adaptive":
            refuse("", "adaptive thinking is not supported on this model")
        advice = ' Use "thinking.type.adaptive" and "output_config.effort" instead.' if kind == "enabled" else ""
        refuse("", f'"thinking.type.{kind}" is not supported for this model.{advice}')
    if kind == "enabled" and not interleaved and body.get("max_tokens", math.inf) <= thinking["budget_tokens"]:
        refuse("", "`max_tokens` must be greater than `thinking.budget_tokens`.")


def _check_tools(body: dict[str, Any], model: ModelEntry) -> None:
    tools = body.get("tools", [])
    names = [tool["name"] for tool in tools]
    if len(set(names)) < len(names):
        raise Problem(400, "tools: Tool names must be unique.", code="tool_name_conflict")
    if catalogue.refuses(model.id, "programmatic_calling"):
        for i, tool in enumerate(tools):
            if any(caller != "direct" for caller in tool.get("allowed_callers") or ()):
                refuse(f"tools.{i}.allowed_callers", "programmatic tool calling is not supported on this model")
    choice = body.get("tool_choice")
    if choice is not None:
        _check_choice(choice, names, model)
        if _forced(body) and (body.get("thinking") or {}).get("type") == "enabled":
            refuse("tool_choice", "Thinking may not be enabled when tool_choice forces tool use.")


def _check_choice(choice: dict[str, Any], names: list[str], model: ModelEntry) -> None:
    if choice["type"] != "none" and not names:
        refuse("tool_choice", "may only be specified while providing tools")
    if choice["type"] == "tool" and choice["name"] not in names:
        refuse("tool_choice", f"Tool '{choice['name']}' not found in provided tools")
    if choice["type"] in {"any", "tool"} and catalogue.refuses(model.id, "forced_tool_choice"):
        refuse("tool_choice", f"'{choice['type']}' is not supported on this model")


def _check_citations(body: dict[str, Any]) -> None:
    documents = [block for _, block, _ in blocks(body) if block["type"] == "document"]
    if len({bool((block.get("citations") or {}).get("enabled")) for block in documents}) > 1:
        refuse("messages", "citations must be enabled on all or none of the documents")


def _check_cache(body: dict[str, Any]) -> None:
    system = body.get("system")
    said = [part for _, block, _ in blocks(body) for part in (*_parts(block), block)]
    # In the order of the prefix; the one at the top marks the last block.
    found = [*body.get("tools", []), *(system if isinstance(system, list) else []), *said, body]
    kept = [entry["cache_control"].get("ttl", "5m") for entry in found if entry.get("cache_control")]
    if len(kept) > _MAX_BREAKPOINTS:
        refuse("", f"A maximum of 4 blocks with cache_control may be provided. Found {len(kept)}.")
    if kept != sorted(kept):  # "1h" before "5m"
        refuse("", "A cache_control block with ttl '1h' must not come after one with ttl '5m'.")


def _parts(block: dict[str, Any]) -> list[dict[str, Any]]:
    """The blocks inside a block: of a result, of a search result, of a document made of blocks."""
    holder = block["source"] if block["type"] == "document" else block
    inside = holder.get("content")
    return inside if isinstance(inside, list) else []


def _check_new_version(body: dict[str, Any]) -> None:
    """The rules of 2026-10-21 (the sampling parameters are unknown keys there)."""
    for path, block, role in blocks(body):
        if role == "assistant" and block["type"] == "document":
            refuse(path, "document blocks are not permitted in assistant messages")
        if role == "user":
            inner = block["content"] if block["type"] == "search_result" else [block]
            if any(entry["type"] == "text" and entry.get("citations") for entry in inner):
                refuse(path, "text blocks with citations are not permitted in user messages")


def _check_sampling(body: dict[str, Any], model: ModelEntry) -> None:
    """Under 2023-06-01, models from 4.7 on take only the defaults."""
    if not catalogue.refuses(model.id, "sampling"):
        return
    for key, default in (("temperature", 1), ("top_p", None), ("top_k", None)):
        if body.get(key) not in {None, default}:
            refuse("", f"`{key}` is not supported on this model; only its default value is accepted.")


def check_files(body: dict[str, Any], files: FileStore) -> None:
    """Check that every file a request names is there and may be used that way.

    Raises:
        Problem: 404 for a file that is missing or expired, 400 for the wrong kind of block.

    """
    for path, block, _ in blocks(body):
        source = block.get("source")
        if block["type"] == "container_upload":
            files.open_path(block["file_id"])
            if not can_run(body):
                refuse(path, "container_upload blocks require the code execution tool")
        elif isinstance(source, dict) and source["type"] == "file":
            files.open_path(source["file_id"])
            kind = files.get(source["file_id"]).mime_type.split(";")[0].strip()
            if kind not in (_IMAGES if block["type"] == "image" else _DOCUMENTS):
                refuse(path, f"files of type '{kind}' cannot be used in '{block['type']}' blocks")


def upload_ids(body: dict[str, Any]) -> list[str]:
    """The files of all `container_upload` blocks, each once, oldest first."""
    return list(dict.fromkeys(b["file_id"] for _, b, _ in blocks(body) if b["type"] == "container_upload"))


def split_pause(body: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The request as it was first asked, and the assistant's blocks since, when a paused turn is continued."""
    asked = list(body["messages"])
    tail: list[dict[str, Any]] = []
    while asked and asked[-1]["role"] == "assistant":
        tail = [*turns([asked.pop()])[0].blocks, *tail]
    return {**body, "messages": asked}, tail


def container_id(body: dict[str, Any]) -> str | None:
    """The container the request asks for, in either form."""
    container = body.get("container")
    found: str | None = container.get("id") if isinstance(container, dict) else container
    return found
