"""How the interpreter runs a process that handles batches: threads give way soon, garbage is looked for seldom.

Both are settings of the whole process, put back at the end.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_OBJECTS = 200_000
"""New objects after which cyclic garbage is looked for; a batch is tens of thousands of live ones."""
_SWITCH_SECONDS = 0.0005


@contextmanager
def collecting_seldom() -> Iterator[None]:
    """Look for cyclic garbage seldom, and never among what lives already: each look walks through all that lives."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


@contextmanager
def handing_over_soon() -> Iterator[None]:
    """Let threads hand the interpreter over in half a millisecond, not in five.

    A writer comes back from the engine many times a block, and would wait for whoever decodes each time.
    """
    usual = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)
