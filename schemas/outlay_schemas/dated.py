"""What every document of a catalog has in common: strict fields, ids, zones, and the dates it holds between."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

Identifier = Annotated[
    str, StringConstraints(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._:/@+-]*$")
]


@cache
def _zones() -> frozenset[str]:
    """Return the names of all zones; finding them walks a directory, so it is done once."""
    return frozenset(available_timezones())


def _known_zone(name: str) -> str:
    if name not in _zones():
        raise ValueError(f"{name!r} is not an IANA time zone; write for example 'Europe/Berlin'")
    return name


Zone = Annotated[str, AfterValidator(_known_zone)]


class CatalogDocument(BaseModel):
    """A part of a catalog; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class DatedDocument(CatalogDocument):
    """A part that holds for events of some time: `from <= time < to`."""

    effective_from: AwareDatetime | None = Field(default=None, alias="from")
    effective_to: AwareDatetime | None = Field(default=None, alias="to")

    def effective(self, instant: datetime) -> bool:
        """Return whether the document holds at `instant` (aware)."""
        after_start = self.effective_from is None or instant >= self.effective_from
        return after_start and (self.effective_to is None or instant < self.effective_to)
