"""Runs of pytest within a test: over files that are planted, with plugins of the suite."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PLUGINS = ("xdist", *(f"tests.support.{name}" for name in ("workers", "leak_listener", "sample", "left_out")))
ENVIRONMENT = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # the other plugins take longer to load than all else


def run_planted(directory: Path, files: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Write the files, and run them as tests with the suite's plugins."""
    for name, text in files.items():
        (directory / name).write_text(text, "utf-8")
    plugins = [word for name in PLUGINS for word in ("-p", name)]
    options = ["-q", *plugins, "-p", "no:cacheprovider", f"--rootdir={directory}", *arguments]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(directory)],
        cwd=ROOT,
        env={**os.environ, **ENVIRONMENT},
        capture_output=True,
        text=True,
        check=False,
    )
