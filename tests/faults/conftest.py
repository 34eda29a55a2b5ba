"""One environment and one service for all faults that leave them standing; what was measured is told at the end."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from demo.loading import READER
from tests.faults.environment import Clock, Environment
from tests.faults.fault import Scene
from tests.support.workers import get_lines


@pytest.fixture(scope="package")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """A primary, its standby, and a second one whose clock can be set."""
    directory = tmp_path_factory.mktemp("faults")
    with Environment(directory / "pair", Clock(directory / "clock")).running() as running:
        yield running


@pytest.fixture(scope="package")
def tell(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Takes a line for the end of the run."""
    return get_lines(pytestconfig, "faults").append


@pytest.fixture(scope="package")
def scene(
    environment: Environment, tell: Callable[[str], None], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    """The service over the standby, with two workers."""
    log = tmp_path_factory.mktemp("service") / "log"
    with environment.serve(environment.standby.url_for(READER), log, tell, environment.observer) as served:
        yield served


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run each fault alone: how long everything takes is what is measured."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker("alone")
