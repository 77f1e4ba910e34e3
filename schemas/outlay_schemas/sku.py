"""What was used and priced: provider, model and the qualifiers that move the price.

The text form is `provider/model[:tier][@region]`: `openai/gpt-5-mini`, `aws/claude-sonnet-5:batch@eu-west-1`.
A `/` in a provider and a `:` or `@` in a model are percent-encoded, so the form is exact both ways.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

STANDARD = "standard"
"""The service tier of whoever does not say."""

_SAFE = " !\"#$&'()*+,;<=>?[\\]^`{|}"
_TEXT = re.compile(r"(?P<provider>[^/]+)/(?P<model>[^:@]+)(?::(?P<tier>[A-Za-z%][^:@]*))?(?:@(?P<region>[^:@]+))?")


@dataclass(frozen=True, slots=True)
class Sku:
    """One priced thing. An absent tier is `standard`, an absent region the empty text, as in the ledger."""

    provider: str
    model: str
    service_tier: str = STANDARD
    region: str = ""

    def __str__(self) -> str:
        tier = "" if self.service_tier == STANDARD else f":{_quote_tier(self.service_tier)}"
        region = f"@{quote(self.region, safe=_SAFE + '/')}" if self.region else ""
        return f"{quote(self.provider, safe=_SAFE)}/{quote(self.model, safe=_SAFE + '/')}{tier}{region}"

    @classmethod
    def parse(cls, text: str) -> Sku:
        """Read the text form; raise `ValueError` when it is not one."""
        parts = _TEXT.fullmatch(text)
        if parts is None:
            raise ValueError(
                f"{text!r} is not a sku; write provider/model[:tier][@region], with %3A, %40 for ':', '@' in a model"
            )
        return cls(
            unquote(parts["provider"]),
            unquote(parts["model"]),
            unquote(parts["tier"]) if parts["tier"] else STANDARD,
            unquote(parts["region"] or ""),
        )


def _quote_tier(tier: str) -> str:
    """Quote a tier so that it starts with a letter or `%`: a bare `:0` is far more likely part of a model's name."""
    text = quote(tier, safe=_SAFE + "/")
    return text if text[0].isalpha() or text[0] == "%" else f"%{ord(text[0]):02X}{text[1:]}"
