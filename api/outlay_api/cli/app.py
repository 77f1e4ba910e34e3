"""Every command and where it lives; a command's module is imported when it runs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import metadata

from cyclopts import App, Group, Parameter

from outlay_api.cli.failure import Failure, explained

_HELP = """\
What AI costs, as it happens: meter usage, explain every amount, report spend.

Commands work on a data folder (--data, by default your user's) or on a running server (--server URL).
"""
_RUN = Group.create_ordered("Run")
_REPORT = Group.create_ordered("Report")
_MANAGE = Group.create_ordered("Manage")

_COMMANDS: tuple[tuple[Group, str, str, str], ...] = (
    (_RUN, "demo", "demo:demo", "Serve on this machine with realistic traffic."),
    (_RUN, "serve", "serve:serve", "Serve the API over a data folder."),
    (_RUN, "cluster", "cluster:cluster", "Run a whole cluster on this machine with realistic traffic."),
    (_RUN, "run", "run:run", "Run one role of a cluster: api, meter, loader or budgets."),
    (_RUN, "import", "import_files:import_files", "Bring usage in CSV, TSV, JSONL or Parquet files into the ledger."),
    (_REPORT, "spend", "spend:spend", "Report spend by any dimension and period."),
    (_REPORT, "budgets", "budgets:budgets", "Show how budgets stand."),
    (_REPORT, "explain", "explain:explain", "Explain why an amount is what it is."),
    (_REPORT, "check", "check:check", "Prove that nothing was lost and every sum is right."),
    (_MANAGE, "apply", "apply:apply", "Make the catalog what a file says, and show what changed."),
    (_MANAGE, "catalog show", "catalog_show:show", "Print the catalog as YAML that `outlay apply` takes."),
    (_MANAGE, "catalog history", "catalog_history:history", "List who changed the catalog, when, and what."),
    (_MANAGE, "prices show", "prices_show:show", "Print the prices of a model."),
    (_MANAGE, "prices diff", "prices_diff:diff", "Compare the prices entries were counted with to those of today."),
    (_MANAGE, "prices check", "prices_check:check", "Say how old the price list is and what it does not price."),
    (_MANAGE, "keys create", "keys_create:create", "Make an API key."),
    (_MANAGE, "keys list", "keys_list:list_keys", "List the API keys."),
    (_MANAGE, "keys revoke", "keys_revoke:revoke", "Revoke an API key."),
    (_MANAGE, "config show", "config_show:show", "Print the settings in force."),
    (_MANAGE, "config check", "config_check:check", "Reach every service that the settings name."),
    (_MANAGE, "topics apply", "topics_apply:apply", "Make the cluster's topics what they should be."),
    (_MANAGE, "topics diff", "topics_diff:diff", "Show what differs from what the topics should be."),
    (_MANAGE, "rejected list", "rejected_list:list_rejected", "List refused events by reason."),
    (_MANAGE, "rejected show", "rejected_show:show_rejected", "Show refused events with their reason."),
    (_MANAGE, "rejected drain", "rejected_drain:drain_rejected", "Send refused events again that are valid by now."),
    (_MANAGE, "migrate", "migrate:migrate", "Bring the store's schema up to this version."),
)
"""Every command: where it is listed, what it is called, its function, and its line in the list."""

_FAMILIES = {
    "catalog": "The catalog: org tree, rules, contract prices.",
    "prices": "The price book: list, contract and custom prices.",
    "keys": "API keys.",
    "config": "Settings.",
    "topics": "The topics of a cluster.",
    "rejected": "Refused events: what they are, and back with them after a fix.",
}


def build(arguments: Sequence[str]) -> App:
    """Return the application for a command line.

    A command that the line does not name is listed by its line above and never imported; one it names tells of itself.
    """
    app = App(
        name="outlay",
        help=_HELP,
        help_format="markdown",
        version=lambda: metadata.version("outlay"),
        version_flags=["--version"],
        result_action="return_value",
        default_parameter=Parameter(negative_iterable=()),
    )
    families = {name: App(name=name, help=text, group=_MANAGE) for name, text in _FAMILIES.items()}
    for family in families.values():
        app.command(family)
    for group, name, function, line in _COMMANDS:
        family_name, _, own = name.rpartition(" ")
        parent = families.get(family_name, app)
        named = all(word in arguments for word in name.split())
        parent.command(
            f"outlay_api.cli.commands.{function}",
            name=own,
            group=None if family_name else group,
            help=None if named else line,
        )
    app.register_install_completion_command(
        name="completion", help="Install completion for your shell.", group=_MANAGE, add_to_startup=False
    )
    return app


def run(arguments: Sequence[str]) -> int:
    """Run one command line; return its exit code."""
    try:
        code = build(arguments)(list(arguments))
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
