"""Texts are compared code point by code point after `lower()`: text that is stored decomposed is another text."""

import unicodedata
from collections.abc import Iterator

import pytest

from tests.support.documents import read_document
from tests.support.shop import TOM, Shop

COMPOSED = "Grün in Zürich"
DECOMPOSED = unicodedata.normalize("NFD", COMPOSED)


@pytest.fixture(autouse=True)
def decomposed_ticket(shop: Shop) -> Iterator[None]:
    """A ticket whose subject came from a client that writes decomposed text, as macOS does of file names."""
    original = shop.list_rows(TOM, {"row_limit": 1})[0]
    number, subject = original["number"], original["subject"]
    with shop.change(
        f"UPDATE tickets SET subject = '{DECOMPOSED}' WHERE number = {number}",
        f"UPDATE tickets SET subject = $${subject}$$ WHERE number = {number}",
    ):
        yield


@pytest.mark.parametrize("mode", ["subject", "subject_content"])
def test_decomposed_text_is_found_decomposed_and_not_composed(shop: Shop, mode: str) -> None:
    def search(*texts: str) -> list[str]:
        criteria = [{"mode": mode, "tokens": texts, "match": "any"}]
        return [row["subject"] for row in shop.list_rows(TOM, {"search_object": {"criteria": criteria}})]

    assert COMPOSED != DECOMPOSED
    assert search(COMPOSED) == search(COMPOSED.upper()) == []
    assert search(DECOMPOSED) == search(DECOMPOSED.upper()) == search(COMPOSED, DECOMPOSED) == [DECOMPOSED]


def test_a_condition_reads_text_in_the_same_way(shop: Shop) -> None:
    for text, found in ((COMPOSED, []), (DECOMPOSED, [DECOMPOSED])):
        row = f"(perspective_id, position, field, operator, value) VALUES (980, 0, 'subject', 'is', '\"{text}\"')"
        do, undo = (
            f"INSERT INTO perspective_conditions {row}",
            "DELETE FROM perspective_conditions WHERE perspective_id = 980",
        )
        with shop.add_row("perspectives", id=980, name="Decomposed", shared=True), shop.change(do, undo):
            assert [row["subject"] for row in shop.list_rows(TOM, {"perspective_id": 980})] == found


def test_a_reader_of_search_is_told() -> None:
    sections = read_document("docs/perspectives.md").text.split("\n## ")
    told = [section.partition("\n")[0] for section in sections if "NFD" in section]
    assert told == ["Conditions", "Search modes"]
