"""The command line as a program: start, help, errors, another process's data."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module, metadata
from pathlib import Path

import pytest

from outlay_api.cli import app as application
from outlay_streams.runtime.lock import WriterLock
from tests.cli.conftest import NOW, Cli

COMMANDS = application._COMMANDS


def outlay(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from outlay_api.cli import main; main()", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, check=False)


def test_the_version_is_the_distributions() -> None:
    ran = outlay("--version")
    assert (ran.returncode, ran.stdout) == (0, f"{metadata.version('outlay')}\n")


def test_neither_version_nor_help_load_anything_heavy() -> None:
    script = (
        "import sys; from outlay_api.cli.app import run; run(['--version']); run(['--help']);"
        "heavy = {'httpx', 'polars', 'pyarrow', 'numpy', 'pydantic', 'fastapi', 'chdb', 'genai_prices'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "[]"


def test_a_base_install_says_what_to_install() -> None:
    script = "import sys; sys.modules['cyclopts'] = None; from outlay_api.cli import main; main()"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert "pip install 'outlay[embedded]'" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_an_install_without_the_engine_says_what_to_install(tmp_path: Path) -> None:
    script = (
        "import sys; sys.modules['chdb'] = None; sys.argv = ['outlay', 'spend'];from outlay_api.cli import main; main()"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env={**os.environ, "OUTLAY_DATA": str(tmp_path)},
        check=False,
    )
    assert ran.returncode in {1, 2}
    assert "outlay[embedded]" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize(
    ("group", "name", "function", "line"), COMMANDS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_command_tells_of_itself(cli: Cli, group: object, name: str, function: str, line: str) -> None:
    module, attribute = function.split(":")
    doc = getattr(import_module(f"outlay_api.cli.commands.{module}"), attribute).__doc__
    assert doc.splitlines()[0].startswith(line.removesuffix("."))
    assert "For example:" in doc
    ran = cli(*name.split(), "--help")
    assert ran.code == 0
    assert "For example:" in ran.out


def test_a_mistyped_command_is_wrong_usage(cli: Cli) -> None:
    ran = cli("spned")
    assert ran.code == 2
    assert "spend" in ran.err


def test_a_folder_in_use_names_the_process_and_the_way_out(cli: Cli, tmp_path: Path) -> None:
    with WriterLock(tmp_path / "data", now=NOW):
        ran = cli("spend")
    assert ran.code == 1
    assert f"process {os.getpid()}" in ran.err
    assert "--server http://127.0.0.1:8321" in ran.err
    assert "Traceback" not in ran.err


def test_a_server_that_is_not_there(cli: Cli) -> None:
    ran = cli("spend", "--server", "http://127.0.0.1:9")
    assert ran.code == 1
    assert "cannot be reached" in ran.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--server", "127.0.0.1:8321"), "is not a URL"),
        (("--server", "http://127.0.0.1:8321", "--data", "x"), "exclude each other"),
    ],
)
def test_targets_that_make_no_sense(cli: Cli, arguments: tuple[str, ...], message: str) -> None:
    ran = cli("spend", *arguments)
    assert ran.code == 2
    assert message in ran.err
