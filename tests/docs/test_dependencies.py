"""docs/dependencies.md is of today, and everything is installed by its hash."""

import re
from pathlib import Path

import pytest

from tests.support.licences import PAGE, list_pinned, write_page

ROOT = Path(__file__).parents[2]
FILES = (
    "requirements.txt",
    "requirements/tracing.txt",
    "requirements/demo.txt",
    "requirements/dev.txt",
    "requirements/bench.txt",
)


def test_the_table_of_licences_is_of_today() -> None:
    text = PAGE.read_text("utf-8")
    assert text == write_page(text), "python -m tests.support.licences writes it anew"


def test_every_package_names_its_licence_and_none_asks_for_our_source() -> None:
    rows = re.findall(r"^\| (\S+) \| \S+ \| (.*) \| \S+ \|$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert [name for name, _ in rows[1:]] == sorted(list_pinned())
    for name, licence in rows[1:]:
        assert re.search(r"MIT|BSD|Apache|PSF|MPL|ZPL|LGPL with exceptions", licence), (name, licence)
        assert not re.search(r"\bA?GPL", licence)


@pytest.mark.parametrize("name", FILES)
def test_every_requirement_is_pinned_and_hashed(name: str) -> None:
    entries = re.split(r"\n(?=\S)", re.sub(r"^\s*#.*\n", "", (ROOT / name).read_text("utf-8"), flags=re.MULTILINE))
    for entry in filter(None, map(str.strip, entries)):
        assert re.match(r"[\w.-]+(\[[\w,-]+\])?==\S+", entry), entry
        assert "--hash=sha256:" in entry, entry
