"""How a runtime turns events away. Either way nothing was acknowledged: send the same events, with the same ids, again.

IntakeError
├── Busy           too much waits for the store already; retry after `retry_after` seconds
├── Stopped        the process is going down; retry once it is back
├── NotTheWriter   another process may be the store's one writer by now; retry, there or here
├── NotCounted     a fault in the process kept the events from being counted; retry, and report it with the log
└── NotAcknowledged   the brokers did not say in time that they have the events; retry
"""

from __future__ import annotations


class IntakeError(Exception):
    """Events were not taken in; a retry with the same ids is always safe."""


class Busy(IntakeError):  # noqa: N818 - back pressure is not an error
    """The queue is full; wait and send the same events again."""

    def __init__(self, retry_after: float) -> None:
        """Say how long to wait, in seconds."""
        super().__init__(f"the intake queue is full; retry after {retry_after:g} s")
        self.retry_after = retry_after


class Stopped(IntakeError):  # noqa: N818 - reads as what happened
    """The runtime is stopping and takes no more; send the same events again once the server is back."""


class NotTheWriter(IntakeError):  # noqa: N818 - reads as what happened
    """This process lost the right to write to the store, or cannot tell; send the same events again."""


class NotCounted(IntakeError):  # noqa: N818 - reads as what happened
    """The events could not be recorded at all; send the same events again, and report it with the log if it stays."""


class NotAcknowledged(IntakeError):  # noqa: N818 - reads as what happened
    """Some of the events may be written, and none is known to be; send all of them again, with the same ids."""
