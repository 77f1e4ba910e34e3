"""Every command and where it lives; a command's module is imported when it runs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import metadata

from cyclopts import App, Group

from outlay_api.cli.failure import Failure, explained

_HELP = """\
What AI costs, as it happens: meter usage, explain every amount, report spend.

Commands work on a data folder (--data, by default your user's) or on a running server (--server URL).
"""
_MODULE = "outlay_api.cli.commands"
_RUN = Group.create_ordered("Run")
_REPORT = Group.create_ordered("Report")
_MANAGE = Group.create_ordered("Manage")

app = App(
    name="outlay",
    help=_HELP,
    version=lambda: metadata.version("outlay"),
    version_flags=["--version"],
    result_action="return_value",
)


def _add(parent: App, path: str, name: str, help: str, group: Group | None = None) -> None:  # noqa: A002 - cyclopts' word
    parent.command(f"{_MODULE}.{path}", name=name, help=help, group=group)


def _family(name: str, help: str) -> App:  # noqa: A002 - cyclopts' word
    family = App(name=name, help=help, group=_MANAGE)
    app.command(family)
    return family


_add(app, "demo:demo", "demo", "Serve on this machine with realistic traffic.", _RUN)
_add(app, "serve:serve", "serve", "Serve the API over a data folder.", _RUN)
_add(app, "import_files:import_files", "import", "Bring usage in CSV, JSONL or Parquet files into the ledger.", _RUN)
_add(app, "spend:spend", "spend", "Report spend by any dimension and period.", _REPORT)
_add(app, "explain:explain", "explain", "Explain one amount: quantities, rates, rules.", _REPORT)
_add(app, "check:check", "check", "Prove that rollups equal the raw ledger and that nothing was lost.", _REPORT)
_add(app, "apply:apply", "apply", "Make the catalog what a file says.", _MANAGE)

_catalog = _family("catalog", "The catalog: org tree, rules, contract prices.")
_add(_catalog, "catalog_show:show", "show", "Print the catalog in force.")
_add(_catalog, "catalog_history:history", "history", "List who changed what, when.")

_prices = _family("prices", "The price book: list, contract and custom prices.")
_add(_prices, "prices_show:show", "show", "Print the prices of a model.")
_add(_prices, "prices_diff:diff", "diff", "Compare the ledger's prices with today's price book.")
_add(_prices, "prices_check:check", "check", "Say how old the price list is and what could not be priced.")

_keys = _family("keys", "API keys.")
_add(_keys, "keys_create:create", "create", "Make a key; its secret is shown once.")
_add(_keys, "keys_list:list_keys", "list", "List the keys.")
_add(_keys, "keys_revoke:revoke", "revoke", "Revoke a key at once.")

_config = _family("config", "Settings.")
_add(_config, "config_show:show", "show", "Print the settings in force, secrets masked.")

_add(app, "migrate:migrate", "migrate", "Bring the store's schema up to this version.", _MANAGE)

app.register_install_completion_command(name="completion", help="Install completion for your shell.", group=_MANAGE)


def run(arguments: Sequence[str]) -> int:
    """Run one command line; return its exit code."""
    try:
        code = app(list(arguments))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except Exception as error:
        failure = explained(error)
        if failure is None:
            raise
        return _told(failure)
    return code if isinstance(code, int) else 0


def _told(failure: Failure) -> int:
    sys.stdout.flush()
    sys.stderr.write(f"outlay: {failure}\n")
    return failure.code
