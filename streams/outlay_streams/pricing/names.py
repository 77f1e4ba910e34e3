"""Names of providers and models: from what producers send to how the price list calls them.

Genai-prices' own matching comes first; then the forms that gateways and clouds wrap around a name are taken off one by
one. A fine-tuned model never takes its base model's price: the list must name fine-tunes itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from genai_prices.data_snapshot import find_provider_by_id
from genai_prices.types import ModelInfo, Provider

_PROVIDERS = {
    "amazon_bedrock": "aws",
    "az.ai.inference": "azure",
    "az.ai.openai": "azure",
    "azure.ai.inference": "azure",
    "azure.ai.openai": "azure",
    "azure_ai": "azure",
    "azure_ai_foundry": "azure",
    "azure_openai": "azure",
    "azureopenai": "azure",
    "cohere_chat": "cohere",
    "fireworks_ai": "fireworks",
    "gcp.gen_ai": "google",
    "github_copilot": "github-copilot",
    "grok": "x-ai",
    "moonshot_ai": "moonshotai",
    "perplexity_ai": "perplexity",
    "together_ai": "together",
    "togetherai": "together",
    "voyage_ai": "voyageai",
    "x_ai": "x-ai",
    "z_ai": "zai",
    "z.ai": "zai",
}
"""Provider names of OpenTelemetry, LiteLLM and others that genai-prices does not know, or takes for another."""

_GATEWAYS = frozenset({"litellm", "gateway", "litellm_proxy", "portkey", "helicone"})
"""Not providers: the model's prefix, or the model itself, says which provider it was."""

_CONTAINERS = frozenset({"foundation-model", "inference-profile", "models"})
"""Path segments before a model's name that say nothing about it."""

_FINE_TUNED = re.compile(r"(^|[/.:])ft[:-]")
_NAMES_FINE_TUNES = re.compile(r"(?<![a-z])ft[:-]")
_GEOGRAPHY = re.compile(r"(?:^|/)(us-gov|us|eu|apac|jp|au|in|ca|sa|global)\.(?=[a-z0-9_-]+\.)")
_ARN = re.compile(r"^arn:aws[\w-]*:bedrock:([a-z0-9-]*):[^/]*/(.+)$")
_PUBLISHED = re.compile(r"^(?:projects/[^/]+/)?(?:locations/([^/]+)/)?publishers/[^/]+/models/(.+)$")
_AT = re.compile(r"@(\d{8}|default|latest)$")


@dataclass(frozen=True, slots=True)
class Named:
    """A model of the list as sold by a provider, and the region that the name itself gave ('' when none)."""

    provider: Provider
    model: ModelInfo
    region: str

    @property
    def is_own(self) -> bool:
        """Whether the provider lists the model itself; a borrowed model has no variants here, as in genai-prices."""
        return any(model is self.model for model in self.provider.models)


def find_provider(providers: Sequence[Provider], name: str, model: str) -> Provider | None:
    """Return the provider called `name`; for a gateway's name, the one that the model's name tells."""
    known = name.strip().lower()
    if found := find_provider_by_id(list(providers), _PROVIDERS.get(known.replace("-", "_"), known)):
        return found
    if known not in _GATEWAYS:
        return None
    prefix, slash, _ = model.partition("/")
    if slash and prefix.strip():
        return find_provider(providers, prefix, "")
    return next((each for each in providers if each.model_match and each.model_match.is_match(model.lower())), None)


def find_model(providers: Sequence[Provider], provider: Provider, name: str, region: str) -> Named | None:
    """Return the model called `name` at `provider`, or None; `region` helps where the list prices regions apart."""
    everyone = list(providers)
    fine_tuned = is_fine_tuned(name)
    for reference, place in _references(everyone, provider, name.strip().lower(), region):
        model = provider.find_model(reference, all_providers=everyone)
        if model is not None and (not fine_tuned or _NAMES_FINE_TUNES.search(repr(model.match))):
            return Named(provider, model, place)
    return None


def is_fine_tuned(name: str) -> bool:
    """Return whether the name is of a customer's own tuned model (`ft:gpt-4o-mini-...`, `gpt-4o.ft-...`)."""
    return _FINE_TUNED.search(name.lower()) is not None


def _references(providers: list[Provider], provider: Provider, name: str, region: str) -> Iterator[tuple[str, str]]:
    """Yield what the list may call the model, likeliest first, each with the region the name gives."""
    place = ""
    if arn := _ARN.match(name):
        place, name = arn[1], arn[2]
    elif published := _PUBLISHED.match(name):
        place, name = published[1] or "", published[2]
    for _ in range(3):
        prefix, slash, rest = name.partition("/")
        if not slash:
            break
        yield name, _region(name, place)
        if not _names_seller(providers, provider, prefix):
            return
        name = rest
    if provider.id == "aws" and not _GEOGRAPHY.search(name) and "." in name:
        if region == "global":
            yield f"global.{name}", "global"
        yield name, place
        yield f"{region.partition('-')[0] or 'us'}.{name}", place
        return
    yield name, _region(name, place)
    yield _AT.sub(lambda at: f"-{at[1]}" if at[1].isdigit() else "", name), place


def _region(name: str, place: str) -> str:
    geography = _GEOGRAPHY.search(name)
    return geography[1] if geography else place


def _names_seller(providers: list[Provider], provider: Provider, prefix: str) -> bool:
    """Return whether a slash prefix only repeats who sells or made the model."""
    if prefix in _CONTAINERS:
        return True
    found = find_provider(providers, prefix, "")
    return found is not None and (found is provider or found.id in (provider.fallback_model_providers or ()))
