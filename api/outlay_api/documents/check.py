"""The JSON documents of the self-check, as OpenAPI shows them."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from outlay_infra.warehouse.check import Difference


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, use_attribute_docstrings=True)


class FoundDifference(_Document):
    """One number that is not what the ledger's entries say."""

    table: str
    partition: str
    key: dict[str, str]
    """The row."""
    measure: str
    expected: str | None
    """What the entries say."""
    found: str | None
    mend: str
    """What to do about it."""


class Checked(_Document):
    """What a check found."""

    ok: bool
    differences: list[FoundDifference]


class RepairRequest(_Document):
    """What to rebuild: one partition of one table, or everything a check of those days finds wrong."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}, {"table": "days", "partition": "202611"}]})

    table: Annotated[str, Field(max_length=64)] | None = None
    partition: Annotated[str, Field(max_length=16)] | None = None
    since: Annotated[date | None, Field(alias="from")] = None
    """First day to check."""
    until: Annotated[date | None, Field(alias="to")] = None
    """Day after the last to check."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.table is None) is not (self.partition is None):
            raise ValueError("table and partition go together; give both, or neither to rebuild what a check finds")
        return self


class Repaired(_Document):
    """What was rebuilt."""

    repaired: list[str]
    """A line for each partition rebuilt."""
    ok: bool | None
    """Whether a check of the same days finds nothing now; null when one partition was named and nothing checked."""
    differences: list[FoundDifference]
    """What is still wrong."""


def found(difference: Difference) -> FoundDifference:
    """Return a difference as its document."""
    return FoundDifference(
        table=difference.table,
        partition=difference.partition,
        key=dict(difference.key),
        measure=difference.measure,
        expected=None if difference.expected is None else str(difference.expected),
        found=None if difference.found is None else str(difference.found),
        mend=difference.mend,
    )
