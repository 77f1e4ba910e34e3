"""Whether the role in this container lives: the API's port, else the one of a worker's health and metrics."""

# ruff: noqa: INP001 - copied into the image by itself

import os
import sys
import urllib.error
import urllib.request

PORTS = ("OUTLAY_HTTP__PORT", "OUTLAY_MONITOR__PORT")


def alive(port: str) -> bool:
    """Return whether `/livez` at a port of this machine says yes."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/livez", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


if __name__ == "__main__":
    sys.exit(0 if any(alive(os.environ[name]) for name in PORTS if name in os.environ) else 1)
