"""The language as a document, drawn from the catalogue.

`python -m tickiti_query.catalogue.reference > docs/perspectives.md` writes it.
"""

from collections.abc import Iterable, Sequence

from tickiti_query.catalogue.field import Field
from tickiti_query.catalogue.fields import CORE, FIELDS, MODES

HEAD = """# The language of perspectives

This page is drawn from the catalogue of fields: `python -m tickiti_query.catalogue.reference > docs/perspectives.md`.

A perspective is read as its **subject user** where a field is user-centric: the user it impersonates, or else the
acting user, who owns the token. Visibility always follows the acting user.
"""
CONDITIONS = """
## Conditions

On one field, positive conditions (`is`, `contains`) are alternatives, and each negative one (`is not`,
`does not contain`) must hold by itself; different fields must all hold. A list of values means any of them. A negative
condition is the complement of the positive one: it holds for whatever the positive one does not hold for, an empty
field included. Texts compare without case, as the database's `lower()` folds them and no further: text that is stored
decomposed (NFD, `u` and a combining diaeresis) is not equal to the same text composed (NFC, `ü`). `contains` finds a
part, in which `%`, `_` and `\\` are plain characters. `me` and `Unassigned` are words with `is` and `is not`, to the
letter; what is not in this table answers 501 `unsupported_perspective`. So do more than 5,000 values on one field with
one operator, in one condition or in several.
"""
CRITERIA = """
## Search modes

Criteria narrow a perspective. Criteria of one mode are alternatives, different modes must all hold; `me` is the acting
user. Times compare as they are shown, by the whole second. What is not in this table answers 422
`validation_failed`.

Text that is stored decomposed (NFD) is not found when it is asked composed (NFC), nor the other way round, because
`lower()` leaves both as they are. Where both may be stored, ask for both: two tokens with `"match": "any"`.
"""
ORDERS = """
## Orders

Texts order by their folded form, byte by byte; an empty field comes last in both directions. Without an order it is
`updated_at`, newest first. The last key is always the ticket's id, highest first.
"""
COLUMNS = """
## Columns

The core columns come first, always, and in this order; then the perspective's own.
"""


def write_reference() -> str:
    """Return the whole page, in Markdown."""
    fields = list(FIELDS.values())
    conditions = [field for field in fields if field.equals or field.contains]
    orders = [field for field in fields if field.order]
    own = [field for field in fields if field.column and not field.core]
    core = ", ".join(f"`{name}`" for name in CORE)
    table = tabulate(("field", "values", "operators"), map(make_condition_row, conditions))
    return (
        f"{HEAD}{CONDITIONS}\n{table}{CRITERIA}\n{tabulate_modes()}"
        f"{ORDERS}\n{', '.join(map(mark, orders))}.\n"
        f"{COLUMNS}\nCore: {core}.\n\nOwn: {', '.join(map(mark, own))}.\n"
        "\n(U): user-centric, about the subject user.\n"
    )


def mark(field: Field) -> str:
    """Return a field's name, with a mark where the field is user-centric."""
    return f"`{field.name}`{' (U)' if field.user_centric else ''}"


def make_condition_row(field: Field) -> Sequence[str]:
    """Return a row of the table of conditions."""
    operators = ["`is`, `is not`"] if field.equals else []
    operators += ["`contains`, `does not contain`"] if field.contains else []
    return mark(field), field.values, ", ".join(operators)


def tabulate_modes() -> str:
    """Return the table of the modes of `search_object.criteria`."""
    rows = (
        (f"`{mode.name}`", mode.tokens, "all must match; any with `match: any`" if mode.text else "any may match")
        for mode in MODES.values()
    )
    return tabulate(("mode", "a token", "tokens of one criterion"), rows)


def tabulate(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    print(write_reference(), end="")  # noqa: T201  the page is what this command is for
