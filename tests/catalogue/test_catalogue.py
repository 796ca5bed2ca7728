"""The catalogue: dated data, and the small code that reads it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from claude_magic import catalogue


def test_info_of_opus_55_is_the_models_api_object():
    """`info()` of Opus 5.5 equals the object the Models API's page shows, key for key."""
    yes, no = {"supported": True}, {"supported": False}
    assert catalogue.find("claude-opus-5-5").info() == {
        "id": "claude-opus-5-5",
        "type": "model",
        "display_name": "Claude Opus 5.5",
        "created_at": "2026-09-22T00:00:00Z",
        "lifecycle": "active",
        "deprecated_at": None,
        "retires_at": None,
        "line": "opus",
        "max_input_tokens": 1_000_000,
        "max_tokens": 128_000,
        "capabilities": {
            "batch": yes,
            "citations": yes,
            "code_execution": yes,
            "context_management": {
                "supported": True,
                "clear_thinking_20251015": yes,
                "clear_tool_uses_20250919": yes,
                "compact_20260112": yes,
            },
            "effort": {"supported": True, "low": yes, "medium": yes, "high": yes, "xhigh": yes, "max": yes},
            "image_input": yes,
            "pdf_input": yes,
            "server_tools": {"supported": True, "code_execution": yes, "web_search": yes},
            "structured_outputs": yes,
            "thinking": {
                "supported": True,
                "types": {"adaptive": yes, "between_tools": no, "disabled": no, "enabled": no},
            },
        },
    }


def test_the_sdk_parses_every_model():
    """Each object is one that the SDK's own type accepts without a complaint."""
    types = pytest.importorskip("anthropic.types")
    for entry in catalogue.models():
        assert types.ModelInfo.model_validate(entry.info()).id == entry.id


def test_info_is_fresh_each_time():
    """Changing what `info()` returned changes nothing for the next reader."""
    entry = catalogue.find("claude-haiku-4-5")
    entry.info()["capabilities"].clear()
    assert entry.info()["capabilities"]["batch"] == {"supported": True}


def test_capabilities_agree_with_refusals():
    """A thinking type is unsupported exactly when requests with it are refused."""
    for entry in catalogue.models():
        capabilities = entry.info()["capabilities"]
        for kind, can in (capabilities or {"thinking": {"types": {}}})["thinking"]["types"].items():
            assert can["supported"] is not catalogue.refuses(entry.id, f"thinking_{kind}"), (entry.id, kind)


@pytest.mark.parametrize(
    ("model", "feature", "effort", "refused"),
    [
        ("claude-sonnet-4-6", "prefill", None, True),
        ("claude-opus-4-5", "prefill", None, False),
        ("claude-opus-4-7", "thinking_enabled", None, True),
        ("claude-opus-4-6", "thinking_enabled", None, False),
        ("claude-haiku-4-5", "thinking_adaptive", None, True),
        ("claude-opus-5", "thinking_disabled", None, False),
        ("claude-opus-5", "thinking_disabled", "high", False),
        ("claude-opus-5", "thinking_disabled", "xhigh", True),
        ("claude-sonnet-5-5", "thinking_between_tools", "low", False),
        ("claude-sonnet-5-5", "thinking_between_tools", "max", True),
        ("claude-fable-5", "forced_tool_choice", None, False),
        ("claude-fable-5-1", "forced_tool_choice", None, True),
        ("claude-haiku-5-5", "sampling", None, True),
        ("claude-haiku-4-5", "programmatic_calling", None, True),
        ("claude-opus-4-6", "fast", None, False),
        ("claude-opus-4-7", "fast", None, True),
        ("claude-sonnet-5-5", "computer_20251124", None, True),
        ("a-model-of-next-year", "prefill", None, False),
    ],
)
def test_refusals(model, feature, effort, refused):
    """The table of refusals, row by row; of an unknown model nothing is claimed."""
    assert catalogue.refuses(model, feature, effort=effort) is refused


def test_aliases_resolve_to_the_dated_id():
    """An alias finds the model whose id carries the date."""
    assert catalogue.find("claude-sonnet-4-5").id == "claude-sonnet-4-5-20250929"
    assert catalogue.find("nobody") is None


