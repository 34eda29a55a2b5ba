"""The service of this checkout or of another one, as the benches under load start it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.load_world import SCHEMA
from bench.rivals.targets import ROOT, Launch, LoadError
from demo.loading import READER
from demo.pair import Pair

ARGUMENTS = ("-c", "config/gunicorn.conf.py", "wsgi:app")
GIT_SECONDS = 10.0
THREADS = 8


@dataclass(frozen=True)
class Tree:
    """A checkout, and the gunicorn that runs it with its own interpreter."""

    directory: Path
    gunicorn: Path

    def make_launch(self, name: str, title: str, settings: Mapping[str, str]) -> Launch:
        """The service of this checkout with some settings of its own."""
        return Launch(name, title, (str(self.gunicorn), *ARGUMENTS), settings, self.directory)

    def describe(self) -> str:
        """The directory, and the commit that is checked out there if git can tell."""
        command = ["git", "-C", str(self.directory), "describe", "--always", "--dirty"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=GIT_SECONDS)
        except (OSError, subprocess.SubprocessError):
            return str(self.directory)
        return f"{self.directory} at {done.stdout.strip()}"


def find_tree(directory: Path | None) -> Tree:
    """The checkout in a directory, or this one; LoadError where there is none, or nothing is installed."""
    if directory is None or directory.resolve() == ROOT:
        return Tree(ROOT, Path(sys.executable).with_name("gunicorn"))
    directory = directory.resolve()
    if not (directory / "config" / "gunicorn.conf.py").is_file():
        raise LoadError(f"{directory} is no checkout of this project: it has no config/gunicorn.conf.py")
    gunicorn = directory / ".venv" / "bin" / "gunicorn"
    if not gunicorn.is_file():
        raise LoadError(f"{gunicorn} is missing: run `{directory}/script/setup requirements.txt` first")
    return Tree(directory, gunicorn)


def make_settings(pair: Pair, workers: int, threads: int = THREADS) -> dict[str, str]:
    """The settings that every service under load has: the standby, its size, and no limit of a rate."""
    return {
        "TICKITI_REPLICA_URL": pair.standby.url_for(READER),
        "TICKITI_REPLICA_SCHEMA": SCHEMA,
        "TICKITI_STATEMENT_TIMEOUT_MS": "60000",  # sixteen slow statements at once wait for two cores
        "TICKITI_RATE_LIMIT": "",
        "TICKITI_WORKERS": str(workers),
        "TICKITI_THREADS": str(threads),
    }
