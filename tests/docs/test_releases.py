"""The changelog goes by version: what is unreleased first, then this version, then those before it."""

import re
from pathlib import Path

from tickiti_query import VERSION

ROOT = Path(__file__).parents[2]
SECTIONS = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)


def test_the_changelog_begins_with_what_is_unreleased_and_this_version() -> None:
    assert SECTIONS[0] == "Unreleased"
    assert re.fullmatch(rf"{re.escape(VERSION)}( - \d{{4}}-\d\d-\d\d)?", SECTIONS[1])


def test_the_versions_fall() -> None:
    versions = [tuple(map(int, section.split()[0].split("."))) for section in SECTIONS[1:]]
    assert versions == sorted(set(versions), reverse=True)
