"""Speech vendors, who bill by the character or the second and answer with sound or text alone.

The caller says how much: ElevenLabs and Deepgram Aura by characters, Deepgram and AssemblyAI by seconds.
"""

from __future__ import annotations

from outlay.extract._read import Number, number
from outlay.extract._used import Used, Uses


def spoken(provider: str, model: str, *, characters: int, request_id: str | None = None) -> Uses:
    """Return what it costs to have so many characters spoken."""
    return _one(provider, model, "input_characters", characters, operation="speech", request_id=request_id)


def heard(provider: str, model: str, *, seconds: Number | float, request_id: str | None = None) -> Uses:
    """Return what it costs to have so many seconds of sound written down."""
    return _one(provider, model, "input_audio_seconds", seconds, operation="transcription", request_id=request_id)


def _one(provider: str, model: str, unit: str, much: Number | float, *, operation: str, request_id: str | None) -> Uses:
    exact = number(much)
    if exact is None:
        raise ValueError(f"{unit} is {much!r}; use a number from 0 up")
    return (Used(provider=provider, model=model, quantities={unit: exact}, operation=operation, request_id=request_id),)
