"""Whether a container engine answers on this machine."""

from __future__ import annotations

import functools
import shutil
import subprocess


@functools.cache
def docker_answers() -> bool:
    """Return whether a container engine can be used; asked once a process."""
    docker = shutil.which("docker")
    return docker is not None and subprocess.run([docker, "info"], capture_output=True, check=False).returncode == 0
