"""What every group of settings has in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

MIB = 1024 * 1024


class Group(BaseModel):
    """Settings that belong together; their docstrings are what people read of them."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
