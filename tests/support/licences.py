"""docs/licences.csv, from what the packages say: `python -m tests.support.licences` writes it."""

import csv
import io
import re
from importlib.metadata import metadata
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "docs" / "licences.csv"
FILES = ("requirements.txt", "requirements/tracing.txt")
NEWEST = "3.11.99"  # the table is of the image's Python
CLASSIFIER = "License :: OSI Approved :: "


def list_pinned() -> dict[str, tuple[str, str]]:
    """Of everything that the image's Python gets, by name: its version, and which of FILES names it first."""
    found: dict[str, tuple[str, str]] = {}
    for file in FILES:
        text = (ROOT / file).read_text("utf-8")
        for line in re.findall(r"^[a-z0-9-]+==[^\\\n]+", text, re.MULTILINE):
            wanted = Requirement(line)
            if wanted.marker is None or wanted.marker.evaluate({"python_full_version": NEWEST}):
                version = str(wanted.specifier).removeprefix("==")
                found.setdefault(wanted.name, (version, file.removesuffix(".txt")))
    return found


def find_licence(name: str) -> str:
    """Return the licence that the package states: the expression, else the words, else the classifiers."""
    facts = metadata(name)
    classifiers = [word.removeprefix(CLASSIFIER) for word in facts.get_all("Classifier", []) if CLASSIFIER in word]
    return str(facts["License-Expression"] or facts["License"] or ", ".join(classifiers))


def write_table() -> str:
    """A row for each package, by name."""
    written = io.StringIO()
    table = csv.writer(written, lineterminator="\n")
    table.writerow(("package", "version", "licence", "of"))
    table.writerows(
        (name, version, find_licence(name), file) for name, (version, file) in sorted(list_pinned().items())
    )
    return written.getvalue()


if __name__ == "__main__":
    TABLE.write_text(write_table(), "utf-8")
