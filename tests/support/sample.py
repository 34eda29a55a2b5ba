"""A pytest plugin: `--sample=NAME` runs all tests, but of each large file no more than some, which the name draws.

The same name draws the same tests. Where a file, a word or a mark chooses tests, all of those run.
"""

import random
from collections.abc import Iterable
from typing import Any

import pytest

OPTION = "--sample"
# The files, or folders, whose tests are many or slow, and how many of them a sample has.
LARGE = {
    "tests/deploy/test_idle_night.py": 8,
    "tests/faults": 10,
    "tests/integration/test_access.py": 7,
    "tests/integration/test_check.py": 25,
    "tests/integration/test_clients.py": 20,
    "tests/integration/test_collations.py": 15,
    "tests/integration/test_column_types.py": 6,
    "tests/integration/test_connections.py": 7,
    "tests/integration/test_demo_failures.py": 9,
    "tests/integration/test_difference.py": 120,
    "tests/integration/test_docs_page.py": 3,
    "tests/integration/test_encodings.py": 12,
    "tests/integration/test_environment.py": 20,
    "tests/integration/test_explain.py": 30,
    "tests/integration/test_failed_connections.py": 7,
    "tests/integration/test_freshness_stress.py": 3,
    "tests/integration/test_hostile_bodies.py": 30,
    "tests/integration/test_hostile_perspectives.py": 10,
    "tests/integration/test_interleavings.py": 14,
    "tests/integration/test_large_definitions.py": 25,
    "tests/integration/test_load.py": 7,
    "tests/integration/test_long_lists.py": 3,
    "tests/integration/test_odd_tables.py": 12,
    "tests/integration/test_odd_views.py": 15,
    "tests/integration/test_pooler.py": 7,
    "tests/integration/test_restarts.py": 6,
    "tests/integration/test_shop_tokens.py": 30,
    "tests/integration/test_stray_rows.py": 20,
    "tests/integration/test_view_indexes.py": 6,
    "tests/integration/test_views.py": 50,
    "tests/integration/test_wire.py": 50,
}


def draw(name: str, nodeids: Iterable[str]) -> set[str]:
    """Return the tests that the sample of this name leaves out."""
    left_out = set()
    groups = group(nodeids)
    for place, found in groups.items():
        chosen = random.Random(f"{name} {place}").sample(sorted(found), min(LARGE[place], len(found)))
        left_out |= found - set(chosen)
    return left_out


def group(nodeids: Iterable[str]) -> dict[str, set[str]]:
    """Return the tests of each large file or folder."""
    groups: dict[str, set[str]] = {place: set() for place in LARGE}
    for nodeid in nodeids:
        for place, found in groups.items():
            if nodeid.startswith((f"{place}::", f"{place}/")):
                found.add(nodeid)
    return groups


def get_sample(config: pytest.Config) -> str | None:
    """Return the name of the sample that this run has; None where it runs all that was asked for."""
    if hasattr(config, "workerinput"):
        sample: str | None = config.workerinput["sample"]
        return sample
    is_narrow = config.args_source is pytest.Config.ArgsSource.ARGS or config.option.keyword or config.option.markexpr
    return None if is_narrow else config.getoption(OPTION)


class Controller:
    """Tells the other processes what is drawn."""

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        node.workerinput["sample"] = get_sample(node.config)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(OPTION, metavar="NAME", help="of each large file run some tests, which the name draws")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Controller())


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    sample = get_sample(config)
    if sample is not None:
        left_out = draw(sample, [item.nodeid for item in items])
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid in left_out])
        items[:] = [item for item in items if item.nodeid not in left_out]