def test_newest_first():
    """Models come newest first, as the API lists them."""
    dates = [entry.created_at for entry in catalogue.models()]
    assert dates == sorted(dates, reverse=True)


def test_lifecycle():
    """Current, deprecated and retired models say so, with dates where known."""
    sonnet, old = catalogue.find("claude-sonnet-4-5"), catalogue.find("claude-opus-4-1")
    assert (sonnet.lifecycle, sonnet.deprecated_at, sonnet.retires_at) == (
        "deprecated",
        "2026-09-30T00:00:00Z",
        "2026-11-30T00:00:00Z",
    )
    assert (old.lifecycle, old.retires_at) == ("retired", "2026-08-05T00:00:00Z")
    assert {entry.lifecycle for entry in catalogue.models()} == {"active", "deprecated", "retired"}


def test_cost_adds_every_figure_of_usage():
    """Sonnet 5.5: 2 + 10 + 2.50 + 4 + 0.10 USD for a million tokens of each kind, 0.01 for a search."""
    million = 1_000_000
    total = catalogue.cost(
        "claude-sonnet-5-5",
        input_tokens=million,
        output_tokens=million,
        cache_creation_5m=million,
        cache_creation_1h=million,
        cache_read=million,
        web_searches=1,
    )
    assert total == pytest.approx(18.61)


def test_a_batch_halves_tokens_but_not_searches():
    """Batches cost half of every token; web searches cost what they always do."""
    total = catalogue.cost("claude-opus-5", input_tokens=10**6, output_tokens=10**6, web_searches=100, batch=True)
    assert total == pytest.approx(15 + 1)


def test_haiku_55_costs_more_above_100k_prompt_tokens():
    """The whole prompt, cached parts included, decides; exactly 100,000 is still the lower price."""
    at = catalogue.cost("claude-haiku-5-5", input_tokens=60_000, cache_read=40_000, output_tokens=1_000)
    above = catalogue.cost("claude-haiku-5-5", input_tokens=60_001, cache_read=40_000, output_tokens=1_000)
    assert at == pytest.approx((60_000 * 0.10 + 40_000 * 0.01 + 1_000 * 0.50) / 1e6)
    assert above == pytest.approx((60_001 * 0.50 + 40_000 * 0.05 + 1_000 * 2.50) / 1e6)


def test_unknown_prices_are_none():
    """Neither an unknown model nor one without a sourced price has a cost."""
    assert catalogue.cost("qwen", input_tokens=1, output_tokens=1) is None
    assert catalogue.cost("claude-mythos-preview", input_tokens=1, output_tokens=1) is None


def test_prices_follow_the_published_rules():
    """Writing to the cache costs 1.25 and 2 times the input, a batch half: a typing slip in the table would show."""
    for entry in catalogue.models():
        for price in filter(None, (entry.prices, entry.prices and entry.prices.above)):
            assert price.cache_write_5m == pytest.approx(1.25 * price.input)
            assert price.cache_write_1h == pytest.approx(2 * price.input)
            assert (price.batch_input, price.batch_output) == pytest.approx((price.input / 2, price.output / 2))


def test_betas_limits_and_date():
    """Beta values, limits and the date of the data are there."""
    assert {"files-api-2025-04-14", "compact-2026-09-04", "server-side-fallback-2026-07-01"} <= catalogue.BETAS
    assert catalogue.limits()["request_bytes"]["messages"] == 32 << 20
    assert catalogue.as_of == "2026-11-21"
    with pytest.raises(AttributeError):
        _ = catalogue.no_such_name


def test_importing_brings_in_only_the_standard_library():
    """The catalogue is imported by the door: no httpx, pandas or IPython come with it, and no file is read yet."""
    code = (
        "import sys; import claude_magic.catalogue as c; "
        "from claude_magic.catalogue._entries import read; "
        "print([m for m in ('httpx', 'ssl', 'pandas', 'IPython') if m in sys.modules], read.cache_info().misses)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] 0"
