"""Why a budgets worker ends. None of it loses anything: what was not acknowledged is read again.

BudgetsError
├── Stood           the process stood still for so long that others may have its partitions; be started again
├── Unbudgetable    a fault in the process keeps cells from being added; report it with the log
└── Unstoppable     the libraries below do not let go, brokers being away for example; end the process by force
"""

from __future__ import annotations


class BudgetsError(Exception):
    """A budgets worker ended; start it again once what the message says is done."""


class Stood(BudgetsError):  # noqa: N818 - reads as what happened
    """The process stood still; what it would write now might be older than what another has written since."""


class Unbudgetable(BudgetsError):  # noqa: N818 - reads as what it is
    """The app ended by itself."""


class Unstoppable(BudgetsError):  # noqa: N818 - reads as what it is
    """Threads of the libraries are left behind; end the process by force, which loses nothing."""
