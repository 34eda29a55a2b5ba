"""The wording of a question and its parts, as `explain` and `why` print them."""

import json
from collections.abc import Iterable, Mapping

from tickiti_query.catalogue.values import Team, Word
from tickiti_query.compiler.rules import Part
from tickiti_query.model.perspective import Condition, Order


def describe_part(part: Part) -> str:
    """Return a condition or criterion in words: `queue is "Returns" or "Orders"`, `search subject: "a" and "b"`."""
    if isinstance(part, Condition):
        word = " nor " if " not" in part.operator else " or "
        return f"{part.field} {part.operator} {word.join(map(quote, part.values))}"
    word = " and " if part.mode.text and part.match == "all" else " or "
    return f"search {part.mode.name}: {word.join(quote(spell_token(token)) for token in part.tokens)}"


def spell_token(token: object) -> object:
    """Return a token as it was written."""
    if isinstance(token, Word):
        return token.value
    if isinstance(token, Team):
        return f"{'team-and-members' if token.with_members else 'team'}:{token.id}"
    return token


def describe_order(order: Order) -> str:
    """Return the wording of an order: `created_at ascending`."""
    return f"{order.field} {'ascending' if order.ascending else 'descending'}"


def describe_value(value: object) -> str:
    """Return the wording of a ticket's value: texts in quotes, a list's elements one by one, facts by name."""
    if value is None or value == []:
        return "nothing"
    if isinstance(value, list):
        return ", ".join(map(describe_value, value))
    if isinstance(value, Mapping):
        # The name of a fact says that it is no text of the ticket's, so that it needs no quotes.
        return ", ".join(f"{name}: {'never' if fact is None else fact}" for name, fact in value.items())
    return quote(value)


def quote(value: object) -> str:
    """Return a value as JSON writes it: one line, whatever is in it."""
    return json.dumps(value, ensure_ascii=False)


def enumerate_all(words: Iterable[str]) -> str:
    """Return the words with commas between them, or `none`."""
    return ", ".join(words) or "none"
