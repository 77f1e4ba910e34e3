"""The spend entry: one line of the ledger as a document, the published contract of what an entry says.

The same columns as `outlay_schemas.arrow.ENTRIES`, with every unit in one mapping. Empty text means "none". Blocks
carry entries as Arrow; the query API shows their fields without where the ledger keeps them, absent text as null.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer, model_validator

from outlay_schemas.money import PRECISION, SCALE, plain
from outlay_schemas.units import FREQUENT, QUANTITY_SCALE
from outlay_schemas.usage import Category, Kind, Milliseconds, Outcome

Status = Literal["priced", "unpriced", "free"]

AS_TEXT = PlainSerializer(plain, return_type=str, when_used="json")
"""Decimals as plain decimal strings in JSON."""
Usd = Annotated[Decimal, Field(max_digits=PRECISION, decimal_places=SCALE), AS_TEXT]
EntryQuantity = Annotated[Decimal, Field(ge=0, max_digits=PRECISION, decimal_places=QUANTITY_SCALE), AS_TEXT]


class SpendEntry(BaseModel):
    """One line of the ledger: the usage event, whose it is, and its exact amount with the price that made it.

    `amount` is null exactly when `status` is `unpriced`, and then `reason` says why. In JSON, amounts and quantities
    are decimal strings.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    org: str
    """The organisation, from the key the event was sent with."""
    source: str
    """What produced the event."""
    id: str
    """Unique within org and source."""
    time: AwareDatetime
    """The moment of use, to the millisecond."""
    received: AwareDatetime
    """The moment Outlay accepted it, to the millisecond."""
    partition: str
    """The source partition of its block."""
    block: Annotated[int, Field(ge=0, lt=2**63)]
    """The offset of its block within the partition."""
    content_hash: Annotated[int, Field(ge=0, lt=2**32)]
    """Digest of the usage event; tells a duplicate from a conflict."""
    kind: Kind
    """`usage`, `invoice` (billed line without events) or `adjustment`."""
    category: Category
    """One of the six cost categories."""
    status: Status
    """`priced`, `unpriced` (amount is null) or `free` (a real zero)."""
    reason: str = ""
    """Why it is unpriced; empty otherwise."""
    provider: str
    """The vendor, by its canonical name."""
    model: str
    """The model or product, by its canonical name."""
    service_tier: str = "standard"
    """The service tier used."""
    region: str = ""
    """Where it was served."""
    operation: str = ""
    """`chat`, `embeddings`, `image_generation`, ..."""
    reported_provider: str
    """The vendor as the event named it."""
    reported_model: str
    """The model as the event named it."""
    business_unit: str
    """The unit of the business that pays, or `unallocated`."""
    department: str
    """The department, or `unallocated`."""
    team: str
    """The team that pays, or `unallocated`."""
    project: str
    """The project, or `unallocated`."""
    app: str
    """The application, or `unallocated`."""
    env: str
    """The environment, or `unallocated`."""
    key: str
    """The name of the provider or virtual key, or `unallocated`."""
    user: str
    """The end user, or `unallocated`."""
    use_case: str
    """The use case, or `unallocated`."""
    tags: dict[str, str] = Field(default_factory=dict)
    """Free keys and values."""
    calls: Annotated[int, Field(ge=0, lt=2**63)] = 1
    """How many calls the entry stands for."""
    quantities: dict[str, EntryQuantity] = Field(default_factory=dict)
    """Unit to quantity, for the units that were used."""
    latency_ms: Milliseconds | None = None
    """Duration of the whole call, in milliseconds."""
    ttft_ms: Milliseconds | None = None
    """Time to the first token, in milliseconds."""
    outcome: Outcome = "ok"
    """Whether the call succeeded."""
    estimated: bool = False
    """Whether the quantities are a lower bound."""
    request_id: str = ""
    """The provider's own id of the call."""
    trace_id: str = ""
    """The trace the call belongs to."""
    amount: Usd | None = None
    """USD, exact to 12 decimals; null when unpriced."""
    provider_cost: Usd | None = None
    """USD the provider itself reported for the call."""
    price_id: str = ""
    """The price that made the amount; resolves to its rates for ever."""
    rule_id: str = ""
    """The attribution rules that set something, comma-separated, in order."""
    catalog_version: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """The version of the catalog that attributed and priced it."""

    @model_validator(mode="after")
    def _unpriced_means_unknown(self) -> Self:
        if (self.status == "unpriced") is not (self.amount is None):
            raise ValueError(
                f"amount must be null exactly when status is 'unpriced', not {self.amount} with {self.status!r}"
            )
        if (self.status == "unpriced") is not bool(self.reason):
            raise ValueError(
                f"reason must be set exactly when status is 'unpriced', not {self.reason!r} with {self.status!r}"
            )
        return self

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """Return the entry of one row of `ENTRIES` (`pa.Table.to_pylist`, or a mapping with the same keys)."""
        fields = {name: value for name, value in row.items() if name not in FREQUENT}
        used = {unit: Decimal(row[unit]) for unit in FREQUENT if row[unit]}
        fields["quantities"] = used | _mapping(row["quantities"])
        fields["tags"] = _mapping(row["tags"])
        return cls.model_validate(fields)


def _mapping(value: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Return a map column's value as a dict; Arrow yields pairs, JSON a mapping."""
    return dict(value)
