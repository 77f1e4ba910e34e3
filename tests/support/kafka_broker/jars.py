"""Apache Kafka's jars: fetched once by Maven, pinned by `pom.xml`, kept in the user's cache folder."""

from __future__ import annotations

import fcntl
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs

HERE = Path(__file__).parent
POM = HERE / "pom.xml"
VERSION = re.findall(r"<artifactId>kafka_2\.13</artifactId>\s*<version>(.+?)</version>", POM.read_text("utf-8"))[0]

_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
_FETCH_SECONDS = 600


class NoKafkaError(RuntimeError):
    """Apache Kafka cannot run on this machine; the message says what is missing."""


def jars() -> Path:
    """Return the folder of the jars, fetching them when it is not there yet; raise `NoKafkaError`."""
    java()
    home = platformdirs.user_cache_path("outlay", appauthor=False) / "kafka"
    kept = home / VERSION
    home.mkdir(parents=True, exist_ok=True)
    with _one_at_a_time(home / f"{VERSION}.lock"):
        if not kept.is_dir():
            _fetch(kept)
    return kept


def java() -> str:
    """Return the path of `java`, at least version 17; raise `NoKafkaError`."""
    found = shutil.which("java")
    if found is None:
        raise NoKafkaError("there is no java on the PATH; install a JRE of version 17 or later")
    told = subprocess.run([found, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', told)
    if version is None or int(version[1]) < 17:
        raise NoKafkaError(f"{found} is {told.splitlines()[:1]}; Apache Kafka {VERSION} needs Java 17 or later")
    return found


def _fetch(kept: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise NoKafkaError("there is no mvn on the PATH to fetch Apache Kafka with; install Maven 3.8 or later")
    with tempfile.TemporaryDirectory(dir=kept.parent, prefix="fetch-") as folder:
        libs = Path(folder) / "libs"
        # Strict checksums (-C): a jar that was cut short fails here and never starts.
        command = [
            maven,
            "-q",
            "-B",
            "-C",
            "-f",
            str(POM),
            _COPY,
            "-DincludeScope=runtime",
            f"-DoutputDirectory={libs}",
        ]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_FETCH_SECONDS)
        except subprocess.TimeoutExpired:
            raise NoKafkaError(f"Maven did not fetch Apache Kafka within {_FETCH_SECONDS} s") from None
        if done.returncode != 0:
            raise NoKafkaError(f"Maven could not fetch Apache Kafka {VERSION}:\n{done.stdout[-2000:]}")
        libs.replace(kept)


@contextmanager
def _one_at_a_time(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
