"""Who bills a call, by the client that makes it: its class, or the address it calls."""

from __future__ import annotations

from typing import Any

_BY_CLASS = {
    "AzureOpenAI": "azure",
    "AsyncAzureOpenAI": "azure",
    "AnthropicBedrock": "aws",
    "AsyncAnthropicBedrock": "aws",
    "AnthropicBedrockMantle": "aws",
    "AsyncAnthropicBedrockMantle": "aws",
    "AnthropicVertex": "google",
    "AsyncAnthropicVertex": "google",
    "AnthropicFoundry": "azure",
    "AsyncAnthropicFoundry": "azure",
}

_BY_HOST = {
    "ai.azure.com": "azure",
    "amazonaws.com": "aws",
    "anthropic.com": "anthropic",
    "api.together.ai": "together",
    "api.together.xyz": "together",
    "cerebras.ai": "cerebras",
    "cognitiveservices.azure.com": "azure",
    "cohere.ai": "cohere",
    "cohere.com": "cohere",
    "deepseek.com": "deepseek",
    "fireworks.ai": "fireworks",
    "googleapis.com": "google",
    "groq.com": "groq",
    "mistral.ai": "mistral",
    "moonshot.ai": "moonshotai",
    "moonshot.cn": "moonshotai",
    "openai.azure.com": "azure",
    "openai.com": "openai",
    "openrouter.ai": "openrouter",
    "perplexity.ai": "perplexity",
    "x.ai": "x-ai",
}


def provider_of(client: Any) -> str:
    """Return the provider; for an address no one is known by, its host, which has no prices until someone names it."""
    for kind in type(client).__mro__:
        if kind.__name__ in _BY_CLASS:
            return _BY_CLASS[kind.__name__]
    host = getattr(getattr(client, "base_url", None), "host", "") or "unknown"
    parts = host.split(".")
    for start in range(len(parts)):
        if (known := _BY_HOST.get(".".join(parts[start:]))) is not None:
            return known
    return str(host)
