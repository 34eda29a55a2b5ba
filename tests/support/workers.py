"""A pytest plugin for a run in several processes, which pytest-xdist starts: the files of each, and what they leave.

A file of tests runs in one process, and so do all files of tests/faults, which share their servers. A test that is
marked `alone` measures time or breaks what others stand on: while it runs, no test runs in another process.
"""

import fcntl
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

import pytest
from xdist.scheduler import LoadFileScheduling

LINES = pytest.StashKey[dict[str, list[str]]]()
LOCKS = ("turn", "room")  # the names of two files in a directory that all processes know


def get_lines(config: pytest.Config, title: str) -> list[str]:
    """Return the lines under a title, which is a list to append to; the end of the run has those of every process."""
    return config.stash.setdefault(LINES, {}).setdefault(title, [])


class ByServers(LoadFileScheduling):  # type: ignore[misc]
    """Gives a process one file after the other, and all of tests/faults at once."""

    def _split_scope(self, nodeid: str) -> str:
        return "tests/faults" if nodeid.startswith("tests/faults/") else super()._split_scope(nodeid)


class Controller:
    """The process that has started the others."""

    def __init__(self) -> None:
        self._locks = tempfile.TemporaryDirectory(prefix="locks")
        for name in LOCKS:
            Path(self._locks.name, name).touch()

    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> ByServers:
        return ByServers(config, log)

    def pytest_configure_node(self, node: Any) -> None:
        node.workerinput["locks"] = self._locks.name

    def pytest_testnodedown(self, node: Any, error: object) -> None:
        for title, lines in getattr(node, "workeroutput", {}).get("lines", {}).items():
            get_lines(node.config, title).extend(lines)

    def pytest_unconfigure(self) -> None:
        self._locks.cleanup()


class Worker:
    """One of several processes that run tests."""

    def __init__(self, config: pytest.Config, workerinput: dict[str, Any]) -> None:
        self._config = config
        self._locks = Path(workerinput["locks"])

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Run the test in its turn: the wait for it is outside of the test's time limit."""
        with self._hold(fcntl.LOCK_EX if item.get_closest_marker("alone") else fcntl.LOCK_SH):
            return (yield)

    @contextmanager
    def _hold(self, kind: int) -> Iterator[None]:
        """Hold the room, with others or alone. Whoever waits to be alone keeps the turn, so that nobody goes ahead."""
        with ExitStack() as opened:
            turn, room = (self._open(name, opened) for name in LOCKS)
            fcntl.flock(turn, fcntl.LOCK_EX)
            fcntl.flock(room, kind)
            fcntl.flock(turn, fcntl.LOCK_UN)
            yield

    def _open(self, name: str, opened: ExitStack) -> IO[bytes]:
        return opened.enter_context((self._locks / name).open("rb"))

    def pytest_sessionfinish(self) -> None:
        output: dict[str, Any] = self._config.workeroutput  # type: ignore[attr-defined]
        output["lines"] = self._config.stash.get(LINES, {})


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "alone: no other test may run at the same time, in whichever process")
    workerinput: dict[str, Any] | None = getattr(config, "workerinput", None)
    if workerinput is not None:
        config.pluginmanager.register(Worker(config, workerinput))
    elif config.getoption("numprocesses"):
        config.pluginmanager.register(Controller())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Tell what each fault did to the answers, and how soon it was over: `./script/test -v tests/faults`."""
    if config.get_verbosity() > 0:
        for line in get_lines(config, "faults"):
            terminalreporter.write_line(line)
