"""What can be wrong with a value from the log."""

from __future__ import annotations


class WireError(ValueError):
    """The bytes are no value of this version, or were changed on their way; a retry reads the same: stop and look."""
