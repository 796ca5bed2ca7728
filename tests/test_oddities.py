"""The fifty traps of the API's fact sheet (claude-api/oddities.md): which test stands at each, and the tests none had.

`COVERED` names them as ``file::test`` below this folder; `ELSEWHERE` says why a trap is not ours to fall into yet.
"""

import ast
from functools import cache
from pathlib import Path

import pytest

from claude_magic.messages import Message, Request
from claude_magic.threads import Turn
from claude_magic.wire import Client

HERE = Path(__file__).parent
EVENTS, RETRY, LISTS = "wire/test_wire_events.py", "wire/test_wire_retry.py", "wire/test_wire_lists.py"
STREAMS, RULES = "messages/test_messages_streams.py", "messages/test_messages_rules.py"
ENDINGS, FAULTS = "sessions/test_sessions_endings.py", "magics/test_magics_faults.py"
ANSWERS, REFUSALS, SERVER = "local/test_local_messages.py", "local/test_local_validation.py", "local/test_local_wire.py"
WORKED = f"{STREAMS}::test_a_worked_stream_becomes_its_message"
TRAVELS = "threads/test_threads.py::test_what_of_an_answer_travels"
NEXT = f"{ENDINGS}::test_after_any_ending_the_thread_goes_on"
COVERED = {
    1: (
        f"{EVENTS}::test_an_error_event_ends_the_stream",
        f"{EVENTS}::test_an_error_in_place_of_an_answer",
        f"{FAULTS}::test_an_error_event_before_any_content_is_tried_again",
    ),
    2: (
        f"{EVENTS}::test_an_end_without_message_stop_is_truncated",
        f"{EVENTS}::test_servers_that_never_send_message_stop",
    ),
    3: (f"{EVENTS}::test_pings_keep_a_stream_alive", f"{ANSWERS}::test_silence_is_broken_by_pings"),
    4: (f"{EVENTS}::test_what_is_passed_over",),
    5: (f"{EVENTS}::test_separators_inside_json_are_data",),
    6: (f"{EVENTS}::test_crlf_cut_in_the_middle", f"{EVENTS}::test_any_chunking_yields_the_same_events"),
    7: (f"{EVENTS}::test_padding_spaces_and_no_space_after_the_colon",),
    8: (
        f"{EVENTS}::test_what_is_passed_over",
        f"{EVENTS}::test_last_frame_without_blank_line_is_not_dispatched",
    ),
    9: (WORKED, TRAVELS, f"{EVENTS}::test_unknown_events_are_passed_on"),
    10: (WORKED, f"{ANSWERS}::test_input_tokens_grow_with_the_results"),
    11: (WORKED, f"{ANSWERS}::test_the_container_comes_with_the_message_delta_and_can_be_used_again"),
    12: (WORKED, f"{ANSWERS}::test_a_tool_call_begins_with_an_empty_fragment_and_no_input"),
    13: (
        f"{RULES}::test_input_that_is_no_json_object_is_kept_raw_and_not_run",
        f"{RULES}::test_feeding_keeps_pieces_and_joins_them_once",
    ),
    14: (WORKED, NEXT, f"{ANSWERS}::test_max_tokens_inside_a_call_leaves_the_block_open"),
    15: (WORKED,),
    16: (f"{RULES}::test_how_text_and_tool_input_are_cut_makes_no_difference",),
    17: (WORKED, "test_oddities.py::test_what_is_sealed_goes_back_as_it_came"),
    19: (f"{SERVER}::test_there_is_no_content_negotiation",),
    20: (f"{ANSWERS}::test_a_stream_has_the_apis_order",),
    21: (NEXT, f"{REFUSALS}::test_refused"),
    22: (NEXT, TRAVELS),
    24: (
        f"{ENDINGS}::test_a_paused_answer_goes_on_where_it_stopped",
        f"{ENDINGS}::test_a_pause_that_breaks_off_is_kept_and_travels_without_its_open_call",
        f"{ANSWERS}::test_a_turn_pauses_after_ten_rounds_and_goes_on",
    ),
    25: (f"{REFUSALS}::test_accepted",),
    26: ("test_oddities.py::test_what_is_sealed_goes_back_as_it_came",),
    27: (TRAVELS, NEXT),
    28: (
        f"{RULES}::test_a_body_has_only_what_is_set",
        f"{REFUSALS}::test_the_older_version_knows_sampling_parameters",
    ),
    29: (NEXT, f"{REFUSALS}::test_refused"),
    30: (
        "prompt/test_prompt_values.py::test_a_pil_image_of_any_mode_is_an_image_block",
        "panels/test_panels_chat.py::test_a_picture_that_is_none_is_refused",
        f"{REFUSALS}::test_refused",
    ),
    31: ("panels/test_panels_chat.py::test_files_go_where_claude_finds_them", f"{REFUSALS}::test_refused"),
    33: (f"{LISTS}::test_lifecycles_repeat_the_key_with_brackets", f"{SERVER}::test_models_by_lifecycle"),
    34: (f"{LISTS}::test_the_old_shape_of_files", "local/test_local_files.py::test_the_old_beta_has_its_old_shapes"),
    35: ("test_oddities.py::test_a_whole_answer_may_be_long",),
    36: (f"{ANSWERS}::test_an_alias_is_answered_by_the_dated_model",),
    37: (f"{REFUSALS}::test_refused",),
    38: (f"{RULES}::test_a_whole_answer_with_text_that_is_none",),
    39: ("catalogue/test_catalogue.py::test_haiku_55_costs_more_above_100k_prompt_tokens",),
    40: (f"{RETRY}::test_overload_keeps_its_class_after_the_retries",),
    41: (f"{RETRY}::test_429_without_a_time_is_not_retried", f"{RETRY}::test_a_spend_cap_is_not_retried"),
    42: (f"{RETRY}::test_a_long_wait_is_not_waited", f"{FAULTS}::test_a_long_wait_is_the_users_to_decide"),
    43: (
        f"{RETRY}::test_a_whole_answer_that_breaks_off",
        f"{EVENTS}::test_a_broken_line_in_mid_stream_is_truncated",
    ),
    44: ("wire/test_wire_errors.py::test_bodies_of_every_kind",),
    45: ("wire/test_wire_errors.py::test_the_header_names_the_request",),
    46: (
        "wire/test_wire_client.py::test_credentials_and_options_as_headers",
        f"{SERVER}::test_both_key_headers_open",
    ),
    48: (
        "containers/test_containers_artifacts.py::test_ids_are_found_two_levels_deep_in_order_and_once",
        "local/test_local_files.py::test_only_what_code_made_can_be_downloaded",
    ),
    49: (
        f"{ANSWERS}::test_an_expired_container_is_an_error_that_names_it",
        f"{FAULTS}::test_an_unknown_container_is_made_anew",
    ),
    50: (f"{LISTS}::test_files_by_page_through_an_empty_one",),
}
ELSEWHERE = {
    18: "no request here asks for thinking to be shown",
    23: "no tools of the client's own yet: nothing here answers a `tool_use`",
    32: "no skills yet",
    47: "no batches yet",
}


