"""A process to be killed: a meter as `outlay run meter` has it, over a store that knows one catalog and no ids."""

from __future__ import annotations

import json
import signal
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from outlay_infra.logging import configure
from outlay_infra.settings import Settings
from outlay_streams.runtime.kafka_meter import run_meter
from tests.support.meter_topics import ORG, MemoryStore

USD = {"input_tokens": "0.0000015", "images": "0.04"}
PRICE = {"id": "flat", "sku": {"provider": "flat", "model": "flat"}, "rates": USD}
"""One price, simple enough to check by hand."""


def main(document: str) -> None:
    settings = Settings(**json.loads(document))
    configure(settings.log, sys.stderr)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    store = MemoryStore()
    store.apply(ORG, prices=[PRICE])
    run_meter(settings, stop, store=store)


if __name__ == "__main__":
    main(sys.argv[1])
