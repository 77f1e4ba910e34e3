"""One wheel for the packaging tests, and one environment that holds the base install and nothing else."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


def run(*command: str | Path) -> str:
    """Return what a command prints; fail with all of it when the command does."""
    done = subprocess.run([str(part) for part in command], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(f"{' '.join(map(str, command))} exited {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment outside the tree."""

    folder: Path

    def python(self, program: str) -> subprocess.CompletedProcess[str]:
        """Run a program, away from the checkout and its source roots."""
        command = [str(self.folder / "bin" / "python"), "-I", "-W", "error", "-c", program]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)

    def outlay(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the `outlay` command."""
        command = [str(self.folder / "bin" / "outlay"), *arguments]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel with the locked hatchling, so that no registry is asked."""
    folder = tmp_path_factory.mktemp("wheel")
    run(BIN / "hatchling", "build", "-t", "wheel", "-d", folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def base_install(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Install the wheel without extras, with the versions of the lock."""
    uv = shutil.which("uv", path=str(BIN)) or shutil.which("uv")
    assert uv, "uv is part of the development environment; run make setup"
    folder = tmp_path_factory.mktemp("base")
    pins = folder / "pins.txt"
    pins.write_text(run(uv, "export", "--frozen", "--no-dev", "--no-emit-project", "--no-hashes", "--quiet"))
    run(uv, "venv", "--quiet", "--python", sys.executable, folder / "venv")
    run(uv, "pip", "install", "--quiet", "--python", folder / "venv", "--constraints", pins, wheel)
    return Environment(folder / "venv")
