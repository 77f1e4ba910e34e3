"""What every peer does with a usage event: decode it, price it, add it up by team, sku and quarter hour.

As lean as it can be in Python one event at a time: instants stay integers, rates are integers found in a dictionary,
nothing is attributed, kept from being counted twice, or written. Needs fastavro alone.
"""

from __future__ import annotations

import io
import json
import sys
import time
from typing import Any

import fastavro

_FRAMING = 10
"""Bytes of single-object encoding before the event."""
_QUARTER_US = 900_000_000


class Work:
    """One peer's share: call it with each value; it notes when the first and the last came."""

    def __init__(self, told: dict[str, Any]) -> None:
        """Take what the benchmark tells of topic, schema and rates."""
        self.bootstrap: str = told["bootstrap"]
        self.topic: str = told["topic"]
        self.count: int = told["count"]
        self._schema = fastavro.parse_schema(told["schema"])
        self._rates = {(provider, model): rates for provider, model, rates in told["rates"]}
        self._cells: dict[tuple[str, str, str, int], list[int]] = {}
        self._seen = 0
        self._began = 0.0
        self._ended = 0.0

    @classmethod
    def told(cls) -> Work:
        """Read what to do from standard input."""
        return cls(json.load(sys.stdin))

    def __call__(self, value: bytes) -> None:
        """Decode, price and add up one event."""
        if not self._seen:
            self._began = time.perf_counter()
        event: Any = fastavro.schemaless_reader(io.BytesIO(value[_FRAMING:]), self._schema)
        rates = self._rates[event["provider"], event["model"]]
        amount = 0
        for unit, rate in rates:
            amount += (event[unit] or 0) * rate
        cell = (event["team"], event["provider"], event["model"], event["time"] // _QUARTER_US)
        total = self._cells.get(cell)
        if total is None:
            self._cells[cell] = [amount, 1]
        else:
            total[0] += amount
            total[1] += 1
        self._seen += 1
        if self._seen == self.count:
            self._ended = time.perf_counter()

    @property
    def done(self) -> bool:
        """Whether every event came."""
        return self._seen >= self.count

    def tell(self) -> None:
        """Print how fast it went, and sums to compare with."""
        if not self.done:
            raise SystemExit(f"only {self._seen} of {self.count} events came")
        amount = sum(total[0] for total in self._cells.values())
        rate = self._seen / (self._ended - self._began)
        print(json.dumps({"rate": rate, "events": self._seen, "amount": amount, "cells": len(self._cells)}))
