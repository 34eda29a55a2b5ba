"""Runs of pytest within a test: over files that are planted, with plugins of the suite."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PLUGINS = ("workers", "leak_listener", "left_out")


def run_planted(directory: Path, files: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Write the files, and run them as tests with the suite's plugins."""
    for name, text in files.items():
        (directory / name).write_text(text, "utf-8")
    plugins = [word for name in PLUGINS for word in ("-p", f"tests.support.{name}")]
    options = ["-q", *plugins, "-p", "no:cacheprovider", f"--rootdir={directory}", *arguments]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(directory)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
