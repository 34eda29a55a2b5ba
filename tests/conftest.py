"""The one pair of servers that all integration tests of a session share."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tickiti_query.demo.pair import Pair


@pytest.fixture(scope="session")
def pair() -> Iterator[Pair]:
    """A running primary and standby without any schema; a test that breaks it repairs it."""
    with tempfile.TemporaryDirectory(prefix="pair") as directory, Pair.create(Path(directory)) as running:
        yield running
