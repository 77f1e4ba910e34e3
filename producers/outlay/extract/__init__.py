"""From a provider's response to disjoint quantities: what was billed, each token in one unit and no other.

>>> outlay.extract.usage("openai", response)  # doctest: +SKIP
(Used(provider='openai', model='gpt-5-mini-2025-08-07', quantities={'input_tokens': 386, ...}, ...),)

A module for each provider says how its counts overlap. Nothing but counts, names and ids is read.
"""

from outlay.extract import anthropic, bedrock, cohere, google, mistral, openai, speech, voyage
from outlay.extract._stream import Stream
from outlay.extract._used import UNKNOWN, UNMETERED, Used
from outlay.extract.dispatch import usage

__all__ = [
    "UNKNOWN",
    "UNMETERED",
    "Stream",
    "Used",
    "anthropic",
    "bedrock",
    "cohere",
    "google",
    "mistral",
    "openai",
    "speech",
    "usage",
    "voyage",
]
