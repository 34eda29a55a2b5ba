"""`./script/server` in a tree of its own. The fixture `tree` is for all tests: this module is a plugin."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.running import ROOT, find_free_port

START_SECONDS = 100.0


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of a clone; the packages are those of the running Python, to be quick."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("the two commands are tested on the files that git knows, and this is no clone")
    target = tmp_path_factory.mktemp("clone")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    (target / ".venv").symlink_to(sys.prefix)
    return target


class Demo:
    """A running ./script/server, from its first line to `Ctrl-C stops everything.`"""

    def __init__(self, tree: Path, *arguments: str) -> None:
        self.port, admin_port = find_free_port(), find_free_port()
        self.log = tree.parent / f"{tree.name}.{self.port}.log"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TICKITI_")}
        started = time.monotonic()
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                ["./script/server", "--port", str(self.port), "--admin-port", str(admin_port), *arguments],
                cwd=tree,
                stdout=output,
                stderr=output,
                env=environment,
                start_new_session=True,
            )
        while "Ctrl-C stops everything." not in self.text:
            assert self.process.poll() is None, self.text
            assert time.monotonic() - started < START_SECONDS, self.text
            time.sleep(0.02)
        self.seconds = time.monotonic() - started

    @property
    def text(self) -> str:
        return self.log.read_text("utf-8")

    def interrupt(self) -> int:
        """Ctrl-C, as a terminal sends it: to the whole foreground process group."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(60)

    def end(self) -> None:
        if self.process.poll() is None:
            self.interrupt()
