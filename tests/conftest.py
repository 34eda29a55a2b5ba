"""The one pair of servers that all integration tests of a session share, and the shop that is loaded on it."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from demo.pair import Pair
from demo.seed_data import load_seed_data
from tests.support.shop import Shop, open_shop

ROOT = Path(__file__).parent

# How long an example takes is the machine's affair.
settings.register_profile("tests", deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
settings.load_profile("tests")

pytest_plugins = [f"tests.support.{name}" for name in ("workers", "leak_listener", "sample", "left_out", "demo")]
ORDER = (
    "test_architecture.py",
    "unit",
    "test_docs.py",
    "docs",
    "api",
    "deploy",
    "integration",
    "faults",
)  # quick first


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put quick tests first, so that a mistake is told early; what breaks servers comes last."""
    items.sort(key=lambda item: ORDER.index(item.path.relative_to(ROOT).parts[0]))


@pytest.fixture(scope="session")
def pair() -> Iterator[Pair]:
    """A running primary and standby without any schema; a test that breaks it repairs it."""
    with tempfile.TemporaryDirectory(prefix="pair") as directory, Pair.create(Path(directory)) as running:
        yield running


@pytest.fixture(scope="session")
def shop_pair(pair: Pair) -> Pair:
    """The pair with the demo shop in the schema `reporting`, and the role that the service connects as."""
    load_seed_data(pair, lambda _line: None)
    return pair


@pytest.fixture(scope="session")
def shop(shop_pair: Pair) -> Shop:
    """The service over the shop, in this process, with its default settings."""
    return open_shop(shop_pair)