@cache
def functions_of(path):
    """The names of the test functions of a file."""
    tree = ast.parse((HERE / path).read_text("utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_trap_has_its_test():
    """Each of the fifty is on one of the two lists, and what a list names is there."""
    assert sorted([*COVERED, *ELSEWHERE]) == list(range(1, 51))
    named = [tuple(name.split("::")) for names in COVERED.values() for name in names]
    assert [f"{path}::{test}" for path, test in named if test not in functions_of(path)] == []


SEALED = [
    {"type": "thinking", "thinking": "", "signature": "EuYBCkYI"},
    {"type": "redacted_thinking", "data": "EmwKAhgB"},
    {
        "type": "web_search_tool_result",
        "tool_use_id": "srvtoolu_1",
        "content": [
            {"type": "web_search_result", "url": "u", "title": "t", "encrypted_content": "Eq8C", "page_age": None}
        ],
    },
    {
        "type": "code_execution_tool_result",
        "tool_use_id": "srvtoolu_1",
        "content": {
            "type": "encrypted_code_execution_result",
            "encrypted_stdout": "ErQB",
            "stderr": "",
            "return_code": 0,
            "content": [],
        },
    },
    {
        "type": "text",
        "text": "So it is.",
        "citations": [
            {
                "type": "web_search_result_location",
                "url": "u",
                "title": "t",
                "encrypted_index": "Eo8B",
                "cited_text": "x",
            }
        ],
    },
]


@pytest.mark.parametrize("block", SEALED, ids=lambda block: block["type"])
def test_what_is_sealed_goes_back_as_it_came(block):
    """Signatures and encrypted parts, empty thinking included, return unchanged (17, 26); thinking within its turn."""
    call = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}
    asked = {"type": "text", "text": "Is it?"}
    request = Request("m", 10, ({"role": "user", "content": [asked]},))
    assert request.continued([call, block], None).messages[-1]["content"] == [call, block]
    if "thinking" not in block["type"]:
        turn = Turn((asked,), Message(content=(call, block), stop_reason="end_turn", complete=True))
        kept = [call, block] if "tool_use_id" in block else [block]
        assert turn.travelling()[-1]["content"] == kept


def test_a_whole_answer_may_be_long(local_server):
    """The rule of 21,333 tokens is the SDK's own: here a whole answer of any length is asked for (35)."""
    body = {"model": "claude-sonnet-5-5", "max_tokens": 64_000, "messages": [{"role": "user", "content": "Hi"}]}
    with Client(base_url=local_server.base_url, api_key=local_server.key) as client:
        assert client.messages.create(body).body["stop_reason"] == "end_turn"
