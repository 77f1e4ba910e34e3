"""Why a meter ends. None of it loses anything: offsets stay where the last transaction left them.

MeterError
├── Fenced          another process took over the name or the partitions; be started again
├── Poisoned        too many records in a row are no events; correct their producer, or raise the bound
├── UnevenTopics    the topics do not have the same number of partitions; run `outlay topics apply`
└── Unmeterable     a fault in the process keeps events from being metered; report it with the log

Aborted             a transaction did not take place; the same records are read again
"""

from __future__ import annotations


class MeterError(Exception):
    """A meter ended; start it again once what the message says is done."""


class Fenced(MeterError):  # noqa: N818 - reads as what happened
    """Another process of the same name runs, or the brokers gave the partitions away; start again, under one name."""


class Poisoned(MeterError):  # noqa: N818 - reads as what happened
    """Too many records are refused for this to be single events; the line stops before it empties into `rejected`."""


class UnevenTopics(MeterError):  # noqa: N818 - reads as what it is
    """Topics that are metered together differ in their partitions."""


class Unmeterable(MeterError):  # noqa: N818 - reads as what it is
    """No block can be built, and not for the fault of single events."""


class Aborted(Exception):  # noqa: N818 - reads as what happened
    """Nothing of the transaction took place; read its records again."""
