"""docs/licences.csv is of today, and everything is installed by its hash."""

import csv
import re
from pathlib import Path

import pytest

from tests.support.licences import TABLE, list_pinned, write_table

ROOT = Path(__file__).parents[2]
FILES = (
    "requirements.txt",
    "requirements/tracing.txt",
    "requirements/demo.txt",
    "requirements/dev.txt",
    "requirements/bench.txt",
)


def test_the_table_of_licences_is_of_today() -> None:
    assert TABLE.read_text("utf-8") == write_table(), "python -m tests.support.licences writes it anew"


def test_every_package_names_its_licence_and_none_asks_for_our_source() -> None:
    rows = [(row["package"], row["licence"]) for row in csv.DictReader(TABLE.read_text("utf-8").splitlines())]
    assert [name for name, _ in rows] == sorted(list_pinned())
    for name, licence in rows:
        assert re.search(r"MIT|BSD|Apache|PSF|MPL|ZPL|LGPL with exceptions", licence), (name, licence)
        assert not re.search(r"\bA?GPL", licence)


@pytest.mark.parametrize("name", FILES)
def test_every_requirement_is_pinned_and_hashed(name: str) -> None:
    entries = re.split(r"\n(?=\S)", re.sub(r"^\s*#.*\n", "", (ROOT / name).read_text("utf-8"), flags=re.MULTILINE))
    for entry in filter(None, map(str.strip, entries)):
        assert re.match(r"[\w.-]+(\[[\w,-]+\])?==\S+", entry), entry
        assert "--hash=sha256:" in entry, entry
