"""The files that `--write` writes: raw tables under bench/results/, and the small tables of bench/README.md."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

README = Path(__file__).with_name("README.md")
RESULTS = Path(__file__).with_name("results")


def write_csv(name: str, columns: Sequence[str], rows: Iterable[Sequence[object]], folder: Path = RESULTS) -> Path:
    """Write a raw table, and return its path."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
    return path


def replace_section(name: str, text: str, page: Path = README) -> None:
    """Put the text between the markers of that name. Raises ValueError where the page lacks them."""
    begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    old = page.read_text("utf-8")
    new, count = re.subn(
        f"{re.escape(begin)}.*?{re.escape(end)}", lambda _: f"{begin}{text.rstrip()}\n{end}", old, flags=re.DOTALL
    )
    if count != 1:
        raise ValueError(f"{page} must have one section between {begin.strip()} and {end}")
    page.write_text(new, "utf-8")
