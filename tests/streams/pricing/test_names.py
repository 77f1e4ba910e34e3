"""What producers, gateways and clouds call a model, and what the list calls it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from genai_prices.data_snapshot import find_provider_by_id, get_snapshot

from outlay_streams.pricing import PriceBook, Reported
from outlay_streams.pricing.names import find_model, is_fine_tuned

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
BOOK = PriceBook.compile()


@pytest.mark.parametrize(
    ("reported", "provider", "model", "region"),
    [
        (("openai", "gpt-4o"), "openai", "gpt-4o", ""),
        ((" OpenAI ", "GPT-4o"), "openai", "gpt-4o", ""),
        (("openai", "openai/gpt-4o"), "openai", "gpt-4o", ""),
        (("openai", "gpt-5-mini-2025-08-07"), "openai", "gpt-5-mini", ""),
        (("openai", "gpt-5.2-20251211"), "openai", "gpt-5.2", ""),
        (("azure", "azure/gpt-4o"), "azure", "gpt-4o", ""),
        (("azure_openai", "gpt-4o-mini-2024-07-18"), "azure", "gpt-4o-mini", ""),
        (("azure.ai.openai", "openai/gpt-4o"), "azure", "gpt-4o", ""),
        (
            ("bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
            "aws",
            "regional.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "us",
        ),
        (
            ("aws.bedrock", "bedrock/eu.anthropic.claude-sonnet-4-5-20250929-v1:0"),
            "aws",
            "regional.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "eu",
        ),
        (
            ("aws", "global.anthropic.claude-sonnet-4-5-20250929-v1:0"),
            "aws",
            "global.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "global",
        ),
        (
            ("aws", "anthropic.claude-sonnet-4-5-20250929-v1:0", None, "global"),
            "aws",
            "global.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "global",
        ),
        (
            ("aws", "anthropic.claude-sonnet-4-5-20250929-v1:0", None, "EU-West-1"),
            "aws",
            "regional.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "eu-west-1",
        ),
        (
            (
                "aws",
                "arn:aws:bedrock:us-east-1:123456789012:inference-profile/apac.anthropic.claude-sonnet-4-20250514-v1:0",
            ),
            "aws",
            "regional.anthropic.claude-sonnet-4-20250514-v1:0",
            "apac",
        ),
        (
            ("aws", "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"),
            "aws",
            "amazon.nova-lite-v1:0",
            "us-east-1",
        ),
        (("vertex_ai", "publishers/anthropic/models/claude-sonnet-4-5@20250929"), "google", "claude-sonnet-4-5", ""),
        (
            ("gcp.vertex_ai", "projects/p/locations/us-central1/publishers/google/models/gemini-2.5-pro"),
            "google",
            "gemini-2.5-pro",
            "us-central1",
        ),
        (("gemini", "models/gemini-2.5-flash"), "google", "gemini-2.5-flash", ""),
        (("openrouter", "openai/gpt-4o"), "openrouter", "openai/gpt-4o", ""),
        (("x_ai", "grok-4"), "x-ai", "grok-4-0709", ""),
        (("litellm", "anthropic/claude-sonnet-4-5"), "anthropic", "claude-sonnet-4-5", ""),
        (("litellm", "gpt-4o"), "openai", "gpt-4o", ""),
        (("openai", "ft:gpt-4o-mini-2024-07-18:acme::abc"), "openai", "ft:gpt-4o-mini", ""),
    ],
)
def test_a_reported_name_is_recognised(reported: tuple[str, ...], provider: str, model: str, region: str) -> None:
    found = BOOK.resolve(Reported(*reported), NOON)
    assert (found.provider, found.model, found.region) == (provider, model, region)
    assert found.terms is not None


@pytest.mark.parametrize(
    ("reported", "reason"),
    [
        (("foo", "gpt-4o"), "unknown_provider: foo"),
        (("openai", "gpt-99"), "unknown_model: openai/gpt-99"),
        (("openai", "anthropic/claude-sonnet-4-5"), "unknown_model: openai/anthropic/claude-sonnet-4-5"),
        (("openai", "ft:gpt-4.1-2025-04-14:acme::abc"), "unknown_fine_tune: openai/ft:gpt-4.1-2025-04-14:acme::abc"),
        (("azure", "gpt-4o-2024-08-06.ft-0a1b2c"), "unknown_fine_tune: azure/gpt-4o-2024-08-06.ft-0a1b2c"),
        (("mistral", "ft:open-mistral-7b:587a6b29:20240514:7e773925"), "unknown_fine_tune"),
        (("aws", "arn:aws:bedrock:us-east-1:1:application-inference-profile/abc"), "unknown_model"),
        (("litellm", "acme/thing"), "unknown_provider: litellm"),
        (("openai", "gpt-4o", "provisioned"), "no_price_for_tier: provisioned_throughput"),
    ],
)
def test_what_has_no_price_says_why(reported: tuple[str, ...], reason: str) -> None:
    found = BOOK.resolve(Reported(*reported), NOON)
    assert found.terms is None
    assert found.reason.startswith(reason)


def test_an_unknown_sku_keeps_the_name_it_came_with() -> None:
    found = BOOK.resolve(Reported("Foo", "Bar-1", "Priority", "Mars"), NOON)
    assert (found.provider, found.model, found.service_tier, found.region) == ("foo", "Bar-1", "priority", "mars")


def test_every_name_genai_knows_is_the_same_model_here() -> None:
    providers = get_snapshot().providers
    for provider in providers:
        assert find_provider_by_id(list(providers), provider.id) is provider
        for model in provider.models:
            theirs = provider.find_model(model.id, all_providers=list(providers))
            ours = find_model(providers, provider, model.id, "")
            if theirs is not None and not is_fine_tuned(model.id):
                assert ours is not None, (provider.id, model.id)
                assert ours.model is theirs, (provider.id, model.id, ours.model.id)


@pytest.mark.parametrize("tier", ["", "auto", "default", "on_demand", "Standard", "ON-DEMAND", None])
def test_every_way_to_say_nothing_special_is_standard(tier: str | None) -> None:
    assert BOOK.resolve(Reported("openai", "gpt-4o", tier), NOON).service_tier == "standard"
