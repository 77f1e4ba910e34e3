"""What can keep budgets from being told."""

from __future__ import annotations


class BudgetsUnknown(RuntimeError):  # noqa: N818 - reads as what it is
    """What was spent cannot be told now; the message says why. Ask again in a moment."""
