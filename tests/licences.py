"""The table of docs/dependencies.md, from what the installed packages say: `python -m tests.licences` writes it."""

import re
from collections.abc import Iterator
from importlib.metadata import metadata
from pathlib import Path

from packaging.markers import Marker

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "dependencies.md"
BEGIN, END = "<!-- table -->\n", "<!-- /table -->"
NEWEST = "3.11.99"  # the table is of the image's Python
CLASSIFIER = "License :: OSI Approved :: "


def list_pinned() -> Iterator[tuple[str, str]]:
    """Name and version of everything in requirements.txt, but for what another Python needs."""
    text = (ROOT / "requirements.txt").read_text("utf-8")
    for name, version, marker in re.findall(r"^([a-z0-9-]+)==([^ ;]+)(?: ; (.*?))? \\$", text, re.MULTILINE):
        if not marker or Marker(marker).evaluate({"python_full_version": NEWEST}):
            yield name, version


def find_licence(name: str) -> str:
    """What the package says of its licence: the expression, else the words, else the classifiers."""
    facts = metadata(name)
    classifiers = [
        word.removeprefix(CLASSIFIER) for word in facts.get_all("Classifier", []) if CLASSIFIER in word
    ]
    return str(facts["License-Expression"] or facts["License"] or ", ".join(classifiers))


def write_table() -> str:
    """A row for each package, by name."""
    rows = [f"| {name} | {version} | {find_licence(name)} |\n" for name, version in sorted(list_pinned())]
    return "| package | version | licence |\n|---|---|---|\n" + "".join(rows)


def write_page(text: str) -> str:
    """The page with the table of today in it."""
    before, rest = text.split(BEGIN)
    return before + BEGIN + write_table() + END + rest.split(END)[1]


if __name__ == "__main__":
    PAGE.write_text(write_page(PAGE.read_text("utf-8")), "utf-8")
