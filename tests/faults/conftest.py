"""One environment and one service for all faults that leave them standing; what was measured is told at the end."""

from collections.abc import Callable, Iterator

import pytest

from tests.faults.environment import Clock, Environment
from tests.faults.fault import Scene
from tickiti_query.demo.loading import READER

TOLD = pytest.StashKey[list[str]]()


@pytest.fixture(scope="package")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """A primary, its standby, and a second one whose clock can be set."""
    directory = tmp_path_factory.mktemp("faults")
    with Environment(directory / "pair", Clock(directory / "clock")).running() as running:
        yield running


@pytest.fixture(scope="package")
def tell(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Takes a line for the end of the run."""
    return pytestconfig.stash.setdefault(TOLD, []).append


@pytest.fixture(scope="package")
def scene(
    environment: Environment, tell: Callable[[str], None], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    """The service over the standby, with two workers."""
    log = tmp_path_factory.mktemp("service") / "log"
    with environment.serve(environment.standby.url_for(READER), log, tell, environment.observer) as served:
        yield served


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """What each fault did to the answers, and how soon it was over: `./script/test -v tests/faults`."""
    if config.get_verbosity() > 0:
        for line in config.stash.get(TOLD, []):
            terminalreporter.write_line(line)
