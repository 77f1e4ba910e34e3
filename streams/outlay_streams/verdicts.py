"""Verdicts on valid events, as small integers for columns (`outlay_schemas.outcome.Verdict` for people)."""

from __future__ import annotations

from outlay_schemas.outcome import Verdict

NEW = 0
DUPLICATE = 1
CONFLICT = 2

BY_CODE = (Verdict.ACCEPTED, Verdict.DUPLICATE, Verdict.CONFLICT)
