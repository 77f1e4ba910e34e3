"""How this program is called, so that a command it prints can be pasted."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path


def program() -> str:
    """Return `outlay` where the shell finds it, else the path it was started by."""
    started = Path(sys.argv[0])
    found = shutil.which("outlay")
    if started.name != "outlay" or (found is not None and Path(found).resolve() == started.resolve()):
        return "outlay"
    relative = os.path.relpath(started)
    return str(started) if relative.startswith("..") else relative
