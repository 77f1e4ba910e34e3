"""Settings from files: `OUTLAY_STORE_FILE=/run/secrets/store` sets `store` to what the file holds.

For secrets that an orchestrator mounts; the value never appears in the environment.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import PydanticBaseSettingsSource

PREFIX = "OUTLAY_"
_SUFFIX = "_FILE"


class SecretFiles(PydanticBaseSettingsSource):
    """Reads top-level settings from the files that `OUTLAY_<NAME>_FILE` variables name."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002 - the base's signature
        """Return the content of the field's file without the final newline, or None."""
        path = os.environ.get(f"{PREFIX}{field_name.upper()}{_SUFFIX}")
        return (None if path is None else Path(path).read_text("utf-8").rstrip("\r\n")), field_name, False

    def __call__(self) -> dict[str, Any]:
        """Return every setting that has a file."""
        read = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in read.items() if value is not None}
