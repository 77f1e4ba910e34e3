"""The command line: `outlay COMMAND`. Everything but this file is loaded when a command needs it.

Standard output holds results, standard error messages. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 differences.
"""

from __future__ import annotations

import sys
from importlib import metadata

_NEEDED = """\
outlay: {missing} is not installed; the command line needs an extra:

  pip install 'outlay[embedded]'   serve, import and report on this machine
  pip install 'outlay[api]'        talk to a server (--server URL)
"""


def main() -> None:
    """Run the command line and exit with its code; telling the version needs nothing but the standard library."""
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write(f"{metadata.version('outlay')}\n")
        return
    try:
        from outlay_api.cli.app import run  # noqa: PLC0415 - a base install has no cyclopts, and says so
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("outlay"):
            raise
        sys.stderr.write(_NEEDED.format(missing=error.name))
        sys.exit(2)
    sys.exit(run(sys.argv[1:]))
