"""The page on the language says what the catalogue says."""

from pathlib import Path

from tickiti_query.catalogue.reference import write_reference

PAGE = Path(__file__).parents[3] / "docs" / "perspectives.md"


def test_the_page_is_drawn_from_the_catalogue() -> None:
    expected = "python -m tickiti_query.catalogue.reference > docs/perspectives.md"
    assert PAGE.read_text("utf-8") == write_reference(), f"if this change is meant: {expected}"
