"""Prices: litellm's table as it was released, whatever a pipeline makes of litellm's own copy."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import litellm
import pytest
from doubles.package_sources import attributes
from litellm import Router

from pytest_lmopt.errors import PackageError
from pytest_lmopt.lm.money import price_table
from pytest_lmopt.lm.money.price_table import image_price, table_limits
from pytest_lmopt.lm.money.prices import Price, give_prices, price

MODEL = "openai/gpt-4o-mini"
FREE = {"input_cost_per_token": 0.0, "output_cost_per_token": 0.0}


def _routed() -> None:
    Router(
        model_list=[
            {
                "model_name": MODEL,
                "litellm_params": {"model": MODEL, "api_key": "x", **FREE},
                "model_info": {"id": MODEL, **FREE},
            }
        ]
    )


def _called() -> None:
    litellm.completion(
        model=MODEL, messages=[{"role": "user", "content": "x"}], mock_response="y", **FREE
    )


CHEAPENED: list[Callable[[], object]] = [
    _called,
    _routed,
    lambda: litellm.register_model({MODEL: FREE, "gpt-4o-mini": FREE}),
    lambda: litellm.model_cost["gpt-4o-mini"].update(FREE),
    lambda: litellm.model_cost.clear(),  # noqa: PLW0108 - the table of the time of the call
    lambda: setattr(litellm, "model_cost", {MODEL: FREE}),
]


@pytest.mark.usefixtures("prices_restored")
@pytest.mark.parametrize("cheapened", CHEAPENED)
def test_no_pipeline_changes_a_price(cheapened: Callable[[], object]) -> None:
    """Neither with a call, a router, a registration, nor in the table itself."""
    honest = price(MODEL, 1000, 1000)
    cheapened()
    assert price(MODEL, 1000, 1000) == honest == 750


@pytest.mark.usefixtures("prices_restored")
@pytest.mark.parametrize("model", ["openai/unheard-of", "nobody/unknown"])
def test_a_pipeline_gives_no_price_to_an_unknown_model(model: str) -> None:
    """Under a dollar budget it stays refused; ``lm_prices`` is the user's place for it."""
    litellm.register_model({model: {**FREE, "litellm_provider": "openai", "mode": "chat"}})
    assert price(model, 1000, 1000) is None


@pytest.mark.parametrize(
    "model",
    [
        "gpt-4o-mini",
        "openai/gpt-4o",
        "ft:gpt-4o-2024-08-06",
        "azure/gpt-4o",
        "anthropic/claude-sonnet-4-5-20250929",
        "claude-sonnet-4-5",
        "gemini/gemini-2.5-pro",
        "vertex_ai/gemini-2.5-pro",
        "bedrock/anthropic.claude-3-haiku-20240307-v1:0",
        "bedrock/us.anthropic.claude-3-haiku-20240307-v1:0",
        "bedrock/us-east-1/anthropic.claude-instant-v1",
        "bedrock/converse/us.anthropic.claude-3-haiku-20240307-v1:0",
        "groq/llama-3.3-70b-versatile",
        "mistral/mistral-large-latest",
        "openrouter/openai/gpt-4o",
        "dashscope/qwen-flash",
        "xai/grok-3",
        "ollama/llama3",
        "groq/gpt-4o",
    ],
)
@pytest.mark.parametrize("tokens", [(1000, 500), (150_000, 100), (300_000, 5000)])
def test_prices_are_those_that_litellm_computes(model: str, tokens: tuple[int, int]) -> None:
    """By provider, region, version and the length of what is asked."""
    try:
        dollars = sum(
            litellm.cost_per_token(
                model=model, prompt_tokens=tokens[0], completion_tokens=tokens[1]
            )
        )
        expected: int | None = -int(-dollars * 1_000_000 // 1)
    except Exception:
        expected = None
    assert price(model, *tokens) == expected


@pytest.mark.parametrize(
    "model",
    [
        "openai/gpt-4o",
        "anthropic/claude-sonnet-4-5-20250929",
        "gemini/gemini-2.5-pro",
        "gpt-3.5-turbo",
    ],
)
@pytest.mark.parametrize("tokens", [(1000, 500), (300_000, 5000)])
def test_parts_of_the_input_that_a_cache_takes_have_their_own_rates(
    model: str, tokens: tuple[int, int]
) -> None:
    """Whatever the length; they cost as litellm computes it."""
    dollars = sum(
        litellm.cost_per_token(
            model=model,
            prompt_tokens=tokens[0],
            completion_tokens=tokens[1],
            cache_read_input_tokens=600,
            cache_creation_input_tokens=100,
        )
    )
    expected = -int(-dollars * 1_000_000 // 1)
    assert price(model, *tokens, cached=600, written=100) == expected


def test_a_given_price_makes_no_difference_between_cached_input_and_other() -> None:
    """It has two figures only."""
    give_prices({MODEL: Price(input=2.0, output=0.0)})
    try:
        assert price(MODEL, 1000, 0, cached=600, written=100) == 2000
    finally:
        give_prices({})


def test_images_have_a_price_each_or_by_their_tokens() -> None:
    """As the table has it; where it depends on their size there is none."""
    assert image_price("gemini/imagen-3.0-fast-generate-001", 3) == pytest.approx(0.06)
    assert image_price("openai/gpt-image-1", 3) is None
    assert price("openai/gpt-image-1", 1000, 1000) == 45_000


@pytest.mark.parametrize(
    ("model", "limits"),
    [
        ("gpt-4o-mini", (128_000, 16_384)),
        ("openai/gpt-4o-mini", (128_000, 16_384)),
        ("ft:gpt-4o-mini-2024-07-18:org::id", (128_000, 16_384)),
        ("offered/gpt-4o-mini", (None, None)),
        ("openai/unheard-of", (None, None)),
    ],
)
def test_the_table_holds_a_models_context_and_largest_output(
    model: str, limits: tuple[int | None, int | None]
) -> None:
    """Of a provider that it lacks, nothing is known."""
    assert table_limits(model) == limits


def test_prices_and_limits_need_no_import_of_litellm() -> None:
    """Its import takes longer than many a suite."""
    code = (
        "import sys; from pytest_lmopt.lm.money.prices import price;"
        "from pytest_lmopt.lm.money.price_table import table_limits;"
        "print(price('openai/gpt-4o-mini', 1000, 1000), price('gpt-4o-mini', 1000, 1000),"
        " *table_limits('gpt-4o-mini'), 'litellm' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["750", "750", "128000", "16384", "False"]


def test_a_table_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than every model passing for one without a price."""
    monkeypatch.setattr(price_table, "_FILE", "elsewhere.json")
    with pytest.raises(
        PackageError, match=r"expected the price table elsewhere\.json .*, found none"
    ):
        price_table._table.__wrapped__()


def test_a_model_that_is_not_priced_by_tokens_is_unpriced() -> None:
    """Paid by the second or by commitment it is not free, though litellm computes 0."""
    assert price("bedrock/us-east-1/1-month-commitment/anthropic.claude-v1", 1000, 1000) is None


def test_litellms_own_table_is_asked_nowhere() -> None:
    """Anything may write to that table at run time, so it gives no price and is not written to."""
    theirs = {"model_cost", "register_model", "cost_per_token", "completion_cost", "response_cost"}
    assert attributes(*theirs) == set()
