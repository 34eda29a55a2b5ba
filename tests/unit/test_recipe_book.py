"""The recipes that are kept: the latest used, and no more bytes of them than they may take."""

from tickiti_query.model.search import TicketQuery
from tickiti_query.model.statement import Statement
from tickiti_query.query.recipe import Recipe
from tickiti_query.query.recipe_book import RecipeBook


def test_what_is_remembered_of_questions_is_bounded_with_their_bodies() -> None:
    book = RecipeBook(100_000)
    for number in range(20):
        query = TicketQuery(row_limit=number + 1)
        recipe = Recipe(
            grant=None,
            size=30_000,
            query=query,
            perspective_id=1,
            columns=(),
            statement=Statement("SELECT"),
            page=Statement("SELECT"),
        )
        book.put(number, recipe)
    assert [number for number in range(20) if book.get(number)] == [17, 18, 19]
