"""The dimensions spend is attributed to and grouped by."""

from __future__ import annotations

ATTRIBUTION = ("business_unit", "department", "team", "project", "app", "env", "key", "user", "use_case")
"""Who used it, widest first. Always present on an entry; `unallocated` when nothing says."""

SKU = ("provider", "model", "service_tier", "region")
"""What was used. `service_tier` is `standard` and `region` empty when the producer does not say."""

FACTS = ("source", "operation", "outcome", "kind", "category", "status")
"""What kind of entry it is."""

ROLLED_UP = ("business_unit", "department", "team", "project", "app", "env", *SKU, "kind", "category", "status")
"""The dimensions cells and day rows keep; anything else is answered from the raw ledger."""

UNALLOCATED = "unallocated"
