"""A pytest plugin: the last line of a run names what was left out and why; `--leave-nothing-out` makes it a failure."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.sample import get_sample

OPTION = "--leave-nothing-out"


def describe_left_out(reasons: list[str], sample: str | None = None) -> str:
    """Return the sentence that names the reasons, each with the number of its tests, and the sample that was run."""
    drawn = "" if sample is None else f" Of large files this was the sample {sample}: --all runs everything."
    if not reasons:
        return f"Nothing was left out.{drawn}"
    counted = [f"{reason} ({count})" for reason, count in sorted(Counter(reasons).items())]
    return f"Left out: {len(reasons)} tests. {'; '.join(counted)}.{drawn}"


def read_reason(report: pytest.TestReport) -> str:
    """Return the reason in the report of a test that was left out."""
    place = report.longrepr
    return (place[2] if isinstance(place, tuple) else str(place)).removeprefix("Skipped: ").rstrip(".")


class LeftOut:
    """Gathers the reasons, and tells them when everything else is told."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._reasons: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped:
            self._reasons.append(read_reason(report))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Iterator[None]:
        if self._reasons and self._config.getoption(OPTION) and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        yield
        terminal: Any = self._config.pluginmanager.get_plugin("terminalreporter")
        if terminal is not None:
            terminal.write_line(describe_left_out(self._reasons, get_sample(self._config)))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(OPTION, action="store_true", help="fail where a test is left out")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(LeftOut(config))
