"""Nimbus, the example company of `catalog.yaml`: three business units on three continents, and all they run on AI.

Most events name an app or a key and the catalog says whose it is. One model is in no price book and one team in no
catalog, as in any real company.
"""

from __future__ import annotations

from importlib.resources import files

from outlay_api.demo.traffic import Traffic
from outlay_api.demo.world.consumer import CONSUMER
from outlay_api.demo.world.engineering import PLATFORM, SEATS, STRAYS, UNKNOWN_MODEL
from outlay_api.demo.world.enterprise import ENTERPRISE

__all__ = ["UNKNOWN_MODEL", "catalog_text", "traffic"]


def catalog_text() -> str:
    """Return the catalog of the example company."""
    return files("outlay_api.demo").joinpath("catalog.yaml").read_text(encoding="utf-8")


def traffic(seed: int = 1) -> Traffic:
    """Return what Nimbus does all day."""
    return Traffic(workloads=(*CONSUMER, *ENTERPRISE, *PLATFORM, *STRAYS), seats=SEATS, seed=seed)
