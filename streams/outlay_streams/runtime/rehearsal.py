"""One invented event metered and thrown away: the first real one then waits for no library and no price rule."""

from __future__ import annotations

import json
from datetime import datetime

import numpy as np

from outlay_streams.decode import Limits, decode
from outlay_streams.identity import identify
from outlay_streams.meter import build_block
from outlay_streams.runtime.ports import OrgRules
from outlay_streams.verdicts import NEW


def rehearse(org: str, rules: OrgRules, *, now: datetime) -> None:
    """Decode, attribute, price and sum an event by `rules`; nothing is kept."""
    event = {
        "source": "urn:outlay:rehearsal",
        "id": "1",
        "time": now.isoformat(),
        "provider": "openai",
        "model": "gpt-4o",
        "quantities": {"input_tokens": 1, "output_tokens": 1},
        "tags": {"a": "b"},
    }
    decoded = decode(json.dumps(event).encode(), content_type="application/json", org=org, now=now, limits=Limits())
    build_block(
        decoded.usage,
        identities=identify(decoded.usage),
        verdicts=np.full(decoded.usage.num_rows, NEW, np.int8),
        rules={org: rules},
        received=now,
        partition="rehearsal",
        offset=0,
        rejects=decoded.rejects,
    )
