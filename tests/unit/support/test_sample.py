"""The sample of the tests that `script/test` runs: what it has, and that a name draws the same one again."""

import subprocess
from pathlib import Path

import pytest

from tests.support.sample import LARGE, draw, group

ROOT = Path(__file__).parents[3]
DIFFERENCE, FAULTS = "tests/integration/test_difference.py", "tests/faults"
NODEIDS = [
    *(f"{DIFFERENCE}::test_it[{number}]" for number in range(LARGE[DIFFERENCE] + 50)),
    *(f"{FAULTS}/test_{number % 3}.py::test_{number}" for number in range(LARGE[FAULTS] + 20)),
    "tests/unit/test_small.py::test_it",
]


def test_a_sample_has_all_tests_of_small_files_and_some_of_each_large_one() -> None:
    left_out = draw("a day", NODEIDS)
    kept = group(nodeid for nodeid in NODEIDS if nodeid not in left_out)
    assert "tests/unit/test_small.py::test_it" not in left_out
    assert {place: len(kept[place]) for place in (DIFFERENCE, FAULTS)} == {
        place: LARGE[place] for place in (DIFFERENCE, FAULTS)
    }


def test_a_name_draws_the_same_sample_and_another_one_another() -> None:
    assert draw("a day", NODEIDS) == draw("a day", reversed(NODEIDS)) != draw("the next", NODEIDS)


def test_every_test_is_drawn_sooner_or_later() -> None:
    assert set.intersection(*(draw(f"day {number}", NODEIDS) for number in range(60))) == set()


@pytest.mark.parametrize("place", LARGE)
def test_what_is_large_is_there(place: str) -> None:
    assert (ROOT / place).exists()


def test_help_says_how_all_tests_are_run() -> None:
    ran = subprocess.run([ROOT / "script/test", "--help"], capture_output=True, text=True, check=True)
    for option in ("--all", "--sample=NAME"):
        assert option in ran.stdout
    assert "./script/test" in (ROOT / ".ci/run").read_text()
    assert "--all" in (ROOT / ".ci/run").read_text()
