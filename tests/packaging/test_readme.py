"""The README says what is true: its settings, its links and its commands."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

import outlay
from outlay_api.cli.app import build
from outlay_infra.settings import Settings
from outlay_streams.catalog import read_catalog

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted(
    path.relative_to(ROOT)
    for folder in (".", "schemas", "producers", "streams", "infra", "api", "tests")
    for path in (ROOT / folder).glob("*.md" if folder == "." else "**/*.md")
)


def settings(model: type[BaseModel] = Settings, prefix: str = "OUTLAY_") -> Iterator[str]:
    """Yield the table's rows: variable, default, meaning."""
    for name, info in model.model_fields.items():
        variable = f"{prefix}{name.upper()}"
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            yield from settings(info.annotation, f"{variable}__")
        else:
            shown = "" if info.default in (None, PydanticUndefined) else f"`{info.default}`"
            yield f"| `{variable}` | {shown} | {' '.join((info.description or '').split())} |"


def test_every_setting_is_in_the_table() -> None:
    table = "\n".join(["| variable | default | meaning |", "| --- | --- | --- |", *settings()])
    page = (ROOT / "infra" / "SETTINGS.md").read_text(encoding="utf-8")
    assert table in page, f"put this into infra/SETTINGS.md:\n{table}"


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_lead_somewhere(page: Path) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    targets = [target for target in re.findall(r"\]\(([^)\s]+)\)", text) if not target.startswith(("http", "#"))]
    assert [target for target in targets if not (ROOT / page.parent / target.partition("#")[0]).exists()] == []


def test_the_catalog_in_the_readme_is_one() -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", README, flags=re.DOTALL)
    catalog = read_catalog(text.encode())
    assert catalog.teams
    assert catalog.prices


def test_the_program_in_the_readme_uses_what_there_is() -> None:
    (program,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    names = re.findall(r"outlay\.(\w+)", program)
    assert set(names) <= set(outlay.__all__)
    compile(program, "README.md", "exec")


def words(line: str) -> list[str]:
    """Return a command line's words; none when it is no command of ours."""
    ours = re.match(r"(\.venv/bin/)?(outlay|make) [a-z]", line.strip())
    return [word for word in shlex.split(line, comments=True) if word != "&"] if ours else []


def check(program: str, name: str, *more: str) -> None:
    if program == "make":
        assert re.search(rf"^{name}:.*##", (ROOT / "Makefile").read_text(), flags=re.MULTILINE), f"make {name}"
    else:
        assert name in set(build([])), f"outlay {name}"
    if more and program.endswith("outlay"):
        build([name, *more]).parse_args([name, *more], exit_on_error=False)


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_command_lines_are_accepted(page: Path) -> None:
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), flags=re.DOTALL)
    for line in "\n".join(blocks).splitlines():
        if words(line):
            check(*words(line))


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_commands_named_in_passing_exist(page: Path) -> None:
    for line in re.findall(r"`([^`\n]+)`", (ROOT / page).read_text(encoding="utf-8")):
        if words(line):
            check(*words(line)[:2])
