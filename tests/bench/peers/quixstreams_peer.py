# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = ["quixstreams==3.28.1", "fastavro==1.13.0"]
# ///
"""The work by quixstreams: one function over each value, offsets committed as it does by itself, no state store."""

from __future__ import annotations

from quixstreams import Application
from work import Work


def main() -> None:
    work = Work.told()
    app = Application(
        broker_address=work.bootstrap, consumer_group="quixstreams", auto_offset_reset="earliest", loglevel="ERROR"
    )
    app.dataframe(app.topic(work.topic, value_deserializer="bytes")).update(work)
    app.run(count=work.count, timeout=60.0)
    work.tell()


main()
