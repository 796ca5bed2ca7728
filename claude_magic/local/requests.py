"""The shapes of the bodies of `/v1/messages` and `/v1/messages/count_tokens`.

Three groups of keys: those the API takes; those it takes only with a beta value, which are unknown keys without it
and, with it, something this server does not do; and the sampling parameters, which API version 2026-10-21 removed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from claude_magic.local import blocks
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
    number,
    one_of,
    record,
    string,
    string_or,
    tagged,
)

if TYPE_CHECKING:
    from collections.abc import Collection

NEW_VERSION = "2026-10-21"
VERSIONS = (NEW_VERSION, "2023-06-01")
CODE_EXECUTION = ("code_execution_20250825", "code_execution_20260120", "code_execution_20260521")

# Key -> beginnings of the beta values that allow it.
_BETA_KEYS = {
    "context_management": ("context-management-", "compact-2026-01-12"),
    "compaction": ("compact-2026-09-04",),
    "mcp_servers": ("mcp-client-",),
    "thread": ("message-threads-",),
    "fallbacks": ("server-side-fallback-",),
    "fallback_credit_token": ("fallback-credit-",),
    "billing_policy": ("user-profiles-billing-",),
    "output_format": ("structured-outputs-",),
}
# By this code clients know that they have to send the whole conversation instead.
_BETA_CODES = {"thread": "thread_unsupported_request"}
_NOT_DONE_TOOLS = (
    *(f"web_search_{date}" for date in ("20250305", "20260209", "20260318")),
    *(f"web_fetch_{date}" for date in ("20250910", "20260209", "20260309", "20260318")),
    "code_execution_20250522",
    *(f"tool_search_tool_{kind}{date}" for kind in ("regex", "bm25") for date in ("", "_20251119")),
    *("computer_toolset_20260801", "browser_toolset_20260801"),
    *("computer_20241022", "computer_20250124", "computer_20251124", "bash_20241022", "text_editor_20241022"),
    *("advisor_20260301", "mcp_toolset"),
)


def _not_done_tool(_value: Any, path: str) -> None:
    not_done(f"tools of type '{path.rsplit('.', 1)[-1]}' ({path})")


def _schema(value: Any, path: str) -> None:
    mapping(value, path)
    if "type" not in value:
        refuse(below(path, "type"), "Field required")
    one_of("object")(value["type"], below(path, "type"))


_callers = array(one_of("direct", "code_execution_20250825", "code_execution_20260120", "code_execution_20260521"))
_tool_keys: dict[str, Check] = {
    "cache_control": blocks.cache_control,
    "strict": nullable(boolean),
    "defer_loading": nullable(boolean),
    "allowed_callers": nullable(_callers),
}
_client_keys: dict[str, Check] = {**_tool_keys, "input_examples": nullable(array(mapping))}
_custom = record(
    {"name": string(pattern="^[a-zA-Z0-9_-]{1,128}$"), "input_schema": _schema},
    {"description": nullable(string()), "eager_input_streaming": nullable(boolean), **_client_keys},
)


def _named(name: str, extra: dict[str, Check] | None = None) -> Check:
    return record({"name": one_of(name)}, {**_client_keys, **(extra or {})})


_tool = tagged(
    {
        "custom": _custom,
        "bash_20250124": _named("bash"),
        "text_editor_20250124": _named("str_replace_editor"),
        "text_editor_20250429": _named("str_replace_based_edit_tool"),
        "text_editor_20250728": _named("str_replace_based_edit_tool", {"max_characters": nullable(integer(least=1))}),
        "memory_20250818": _named("memory"),
        **dict.fromkeys(CODE_EXECUTION, record({"name": one_of("code_execution")}, _tool_keys)),
        **dict.fromkeys(_NOT_DONE_TOOLS, _not_done_tool),
    },
    default="custom",
)
_parallel: dict[str, Check] = {"disable_parallel_tool_use": boolean}
_tool_choice = tagged(
    {
        "auto": record({}, _parallel),
        "any": record({}, _parallel),
        "tool": record({"name": string()}, _parallel),
        "none": record({}),
    }
)
_display: dict[str, Check] = {"display": nullable(one_of("summarized", "omitted"))}
_thinking = tagged(
    {
        "adaptive": record({}, _display),
        "enabled": record({"budget_tokens": integer(least=1024)}, _display),
        "disabled": record({}),
        "between_tools": record({}),
    }
)


def _format(value: Any, path: str) -> None:
    tagged({"json_schema": record({"schema": mapping})})(value, path)
    not_done("structured outputs (output_config.format): no language model answers here")


_output_config = record(
    {},
    {
        "effort": nullable(one_of("low", "medium", "high", "xhigh", "max")),
        "format": nullable(_format),
    },
)
_container = string_or(
    record({}, {"id": nullable(string(least=1)), "skills": nullable(array(mapping))}), of=string(least=1)
)
_message = record({"role": one_of("user", "assistant", "system"), "content": string_or(array(blocks.block))})
_shared: dict[str, Check] = {
    "system": string_or(array(tagged({"text": blocks.text}))),
    "tools": array(_tool),
    "tool_choice": _tool_choice,
    "thinking": _thinking,
    "output_config": _output_config,
    "cache_control": blocks.cache_control,
    "speed": nullable(one_of("standard", "fast")),
}
_required: dict[str, Check] = {"model": string(least=1), "messages": array(_message, least=1, most=100_000)}
_sampling: dict[str, Check] = {
    "temperature": nullable(number(least=0, most=1)),
    "top_p": nullable(number(least=0, most=1)),
    "top_k": nullable(integer(least=0)),
}
_messages_only: dict[str, Check] = {
    "stream": nullable(boolean),
    "stop_sequences": nullable(array(string(least=1))),
    "metadata": nullable(record({}, {"user_id": nullable(string(most=512))})),
    "service_tier": nullable(one_of("auto", "standard_only")),
    "inference_geo": nullable(string()),
    "container": nullable(_container),
    "diagnostics": nullable(record({}, {"previous_message_id": nullable(string())})),
}
_count = record(_required, _shared)
_create_new = record({**_required, "max_tokens": integer(least=0)}, {**_shared, **_messages_only})
_create_old = record({**_required, "max_tokens": integer(least=0)}, {**_shared, **_messages_only, **_sampling})


def check_shape(body: Any, *, version: str, betas: Collection[str], counting: bool) -> None:
    """Check keys, types and ranges of a body; which model it names plays no part yet.

    Raises:
        Problem: 400, with the path of the first thing wrong.

    """
    mapping(body, "")
    for key, beginnings in _BETA_KEYS.items():
        if key in body and any(beta.startswith(beginnings) for beta in betas):
            not_done(f"'{key}'", code=_BETA_CODES.get(key))
    config = body.get("output_config")
    if isinstance(config, dict) and "task_budget" in config and any(b.startswith("task-budgets-") for b in betas):
        not_done("'output_config.task_budget'")
    old = version != NEW_VERSION
    shape = _count if counting else _create_old if old else _create_new
    record({}, dict.fromkeys(body, anything))(body, "")
    shape(body, "")
