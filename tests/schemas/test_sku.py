"""A sku's text form says everything and reads back the same."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from outlay_schemas.sku import Sku

part = st.text(
    st.sampled_from("aZ0/:@%-_. é𝄞") | st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=12
)


@given(provider=part, model=part, tier=st.just("standard") | part, region=st.just("") | part)
@example("bedrock", "anthropic.claude-v1:0", "0", "@")
@example("a/b", "m%3A", ":", "%")
def test_reads_back_what_it_writes(provider: str, model: str, tier: str, region: str) -> None:
    sku = Sku(provider, model, tier, region)
    assert Sku.parse(str(sku)) == sku


@pytest.mark.parametrize(
    ("text", "sku"),
    [
        ("openai/gpt-5-mini", Sku("openai", "gpt-5-mini")),
        ("openai/gpt-5-mini:batch", Sku("openai", "gpt-5-mini", "batch")),
        ("aws/claude-sonnet-5@eu-west-1", Sku("aws", "claude-sonnet-5", region="eu-west-1")),
        ("aws/claude-sonnet-5:flex@eu-west-1", Sku("aws", "claude-sonnet-5", "flex", "eu-west-1")),
        ("openrouter/meta/llama-4", Sku("openrouter", "meta/llama-4")),
        ("aws/anthropic.claude-v1%3A0", Sku("aws", "anthropic.claude-v1:0")),
    ],
)
def test_the_text_form(text: str, sku: Sku) -> None:
    assert Sku.parse(text) == sku
    assert str(sku) == text


@pytest.mark.parametrize(
    "text", ["", "gpt-5", "/gpt-5", "openai/", "aws/claude-v1:0", "a/b:c:d", "a/b@c@d", "a/b@c:d", "a/b@"]
)
def test_what_is_no_sku_is_refused_with_the_way_to_write_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"write provider/model\[:tier\]\[@region\]"):
        Sku.parse(text)
